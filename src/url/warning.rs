//! What a reader should know about a usable URL.

use std::borrow::Cow;
use std::fmt;

/// Tells about something in a usable URL that deserves a look.
///
/// A message names no secret. The gravest warnings are listed first:
///
#[doc = include_str!("warning_codes.md")]
#[derive(Clone, PartialEq, Eq)]
pub struct UrlWarning {
    code: &'static str,
    message: Cow<'static, str>,
    ignored: Vec<&'static str>,
}

/// Codes in the order in which their warnings are listed: what touches secrets
/// and TLS first, what is a matter of spelling last.
pub(super) const ORDER: &str = "plaintext_to_tls_only tls_verify_off tls_hostname_off \
    password_in_query foreign_tls_param empty_password empty_userinfo weak_password \
    dummy_username sentinel_port cluster_endpoint sentinel_master_in_fragment should_encode \
    empty_port leading_zero_port extra_slash trailing_slash foreign_param scheme_alias \
    surrounding_whitespace";

impl UrlWarning {
    /// Returns the stable code of the warning, such as `foreign_param`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the warning as one line, without a secret.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the names of the parameters that were ignored, in their order.
    #[must_use]
    pub fn ignored(&self) -> &[&'static str] {
        &self.ignored
    }

    /// Returns the place in [`ORDER`].
    fn rank(&self) -> Option<usize> {
        ORDER.split(' ').position(|code| code == self.code)
    }
}

impl fmt::Display for UrlWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for UrlWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UrlWarning {
            code,
            message,
            ignored,
        } = self;
        f.debug_struct("UrlWarning")
            .field("code", code)
            .field("message", message)
            .field("ignored", ignored)
            .finish()
    }
}

/// The warnings of a URL that is being parsed.
#[derive(Default)]
pub(super) struct Warnings(Vec<UrlWarning>);

impl Warnings {
    pub(super) fn add(&mut self, code: &'static str, message: impl Into<Cow<'static, str>>) {
        self.push(code, message.into(), Vec::new());
    }

    /// Adds that the parameters `ignored` of other clients have no effect.
    pub(super) fn add_ignored(&mut self, ignored: Vec<&'static str>) {
        let plural = if ignored.len() == 1 { "" } else { "s" };
        let names = ignored.join("`, `");
        let message = format!("parameter{plural} of other clients ignored: `{names}`");
        self.push("foreign_param", message.into(), ignored);
    }

    fn push(&mut self, code: &'static str, message: Cow<'static, str>, ignored: Vec<&'static str>) {
        let warning = UrlWarning {
            code,
            message,
            ignored,
        };
        debug_assert!(warning.rank().is_some(), "`{code}` has its place");
        self.0.push(warning);
    }

    pub(super) fn append(&mut self, later: Warnings) {
        self.0.extend(later.0);
    }

    /// Returns one warning of each code, sorted by importance.
    pub(super) fn into_sorted(mut self) -> Vec<UrlWarning> {
        self.0.sort_by_key(UrlWarning::rank);
        self.0.dedup_by_key(|warning| warning.code);
        self.0
    }
}
