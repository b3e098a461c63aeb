//! [`Exchange`]: commands and their replies on a connection that has no other use yet.

use std::io;

use redis::{Cmd, ServerError, Value};

use super::connected::Connected;
use super::login_errors::is_about_the_login;
use super::stream::Stream;
use crate::resp::Decoder;

/// Sends `commands` on a connection that is ready, before it has any other use; returns one reply for
/// each, or those up to the first if that is an error and the last thing that the server has sent.
pub(crate) async fn ask(connected: &mut Connected, commands: &[Cmd]) -> io::Result<Vec<Value>> {
    let input = std::mem::take(&mut connected.input);
    let mut exchange = Exchange::new(&mut connected.stream, input);
    let replies = exchange.ask(commands).await;
    connected.input = exchange.into_input();
    match replies? {
        Replies {
            values,
            ended: Some(error),
            ..
        } if values.first().and_then(server_error).is_none() => Err(error),
        Replies { values, .. } => Ok(values),
    }
}

/// The replies to some commands.
pub(super) struct Replies {
    /// One for each command, unless the server has refused the login or ended the connection.
    pub(super) values: Vec<Value>,
    /// How the connection ended before all replies had come.
    pub(super) ended: Option<io::Error>,
    /// Whether the server has answered a command, of these or before.
    pub(super) has_answered: bool,
}

impl Replies {
    /// Returns the error that the first reply is, if it is one.
    pub(super) fn error(&self) -> Option<&ServerError> {
        self.values.first().and_then(server_error)
    }
}

/// Returns the error that `reply` is, if it is one.
pub(super) fn server_error(reply: &Value) -> Option<&ServerError> {
    match reply {
        Value::ServerError(error) => Some(error),
        _ => None,
    }
}

/// Sends commands and waits for all of their replies.
pub(super) struct Exchange<'a> {
    stream: &'a mut Stream,
    decoder: Decoder,
    input: Vec<u8>,
    has_answered: bool,
}

impl Exchange<'_> {
    /// Starts with `input`, which the server has sent already.
    pub(super) fn new(stream: &mut Stream, input: Vec<u8>) -> Exchange<'_> {
        Exchange {
            stream,
            decoder: Decoder::default(),
            input,
            has_answered: false,
        }
    }

    /// Returns what the server has sent beyond its replies.
    pub(super) fn into_input(self) -> Vec<u8> {
        self.input
    }

    /// Sends `commands` in one write and reads one reply for each. Does not wait for more once the server
    /// has refused the login.
    ///
    /// # Errors
    /// What came was not RESP.
    pub(super) async fn ask(&mut self, commands: &[Cmd]) -> io::Result<Replies> {
        let mut output = Vec::new();
        for command in commands {
            command.write_packed_command(&mut output);
        }
        // A server that refuses at once closes without reading, and its answer can still be read.
        let sent = self.stream.write_all(&output).await;
        let (mut values, mut ended) = (Vec::with_capacity(commands.len()), None);
        while values.len() < commands.len() {
            match self.reply().await {
                Ok(Value::Push { .. }) => {}
                Ok(reply) => {
                    let is_last = server_error(&reply).is_some_and(is_about_the_login);
                    values.push(reply);
                    if is_last {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error),
                Err(error) => {
                    ended = Some(sent.err().unwrap_or(error));
                    break;
                }
            }
        }
        self.has_answered |= !values.is_empty();
        Ok(Replies {
            values,
            ended,
            has_answered: self.has_answered,
        })
    }

    async fn reply(&mut self) -> io::Result<Value> {
        loop {
            let (length, reply) = self
                .decoder
                .decode(&self.input)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            self.input.drain(..length);
            if let Some(reply) = reply {
                return reply.map_err(|limit| io::Error::new(io::ErrorKind::InvalidData, limit));
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
