//! What a server says before it ends a connection.

use redis::Value;

use crate::report::printable_start;

/// The most of it that is shown, in characters.
const MAX_LENGTH: usize = 120;

/// Returns what `reply` says about the whole connection, fit to print; `None` if it is about its command. An
/// error about a command may quote arguments, which other callers must not see.
pub(super) fn about_connection(reply: &Value) -> Option<String> {
    let Value::ServerError(error) = reply else {
        return None;
    };
    let details = error.details().unwrap_or_default();
    let is_about_connection = match error.code() {
        "ERR" => ["Protocol error", "max number of clients"]
            .iter()
            .any(|start| details.starts_with(start)),
        "NOAUTH" | "DENIED" => true,
        _ => false,
    };
    if is_about_connection {
        unasked(reply)
    } else {
        None
    }
}

/// Returns an error that no command waits for, fit to print.
pub(crate) fn unasked(reply: &Value) -> Option<String> {
    let Value::ServerError(error) = reply else {
        return None;
    };
    let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
    Some(printable_start(text.trim_end(), MAX_LENGTH))
}

/// Returns whether the server says that an argument is longer than it takes.
pub(super) fn is_about_length(words: &str) -> bool {
    words.contains("Protocol error: invalid bulk length")
}
