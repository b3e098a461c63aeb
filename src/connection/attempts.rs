//! [`Attempts`]: what becomes of a connection, for others who want to connect to its server.

use std::sync::Arc;

use super::state::State;

/// What becomes of a connection, for others who want to connect to its server.
pub(crate) struct Attempts(Arc<State>);

impl Attempts {
    pub(super) fn of(state: &Arc<State>) -> Attempts {
        Attempts(Arc::clone(state))
    }

    /// Waits until the connection is made, is lost, or cannot be made; returns whether it is there.
    pub(crate) async fn next(&self) -> bool {
        let before = self.0.number();
        self.0.until_changed().await;
        self.0.number() > before
    }
}
