//! What a usable URL should be told about.

use std::borrow::Cow;
use std::fmt;

/// Tells about something in a usable URL that deserves a look.
///
/// A message names no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlWarning {
    code: &'static str,
    message: Cow<'static, str>,
    ignored: Vec<&'static str>,
}

/// Codes in the order in which their warnings are listed: what touches secrets
/// and TLS first, what is a matter of spelling last.
const ORDER: [&str; 20] = [
    "plaintext_to_tls_only",
    "tls_verify_off",
    "tls_hostname_off",
    "password_in_query",
    "foreign_tls_param",
    "empty_password",
    "empty_userinfo",
    "weak_password",
    "dummy_username",
    "sentinel_port",
    "cluster_endpoint",
    "sentinel_master_in_fragment",
    "should_encode",
    "empty_port",
    "leading_zero_port",
    "extra_slash",
    "trailing_slash",
    "foreign_param",
    "scheme_alias",
    "surrounding_whitespace",
];

impl UrlWarning {
    pub(super) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> UrlWarning {
        debug_assert!(ORDER.contains(&code), "every code has its place");
        UrlWarning {
            code,
            message: message.into(),
            ignored: Vec::new(),
        }
    }

    pub(super) fn foreign_parameters(ignored: Vec<&'static str>) -> UrlWarning {
        let plural = if ignored.len() == 1 { "" } else { "s" };
        let message = format!(
            "parameter{plural} of other clients ignored: `{}`",
            ignored.join("`, `")
        );
        UrlWarning {
            code: "foreign_param",
            message: message.into(),
            ignored,
        }
    }

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

    fn rank(&self) -> usize {
        ORDER
            .iter()
            .position(|code| *code == self.code)
            .unwrap_or(ORDER.len())
    }
}

/// Sorts by importance and keeps one warning of a kind.
pub(super) fn arrange(warnings: &mut Vec<UrlWarning>) {
    warnings.sort_by_key(UrlWarning::rank);
    warnings.dedup_by_key(|warning| warning.code);
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
