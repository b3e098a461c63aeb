//! [`NodeRequest`]: commands for one node of a cluster.

use std::borrow::Cow;

use redis::Value;

use super::routed::Routed;
use super::slot::Slot;
use crate::command::{CommandInfo, encoded_commands};
use crate::connection::{CallOptions, ExpectedReplies, Packed, Reply, Request, Resend, Route};
use crate::resp::{Redirect, Refusal, Unavailable};

/// Lets a node run the next command although its slot is only on the way there.
const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

/// Commands for one node of a cluster.
pub(super) struct NodeRequest<'a> {
    packed: Packed<'a>,
    /// It only reads, so a replica may serve it.
    pub(super) reads: bool,
    pub(super) route: Route,
    pub(super) options: CallOptions,
    /// The command, if it is a single one.
    single: Option<&'a Routed<'a>>,
}

impl<'a> NodeRequest<'a> {
    /// A single command.
    pub(super) fn command(command: &'a Routed<'_>, options: CallOptions) -> NodeRequest<'a> {
        let bytes = Cow::Borrowed(&*command.bytes);
        NodeRequest {
            packed: Packed::checked(bytes, ExpectedReplies::One)
                .with_infos(std::iter::once(command.info)),
            reads: command.info.reads(),
            route: command.route,
            options,
            single: Some(command),
        }
    }

    /// Commands that go together.
    pub(super) fn pipeline<'c>(
        commands: impl Iterator<Item = &'c Routed<'c>>,
        options: CallOptions,
    ) -> NodeRequest<'a> {
        let (mut bytes, mut infos, mut route) = (Vec::new(), Vec::new(), Route::Shared);
        for command in commands {
            bytes.extend_from_slice(&command.bytes);
            infos.push(command.info);
            route = route.and(command.route);
        }
        let count = infos.len();
        let expected = ExpectedReplies::Many { skip: 0, count };
        NodeRequest {
            packed: Packed::checked(Cow::Owned(bytes), expected).with_infos(infos.into_iter()),
            reads: false,
            route,
            options,
            single: None,
        }
    }

    /// A transaction, within its `MULTI` and `EXEC`.
    pub(super) fn transaction(
        packed: Packed<'a>,
        route: Route,
        options: CallOptions,
    ) -> NodeRequest<'a> {
        NodeRequest {
            packed,
            reads: false,
            route,
            options,
            single: None,
        }
    }

    /// Returns the request, with `options`, to send to a node, to one that has been named by `ASK` if it `is_asking`.
    pub(super) fn request(&self, is_asking: bool, options: CallOptions) -> Request<'_> {
        let packed = if is_asking {
            self.with_asking()
        } else {
            self.packed.borrowed()
        };
        Request::packed(packed, options).in_cluster()
    }

    /// Writes `ASKING` before each command, or before the whole transaction: it holds until `EXEC`.
    fn with_asking(&self) -> Packed<'static> {
        let bytes = self.packed.bytes();
        let count = match self.packed.expected() {
            ExpectedReplies::One => 1,
            ExpectedReplies::Many { skip: 0, count } => count,
            ExpectedReplies::Many { skip, count } => {
                let expected = ExpectedReplies::Many {
                    skip: skip + 1,
                    count,
                };
                return Packed::checked(Cow::Owned([ASKING, bytes].concat()), expected);
            }
        };
        let mut asking = Vec::with_capacity(bytes.len() + count * ASKING.len());
        for command in encoded_commands(bytes) {
            asking.extend_from_slice(ASKING);
            asking.extend_from_slice(command);
        }
        let count = 2 * count;
        Packed::checked(Cow::Owned(asking), ExpectedReplies::Many { skip: 0, count })
    }

    /// Returns the reply as it would be without `ASKING`.
    pub(super) fn without_asking(&self, reply: Reply) -> Reply {
        match reply {
            Reply::Aborted(refused) => {
                let place = |(place, value): (usize, Value)| (place.saturating_sub(1), value);
                Reply::Aborted(refused.into_iter().map(place).collect())
            }
            Reply::Many(values) if !self.packed.is_transaction() => {
                let mut values = values.into_iter().skip(1).step_by(2);
                match (self.packed.expected(), values.next()) {
                    (ExpectedReplies::One, Some(value)) => Reply::One(value),
                    (_, first) => Reply::Many(first.into_iter().chain(values).collect()),
                }
            }
            reply => reply,
        }
    }

    /// Returns why the node has run nothing of this, where `reply` proves it and another attempt may
    /// succeed.
    ///
    /// `EXEC` can return any error, but a redirection, and `TRYAGAIN`, come before anything is run. A
    /// [script](NodeRequest::script) can return these, too.
    pub(super) fn refusal(&self, reply: &Reply) -> Option<Refusal> {
        let refusal = reply.refusal().filter(deserves_another_attempt)?;
        let is_proof = match (reply, &refusal) {
            // Each command of a pipeline is looked at by itself.
            (Reply::Many(_), _) if !self.packed.is_transaction() => false,
            (_, Refusal::Redirect(_) | Refusal::TryAgain) => true,
            (Reply::Many(_), _) => false,
            _ => {
                self.options.resend == Resend::Idempotent
                    || self.packed.all(CommandInfo::error_proves_not_run)
            }
        };
        is_proof.then_some(refusal)
    }

    /// Returns the command, if it is a single one that runs a script.
    pub(super) fn script(&self) -> Option<&'a Routed<'a>> {
        self.single
            .filter(|command| !command.info.error_proves_not_run())
    }

    /// Returns whether it may be sent again after it has been written and lost.
    pub(super) fn is_repeatable(&self) -> bool {
        match self.options.resend {
            Resend::Never => false,
            Resend::AtMostOnce => self.packed.all(CommandInfo::is_repeatable),
            Resend::Idempotent => true,
        }
    }
}

