//! What a reader should know about a usable URL.

use std::fmt;

use super::codes::{FOREIGN_PARAM, Problem, WARNINGS};

/// Tells about something in a usable URL that deserves a look.
///
/// A message names no secret. The gravest warnings are listed first, and
/// [the guide](crate::guide::errors#warnings-about-a-url) has an example of each:
///
#[doc = include_str!("warning_codes.md")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlWarning {
    code: &'static str,
    message: String,
    ignored: Vec<&'static str>,
}

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

    /// Makes one warning of each row that was found, in the order of their table.
    pub(super) fn list(found: &[Problem], ignored: &[&'static str]) -> Vec<UrlWarning> {
        let is_found = |row: &&Problem| found.iter().any(|problem| problem.code == row.code);
        let warning = |row: &Problem| {
            let is_foreign = row.code == FOREIGN_PARAM.code;
            UrlWarning {
                code: row.code,
                message: format!("{}: {}", row.cause, row.cure)
                    .replace("{}", &ignored.join("`, `")),
                ignored: if is_foreign { ignored } else { &[] }.to_vec(),
            }
        };
        WARNINGS.iter().filter(is_found).map(warning).collect()
    }
}

impl fmt::Display for UrlWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
