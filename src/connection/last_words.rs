//! What a server says before it ends a connection.

use redis::Value;

use crate::report::printable;

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
    is_about_connection.then(|| shown(&format!("{} {details}", error.code())))
}

/// Returns an error that no command waits for, fit to print.
pub(super) fn unasked(reply: &Value) -> Option<String> {
    let Value::ServerError(error) = reply else {
        return None;
    };
    let details = error.details().unwrap_or_default();
    Some(shown(&format!("{} {details}", error.code())))
}

fn shown(text: &str) -> String {
    let mut shown: String = text.trim_end().chars().take(MAX_LENGTH).collect();
    if shown.len() < text.trim_end().len() {
        shown.push('…');
    }
    printable(&shown)
}

/// Returns whether the server says that an argument is longer than it takes.
pub(super) fn is_about_length(words: &str) -> bool {
    words.contains("Protocol error: invalid bulk length")
}
