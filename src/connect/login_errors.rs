//! The report about a server that answers and does not let us in.

use redis::ServerError;

use crate::config::ServerConfig;
use crate::error::{Error, ErrorKind};
use crate::login::Credentials;
use crate::report::printable;
use crate::resp::Refusal;

/// The step of the login that the server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Anything but the two below.
    Connect,
    /// `AUTH`, or the credentials in `HELLO`.
    Authenticate,
    /// `SELECT`.
    Select,
}

/// Reports that the server has refused `step`.
pub(super) fn login_error(config: &ServerConfig, step: Step, error: &ServerError) -> Error {
    let text = without_secrets(config, error);
    let Report {
        kind,
        message,
        help,
    } = by_code(config, step, error)
        .or_else(|| not_ready(config, error))
        .or_else(|| by_text(config, &text))
        .unwrap_or_else(|| by_step(config, step, error));
    let help = help.map(|help| about_origin(config, help));
    let error = Error::new(kind, format!("{message}: {text}")).with_help_if(help);
    match &config.credentials().origin {
        Some(origin) if kind == ErrorKind::Authentication => {
            error.note(format!("the password comes from {origin}"))
        }
        _ => error,
    }
}

/// Returns a help about the URL as one about where the credentials come from.
fn about_origin(config: &ServerConfig, help: &'static str) -> String {
    match &config.credentials().origin {
        Some(origin) if help == WRONG_PASSWORD => {
            format!("correct the username and the password that {origin} gives")
        }
        Some(origin) if help == NO_PASSWORD => {
            format!("log in without a password: {origin} gives one")
        }
        _ => help.to_owned(),
    }
}

/// What nodes of a cluster answer to `SELECT` that do not have the database.
const NO_DATABASES: [&str; 2] = ["SELECT is not allowed in cluster mode", "DB index"];
/// Reports that the server ended the connection instead of answering `SELECT`.
pub(super) fn ended_by_select(config: &ServerConfig) -> Error {
    let database = config.database();
    let message = format!("`{config}` ended the connection when asked for database {database}");
    Error::new(ErrorKind::ConnectionRefused, message).with_help(OTHER_DATABASE)
}

/// Returns whether the error is about the client, whichever command it answers: nothing else that a
/// client could say would be taken.
pub(super) fn is_about_the_login(error: &ServerError) -> bool {
    matches!(error.code(), "DENIED" | "WRONGPASS")
        || error
            .details()
            .is_some_and(|text| text.contains(MAX_CLIENTS))
}

/// Returns whether the error is about the one command that it answers: servers, proxies and clones have
/// many words for a command that they do not know or do not permit.
pub(super) fn is_about_the_command(error: &ServerError) -> bool {
    error.code() == "NOPERM"
        || mentions(
            error,
            &["command", "unknown", "support", "permi", "allowed"],
        )
}

