//! [`Mail`]: what is sent.

use serde::{Deserialize, Serialize};

/// A mail that a user has sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Made by the page, once for each mail: a request that is repeated has the same one.
    pub id: String,
    pub tenant: String,
    pub from: String,
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// Returns whether `id` may be that of a mail. It becomes a part of keys and of the name of a file.
#[must_use]
pub fn is_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (8..=64).contains(&id.len()) && id.bytes().all(is_plain)
}
