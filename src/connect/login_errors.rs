//! The report about a server that answers and does not let us in.

use redis::ServerError;

use crate::config::{Credentials, ServerConfig};
use crate::error::{Error, ErrorKind};
use crate::report::printable;
use crate::resp::Refusal;

/// Reports that the server has refused to log us in.
pub(super) fn login_error(config: &ServerConfig, error: &ServerError) -> Error {
    let text = without_secrets(config, error);
    let Report {
        kind,
        message,
        help,
    } = by_code(config, error.code())
        .or_else(|| not_ready(config, error))
        .or_else(|| by_text(config, &text))
        .unwrap_or_else(|| Report {
            kind: ErrorKind::ConnectionRefused,
            message: format!("`{config}` refused the connection"),
            help: None,
        });
    Error::new(kind, format!("{message}: {text}")).with_help_if(help)
}

/// What nodes of a cluster answer to `SELECT` that do not have the database.
const NO_DATABASES: [&str; 2] = ["SELECT is not allowed in cluster mode", "DB index"];

/// An error without the words of the server.
struct Report {
    kind: ErrorKind,
    message: String,
    help: Option<&'static str>,
}

fn by_code(config: &ServerConfig, code: &str) -> Option<Report> {
    let user = user(config.credentials());
    let (kind, message, help) = match code {
        "WRONGPASS" => (
            ErrorKind::Authentication,
            format!("`{config}` did not accept {user}"),
            "correct the username and the password in the URL",
        ),
        "NOAUTH" => (
            ErrorKind::Authentication,
            format!("`{config}` did not accept {user}"),
            "write the password into the URL: `redis://:<password>@<host>`",
        ),
        "NOPERM" => (
            ErrorKind::Authentication,
            format!("`{config}` does not permit {user} to connect"),
            "allow the user `+hello +select +ping` with ACL SETUSER",
        ),
        "DENIED" => (
            ErrorKind::ConnectionRefused,
            format!("`{config}` runs in protected mode and takes local connections only"),
            "set a password for the server with `requirepass`",
        ),
        _ => return None,
    };
    Some(Report {
        kind,
        message,
        help: Some(help),
    })
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
    let (kind, message, help) = if text.contains("without any password configured") {
        (
            ErrorKind::Authentication,
            format!("`{config}` has no password"),
            "leave the password out of the URL",
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
    } else if text.contains("max number of clients") {
        (
            ErrorKind::ConnectionRefused,
            format!("`{config}` has too many clients"),
            "raise `maxclients` of the server, or close connections",
        )
    } else {
        return None;
    };
    Some(Report {
        kind,
        message,
        help: Some(help),
    })
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
        let config: Config = "redis://app:c4nary@h/99".parse().expect("valid");
        let Servers::Standalone(endpoint @ Endpoint::Tcp(_)) = config.servers().clone() else {
            panic!("the URL is one of a server");
        };
        let config = ServerConfig::new(Arc::new(config), endpoint, ServerRole::Standalone);
        let reply = redis::parse_redis_value(format!("-{answer}\r\n").as_bytes());
        let Ok(Value::ServerError(error)) = reply else {
            panic!("{answer} is an error");
        };
        let error = login_error(&config, &error);
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
}
