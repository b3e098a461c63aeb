//! [`Exchange`]: commands and their replies on a connection that has no other use yet.

use std::io;

use redis::{Cmd, ServerError, Value};

use super::connected::Connected;
use super::stream::Stream;
use crate::resp::Decoder;

/// Sends `commands` on a connection that is ready, before it has any other use; returns one reply for
/// each.
pub(crate) async fn ask(connected: &mut Connected, commands: &[Cmd]) -> io::Result<Vec<Value>> {
    let input = std::mem::take(&mut connected.input);
    let mut exchange = Exchange::new(&mut connected.stream, input);
    let replies = exchange.ask(commands).await;
    connected.input = exchange.into_input();
    replies
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
}

impl Exchange<'_> {
    /// Starts with `input`, which the server has sent already.
    pub(super) fn new(stream: &mut Stream, input: Vec<u8>) -> Exchange<'_> {
        Exchange {
            stream,
            decoder: Decoder::default(),
            input,
        }
    }

    /// Returns what the server has sent beyond its replies.
    pub(super) fn into_input(self) -> Vec<u8> {
        self.input
    }

    /// Sends `commands` in one write and returns one reply for each.
    ///
    /// A server that refuses the first of them and closes the connection has answered: the replies that
    /// are missing are nil.
    pub(super) async fn ask(&mut self, commands: &[Cmd]) -> io::Result<Vec<Value>> {
        let mut output = Vec::new();
        for command in commands {
            command.write_packed_command(&mut output);
        }
        // A server that refuses at once closes without reading, and its answer can still be read.
        let sent = self.stream.write_all(&output).await;
        let mut replies = Vec::with_capacity(commands.len());
        while replies.len() < commands.len() {
            match self.reply().await {
                Ok(Value::Push { .. }) => {}
                Ok(reply) => replies.push(reply),
                Err(_) if replies.first().and_then(server_error).is_some() => {
                    replies.resize(commands.len(), Value::Nil);
                }
                // What the server has sent, such as a TLS alert, says more than a write that failed.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error),
                Err(error) => return Err(sent.err().unwrap_or(error)),
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
