//! [`SessionStart`]: what a session in a cluster consists of before its node is known.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use redis::Value;

use crate::command::{CommandInfo, Effect, encoded_commands, split};
use crate::connection::{
    CallOptions, ExpectedReplies, MultiplexedConnection, Packed, Reply, Request,
};
use crate::error::{Error, ErrorKind};
use crate::report::printable;
use crate::timeout_cause::TimeoutCause;

/// The commands that have made a session what it is before its first command with a key.
///
/// That command decides on which node of a cluster the session is; until then it is on any. So the commands
/// before it are sent to that node once more. That does nothing twice: they change the session alone, or
/// wait for `EXEC`. They can hold a password, so there is no `Debug`.
#[derive(Default)]
pub(super) struct SessionStart {
    /// As they were sent.
    commands: Vec<Vec<u8>>,
    /// The place of the `MULTI` that no `EXEC` has followed yet.
    multi: Option<usize>,
    /// A command that changes the session has been sent, and its reply has not come.
    awaits_reply: bool,
    /// The caller of such a command has given up.
    is_unsure: bool,
}

impl SessionStart {
    /// Notes that these commands are about to be sent.
    pub(super) fn before(&mut self, bytes: &[u8]) {
        let commands = split(bytes).unwrap_or_default();
        self.is_unsure |= self.awaits_reply;
        self.awaits_reply = self.multi.is_some()
            || commands
                .iter()
                .any(|command| changes_session(command.iter().copied()));
    }

    /// Takes over commands that were answered.
    pub(super) fn answered(&mut self, bytes: &[u8], reply: &Reply) {
        self.awaits_reply = false;
        let is_done = |value: &Value| !matches!(value, Value::ServerError(_));
        for (place, command) in encoded_commands(bytes).enumerate() {
            let is_done = match reply {
                Reply::One(value) => is_done(value),
                // A transaction has one reply for all of its commands.
                Reply::Many(values) => values.get(place).or(values.last()).is_some_and(is_done),
                Reply::Aborted(_) => false,
            };
            self.add(command, is_done);
        }
    }

    /// Takes over a command that was answered, by an error unless it `is_done`.
    fn add(&mut self, command: &[u8], is_done: bool) {
        let arguments = split(command).unwrap_or_default();
        let arguments = arguments.first().map(Vec::as_slice).unwrap_or_default();
        let name = arguments.first().map(|name| name.to_ascii_uppercase());
        match (name.as_deref().unwrap_or_default(), self.multi) {
            // It logs out and leaves the database of the URL, on the other node as well.
            (b"RESET", _) if is_done => {
                *self = SessionStart::default();
                self.commands.push(command.to_vec());
            }
            (b"MULTI", None) if is_done => {
                self.multi = Some(self.commands.len());
                self.commands.push(command.to_vec());
            }
            (b"DISCARD", Some(multi)) => self.end_transaction(multi, false),
            (b"EXEC", Some(multi)) => self.end_transaction(multi, is_done),
            // What is not queued makes `EXEC` fail there, too.
            (_, Some(_)) => self.commands.push(command.to_vec()),
            (_, None) if is_done && changes_session(arguments.iter().copied()) => {
                // The last one of several that are the same decides.
                self.commands.retain(|earlier| earlier != command);
                self.commands.push(command.to_vec());
            }
            _ => {}
        }
    }

    /// Keeps of a transaction what changes the session, if it `is_done`.
    fn end_transaction(&mut self, multi: usize, is_done: bool) {
        self.multi = None;
        let queued = self.commands.split_off(multi);
        let changes = |command: &Vec<u8>| {
            let arguments = split(command).unwrap_or_default();
            arguments
                .first()
                .is_some_and(|arguments| changes_session(arguments.iter().copied()))
        };
        let kept = queued.into_iter().skip(1).filter(|_| is_done);
        self.commands.extend(kept.filter(changes));
    }

    /// Makes the session on `connection` the same.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] if it cannot be the same.
    pub(super) async fn repeat_on(
        &self,
        connection: &MultiplexedConnection,
        options: CallOptions,
    ) -> Result<(), Error> {
        if self.is_unsure || self.awaits_reply {
            return Err(cannot_move("a command without a reply may have changed it"));
        }
        if self.commands.is_empty() {
            return Ok(());
        }
        let (bytes, count) = (self.commands.concat(), self.commands.len());
        let expected = ExpectedReplies::Many { skip: 0, count };
        let packed = Packed::checked(Cow::Owned(bytes), expected);
        let request = Request::packed(packed, options);
        let Reply::Many(replies) = connection.call_in_session(request).await? else {
            return Err(cannot_move("the node did not reply to each command"));
        };
        let certain = self.multi.unwrap_or(count);
        let refused = replies.iter().take(certain).find_map(|reply| match reply {
            // Its text could repeat a password.
            Value::ServerError(error) => Some(format!("the node answers `{}`", error.code())),
            _ => None,
        });
        refused.map_or(Ok(()), |why| Err(cannot_move(&why)))
    }
}

