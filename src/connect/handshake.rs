//! The first commands on a connection: protocol, credentials, database, name.

use std::io;

use redis::{Cmd, ServerError, Value, cmd};

use super::exchange::{Exchange, Replies, server_error};
use super::greeting::Greeting;
use super::login_errors::{
    Step, ended_by_select, is_about_the_command, is_about_the_login, login_error,
};
use super::stream::Stream;
use crate::config::{Dialect, ServerConfig, ServerRole, oldest_probe};
use crate::error::Error;
use crate::resp::{Decoder, Refusal};

/// Why a handshake has failed.
pub(super) enum Failure {
    /// The server has answered, and does not let us in.
    Refused(Error),
    /// The connection ended before every command was answered.
    Ended {
        error: io::Error,
        /// What the server said before that, if that was an error.
        said: Option<Error>,
        /// Whether it has answered any command.
        has_answered: bool,
    },
    /// What came was not RESP.
    Broken(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Broken(error)
    }
}

/// Logs in and sets up the session in `dialect`. Returns what the server has sent beyond its answers, and what
/// it says of itself.
pub(super) async fn shake_hands(
    stream: &mut Stream,
    config: &ServerConfig,
    dialect: Dialect,
) -> Result<(Vec<u8>, Greeting), Failure> {
    let mut exchange = Exchange::new(stream, Vec::new());
    let greeting = match dialect {
        Dialect::Resp3 => say_hello(&mut exchange, config).await?,
        _ => None,
    };
    if greeting.is_none() {
        authenticate(&mut exchange, config, dialect).await?;
        match dialect {
            Dialect::Resp3 | Dialect::Resp2 => start_resp2_session(&mut exchange, config).await?,
            Dialect::Bare => start_bare_session(&mut exchange, config, cmd("PING")).await?,
            Dialect::Oldest => {
                start_bare_session(&mut exchange, config, oldest_probe()).await?;
            }
        }
    }
    let input = exchange.into_input();
    if !holds_only_pushes(&input) {
        // The first caller would take it for the reply to its own command.
        let unexpected = "a reply without a command";
        return Err(io::Error::new(io::ErrorKind::InvalidData, unexpected).into());
    }
    Ok((input, greeting.unwrap_or_default()))
}

fn holds_only_pushes(mut input: &[u8]) -> bool {
    while let Some(b'>') = input.first() {
        match Decoder::default().decode(input) {
            Ok((length, Some(_))) => input = &input[length..],
            Ok((_, None)) => return true,
            Err(_) => return false,
        }
    }
    input.is_empty()
}

/// Logs in with `HELLO 3`. Returns `None` if the server does not understand that: whatever it answers,
/// RESP2 may work, unless the answer is about the login itself.
async fn say_hello(
    exchange: &mut Exchange<'_>,
    config: &ServerConfig,
) -> Result<Option<Greeting>, Failure> {
    let replies = exchange.ask(&hello(config)).await?;
    match replies.values.first() {
        Some(Value::ServerError(error)) if refuses_hello(config, error) => {
            Err(refused(config, Step::Authenticate, error))
        }
        Some(hello @ (Value::Map(_) | Value::Array(_))) => {
            let greeting = Greeting::read(hello);
            check_select(config, &replies.values[1..])?;
            check_complete(config, replies)?;
            Ok(Some(greeting))
        }
        _ => check_complete(config, replies).map(|_| None),
    }
}

/// Returns whether RESP2 would be refused for the same reason as `HELLO`.
fn refuses_hello(config: &ServerConfig, error: &ServerError) -> bool {
    match error.code() {
        // Proxies want `AUTH` first, although `HELLO` carries the password.
        "NOAUTH" => credentials(config).is_none(),
        _ => is_about_the_login(error) || Refusal::of_error(error).is_some(),
    }
}

/// Returns `HELLO 3` with everything that it can carry, and the commands that follow it in one write.
fn hello(config: &ServerConfig) -> Vec<Cmd> {
    let mut hello = cmd("HELLO");
    hello.arg(3);
    if let Some((username, password)) = credentials(config) {
        hello
            .arg("AUTH")
            .arg(username.unwrap_or("default"))
            .arg(password);
    }
    if let Some(name) = config.client().client_name() {
        hello.arg("SETNAME").arg(name);
    }
    let mut commands = vec![hello];
    commands.extend(session(config));
    commands
}

/// Sends `AUTH`, where there are credentials.
async fn authenticate(
    exchange: &mut Exchange<'_>,
    config: &ServerConfig,
    dialect: Dialect,
) -> Result<(), Failure> {
    let Some((username, password)) = credentials(config) else {
        return Ok(());
    };
    if dialect == Dialect::Bare && has_named_user(config) {
        // Any reply tells a server that ends the connection on a username from one that is down.
        let replies = exchange.ask(&[oldest_probe()]).await?;
        check_complete(config, replies)?;
    }
    let with_password_only = cmd("AUTH").arg(password).to_owned();
    let auth = match (username, dialect) {
        (None, _) | (_, Dialect::Oldest) | (Some("default"), Dialect::Bare) => {
            with_password_only.clone()
        }
        (Some(username), _) => cmd("AUTH").arg(username).arg(password).to_owned(),
    };
    let mut replies = exchange.ask(&[auth]).await?;
    if replies.error().is_some_and(is_username_unknown) {
        replies = exchange.ask(&[with_password_only]).await?;
    }
    match replies.error() {
        Some(error) => Err(refused(config, Step::Authenticate, error)),
        None => check_complete(config, replies).map(drop),
    }
}