/// Returns whether one of `words` is in the error, in any case.
fn mentions(error: &ServerError, words: &[&str]) -> bool {
    let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

const MAX_CLIENTS: &str = "max number of clients";
const OTHER_DATABASE: &str =
    "leave the database out of the URL; proxies and most clusters have one only";

/// An error without the words of the server.
struct Report {
    kind: ErrorKind,
    message: String,
    help: Option<&'static str>,
}

impl Report {
    fn new(kind: ErrorKind, message: String, help: &'static str) -> Report {
        Report {
            kind,
            message,
            help: Some(help),
        }
    }
}

fn by_code(config: &ServerConfig, step: Step, error: &ServerError) -> Option<Report> {
    let user = user(config.credentials());
    let (kind, message, help) = match error.code() {
        "WRONGPASS" => (
            ErrorKind::Authentication,
            format!("`{config}` did not accept {user}"),
            WRONG_PASSWORD,
        ),
        "NOAUTH" => (
            ErrorKind::Authentication,
            format!("`{config}` did not accept {user}"),
            match config.credentials().password {
                Some(_) => WRONG_PASSWORD,
                None => "write the password into the URL: `redis://:<password>@<host>`",
            },
        ),
        "NOPERM" if step == Step::Select => no_database_permitted(config, &user, error),
        "NOPERM" => (
            ErrorKind::Authentication,
            format!("`{config}` does not permit {user} to connect"),
            "look at the user's permissions with `ACL GETUSER`",
        ),
        "DENIED" => (
            ErrorKind::ConnectionRefused,
            format!("`{config}` runs in protected mode and takes local connections only"),
            "set a password for the server with `requirepass`",
        ),
        _ => return None,
    };
    Some(Report::new(kind, message, help))
}

const NO_PASSWORD: &str = "leave the password out of the URL";
const WRONG_PASSWORD: &str = "correct the username and the password in the URL";

/// The user may not run `SELECT`, or, with Valkey 9.1 and later, may not use this database.
fn no_database_permitted(
    config: &ServerConfig,
    user: &str,
    error: &ServerError,
) -> (ErrorKind, String, &'static str) {
    let database = config.database();
    let is_about_databases = error
        .details()
        .is_some_and(|text| text.contains("access database"));
    let help = if is_about_databases {
        "permit the database with `ACL SETUSER <user> db=<number>`, or write another one into the URL"
    } else {
        "allow the user `+select` with `ACL SETUSER`, or leave the database out of the URL"
    };
    (
        ErrorKind::Authentication,
        format!("`{config}` does not permit {user} to use database {database}"),
        help,
    )
}

fn not_ready(config: &ServerConfig, error: &ServerError) -> Option<Report> {
    match Refusal::of_error(error)? {
        Refusal::Unavailable(_) => Some(Report {
            kind: ErrorKind::NotReady,
            message: format!("`{config}` is not ready"),
            help: None,
        }),
        Refusal::Redirect(_) | Refusal::TryAgain | Refusal::ReadOnly => None,
    }
}

/// Recognises errors whose code is only `ERR`.
fn by_text(config: &ServerConfig, text: &str) -> Option<Report> {
    let (kind, message, help) = if text.contains("without any password configured")
        || text.contains("no password is set")
    {
        (
            ErrorKind::Authentication,
            format!("`{config}` requires no password"),
            NO_PASSWORD,
        )
    } else if config.is_cluster_node() && NO_DATABASES.iter().any(|words| text.contains(words)) {
        (
            ErrorKind::InvalidUrl,
            format!(
                "`{config}`, a node of a cluster, has no database {}",
                config.database()
            ),
            "remove the database from the URL, or raise `cluster-databases` of Valkey 9",
        )
    } else if text.contains("DB index") {
        (
            ErrorKind::ConnectionRefused,
            format!("`{config}` has no database {}", config.database()),
            "choose a database that the server has: 0 to 15 by default",
        )
    } else if text.contains(MAX_CLIENTS) {
        (
            ErrorKind::ConnectionRefused,
            format!("`{config}` has too many clients"),
            "raise `maxclients` of the server, or close connections",
        )
    } else {
        return None;
    };
    Some(Report::new(kind, message, help))
}

/// Says what was refused, where the server's words do not tell why.
fn by_step(config: &ServerConfig, step: Step, error: &ServerError) -> Report {
    let (kind, message, help) = match step {
        Step::Authenticate if is_about_the_command(error) => (
            ErrorKind::Authentication,
            format!("`{config}` does not take a password"),
            NO_PASSWORD,
        ),
        Step::Authenticate if mentions(error, &["password", "auth", "user", "credential"]) => (
            ErrorKind::Authentication,
            format!("`{config}` did not accept {}", user(config.credentials())),
            WRONG_PASSWORD,
        ),
        Step::Select => (
            ErrorKind::ConnectionRefused,
            format!("`{config}` refused database {}", config.database()),
            OTHER_DATABASE,
        ),
        Step::Connect | Step::Authenticate => {
            return Report {
                kind: ErrorKind::ConnectionRefused,
                message: format!("`{config}` refused the connection"),
                help: None,
            };
        }
    };
    Report::new(kind, message, help)
}

fn user(credentials: &Credentials) -> String {
    match (&credentials.username, &credentials.password) {
        (Some(username), _) if !username.is_empty() => format!("user `{username}`"),
        (_, Some(_)) => "the password".to_owned(),
        (_, None) => "a connection without a password".to_owned(),
    }
}

/// Returns the server's words, fit to print. A server repeats what it does not understand, which can be
/// a password.
fn without_secrets(config: &ServerConfig, error: &ServerError) -> String {
    let text = match error.details() {
        Some(details) if !details.contains("with args beginning with") => {
            format!("{} {details}", error.code())
        }
        _ => error.code().to_owned(),
    };
    let text = match config.credentials().password.as_deref() {
        Some(password) if !password.is_empty() => text.replace(password, "***"),
        _ => text,
    };
    printable(&text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use redis::Value;

    use super::*;
    use crate::config::{Config, Endpoint, ServerRole, Servers};

    fn check(answer: &str, kind: ErrorKind, expected: &str) {
        check_step(Step::Connect, answer, kind, expected);
    }

    fn check_step(step: Step, answer: &str, kind: ErrorKind, expected: &str) {
        let config: Config = "redis://app:c4nary@h/99".parse().expect("valid");
        let Servers::Standalone(endpoint @ Endpoint::Tcp(_)) = config.servers().clone() else {
            panic!("the URL is one of a server");
        };
        let config = ServerConfig::new(Arc::new(config), endpoint, ServerRole::Standalone);
        let reply = redis::parse_redis_value(format!("-{answer}\r\n").as_bytes());
        let Ok(Value::ServerError(error)) = reply else {
            panic!("{answer} is an error");
        };
        let error = login_error(&config, step, &error);
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_server_that_does_not_serve_yet_is_not_ready() {
        for code in ["LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN"] {
            let expected = format!("`h:6379` is not ready: {code} wait");
            check(&format!("{code} wait"), ErrorKind::NotReady, &expected);
        }
    }

    #[test]
    fn a_refused_login_is_told_without_its_password() {
        use ErrorKind::{Authentication, ConnectionRefused};
        check(
            "WRONGPASS c4nary is wrong",
            Authentication,
            "`h:6379` did not accept user `app`: WRONGPASS *** is wrong",
        );
        check(
            "ERR DB index is out of range",
            ConnectionRefused,
            "`h:6379` has no database 99: ERR DB index is out of range",
        );
        check(
            "ERR unknown command 'HELLO', with args beginning with: 'AUTH' 'c4nary'",
            ConnectionRefused,
            "`h:6379` refused the connection: ERR",
        );
        check(
            "MOVED 5 h:1",
            ConnectionRefused,
            "`h:6379` refused the connection: MOVED 5 h:1",
        );
    }

    #[test]
    fn the_step_decides_where_the_words_do_not() {
        use ErrorKind::{Authentication, ConnectionRefused, NotReady};
        for (step, answer, kind, expected) in [
            (
                Step::Authenticate,
                "ERR invalid password",
                Authentication,
                "`h:6379` did not accept user `app`: ERR invalid password",
            ),
            (
                Step::Authenticate,
                "ERR Client sent AUTH, but no password is set",
                Authentication,
                "`h:6379` requires no password: ERR Client sent AUTH, but no password is set",
            ),
            (
                Step::Authenticate,
                "unsupported command 'auth'",
                Authentication,
                "`h:6379` does not take a password: unsupported command 'auth'",
            ),
            (
                Step::Authenticate,
                "ERR max concurrent connections",
                ConnectionRefused,
                "`h:6379` refused the connection: ERR max concurrent connections",
            ),
            (
                Step::Select,
                "unsupported command 'select'",
                ConnectionRefused,
                "`h:6379` refused database 99: unsupported command 'select'",
            ),
            (
                Step::Select,
                "BUSY wait",
                NotReady,
                "`h:6379` is not ready: BUSY wait",
            ),
        ] {
            check_step(step, answer, kind, expected);
        }
    }

    #[test]
    fn an_error_about_a_command_is_told_from_one_about_the_client() {
        let error = |text: &str| {
            let reply = redis::parse_redis_value(format!("-{text}\r\n").as_bytes());
            match reply {
                Ok(Value::ServerError(error)) => error,
                other => panic!("{text}: {other:?}"),
            }
        };
        for text in [
            "unsupported command 'hello'",
            "ERR Unknown subcommand or wrong number of arguments for 'SETINFO'",
            "ERR: unknown cmd",
            "Error not supported",
            "NOPERM this user has no rights",
            "ERR operation not permitted",
        ] {
            assert!(is_about_the_command(&error(text)), "{text}");
        }
        for text in ["ERR max concurrent connections", "ERR too many connections"] {
            assert!(!is_about_the_command(&error(text)), "{text}");
        }
    }
}
