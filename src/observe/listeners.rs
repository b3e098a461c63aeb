//! [`Listeners`]: the subscriber of spans and the recorder of metrics, as far as they are compiled in.

use std::time::Duration;

use super::labels::Labels;
#[cfg(feature = "metrics")]
use super::measures::{Measures, has_recorder};
use super::operation::Operation;
use super::outcome::Outcome;
#[cfg(feature = "tracing")]
use super::spans;
use crate::config::Config;

/// The subscriber of spans and the recorder of metrics, as far as they are compiled in.
pub(crate) struct Listeners {
    #[cfg(feature = "tracing")]
    labels: Labels,
    #[cfg(feature = "metrics")]
    measures: Measures,
}

impl Listeners {
    pub(super) fn new(config: &Config) -> Listeners {
        Listeners {
            #[cfg(feature = "metrics")]
            measures: Measures::new(Labels::new(config)),
            #[cfg(feature = "tracing")]
            labels: Labels::new(config),
        }
    }

    /// Returns whether there is a subscriber or a recorder. Without either it takes a few instructions.
    #[inline]
    pub(super) fn are_there() -> bool {
        #[cfg(feature = "tracing")]
        if spans::are_wanted() {
            return true;
        }
        #[cfg(feature = "metrics")]
        if has_recorder() {
            return true;
        }
        false
    }

    #[cfg(feature = "tracing")]
    pub(super) fn span(&self, operation: &Operation) -> tracing::Span {
        spans::begin(operation, &self.labels)
    }

    /// An operation has ended.
    #[cfg_attr(
        not(feature = "metrics"),
        expect(
            clippy::unused_self,
            unused_variables,
            reason = "the span is told by itself"
        )
    )]
    pub(super) fn ended(
        &self,
        operation: &Operation,
        outcome: Outcome,
        retries: u32,
        duration: Duration,
    ) {
        #[cfg(feature = "metrics")]
        self.measures
            .ended(operation.name, outcome, retries, duration);
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn measures(&self) -> &Measures {
        &self.measures
    }
}
