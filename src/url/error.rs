//! What is wrong with a URL, where, and what to type instead.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::mask::Masked;

/// Tells what is wrong with a Redis URL, and where.
///
/// No output of this type contains the password, the userinfo, a query value
/// or the whole URL.
#[derive(Clone)]
pub struct UrlError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    fault: Fault,
    masked: Masked,
}

impl UrlError {
    /// Returns the stable code of the error, such as `invalid_port`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.fault.code
    }

    /// Returns the bytes of the input the error is about.
    ///
    /// The range lies inside the input, on character boundaries.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.0.fault.span.clone()
    }

    /// Returns what to type instead, where that is certain.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.fault.help.as_deref()
    }

    /// Returns the sentence of `Display` about `subject`, such as `` `REDIS_URL` ``.
    pub(crate) fn message(&self, subject: &str) -> String {
        self.0.fault.message.replacen("{}", subject, 1)
    }

    /// Returns the input on one line without its secrets, and the span in it.
    pub(crate) fn shown(&self) -> (&str, Range<usize>) {
        (&self.0.masked.text, self.0.masked.span.clone())
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
            .field(
                "help",
                &self.help().map(|help| format_args!("{help}").to_string()),
            )
            .finish()
    }
}

impl std::error::Error for UrlError {}

/// An error on its way out: `{}` in the message stands for the URL's name.
#[derive(Clone)]
pub(super) struct Fault {
    code: &'static str,
    span: Range<usize>,
    message: Cow<'static, str>,
    help: Option<Cow<'static, str>>,
}

impl Fault {
    pub(super) fn new(
        code: &'static str,
        span: Range<usize>,
        message: impl Into<Cow<'static, str>>,
    ) -> Fault {
        let message = message.into();
        debug_assert!(message.contains("{}"), "a message names its subject");
        Fault {
            code,
            span,
            message,
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<Cow<'static, str>>) -> Fault {
        self.help = Some(help.into());
        self
    }

    pub(super) fn help_some(mut self, help: Option<impl Into<Cow<'static, str>>>) -> Fault {
        if let Some(help) = help {
            self.help = Some(help.into());
        }
        self
    }

    pub(super) fn into_error(mut self, input: &str) -> UrlError {
        self.span = on_boundaries(input, &self.span);
        let masked = Masked::new(input, self.span.clone());
        UrlError(Box::new(Inner {
            fault: self,
            masked,
        }))
    }
}

/// Widens a range to character boundaries inside the input.
fn on_boundaries(input: &str, span: &Range<usize>) -> Range<usize> {
    let mut end = span.end.min(input.len());
    while !input.is_char_boundary(end) {
        end += 1;
    }
    let mut start = span.start.min(end);
    while !input.is_char_boundary(start) {
        start -= 1;
    }
    start..end
}
