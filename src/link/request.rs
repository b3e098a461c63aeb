//! What to send, what to expect, and whether it may be sent again.

use std::borrow::Cow;
use std::time::Duration;

use redis::Cmd;

use super::call::Reply;
use super::commands::{arguments, split};
use super::delivery::{Refusal, Resend, is_refused_whole, is_repeatable};
use super::encode::encode;
use super::queue::{Limits, Shape};

/// What to send, and what to expect.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    payload: Payload<'a>,
    pub(super) shape: Shape,
    pub(super) limits: Limits,
    pub(super) answered: bool,
    resend: Resend,
    /// Another node may run what this one refuses.
    of_a_cluster: bool,
}

#[derive(Clone)]
enum Payload<'a> {
    Command(&'a Cmd),
    Encoded(Cow<'a, [u8]>),
}

impl<'a> Request<'a> {
    #[inline]
    pub(crate) fn command(command: &'a Cmd, limits: Limits) -> Request<'a> {
        Request {
            payload: Payload::Command(command),
            shape: Shape::One,
            limits,
            answered: !command.is_no_response(),
            resend: Resend::Never,
            of_a_cluster: false,
        }
    }

    /// An encoded command.
    pub(crate) fn encoded(bytes: &'a [u8], limits: Limits) -> Request<'a> {
        Request {
            payload: Payload::Encoded(Cow::Borrowed(bytes)),
            shape: Shape::One,
            limits,
            answered: true,
            resend: Resend::Never,
            of_a_cluster: false,
        }
    }

    /// Encoded commands, of whose replies the first `skip` are skipped and the next `count` kept.
    pub(crate) fn pipeline(
        bytes: Cow<'a, [u8]>,
        skip: usize,
        count: usize,
        limits: Limits,
    ) -> Request<'a> {
        Request {
            payload: Payload::Encoded(bytes),
            shape: Shape::Many { skip, count },
            limits,
            answered: true,
            resend: Resend::Never,
            of_a_cluster: false,
        }
    }

    /// Says when it may be sent again; without this it never is.
    #[inline]
    pub(crate) fn with_resend(self, resend: Resend) -> Request<'a> {
        Request { resend, ..self }
    }

    /// Leaves it to the caller to go elsewhere with what a replica refuses, or a node with half of the
    /// keys.
    pub(crate) fn for_a_cluster(self) -> Request<'a> {
        Request {
            of_a_cluster: true,
            ..self
        }
    }

    /// Takes off its deadline what its caller has waited already.
    pub(crate) fn after_waiting(mut self, waited: Duration) -> Request<'a> {
        self.limits.deadline = self.limits.deadline.saturating_sub(waited);
        self
    }

    #[inline]
    pub(super) fn encode(&self, buffer: &mut Vec<u8>) {
        match &self.payload {
            Payload::Command(command) => encode(command, buffer),
            Payload::Encoded(bytes) => buffer.extend_from_slice(bytes),
        }
    }

    /// Returns why the server has run nothing of this, where `reply` proves it.
    pub(crate) fn refusal(&self, reply: &Reply) -> Option<Refusal> {
        let refusal = Refusal::of_reply(reply)?;
        if self.of_a_cluster && refusal.is_of_this_node() {
            return None;
        }
        let is_certain = match (reply, self.shape) {
            // The answer to EXEC.
            (Reply::Many(_), Shape::Many { skip: 1.., .. }) => false,
            (Reply::Aborted(_), _) => true,
            _ => self.all(|name, _| is_refused_whole(name)),
        };
        match self.resend {
            Resend::Never => None,
            Resend::AtMostOnce => is_certain.then_some(refusal),
            Resend::Idempotent => Some(refusal),
        }
    }

    /// Whether it may be sent again after it has been written and lost.
    pub(crate) fn is_repeatable(&self) -> bool {
        match self.resend {
            Resend::Never => false,
            Resend::AtMostOnce => self.all(is_repeatable),
            Resend::Idempotent => true,
        }
    }

    /// Whether `check` holds for the first two words of every command.
    fn all(&self, check: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        fn words<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> (&'a [u8], &'a [u8]) {
            let mut word = || arguments.next().unwrap_or_default();
            (word(), word())
        }
        let check = |(name, subcommand)| check(name, subcommand);
        match &self.payload {
            Payload::Command(command) => check(words(arguments(command))),
            Payload::Encoded(bytes) => split(bytes).is_some_and(|commands| {
                let mut commands = commands.iter();
                commands.all(|command| check(words(command.iter().copied())))
            }),
        }
    }
}
