//! [`Diagnostic`]: what is wrong with a URL, where, and what to type instead.

use std::borrow::Cow;
use std::ops::Range;

use super::codes::Problem;

/// What a step of the parser returns.
pub(super) type Parsed<T> = Result<T, Diagnostic>;

/// An error of the parser, before the input is redacted for it.
#[derive(Clone)]
pub(super) struct Diagnostic {
    pub(super) problem: Problem,
    pub(super) span: Range<usize>,
    pub(super) help: Cow<'static, str>,
    pub(super) value: Cow<'static, str>,
}

impl Diagnostic {
    pub(super) fn new(problem: Problem, span: Range<usize>) -> Diagnostic {
        Diagnostic {
            problem,
            span,
            help: problem.cure.into(),
            value: "".into(),
        }
    }

    /// Names the value that the cause is about; it must be no secret.
    pub(super) fn about(mut self, value: impl Into<Cow<'static, str>>) -> Diagnostic {
        self.value = value.into();
        self
    }

    /// Names the value that the cure suggests.
    pub(super) fn suggest(mut self, value: &str) -> Diagnostic {
        self.help = self.help.replace("{}", value).into();
        self
    }

    /// Returns the sentence about `subject`; neither it nor the value is searched for `{}`.
    pub(super) fn message(&self, subject: &str) -> String {
        let name = |text: &str| text.replace("{url}", subject);
        match self.problem.cause.split_once("{}") {
            Some((before, after)) => name(before) + &self.value + &name(after),
            None => name(self.problem.cause),
        }
    }
}