fn changes_session<'a>(arguments: impl Iterator<Item = &'a [u8]> + Clone) -> bool {
    let effect = CommandInfo::of(arguments.clone()).effect(arguments);
    matches!(effect, Effect::ChangesSession(_))
}

/// The session is on another node than that of the key.
fn cannot_move(why: &str) -> Error {
    let why = printable(why);
    let message = format!("the session cannot move to the node of the first key: {why}");
    Error::new(ErrorKind::Closed, message)
        .with_io_kind(io::ErrorKind::ConnectionAborted)
        .not_run()
        .with_help("open another dedicated connection, and send a command with a key first")
}

/// A command without a key that a clone has sent was not answered within the `deadline` of the next.
pub(super) fn in_use(deadline: Duration) -> Error {
    let message = format!("another command of the session was not answered within {deadline:?}");
    Error::new(ErrorKind::QueueFull, message)
        .not_run()
        .timed_out(TimeoutCause::WaitingForRoom)
        .with_help("open a dedicated connection for each task that sends commands at the same time")
}

#[cfg(test)]
mod tests {
    use redis::Cmd;

    use super::*;
    use crate::resp::encode;

    fn packed(line: &str) -> Vec<u8> {
        let mut command = Cmd::new();
        command.arg(line.split(' ').collect::<Vec<_>>());
        let mut bytes = Vec::new();
        encode(&command, &mut bytes);
        bytes
    }

    /// Checks what is left of these commands, of which those with `!` in front are answered by an error.
    #[track_caller]
    fn check(commands: &[&str], expected: &[&str]) {
        let mut start = SessionStart::default();
        for command in commands {
            let bytes = packed(command.trim_start_matches('!'));
            let reply: &[u8] = if command.starts_with('!') {
                b"-ERR x\r\n"
            } else {
                b"+OK\r\n"
            };
            start.before(&bytes);
            let reply = Reply::One(redis::parse_redis_value(reply).expect("RESP"));
            start.answered(&bytes, &reply);
            assert!(!start.is_unsure && !start.awaits_reply);
        }
        let expected: Vec<_> = expected.iter().map(|command| packed(command)).collect();
        assert_eq!(start.commands, expected, "{commands:?}");
    }

    #[test]
    fn what_changes_the_session_is_kept() {
        check(&["PING", "SELECT 1", "INFO"], &["SELECT 1"]);
        check(&["SELECT 1", "!SELECT 99"], &["SELECT 1"]);
        check(
            &["SELECT 1", "SELECT 2", "SELECT 1"],
            &["SELECT 2", "SELECT 1"],
        );
        check(&["CLIENT SETNAME a", "CLIENT ID"], &["CLIENT SETNAME a"]);
    }

    #[test]
    fn a_reset_is_repeated_without_what_was_before_it() {
        check(&["SELECT 1", "RESET"], &["RESET"]);
        check(&["RESET", "SELECT 1", "RESET"], &["RESET"]);
        check(
            &["MULTI", "PING", "RESET", "SELECT 2"],
            &["RESET", "SELECT 2"],
        );
        check(&["SELECT 1", "!RESET"], &["SELECT 1"]);
    }

    #[test]
    fn a_transaction_is_kept_until_it_ends() {
        check(&["multi", "PING"], &["multi", "PING"]);
        check(&["MULTI", "!NONSENSE"], &["MULTI", "NONSENSE"]);
        check(&["MULTI", "PING", "EXEC"], &[]);
        check(&["MULTI", "PING", "DISCARD"], &[]);
        check(
            &["SELECT 1", "MULTI", "SELECT 2", "EXEC"],
            &["SELECT 1", "SELECT 2"],
        );
        check(&["MULTI", "SELECT 2", "!EXEC"], &[]);
        check(&["MULTI", "SELECT 2", "DISCARD"], &[]);
    }

    #[test]
    fn a_command_without_a_reply_leaves_the_session_unknown() {
        let mut start = SessionStart::default();
        start.before(&packed("PING"));
        assert!(!start.awaits_reply);
        start.before(&packed("SELECT 1"));
        assert!(start.awaits_reply);
        start.before(&packed("PING"));
        start.answered(&packed("PING"), &Reply::One(Value::Okay));
        assert!(start.is_unsure, "a later reply says nothing about it");
        start.answered(&packed("RESET"), &Reply::One(Value::Okay));
        assert!(!start.is_unsure);
    }
}
