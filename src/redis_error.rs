//! How an [`Error`] travels inside a [`RedisError`], and how it is found there again.
//!
//! redis-rs lets an error of another crate in as the source of an I/O error alone. Where it has a better
//! kind, such as `AuthenticationFailed`, the [`RedisError`] can only hold a text, so the [`Error`] behind
//! it is kept here, under its text.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use redis::{RedisError, Value};

use crate::error::{Error, ErrorKind};

/// Errors by the text under which redis-rs has them, for the life of the process.
static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// Errors by their text.
#[derive(Default)]
struct Kept(HashMap<String, &'static Error>);

impl Kept {
    /// Number of different errors that are kept. They are few: what differs is the server, the user and
    /// the command. Past this, against a server that makes up its errors, an error travels as an I/O
    /// error.
    const MAX_KEPT_ERRORS: usize = 1_000;
    /// Length of a text that is kept, in bytes. Those of this crate are far shorter; a longer one has words
    /// of a server in it, and travels as an I/O error.
    const MAX_TEXT: usize = 4 * 1024;

    /// Keeps `error` under `text`; returns whether it is found there from now on.
    fn keep(&mut self, text: &str, error: &Error) -> bool {
        match self.0.get(text) {
            Some(found) => is_same(found, error),
            None if self.0.len() >= Kept::MAX_KEPT_ERRORS || text.len() > Kept::MAX_TEXT => false,
            None => {
                let error = Box::leak(Box::new(error.clone()));
                self.0.insert(text.to_owned(), error);
                true
            }
        }
    }
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Error {
    /// Returns the error of this crate inside `error`, if there is one.
    ///
    /// ```
    /// # fn example(error: &redis_ready::redis::RedisError) {
    /// if let Some(error) = redis_ready::Error::from_redis(error) {
    ///     eprintln!("{:?}: {error}", error.kind());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn from_redis(error: &RedisError) -> Option<&Error> {
        inside(error).or_else(|| behind(error))
    }
}

/// Returns the error that is the source of an I/O error.
fn inside(error: &RedisError) -> Option<&Error> {
    // The source that redis-rs returns is its `Arc<dyn Error>`, not the error inside.
    error
        .source()?
        .downcast_ref::<Arc<dyn StdError + Send + Sync>>()?
        .downcast_ref::<io::Error>()?
        .get_ref()?
        .downcast_ref::<Error>()
}

/// Returns the error that is kept under the text of `error`.
fn behind(error: &RedisError) -> Option<&'static Error> {
    let text = error.detail()?;
    let found = kept().0.get(text).copied()?;
    let same = Name::of(found)?.error(text.to_owned());
    (same.kind() == error.kind()).then_some(found)
}

fn is_same(one: &Error, other: &Error) -> bool {
    let all = |error: &Error| {
        let variable = error.variable().map(str::to_owned);
        (
            error.kind(),
            error.may_have_run(),
            error.timeout_cause(),
            variable,
            format!("{error:?}"),
        )
    };
    all(one) == all(other)
}

