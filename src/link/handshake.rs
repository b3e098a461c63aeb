//! The first exchange on a connection: protocol, identity, database, name.

use std::io;

use redis::{Cmd, ServerError, Value, cmd};

use super::connect::Connected;
use super::decode::Decoder;
use super::stream::Stream;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::report::printable;
use crate::url::Protocol;

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

/// Introduces us: RESP3 where the server knows it, RESP2 otherwise. Returns what the server has sent
/// beyond its answers.
pub(super) async fn shake_hands(stream: &mut Stream, config: &Config) -> Result<Vec<u8>, Failure> {
    let mut exchange = Exchange {
        stream,
        decoder: Decoder::default(),
        input: Vec::new(),
    };
    introduce(&mut exchange, config).await?;
    if !holds_only_pushes(&exchange.input) {
        // The first caller would take it for its own.
        let unasked = "a reply that nobody asked for";
        return Err(io::Error::new(io::ErrorKind::InvalidData, unasked).into());
    }
    Ok(exchange.input)
}

/// Asks on a connection that is ready, before it has any other use; returns one reply for each.
pub(super) async fn ask(connected: &mut Connected, questions: &[Cmd]) -> io::Result<Vec<Value>> {
    let mut exchange = Exchange {
        stream: &mut connected.stream,
        decoder: Decoder::default(),
        input: std::mem::take(&mut connected.input),
    };
    let replies = exchange
        .ask(questions)
        .await
        .map_err(|failure| match failure {
            Failure::Broken(error) => error,
            Failure::Refused(error) => io::Error::other(error),
        });
    connected.input = exchange.input;
    replies
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

async fn introduce(exchange: &mut Exchange<'_>, config: &Config) -> Result<(), Failure> {
    if config.protocol() == Protocol::Resp3 {
        let replies = exchange.ask(&hello(config)).await?;
        match refusal(&replies[0]) {
            None => return settle(config, &replies[1..]),
            Some(error) if !knows_no_resp3(error) => {
                return Err(Failure::Refused(refused(config, error)));
            }
            Some(_) => {}
        }
    }
    if let Some(credentials) = authentication(config) {
        let replies = exchange.ask(&[credentials]).await?;
        match refusal(&replies[0]) {
            None => {}
            Some(error) if knows_no_users(error) => {
                let password = config.password.as_deref().unwrap_or_default();
                let replies = exchange
                    .ask(&[cmd("AUTH").arg(password).to_owned()])
                    .await?;
                if let Some(error) = refusal(&replies[0]) {
                    return Err(Failure::Refused(refused(config, error)));
                }
            }
            Some(error) => return Err(Failure::Refused(refused(config, error))),
        }
    }
    let mut commands = session(config);
    if let Some(name) = config.client_name() {
        commands.push(cmd("CLIENT").arg("SETNAME").arg(name).to_owned());
    }
    // Something has to be asked, or a missing password would show at the first command only.
    commands.push(cmd("PING"));
    let replies = exchange.ask(&commands).await?;
    if let Some(error) = replies.last().and_then(refusal)
        && error.code() == "NOAUTH"
    {
        return Err(Failure::Refused(refused(config, error)));
    }
    settle(config, &replies)
}

/// `HELLO 3` with everything it can carry, and what follows it in the same write.
fn hello(config: &Config) -> Vec<Cmd> {
    let mut hello = cmd("HELLO");
    hello.arg(3);
    if let Some((username, password)) = credentials(config) {
        hello
            .arg("AUTH")
            .arg(username.unwrap_or("default"))
            .arg(password);
    }
    if let Some(name) = config.client_name() {
        hello.arg("SETNAME").arg(name);
    }
    let mut commands = vec![hello];
    commands.extend(session(config));
    commands
}

fn authentication(config: &Config) -> Option<Cmd> {
    let (username, password) = credentials(config)?;
    let mut auth = cmd("AUTH");
    if let Some(username) = username {
        auth.arg(username);
    }
    auth.arg(password);
    Some(auth)
}

/// Username and password, where there is anything to say; an empty password is sent.
fn credentials(config: &Config) -> Option<(Option<&str>, &str)> {
    let password = config.password.as_deref()?;
    Some((
        config
            .username
            .as_deref()
            .filter(|username| !username.is_empty()),
        password,
    ))
}

/// `SELECT` first: [`settle`] relies on it.
fn session(config: &Config) -> Vec<Cmd> {
    let mut commands = Vec::new();
    if config.database() != 0 {
        commands.push(cmd("SELECT").arg(config.database()).to_owned());
    }
    for (attribute, value) in [
        ("LIB-NAME", env!("CARGO_PKG_NAME")),
        ("LIB-VER", env!("CARGO_PKG_VERSION")),
    ] {
        commands.push(
            cmd("CLIENT")
                .arg("SETINFO")
                .arg(attribute)
                .arg(value)
                .to_owned(),
        );
    }
    if config.reads_as_replica {
        commands.push(cmd("READONLY"));
    }
    commands
}

/// Looks at what `SELECT` was answered; older servers and narrow ACLs may refuse the rest.
fn settle(config: &Config, replies: &[Value]) -> Result<(), Failure> {
    match replies.first().and_then(refusal) {
        Some(error) if config.database() != 0 => Err(Failure::Refused(refused(config, error))),
        _ => Ok(()),
    }
}

fn refusal(reply: &Value) -> Option<&ServerError> {
    match reply {
        Value::ServerError(error) => Some(error),
        _ => None,
    }
}

fn knows_no_resp3(error: &ServerError) -> bool {
    let unknown = error
        .details()
        .is_some_and(|text| text.starts_with("unknown command"));
    error.code() == "NOPROTO" || unknown
}

/// Redis before 6 takes a password only; URLs of that time carry a made-up username.
fn knows_no_users(error: &ServerError) -> bool {
    error
        .details()
        .is_some_and(|text| text.starts_with("wrong number of arguments"))
}

/// The report about a server that does not let us in.
fn refused(config: &Config, error: &ServerError) -> Error {
    let peer = config.peer();
    let who = match (&config.username, &config.password) {
        (Some(username), _) if !username.is_empty() => format!("user `{username}`"),
        (_, Some(_)) => "the password".to_owned(),
        (_, None) => "a connection without a password".to_owned(),
    };
    let text = without_secrets(config, error);
    let report = |kind, message: String| Error::new(kind, format!("{message}: {text}"));
    match error.code() {
        "WRONGPASS" => report(
            ErrorKind::Authentication,
            format!("`{peer}` did not accept {who}"),
        )
        .with_help("correct the username and the password in the URL"),
        "NOAUTH" => report(
            ErrorKind::Authentication,
            format!("`{peer}` did not accept {who}"),
        )
        .with_help("write the password into the URL: `redis://:<password>@<host>`"),
        "NOPERM" => report(
            ErrorKind::Authentication,
            format!("`{peer}` does not permit {who} to connect"),
        )
        .with_help("allow the user `+hello +select +ping` with ACL SETUSER"),
        "DENIED" => report(
            ErrorKind::ConnectionRefused,
            format!("`{peer}` runs in protected mode and takes local connections only"),
        )
        .with_help("set a password for the server with `requirepass`"),
        "BUSY" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" => {
            report(ErrorKind::NotReady, format!("`{peer}` is not ready"))
        }
        _ if text.contains("without any password configured") => report(
            ErrorKind::Authentication,
            format!("`{peer}` has no password"),
        )
        .with_help("leave the password out of the URL"),
        _ if text.contains("DB index") => report(
            ErrorKind::ConnectionRefused,
            format!("`{peer}` has no database {}", config.database()),
        )
        .with_help("choose a database from 0 on that the server has, 16 of them by default"),
        _ if text.contains("max number of clients") => report(
            ErrorKind::ConnectionRefused,
            format!("`{peer}` has too many clients"),
        )
        .with_help("raise `maxclients` of the server, or close connections"),
        _ => report(
            ErrorKind::ConnectionRefused,
            format!("`{peer}` refused the connection"),
        ),
    }
}

