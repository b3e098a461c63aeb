//! [`Packed`]: commands in the form in which they are sent, and the replies that their caller wants.

use std::borrow::Cow;

use redis::{Cmd, Pipeline, RedisError, RedisResult};

use super::reply::ExpectedReplies;
use crate::command::{CommandInfo, split};

/// Commands in the form in which they are sent, and the replies that their caller wants.
///
/// An empty command would be written as `*0`, which no server answers: every later reply would go to
/// the wrong caller. So there is none in here, and as many replies are expected as there are commands.
#[derive(Debug, Clone)]
pub(crate) struct Packed<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) expected: ExpectedReplies,
    /// What is known about each command, if the table alone does not tell.
    infos: Option<Vec<CommandInfo>>,
}

impl<'a> Packed<'a> {
    /// Takes the bytes of one command, encoded or as a line of words.
    pub(crate) fn command(bytes: impl Into<Cow<'a, [u8]>>) -> RedisResult<Packed<'a>> {
        let bytes = bytes.into();
        let bytes = match split(&bytes) {
            Some(commands) if commands.len() == 1 => bytes,
            Some(commands) if commands.len() > 1 => return Err(not_one_command()),
            _ => Cow::Owned(encode_line(&bytes)?),
        };
        Ok(Packed {
            bytes,
            expected: ExpectedReplies::One,
            infos: None,
        })
    }

    /// Takes the bytes of a pipeline as redis-rs's blocking traits pack it: with an `offset` it is a
    /// transaction, within its `MULTI` and `EXEC`.
    pub(crate) fn pipeline(
        bytes: impl Into<Cow<'a, [u8]>>,
        offset: usize,
        count: usize,
    ) -> RedisResult<Packed<'a>> {
        let bytes = bytes.into();
        let commands = split(&bytes).map_or(0, |commands| commands.len());
        // One reply more or less than expected, and every later one would be another caller's.
        let frame = usize::from(offset > 0);
        if commands != offset + count || commands < 1 + frame {
            return Err(empty_command());
        }
        Ok(Packed {
            bytes,
            expected: ExpectedReplies::Many {
                skip: offset,
                count,
            },
            infos: None,
        })
    }

    /// Packs the commands of `pipeline`, whose caller wants `count` replies behind the first `offset`.
    pub(crate) fn of_pipeline(
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Packed<'static>> {
        let expected = expected_replies(pipeline, offset, count)?;
        pipeline.cmd_iter().try_for_each(check_not_empty)?;
        Ok(Packed {
            bytes: Cow::Owned(pipeline.get_packed_pipeline()),
            expected,
            infos: None,
        })
    }

    /// Takes commands that were checked before, for a node of a cluster.
    pub(crate) fn checked(bytes: Cow<'a, [u8]>, expected: ExpectedReplies) -> Packed<'a> {
        Packed {
            bytes,
            expected,
            infos: None,
        }
    }

    /// Keeps what is known about each command, without `MULTI` and `EXEC`, if the table lacks one.
    pub(crate) fn with_infos(self, infos: impl Iterator<Item = CommandInfo> + Clone) -> Packed<'a> {
        let are_in_table = infos.clone().all(CommandInfo::is_in_table);
        let infos = (!are_in_table).then(|| infos.collect());
        Packed { infos, ..self }
    }

