//! The first commands on a connection: protocol, credentials, database, name.

use std::io;

use redis::{Cmd, ServerError, Value, cmd};

use super::exchange::{Exchange, server_error};
use super::login_errors::login_error;
use super::stream::Stream;
use crate::config::{ServerConfig, ServerRole};
use crate::error::Error;
use crate::resp::Decoder;
use crate::url::Protocol;

/// Why a handshake has failed.
pub(super) enum Failure {
    /// The server has answered, and does not let us in.
    Refused(Error),
    /// The connection ended, or what came was not RESP.
    Broken(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Broken(error)
    }
}

/// Logs in, with RESP3 where the server knows it and RESP2 otherwise. Returns what the server has sent
/// beyond its answers.
pub(super) async fn shake_hands(
    stream: &mut Stream,
    config: &ServerConfig,
) -> Result<Vec<u8>, Failure> {
    let mut exchange = Exchange::new(stream, Vec::new());
    let is_resp3 =
        config.client().protocol() == Protocol::Resp3 && say_hello(&mut exchange, config).await?;
    if !is_resp3 {
        authenticate(&mut exchange, config).await?;
        start_resp2_session(&mut exchange, config).await?;
    }
    let input = exchange.into_input();
    if !holds_only_pushes(&input) {
        // The first caller would take it for the reply to its own command.
        let unexpected = "a reply without a command";
        return Err(io::Error::new(io::ErrorKind::InvalidData, unexpected).into());
    }
    Ok(input)
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

/// Logs in with `HELLO 3`; returns `false` if the server does not know RESP3.
async fn say_hello(exchange: &mut Exchange<'_>, config: &ServerConfig) -> Result<bool, Failure> {
    let replies = exchange.ask(&hello(config)).await?;
    match server_error(&replies[0]) {
        None => check_select(config, &replies[1..]).map(|()| true),
        Some(error) if is_resp3_unknown(error) => Ok(false),
        Some(error) => Err(refused(config, error)),
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
async fn authenticate(exchange: &mut Exchange<'_>, config: &ServerConfig) -> Result<(), Failure> {
    let Some((username, password)) = credentials(config) else {
        return Ok(());
    };
    let mut auth = cmd("AUTH");
    if let Some(username) = username {
        auth.arg(username);
    }
    auth.arg(password);
    let mut replies = exchange.ask(&[auth]).await?;
    if server_error(&replies[0]).is_some_and(is_username_unknown) {
        let with_password_only = cmd("AUTH").arg(password).to_owned();
        replies = exchange.ask(&[with_password_only]).await?;
    }
    match server_error(&replies[0]) {
        None => Ok(()),
        Some(error) => Err(refused(config, error)),
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
    match replies.last().and_then(server_error) {
        Some(error) if error.code() == "NOAUTH" => Err(refused(config, error)),
        _ => check_select(config, &replies),
    }
}

/// Returns username and password, if there is a password; it may be empty.
fn credentials(config: &ServerConfig) -> Option<(Option<&str>, &str)> {
    let credentials = config.credentials();
    let password = credentials.password.as_deref()?;
    let username = credentials.username.as_deref();
    Some((username.filter(|username| !username.is_empty()), password))
}

/// Returns the commands that set up a session. `SELECT` is the first: [`check_select`] relies on it.
fn session(config: &ServerConfig) -> Vec<Cmd> {
    let mut commands = Vec::new();
    if config.database() != 0 {
        commands.push(cmd("SELECT").arg(config.database()).to_owned());
    }
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
        Some(error) if config.database() != 0 => Err(refused(config, error)),
        _ => Ok(()),
    }
}

fn refused(config: &ServerConfig, error: &ServerError) -> Failure {
    Failure::Refused(login_error(config, error))
}

fn is_resp3_unknown(error: &ServerError) -> bool {
    let is_command_unknown = error
        .details()
        .is_some_and(|text| text.starts_with("unknown command"));
    error.code() == "NOPROTO" || is_command_unknown
}

/// Returns whether the server takes only a password, as Redis before 6 does. URLs of that time carry a
/// username that was made up.
fn is_username_unknown(error: &ServerError) -> bool {
    error
        .details()
        .is_some_and(|text| text.starts_with("wrong number of arguments"))
}