/// The server's words, fit to print. It echoes what it does not understand, a password included.
fn without_secrets(config: &Config, error: &ServerError) -> String {
    let text = match error.details() {
        Some(details) if !details.contains("with args beginning with") => {
            format!("{} {details}", error.code())
        }
        _ => error.code().to_owned(),
    };
    let text = match config.password.as_deref() {
        Some(password) if !password.is_empty() => text.replace(password, "***"),
        _ => text,
    };
    printable(&text)
}

struct Exchange<'a> {
    stream: &'a mut Stream,
    decoder: Decoder,
    input: Vec<u8>,
}

impl Exchange<'_> {
    /// Sends `commands` in one write and returns one reply for each.
    async fn ask(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, Failure> {
        let mut output = Vec::new();
        for command in commands {
            command.write_packed_command(&mut output);
        }
        // A server that refuses at once closes without reading; what it said is still there to read.
        let sent = self.stream.write_all(&output).await;
        let mut replies = Vec::with_capacity(commands.len());
        while replies.len() < commands.len() {
            match self.reply().await {
                Ok(Value::Push { .. }) => {}
                Ok(reply) => replies.push(reply),
                Err(_) if replies.first().and_then(refusal).is_some() => {
                    replies.resize(commands.len(), Value::Nil);
                }
                Err(error) => return Err(sent.err().unwrap_or(error).into()),
            }
        }
        Ok(replies)
    }

    async fn reply(&mut self) -> io::Result<Value> {
        loop {
            let (length, reply) = self
                .decoder
                .decode(&self.input)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            self.input.drain(..length);
            if let Some(reply) = reply {
                return Ok(reply);
            }
            let mut chunk = [0; 4096];
            let read = self.stream.read(&mut chunk).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend_from_slice(&chunk[..read]);
        }
    }
}
