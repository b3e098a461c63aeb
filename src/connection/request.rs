//! [`Request`]: what to send, which replies to expect, and whether it may be sent again.

use std::time::Duration;

use redis::Cmd;

use super::call_options::CallOptions;
use super::packed::Packed;
use super::plain_pipeline::PlainPipeline;
use super::reply::{ExpectedReplies, Reply};
use super::retry::Resend;
use crate::command::{CommandInfo, arguments, split};
use crate::resp::{Refusal, encode};

/// What to send, which replies to expect, and whether it may be sent again.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    payload: Payload<'a>,
    pub(super) options: CallOptions,
    /// Another node of a cluster may run what this one refuses.
    in_cluster: bool,
}

#[derive(Clone)]
enum Payload<'a> {
    Command(&'a Cmd, CommandInfo),
    Pipeline(PlainPipeline<'a>),
    Packed(Packed<'a>),
}

impl<'a> Request<'a> {
    /// A command that is not empty.
    #[inline]
    pub(crate) fn command(
        command: &'a Cmd,
        info: CommandInfo,
        options: CallOptions,
    ) -> Request<'a> {
        Request {
            payload: Payload::Command(command, info),
            options,
            in_cluster: false,
        }
    }

    pub(super) fn pipeline(pipeline: PlainPipeline<'a>, options: CallOptions) -> Request<'a> {
        Request {
            payload: Payload::Pipeline(pipeline),
            options,
            in_cluster: false,
        }
    }

    pub(crate) fn packed(packed: Packed<'a>, options: CallOptions) -> Request<'a> {
        Request {
            payload: Payload::Packed(packed),
            options,
            in_cluster: false,
        }
    }

    /// Is never sent again.
    pub(super) fn once(self) -> Request<'a> {
        let options = CallOptions {
            resend: Resend::Never,
            ..self.options
        };
        Request { options, ..self }
    }

    /// Leaves it to the caller to go to another node with what this node refuses.
    pub(crate) fn in_cluster(self) -> Request<'a> {
        Request {
            in_cluster: true,
            ..self
        }
    }

    /// Takes off its deadline what its caller has waited already.
    pub(crate) fn after_waiting(self, waited: Duration) -> Request<'a> {
        Request {
            options: self.options.after(waited),
            ..self
        }
    }

    /// Does what takes long before the lock of the queue is taken. Returns which replies to expect, and
    /// whether its caller wants them.
    #[inline]
    pub(super) fn prepare(&mut self) -> (ExpectedReplies, bool) {
        match &mut self.payload {
            Payload::Command(command, _) => (ExpectedReplies::One, !command.is_no_response()),
            Payload::Pipeline(pipeline) => {
                pipeline.encode();
                (pipeline.expected(), true)
            }
            Payload::Packed(packed) => (packed.expected, true),
        }
    }

    /// Appends it to `buffer`, under the lock of the queue.
    #[inline]
    pub(super) fn encode(&mut self, buffer: &mut Vec<u8>) {
        match &mut self.payload {
            Payload::Command(command, _) => encode(command, buffer),
            Payload::Pipeline(pipeline) => pipeline.move_to(buffer),
            Payload::Packed(packed) => buffer.extend_from_slice(&packed.bytes),
        }
    }

    fn expected(&self) -> ExpectedReplies {
        match &self.payload {
            Payload::Command(..) => ExpectedReplies::One,
            Payload::Pipeline(pipeline) => pipeline.expected(),
            Payload::Packed(packed) => packed.expected,
        }
    }

    /// Returns the length of the longest argument.
    pub(super) fn max_argument(&self) -> usize {
        let longest = match &self.payload {
            Payload::Command(command, _) => arguments(command).map(<[u8]>::len).max(),
            Payload::Pipeline(pipeline) => Some(pipeline.max_argument()),
            Payload::Packed(packed) => Some(packed.bytes.len()),
        };
        longest.unwrap_or(0)
    }

    /// Returns why the server has run nothing of this, where `reply` proves it and the same server may
    /// run it later.
    pub(super) fn refusal(&self, reply: &Reply) -> Option<Refusal> {
        let refusal = reply.refusal()?;
        let is_for_another_node = match &refusal {
            Refusal::Redirect(_) => true,
            Refusal::TryAgain => self.in_cluster,
            refusal => self.in_cluster && refusal.is_by_a_replica(),
        };
        if is_for_another_node {
            return None;
        }
        match self.options.resend {
            Resend::Never => None,
            Resend::AtMostOnce => self.is_proof(reply).then_some(refusal),
            Resend::Idempotent => Some(refusal),
        }
    }

    /// Returns whether it is the server that redirects, as `reply` says: a script can forge that.
    pub(super) fn redirection_is_true(&self, reply: &Reply) -> bool {
        matches!(reply, Reply::Aborted(_)) || self.all(CommandInfo::error_proves_not_run)
    }

    /// Returns whether `reply` proves that the server has run nothing of this.
    pub(super) fn has_not_run(&self, reply: &Reply) -> bool {
        reply.refusal().is_some() && self.is_proof(reply)
    }

    /// Returns whether the error codes in `reply` prove that nothing has run.
    fn is_proof(&self, reply: &Reply) -> bool {
        match (reply, self.expected()) {
            // The reply to EXEC.
            (Reply::Many(_), ExpectedReplies::Many { skip: 1.., .. }) => false,
            (Reply::Aborted(_), _) => true,
            _ => self.all(CommandInfo::error_proves_not_run),
        }
    }

    /// Returns whether it may be sent again after it has been written and lost.
    pub(super) fn is_repeatable(&self) -> bool {
        match self.options.resend {
            Resend::Never => false,
            Resend::AtMostOnce => self.all(CommandInfo::is_repeatable),
            Resend::Idempotent => true,
        }
    }

    /// Calls `visit` with the arguments of each command; not of a pipeline that is plain, because no session has one.
    pub(super) fn for_each_command(&self, mut visit: impl FnMut(&[&[u8]])) {
        match &self.payload {
            Payload::Command(command, _) => visit(&arguments(command).collect::<Vec<_>>()),
            Payload::Pipeline(_) => {}
            Payload::Packed(packed) => split(&packed.bytes)
                .unwrap_or_default()
                .iter()
                .for_each(|command| visit(command)),
        }
    }

    /// Returns whether `check` holds for every command.
    fn all(&self, check: impl Fn(CommandInfo) -> bool) -> bool {
        match &self.payload {
            Payload::Command(_, info) => check(*info),
            Payload::Pipeline(pipeline) => pipeline.all(check),
            Payload::Packed(packed) => packed.all(check),
        }
    }
}

/// Returns a request for a command of this crate's own.
pub(crate) fn own_request(command: &Cmd, options: CallOptions) -> Request<'_> {
    Request::command(command, CommandInfo::of(arguments(command)), options)
}
