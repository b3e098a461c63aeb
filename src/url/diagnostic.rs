//! What is wrong with a URL, where, and what to type instead.

use std::borrow::Cow;
use std::ops::Range;

/// A sentence around its subject, which is the name that the URL has for the reader.
#[derive(Clone)]
pub(super) struct Message {
    before: Cow<'static, str>,
    after: Cow<'static, str>,
}

impl Message {
    pub(super) fn about(&self, subject: &str) -> String {
        format!("{}{subject}{}", self.before, self.after)
    }
}

/// Puts the subject where a fixed text has `{}`; text of the user is never searched for it.
impl From<&'static str> for Message {
    fn from(text: &'static str) -> Message {
        let (before, after) = text.split_once("{}").expect("a message names its subject");
        Message::from((before, after))
    }
}

/// Puts the subject between two texts.
impl<B, A> From<(B, A)> for Message
where
    B: Into<Cow<'static, str>>,
    A: Into<Cow<'static, str>>,
{
    fn from((before, after): (B, A)) -> Message {
        Message {
            before: before.into(),
            after: after.into(),
        }
    }
}

/// What a step of the parser returns.
pub(super) type Parsed<T> = Result<T, Diagnostic>;

/// An error of the parser, before the input is redacted for it.
#[derive(Clone)]
pub(super) struct Diagnostic {
    pub(super) code: &'static str,
    pub(super) span: Range<usize>,
    pub(super) message: Message,
    pub(super) help: Option<Cow<'static, str>>,
}

impl Diagnostic {
    /// Makes an error; an empty `help` is none.
    pub(super) fn new(
        code: &'static str,
        span: Range<usize>,
        message: impl Into<Message>,
        help: impl Into<Cow<'static, str>>,
    ) -> Diagnostic {
        debug_assert!(
            include_str!("error_codes.md").contains(&format!("\n| `{code}` |")),
            "`{code}` has a row in the documentation"
        );
        Diagnostic {
            code,
            span,
            message: message.into(),
            help: Some(help.into()).filter(|help| !help.is_empty()),
        }
    }
}