/// Returns whether a command that was refused may be run later, or by another node.
///
/// A server that runs a script for long is waited for by the connection to it, for as long as it may be.
pub(super) fn deserves_another_attempt(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Redirect(Redirect::Moved { slot, .. } | Redirect::Ask { slot, .. }) => {
            Slot::new(*slot).is_some()
        }
        Refusal::Unavailable(Unavailable::Busy) => false,
        Refusal::TryAgain | Refusal::Unavailable(_) | Refusal::ReadOnly => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    const INCR: &[u8] = b"*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n";
    const EVAL: &[u8] = b"*3\r\n$4\r\nEVAL\r\n$1\r\ns\r\n$1\r\n0\r\n";
    const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
    const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

    fn at_most_once() -> CallOptions {
        CallOptions::from(&"redis-cluster://h".parse().expect("valid"))
    }

    fn idempotent() -> CallOptions {
        at_most_once().idempotent()
    }

    fn routed(bytes: &'static [u8]) -> Routed<'static> {
        let arguments = crate::command::split(bytes).expect("RESP").remove(0);
        let arguments = arguments.into_iter();
        let info = CommandInfo::of(arguments.clone());
        Routed::new(bytes, arguments, info).expect("it has one slot")
    }

    fn transaction(options: CallOptions) -> NodeRequest<'static> {
        let bytes = [MULTI, INCR, GET, EXEC].concat();
        let packed = Packed::pipeline(bytes, 3, 1).expect("a transaction");
        NodeRequest::transaction(packed, Route::Shared, options)
    }

    fn value(resp: &str) -> Value {
        redis::parse_redis_value(format!("{resp}\r\n").as_bytes()).expect("RESP")
    }

    #[test]
    fn asking_stands_before_each_command_or_before_a_transaction() {
        let check = |request: &NodeRequest<'_>, bytes: &[&[u8]], expected: ExpectedReplies| {
            let packed = request.with_asking();
            assert_eq!(packed.bytes(), bytes.concat());
            assert_eq!(packed.expected(), expected);
        };
        let many = |skip, count| ExpectedReplies::Many { skip, count };
        let (get, incr) = (routed(GET), routed(INCR));
        let command = NodeRequest::command(&get, at_most_once());
        check(&command, &[ASKING, GET], many(0, 2));
        let pipeline = NodeRequest::pipeline([&get, &incr].into_iter(), at_most_once());
        check(&pipeline, &[ASKING, GET, ASKING, INCR], many(0, 4));
        let transaction = transaction(at_most_once());
        check(&transaction, &[ASKING, MULTI, INCR, GET, EXEC], many(4, 1));
    }

    #[test]
    fn the_replies_to_asking_are_left_out() {
        let many = |values: &[i64]| Reply::Many(values.iter().map(|it| Value::Int(*it)).collect());
        let check = |request: &NodeRequest<'_>, reply: Reply, expected: &Reply| {
            let reply = request.without_asking(reply);
            assert_eq!(format!("{reply:?}"), format!("{expected:?}"));
        };
        let (get, incr) = (routed(GET), routed(INCR));
        let command = NodeRequest::command(&get, at_most_once());
        check(&command, many(&[0, 1]), &Reply::One(Value::Int(1)));
        let pipeline = NodeRequest::pipeline([&get, &incr].into_iter(), at_most_once());
        check(&pipeline, many(&[0, 1, 0, 2]), &many(&[1, 2]));
        let transaction = transaction(at_most_once());
        check(&transaction, many(&[7]), &many(&[7]));
        let aborted = |place| Reply::Aborted(vec![(place, Value::Okay)]);
        check(&transaction, aborted(2), &aborted(1));
    }

    #[test]
    fn only_what_proves_that_nothing_has_run_is_sent_again() {
        let check = |request: &NodeRequest<'_>, error: &str, expected: bool| {
            let reply = Reply::One(value(error));
            assert_eq!(request.refusal(&reply).is_some(), expected, "{error}");
        };
        let (incr, eval) = (routed(INCR), routed(EVAL));
        let command = NodeRequest::command(&incr, at_most_once());
        check(&command, "-MOVED 16383 h:1", true);
        check(&command, "-MOVED 16384 h:1", false);
        check(&command, "-ASK 5 h:1", true);
        check(&command, "-TRYAGAIN x", true);
        check(&command, "-READONLY x", true);
        check(&command, "-CLUSTERDOWN x", true);
        check(&command, "-BUSY x", false);
        check(&command, "-ERR x", false);
        let script = NodeRequest::command(&eval, at_most_once());
        check(&script, "-MOVED 5 h:1", true);
        check(&script, "-READONLY x", false);
        let script = NodeRequest::command(&eval, idempotent());
        check(&script, "-READONLY x", true);
    }

    #[test]
    fn a_pipeline_is_refused_command_by_command_and_a_transaction_as_a_whole() {
        let moved = || value("-MOVED 5 h:1");
        let get = routed(GET);
        let pipeline = NodeRequest::pipeline([&get, &get].into_iter(), idempotent());
        assert_eq!(pipeline.refusal(&Reply::Many(vec![moved(), moved()])), None);
        let transaction = transaction(at_most_once());
        let refusal = transaction.refusal(&Reply::Many(vec![moved()]));
        assert!(refusal.is_some(), "EXEC is redirected");
        let unavailable = Reply::Many(vec![value("-CLUSTERDOWN x")]);
        assert_eq!(transaction.refusal(&unavailable), None);
        let aborted = Reply::Aborted(vec![(0, moved()), (1, value("-LOADING x"))]);
        assert!(transaction.refusal(&aborted).is_some());
    }

    #[test]
    fn a_lost_command_is_sent_again_if_it_reads_or_is_idempotent() {
        let (get, incr) = (routed(GET), routed(INCR));
        let is_repeatable =
            |command, options| NodeRequest::command(command, options).is_repeatable();
        assert!(is_repeatable(&get, at_most_once()));
        assert!(!is_repeatable(&incr, at_most_once()));
        assert!(is_repeatable(&incr, idempotent()));
        assert!(!transaction(at_most_once()).is_repeatable());
    }
}