/// What redis-rs calls an error that it has a better kind for than `Io`.
enum Name {
    /// This kind, and the words that stand in front of the text.
    Kind(redis::ErrorKind, &'static str),
    /// That of a server that has answered with this code.
    Code(&'static str),
}

impl Name {
    fn of(error: &Error) -> Option<Name> {
        use redis::ErrorKind::{AuthenticationFailed, Client, InvalidClientConfig};
        if let Some(code) = error.code() {
            return Some(Name::Code(code));
        }
        let (kind, what) = match error.kind() {
            ErrorKind::Authentication => (AuthenticationFailed, "authentication failed"),
            ErrorKind::InvalidCommand => (Client, "not sent"),
            ErrorKind::MissingVariable
            | ErrorKind::InvalidName
            | ErrorKind::InvalidUrl
            | ErrorKind::InvalidFile
            | ErrorKind::Unsupported => (InvalidClientConfig, "invalid configuration"),
            ErrorKind::Unreachable
            | ErrorKind::Tls
            | ErrorKind::ConnectionRefused
            | ErrorKind::NotReady
            | ErrorKind::TimedOut
            | ErrorKind::ConnectionLost
            | ErrorKind::QueueFull
            | ErrorKind::Protocol
            | ErrorKind::Deadlock
            | ErrorKind::Closed => return None,
        };
        Some(Name::Kind(kind, what))
    }

    /// Returns an error of redis-rs with this text.
    fn error(self, text: String) -> RedisError {
        match self {
            Name::Kind(kind, what) => RedisError::from((kind, what, text)),
            // Only a server's reply makes an error with the kind of its code.
            Name::Code(code) => {
                match redis::parse_redis_value(format!("-{code} {text}\r\n").as_bytes()) {
                    Ok(Value::ServerError(error)) => RedisError::from(error),
                    _ => RedisError::from((redis::ErrorKind::Client, code, text)),
                }
            }
        }
    }
}

/// Returns the kind of I/O error for which redis-rs's predicates give the right answer.
fn io_kind(error: &Error) -> io::ErrorKind {
    error.io_kind().unwrap_or(match error.kind() {
        ErrorKind::TimedOut => io::ErrorKind::TimedOut,
        ErrorKind::ConnectionLost | ErrorKind::Protocol => io::ErrorKind::ConnectionAborted,
        ErrorKind::Unreachable => io::ErrorKind::NotConnected,
        _ => io::ErrorKind::PermissionDenied,
    })
}

impl From<Error> for RedisError {
    fn from(error: Error) -> RedisError {
        if let Some(name) = Name::of(&error) {
            let text = error.on_one_line();
            if kept().keep(&text, &error) {
                return name.error(text);
            }
        }
        RedisError::from(io::Error::new(io_kind(&error), error))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect_file;

    use super::*;

    /// The rows of the documentation: what of our kinds they are about, and an example.
    fn examples() -> Vec<(&'static str, Error)> {
        let of = |kind| Error::new(kind, "a message");
        vec![
            ("`TimedOut`", of(ErrorKind::TimedOut)),
            ("`ConnectionLost`", of(ErrorKind::ConnectionLost)),
            (
                "`Unreachable`: a connect timeout",
                of(ErrorKind::Unreachable).with_io_kind(io::ErrorKind::TimedOut),
            ),
            (
                "`Unreachable`: nothing listens there (then `is_connection_refusal` is true)",
                of(ErrorKind::Unreachable).with_io_kind(io::ErrorKind::ConnectionRefused),
            ),
            ("`Unreachable`: other causes", of(ErrorKind::Unreachable)),
            (
                "`Closed`: a dedicated connection has ended",
                of(ErrorKind::Closed).with_io_kind(io::ErrorKind::ConnectionAborted),
            ),
            (
                "`Closed`: the client was closed, and stays closed",
                of(ErrorKind::Closed),
            ),
            ("`Authentication`", of(ErrorKind::Authentication)),
            (
                "`InvalidCommand`: keys in several slots of a cluster (its `code` is `CROSSSLOT`)",
                of(ErrorKind::InvalidCommand).with_code("CROSSSLOT"),
            ),
            (
                "`InvalidCommand`: other causes",
                of(ErrorKind::InvalidCommand),
            ),
            ("`Protocol`", of(ErrorKind::Protocol)),
            ("`MissingVariable`", of(ErrorKind::MissingVariable)),
            ("`InvalidName`", of(ErrorKind::InvalidName)),
            ("`InvalidUrl`", of(ErrorKind::InvalidUrl)),
            ("`InvalidFile`", of(ErrorKind::InvalidFile)),
            ("`Unsupported`", of(ErrorKind::Unsupported)),
            ("`Tls`", of(ErrorKind::Tls)),
            ("`ConnectionRefused`", of(ErrorKind::ConnectionRefused)),
            ("`NotReady`", of(ErrorKind::NotReady)),
            ("`QueueFull`", of(ErrorKind::QueueFull)),
            ("`Deadlock`", of(ErrorKind::Deadlock)),
        ]
    }

    #[test]
    fn the_documentation_says_what_redis_rs_answers() {
        let mut table = "| kind | `RedisError::kind` | `is_timeout` | `is_connection_dropped` | `retry_method` |\n\
            | --- | --- | --- | --- | --- |\n".to_owned();
        for (what, error) in examples() {
            let kind = error.kind();
            // Each with a text of its own: what is kept is found by it.
            let error = error.note(what);
            let redis = RedisError::from(error);
            assert_eq!(
                Error::from_redis(&redis).map(Error::kind),
                Some(kind),
                "{what}"
            );
            assert_eq!(
                redis.is_io_error(),
                redis.kind() == redis::ErrorKind::Io,
                "{what}"
            );
            let is_reconnect = format!("{:?}", redis.retry_method()) == "Reconnect";
            assert_eq!(redis.is_unrecoverable_error(), is_reconnect, "{what}");
            writeln!(
                table,
                "| {what} | `{:?}` | {} | {} | `{:?}` |",
                redis.kind(),
                redis.is_timeout(),
                redis.is_connection_dropped(),
                redis.retry_method()
            )
            .expect("a String takes every write");
        }
        expect_file!["redis_error.md"].assert_eq(&table);
    }

    #[test]
    fn an_error_that_is_kept_by_its_text_is_found_whole() {
        let error = || Error::new(ErrorKind::Authentication, "kept whole").with_help("a help");
        let alone = RedisError::from(error());
        let ran = RedisError::from(error().after_writing());
        assert_eq!(
            alone.to_string(),
            "authentication failed - AuthenticationFailed: kept whole; help: a help"
        );
        for (redis, may_have_run) in [(alone.clone(), false), (ran, true), (alone, false)] {
            let found = Error::from_redis(&redis).expect("it is ours");
            assert_eq!(found.may_have_run(), may_have_run);
            assert_eq!(found.help(), Some("a help"));
        }
    }

    #[test]
    fn an_error_with_the_text_of_another_one_is_found_as_itself() {
        let error = |variable| Error::new(ErrorKind::MissingVariable, "one text").about(variable);
        for variable in ["A_URL", "B_URL"] {
            let redis = RedisError::from(error(variable));
            let found = Error::from_redis(&redis).and_then(Error::variable);
            assert_eq!(found, Some(variable));
        }
    }

    #[test]
    fn an_error_of_redis_rs_or_of_a_server_is_not_ours() {
        let theirs: [RedisError; 3] = [
            (
                redis::ErrorKind::AuthenticationFailed,
                "refused",
                "theirs".to_owned(),
            )
                .into(),
            Name::Code("CROSSSLOT").error("Keys in request don't hash to the same slot".to_owned()),
            io::Error::other("theirs").into(),
        ];
        for error in theirs {
            assert!(Error::from_redis(&error).is_none(), "{error}");
        }
        let ours = RedisError::from(Error::new(ErrorKind::InvalidCommand, "of one kind"));
        let detail = ours.detail().expect("a text").to_owned();
        let theirs = RedisError::from((redis::ErrorKind::Extension, "other kind", detail));
        assert!(Error::from_redis(&theirs).is_none());
    }

    #[test]
    fn a_server_that_makes_up_its_errors_fills_no_memory() {
        let mut kept = Kept::default();
        let mut keep = |number: usize| {
            let text = format!("made up {number}");
            let error = Error::new(ErrorKind::Authentication, text.clone());
            kept.keep(&text, &error)
        };
        assert!((0..Kept::MAX_KEPT_ERRORS).all(&mut keep));
        assert!(!keep(Kept::MAX_KEPT_ERRORS));
        assert!(keep(0), "what is kept stays");
    }

    #[test]
    fn an_error_with_many_words_of_a_server_is_not_kept() {
        let text = |length| "x".repeat(length);
        let mut kept = Kept::default();
        let error = Error::new(ErrorKind::Authentication, "refused");
        assert!(kept.keep(&text(Kept::MAX_TEXT), &error));
        assert!(!kept.keep(&text(Kept::MAX_TEXT + 1), &error));

        let long = Error::new(ErrorKind::Authentication, text(Kept::MAX_TEXT + 1));
        let redis = RedisError::from(long.with_help("a help"));
        assert!(redis.is_io_error());
        assert_eq!(
            Error::from_redis(&redis).and_then(Error::help),
            Some("a help")
        );
    }
}