    /// Returns the same commands, without a copy of their bytes.
    pub(crate) fn borrowed(&self) -> Packed<'_> {
        Packed {
            bytes: Cow::Borrowed(&self.bytes),
            expected: self.expected,
            infos: self.infos.clone(),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn expected(&self) -> ExpectedReplies {
        self.expected
    }

    /// Returns whether it is a transaction, within its `MULTI` and `EXEC`.
    pub(crate) fn is_transaction(&self) -> bool {
        matches!(self.expected, ExpectedReplies::Many { skip: 1.., .. })
    }

    /// Returns whether `check` holds for every command; `MULTI` and `EXEC` are as their commands are.
    pub(crate) fn all(&self, check: impl Fn(CommandInfo) -> bool) -> bool {
        if let Some(infos) = &self.infos {
            return infos.iter().copied().all(check);
        }
        let commands = self.commands();
        let mut infos = commands
            .iter()
            .map(|command| CommandInfo::of(command.iter().copied()));
        infos.all(check)
    }

    /// Returns how many commands there are, without `MULTI` and `EXEC`.
    pub(crate) fn count(&self) -> usize {
        match self.expected {
            ExpectedReplies::One => 1,
            ExpectedReplies::Many { skip: 0, count } => count,
            ExpectedReplies::Many { skip, count } => skip + count - 2,
        }
    }

    /// Returns the arguments of each command, without `MULTI` and `EXEC`.
    pub(crate) fn commands(&self) -> Vec<Vec<&[u8]>> {
        let mut commands = split(&self.bytes).unwrap_or_default();
        if self.is_transaction() {
            commands.pop();
            commands.remove(0);
        }
        commands
    }
}

/// Returns the replies of `pipeline`, whose caller wants `count` behind the first `offset`.
pub(super) fn expected_replies(
    pipeline: &Pipeline,
    offset: usize,
    count: usize,
) -> RedisResult<ExpectedReplies> {
    let expected = if pipeline.is_transaction() {
        (pipeline.len() + 1, 1)
    } else {
        (0, pipeline.len())
    };
    if (offset, count) != expected || count == 0 {
        return Err(empty_command());
    }
    Ok(ExpectedReplies::Many {
        skip: offset,
        count,
    })
}

/// Fails for a command without a single argument.
#[inline]
pub(crate) fn check_not_empty(command: &Cmd) -> RedisResult<()> {
    if command.args_iter().len() == 0 {
        Err(empty_command())
    } else {
        Ok(())
    }
}

/// Encodes a line such as `PING\r\n`, which servers take as a command, too. A quote would change what is
/// a word, so a line with one is refused.
fn encode_line(line: &[u8]) -> RedisResult<Vec<u8>> {
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err(if line.is_empty() {
            empty_command()
        } else {
            not_one_command()
        });
    };
    let line = line.trim_ascii();
    if line.is_empty() || line == b"*0" {
        return Err(empty_command());
    }
    if line.starts_with(b"*") || line.iter().any(|byte| b"\r\n\"'\0".contains(byte)) {
        return Err(not_one_command());
    }
    let mut command = Cmd::new();
    for word in line.split(u8::is_ascii_whitespace) {
        if !word.is_empty() {
            command.arg(word);
        }
    }
    Ok(command.get_packed_command())
}

#[cold]
fn not_one_command() -> RedisError {
    let what = "expected the bytes of one command, as `Cmd::get_packed_command` returns them";
    (redis::ErrorKind::Client, what).into()
}

/// The error that redis-rs has for an empty command, or for a pipeline without commands.
pub(crate) fn empty_command() -> RedisError {
    (redis::ErrorKind::Client, "empty command").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_replies_tell_the_number_of_commands() {
        let mut pipeline = redis::pipe();
        pipeline.get("a").set("b", 1).ignore().get("c");
        let transaction = pipeline.clone().atomic().clone();
        let get = redis::cmd("GET").arg("a").get_packed_command();
        for packed in [
            Packed::command(get).expect("one command"),
            Packed::of_pipeline(&pipeline, 0, 3).expect("three commands"),
            Packed::of_pipeline(&transaction, 4, 1).expect("three commands"),
            Packed::pipeline(transaction.get_packed_pipeline(), 4, 1).expect("three commands"),
        ] {
            assert_eq!(packed.count(), packed.commands().len(), "{packed:?}");
        }
    }

    #[test]
    fn a_line_of_words_is_one_command_and_nothing_else_that_is_not_encoded() {
        let encoded = |words: &[&str]| {
            let mut command = Cmd::new();
            command.arg(words);
            Ok(command.get_packed_command())
        };
        let check = |line: &[u8], expected: Result<Vec<u8>, &str>| {
            let packed = Packed::command(line).map(|packed| packed.bytes().to_vec());
            let packed = packed.map_err(|error| error.to_string());
            match (packed, expected) {
                (Ok(packed), Ok(expected)) => assert_eq!(packed, expected),
                (Err(error), Err(start)) => assert!(error.starts_with(start), "{error}"),
                (packed, _) => panic!("{}: {packed:?}", line.escape_ascii()),
            }
        };
        check(b"PING\r\n", encoded(&["PING"]));
        check(b"  SET  k\tv \n", encoded(&["SET", "k", "v"]));
        check(b"", Err("empty command"));
        check(b"\r\n", Err("empty command"));
        check(b"*0\r\n", Err("empty command"));
        let expected = "expected the bytes of one command";
        check(b"PING", Err(expected));
        check(b"SET k \"a b\"\r\n", Err(expected));
        check(b"PING\r\nPING\r\n", Err(expected));
        check(b"*2\r\n$3\r\nGET\r\n", Err(expected));
        let ping = redis::cmd("PING").get_packed_command();
        check(&ping.repeat(2), Err(expected));
    }
}
