//! [`PlainPipeline`]: a pipeline as its caller has made it, each command of which may share the connection.
//!
//! Nearly every pipeline is one. Its commands are looked at once; the bytes of any other are taken apart
//! again, to find its route ([`Packed`](super::packed::Packed)).

use redis::{Cmd, Pipeline};

use super::packed::expected_replies;
use super::reply::ExpectedReplies;
use crate::command::{CommandInfo, arguments};
use crate::resp::{encode, encoded_length};

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// A pipeline whose commands are in the table and have no effect on the connection. As in
/// [`Packed`](super::packed::Packed), no command is empty, and as many replies are expected as there are
/// commands.
#[derive(Clone)]
pub(crate) struct PlainPipeline<'a> {
    pipeline: &'a Pipeline,
    expected: ExpectedReplies,
    /// Its bytes, from when it is to be submitted until it is.
    encoded: Vec<u8>,
}

impl<'a> PlainPipeline<'a> {
    /// Takes `pipeline`, whose caller wants `count` replies behind the first `offset`; `None` if there is
    /// more to it. An empty command is not in the table.
    pub(crate) fn of(
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> Option<PlainPipeline<'a>> {
        let expected = expected_replies(pipeline, offset, count).ok()?;
        let plain = PlainPipeline {
            pipeline,
            expected,
            encoded: Vec::new(),
        };
        plain.all(CommandInfo::is_plain).then_some(plain)
    }

    pub(super) fn expected(&self) -> ExpectedReplies {
        self.expected
    }

    /// Returns how many commands there are, without `MULTI` and `EXEC`.
    pub(super) fn count(&self) -> usize {
        self.pipeline.len()
    }

    /// Returns whether `check` holds for every command; `MULTI` and `EXEC` are as their commands are.
    pub(super) fn all(&self, check: impl Fn(CommandInfo) -> bool) -> bool {
        let mut infos = self.commands().map(info);
        infos.all(check)
    }

    /// Returns the length of the longest argument.
    pub(super) fn max_argument(&self) -> usize {
        let lengths = self.commands().flat_map(arguments).map(<[u8]>::len);
        lengths.max().unwrap_or(0)
    }

    /// Encodes all commands, unless that is done. Not inlined: each single command would pay for it.
    #[inline(never)]
    pub(super) fn encode(&mut self) {
        if !self.encoded.is_empty() {
            return;
        }
        let frame: [&[u8]; 2] = if self.pipeline.is_transaction() {
            [MULTI, EXEC]
        } else {
            [&[], &[]]
        };
        let length: usize = self.commands().map(encoded_length).sum();
        let mut bytes = Vec::with_capacity(frame[0].len() + length + frame[1].len());
        bytes.extend_from_slice(frame[0]);
        self.commands()
            .for_each(|command| encode(command, &mut bytes));
        bytes.extend_from_slice(frame[1]);
        self.encoded = bytes;
    }

    /// Moves what has been encoded to the end of `buffer`.
    #[inline(never)]
    pub(super) fn move_to(&mut self, buffer: &mut Vec<u8>) {
        if buffer.is_empty() && buffer.capacity() < self.encoded.len() {
            // To make room for a large one takes as long as it took to encode it.
            std::mem::swap(buffer, &mut self.encoded);
        } else {
            buffer.append(&mut self.encoded);
        }
    }

    fn commands(&self) -> impl Iterator<Item = &'a Cmd> {
        self.pipeline.cmd_iter()
    }
}

fn info(command: &Cmd) -> CommandInfo {
    CommandInfo::of(arguments(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_plain(pipeline: &Pipeline) -> bool {
        PlainPipeline::of(pipeline, 0, pipeline.len()).is_some()
    }

    #[test]
    fn is_encoded_as_redis_rs_does_it() {
        let mut pipeline = redis::pipe();
        pipeline.get("a").set("b", "x".repeat(20_000)).ignore();
        pipeline.cmd("SSCAN").arg("c");
        let mut scan = redis::cmd("SCAN");
        pipeline.add_command(scan.cursor_arg(7).clone());
        let transaction = pipeline.clone().atomic().clone();
        for (pipeline, offset, count) in [(pipeline, 0, 4), (transaction, 5, 1)] {
            let mut plain = PlainPipeline::of(&pipeline, offset, count).expect("it is plain");
            assert_eq!((plain.count(), plain.max_argument()), (4, 20_000));
            let expected = pipeline.get_packed_pipeline();
            for before in [Vec::new(), Vec::with_capacity(100_000), b"before".to_vec()] {
                let mut buffer = before.clone();
                // As it may be submitted again.
                plain.encode();
                plain.encode();
                plain.move_to(&mut buffer);
                assert_eq!(buffer, [before, expected.clone()].concat());
            }
        }
    }

    #[test]
    fn what_is_more_than_its_bytes_is_not_plain() {
        assert!(!is_plain(&redis::pipe()));
        for other in ["BLPOP", "WAIT", "SELECT", "SUBSCRIBE", "KILL.ALL", ""] {
            let mut pipeline = redis::pipe();
            assert!(is_plain(pipeline.get("a")), "{other}");
            assert!(!is_plain(pipeline.cmd(other)), "{other}");
        }
        let mut pipeline = redis::pipe();
        assert!(!is_plain(pipeline.get("a").add_command(Cmd::new())));
    }

    #[test]
    fn the_replies_that_are_wanted_are_those_of_the_commands() {
        let mut pipeline = redis::pipe();
        pipeline.get("a").get("b");
        let transaction = pipeline.clone().atomic().clone();
        for (offset, count) in [(0, 1), (0, 3), (1, 2), (3, 1), (0, 0)] {
            assert!(PlainPipeline::of(&pipeline, offset, count).is_none());
        }
        for (offset, count) in [(0, 2), (2, 1), (3, 2), (3, 0)] {
            assert!(PlainPipeline::of(&transaction, offset, count).is_none());
        }
    }
}