async fn start_resp2_session(
    exchange: &mut Exchange<'_>,
    config: &ServerConfig,
) -> Result<(), Failure> {
    let mut commands = session(config);
    if let Some(name) = config.client().client_name() {
        commands.push(cmd("CLIENT").arg("SETNAME").arg(name).to_owned());
    }
    // Without it a missing password would show at the first command of a caller only.
    commands.push(cmd("PING"));
    let replies = exchange.ask(&commands).await?;
    check_login(config, &replies.values)?;
    let replies = check_complete(config, replies)?;
    match same_refusal(&replies) {
        Some(error) => Err(refused(config, Step::Connect, error)),
        None => check_select(config, &replies),
    }
}

/// Starts a session with nothing but `probe` and what the URL asks for, one after the other: a proxy that
/// ends the connection is known by the command that it has not answered.
async fn start_bare_session(
    exchange: &mut Exchange<'_>,
    config: &ServerConfig,
    probe: Cmd,
) -> Result<(), Failure> {
    let replies = exchange.ask(&[probe]).await?;
    check_login(config, &replies.values)?;
    if let Some(error) = replies.error().filter(|error| is_refusal(error)) {
        return Err(refused(config, Step::Connect, error));
    }
    check_complete(config, replies)?;
    let mut commands = Vec::new();
    commands.extend(select(config));
    if config.role() == ServerRole::ReplicaNode {
        commands.push(cmd("READONLY"));
    }
    let replies = exchange.ask(&commands).await?;
    check_select(config, &replies.values)?;
    if replies.values.is_empty() && replies.ended.is_some() && config.database() != 0 {
        return Err(Failure::Refused(ended_by_select(config)));
    }
    check_complete(config, replies).map(drop)
}

/// Returns username and password, if there is a password; it may be empty.
fn credentials(config: &ServerConfig) -> Option<(Option<&str>, &str)> {
    let credentials = config.credentials();
    let password = credentials.password.as_deref()?;
    let username = credentials.username.as_deref();
    Some((username.filter(|username| !username.is_empty()), password))
}

/// Returns whether to log in as another user than the one that a password alone stands for.
pub(super) fn has_named_user(config: &ServerConfig) -> bool {
    matches!(credentials(config), Some((Some(username), _)) if username != "default")
}

/// Returns `SELECT`, for a database other than 0.
fn select(config: &ServerConfig) -> Option<Cmd> {
    let database = config.database();
    (database != 0).then(|| cmd("SELECT").arg(database).to_owned())
}

/// Returns the commands that set up a session. `SELECT` is the first: [`check_select`] relies on it.
fn session(config: &ServerConfig) -> Vec<Cmd> {
    let mut commands: Vec<Cmd> = select(config).into_iter().collect();
    for (attribute, value) in [
        ("LIB-NAME", env!("CARGO_PKG_NAME")),
        ("LIB-VER", env!("CARGO_PKG_VERSION")),
    ] {
        let mut set_info = cmd("CLIENT");
        set_info.arg("SETINFO").arg(attribute).arg(value);
        commands.push(set_info);
    }
    if config.role() == ServerRole::ReplicaNode {
        commands.push(cmd("READONLY"));
    }
    commands
}

/// Checks the reply to `SELECT`. Older servers and narrow ACLs may refuse the other commands.
fn check_select(config: &ServerConfig, replies: &[Value]) -> Result<(), Failure> {
    match replies.first().and_then(server_error) {
        Some(error) if is_about_the_login(error) => Err(refused(config, Step::Connect, error)),
        Some(error) if config.database() != 0 => Err(refused(config, Step::Select, error)),
        _ => Ok(()),
    }
}

/// Looks for an error that is about the login, whichever command it answers.
fn check_login(config: &ServerConfig, replies: &[Value]) -> Result<(), Failure> {
    let mut errors = replies.iter().filter_map(server_error);
    match errors.find(|error| error.code() == "NOAUTH" || is_about_the_login(error)) {
        Some(error) => Err(refused(config, Step::Connect, error)),
        None => Ok(()),
    }
}

/// Returns the replies, if the connection has not ended before all of them had come.
fn check_complete(config: &ServerConfig, replies: Replies) -> Result<Vec<Value>, Failure> {
    let Replies {
        values,
        ended,
        has_answered,
    } = replies;
    match ended {
        None => Ok(values),
        Some(error) => {
            let said = values.iter().rev().find_map(server_error);
            let said = said.map(|said| login_error(config, Step::Connect, said));
            Err(Failure::Ended {
                error,
                said,
                has_answered,
            })
        }
    }
}

/// Returns the error that answers every command alike and is about none of them, such as that of a proxy
/// with too many connections.
fn same_refusal(replies: &[Value]) -> Option<&ServerError> {
    let (first, others) = replies.split_first()?;
    let error = server_error(first)?;
    let is_same = !others.is_empty() && others.iter().all(|other| other == first);
    (is_same && is_refusal(error)).then_some(error)
}

/// Returns whether the error is neither about its command nor about a server that is not ready.
fn is_refusal(error: &ServerError) -> bool {
    !is_about_the_command(error) && Refusal::of_error(error).is_none()
}

fn refused(config: &ServerConfig, step: Step, error: &ServerError) -> Failure {
    Failure::Refused(login_error(config, step, error))
}

/// Returns whether the server takes only a password, as Redis before 6 does. URLs of that time carry a
/// username that was made up.
fn is_username_unknown(error: &ServerError) -> bool {
    error
        .details()
        .is_some_and(|text| text.contains("wrong number of arguments"))
}
