//! [`UrlError`]: the public error, which shows no secret.

use std::fmt;
use std::ops::Range;

use super::diagnostic::Diagnostic;
use super::redact::Redaction;

/// Tells what is wrong with a Redis URL, and where.
///
/// No output of this type contains the password, the userinfo, a query value
/// or the whole URL. [The guide](crate::guide::errors) has a report of each code.
///
#[doc = include_str!("error_codes.md")]
#[derive(Clone)]
pub struct UrlError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    diagnostic: Diagnostic,
    redaction: Redaction,
}

impl UrlError {
    pub(super) fn new(diagnostic: Diagnostic, input: &str) -> UrlError {
        let redaction = Redaction::new(input, &diagnostic.span);
        UrlError(Box::new(Inner {
            diagnostic,
            redaction,
        }))
    }

    /// Returns the stable code of the error, such as `invalid_port`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.diagnostic.problem.code
    }

    /// Returns the bytes of the input the error is about.
    ///
    /// The range lies inside the input, on character boundaries.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.0.diagnostic.span.clone()
    }

    /// Returns what to type instead, where that is certain.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        Some(&*self.0.diagnostic.help).filter(|help| !help.is_empty())
    }

    /// Returns the sentence of `Display` about `subject`, such as `` `REDIS_URL` ``.
    pub(crate) fn message(&self, subject: &str) -> String {
        self.0.diagnostic.message(subject)
    }

    /// Returns the input on one line without its secrets, and the span in it.
    pub(crate) fn shown(&self) -> (&str, Range<usize>) {
        (&self.0.redaction.text, self.0.redaction.span.clone())
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message("the URL"))
    }
}

impl fmt::Debug for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, _) = self.shown();
        f.debug_struct("UrlError")
            .field("code", &self.code())
            .field("span", &self.span())
            .field("message", &format_args!("{self}"))
            .field("shown", &format_args!("{shown}"))
            .field("help", &self.help())
            .finish()
    }
}

impl std::error::Error for UrlError {}
