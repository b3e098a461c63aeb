//! The way of one request: to the node that serves its slot, and on to where that one sends it.
//!
//! A node that answers `MOVED`, `ASK` or `TRYAGAIN`, or that has become a replica, has run nothing; so
//! the request goes on within its deadline. What was written and lost goes on only if that does no
//! harm, as on a single server, and is not written more often than there.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Value;

use super::nodes::{Node, Nodes};
use super::topology::{Address, SLOTS};
use crate::error::{Error, ErrorKind};
use crate::link::{self, Limits, MAX_WRITES, Reply, Request, Resend};
use crate::route::Route;
use crate::url::ReadFrom;

/// So often a request is sent on before its caller is told where to.
pub(super) const MAX_REDIRECTIONS: u32 = 16;
/// So many redirections are followed at once; then the nodes get time to agree.
pub(super) const QUICK_REDIRECTIONS: u32 = 3;
/// By so much the pause grows with each further one, up to the longest: 16 of them take 3 s, which is
/// the deadline.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// Before a request is sent again that a node has refused for another reason.
const LATER: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// Encoded commands for one node, of whose replies the first `skip` are skipped.
#[derive(Clone)]
pub(super) struct Job<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) skip: usize,
    pub(super) count: usize,
    /// A single command, whose reply is not that of a pipeline.
    pub(super) single: bool,
    /// It reads, so that a replica may serve it.
    pub(super) reads: bool,
    pub(super) route: Route,
    pub(super) resend: Resend,
}

/// Who is to run it.
#[derive(Clone)]
pub(super) enum Target {
    Slot(u16),
    /// Any primary.
    Anyone,
    Node(Arc<Node>),
}

/// Where a node sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Redirection {
    Moved(u16, String),
    Ask(String),
}

/// What a node has refused to run, and why it may run it later or elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    To(Redirection),
    /// The slot is moving, and some of the keys have moved already.
    NotYet,
    Later,
}

impl Refused {
    pub(super) fn of(value: &Value) -> Option<Refused> {
        let Value::ServerError(error) = value else {
            return None;
        };
        let mut words = error.details().unwrap_or_default().split(' ');
        match error.code() {
            "MOVED" => {
                let slot = words.next()?.parse().ok()?;
                (usize::from(slot) < SLOTS).then_some(())?;
                Some(Refused::To(Redirection::Moved(
                    slot,
                    words.next()?.to_owned(),
                )))
            }
            "ASK" => Some(Refused::To(Redirection::Ask(words.nth(1)?.to_owned()))),
            "TRYAGAIN" => Some(Refused::NotYet),
            "READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "LOADING" => Some(Refused::Later),
            "UNBLOCKED" if link::is_left_behind(error) => Some(Refused::Later),
            _ => None,
        }
    }

    /// Returns why nothing of this has run, where the answer proves it.
    fn of_reply(reply: &Reply) -> Option<Refused> {
        let all = |values: &mut dyn Iterator<Item = &Value>| {
            let mut refused = None;
            for value in values {
                refused = Some(Refused::of(value)?);
            }
            refused
        };
        match reply {
            Reply::One(value) => Refused::of(value),
            Reply::Many(values) => all(&mut values.iter()),
            Reply::Aborted(refused) => all(&mut refused.iter().map(|(_, value)| value)),
        }
    }
}

/// One request on its way.
struct Journey<'a> {
    nodes: &'a Arc<Nodes>,
    start: Instant,
    deadline: Duration,
    redirections: u32,
    writes: u8,
    later: std::slice::Iter<'static, Duration>,
    /// Why it is not known whether it has run.
    lost: Option<Error>,
}

/// Sends `job` to `target`, and on, until it is answered.
///
/// `asking`: the node that somebody has been sent to for this once. `writes`: how often it has been
/// written without an answer that its caller could use.
pub(super) async fn run(
    nodes: &Arc<Nodes>,
    start: Instant,
    target: &Target,
    asking: Option<Arc<Node>>,
    job: &Job<'_>,
    writes: &mut u8,
) -> Result<Reply, Error> {
    let limits = Limits::from(nodes.config());
    let limits = match job.route {
        Route::Shared => limits,
        Route::Own(block) => limits.extended_by(block),
    };
    let mut journey = Journey {
        nodes,
        start,
        deadline: limits.deadline,
        redirections: 0,
        writes: *writes,
        later: LATER.iter(),
        lost: None,
    };
    let result = journey.run(target, asking, job, limits).await;
    *writes = journey.writes;
    result.map_err(|error| error.after_loss(journey.lost.take()))
}

impl Journey<'_> {
    async fn run(
        &mut self,
        target: &Target,
        mut asking: Option<Arc<Node>>,
        job: &Job<'_>,
        limits: Limits,
    ) -> Result<Reply, Error> {
        let mut reads = job.reads;
        loop {
            let (node, is_asking) = match asking.take() {
                Some(node) => (node, true),
                None => (self.node(target, reads).await?, false),
            };
            if node.is_replica && !node.serves() && !node.is_reached_within(self.left() / 2).await {
                reads = self.nodes.config().read_from() == ReadFrom::Replica;
                if !reads {
                    continue;
                }
            }
            let limits = Limits {
                deadline: self.left(),
                ..limits
            };
            let request = job.request(is_asking, limits);
            let result = node
                .connections
                .run(job.route, request, &mut self.writes)
                .await;
            let reply = match result {
                Ok(reply) => job.without_asking(is_asking, reply),
                Err(error) => {
                    self.failed(error, target, job).await?;
                    continue;
                }
            };
            let refused = Refused::of_reply(&reply);
            let Some(refused) = refused.filter(|refused| job.may_go_on(refused, &reply)) else {
                return Ok(reply);
            };
            let goes_on = match refused {
                Refused::To(redirection) => {
                    asking = redirected(self.nodes, &redirection, &node);
                    // Where a replica does not serve it, its primary does.
                    reads = false;
                    self.agree(QUICK_REDIRECTIONS).await
                }
                Refused::NotYet => self.agree(0).await,
                Refused::Later => self.later().await,
            };
            if !goes_on {
                return Ok(reply);
            }
        }
    }

    /// Returns who is to run it, waiting for the table if need be.
    async fn node(&self, target: &Target, reads: bool) -> Result<Arc<Node>, Error> {
        loop {
            let node = match target {
                Target::Slot(slot) => self.nodes.owner(*slot, reads),
                Target::Anyone => self.nodes.any(),
                Target::Node(node) => Some(Arc::clone(node)),
            };
            if let Some(node) = node {
                return Ok(node);
            }
            if self.nodes.is_closed() {
                return Err(link::closed());
            }
            match self.nodes.news(self.left()).await {
                Ok(()) if self.is_late() => return Err(nobody_serves(target)),
                Err(error) if link::is_lasting(error.kind()) || self.is_late() => {
                    return Err(error.note("the command has not run"));
                }
                Ok(()) | Err(_) => {}
            }
            link::sleep(Duration::from_millis(20).min(self.left())).await;
        }
    }

    /// Returns whether to go on; gives the nodes time to agree after the first `quick` redirections.
    async fn agree(&mut self, quick: u32) -> bool {
        self.redirections += 1;
        if self.redirections > MAX_REDIRECTIONS || self.is_late() {
            return false;
        }
        if self.redirections > quick {
            let pause = (PAUSE * self.redirections).min(LONGEST_PAUSE);
            link::sleep(pause.min(self.left())).await;
        }
        !self.is_late()
    }

    /// Returns whether to send again what was refused for now, after a pause.
    async fn later(&mut self) -> bool {
        self.writes += 1;
        self.nodes.want();
        match self.later.next() {
            Some(pause) if self.writes < MAX_WRITES && *pause < self.left() => {
                link::sleep(*pause).await;
                true
            }
            _ => false,
        }
    }

    /// Fails unless the request may go on after `error`.
    async fn failed(&mut self, error: Error, target: &Target, job: &Job<'_>) -> Result<(), Error> {
        let is_retired = error.kind() == ErrorKind::Closed && !self.nodes.is_closed();
        let lost = matches!(
            error.kind(),
            ErrorKind::ConnectionLost | ErrorKind::Protocol
        );
        if error.is_passing() {
            self.nodes.want();
        }
        let again = if error.may_have_run() {
            (is_retired || lost) && job.is_repeatable() && self.writes < MAX_WRITES
        } else {
            is_retired
        };
        if !again || self.is_late() || matches!(target, Target::Node(_)) {
            return Err(if is_retired { retired(&error) } else { error });
        }
        if error.may_have_run() {
            self.lost = Some(error.after_loss(self.lost.take()));
        }
        // The table that retired the node is there already; without one, the caller would spin.
        link::sleep(Duration::from_millis(1)).await;
        Ok(())
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.start.elapsed())
    }

    fn is_late(&self) -> bool {
        self.left().is_zero()
    }
}

/// Follows a redirection by `from`; returns whom to ask, if it is for this once.
pub(super) fn redirected(
    nodes: &Arc<Nodes>,
    redirection: &Redirection,
    from: &Node,
) -> Option<Arc<Node>> {
    match redirection {
        Redirection::Moved(slot, address) => {
            let address = Address::of_redirection(address, &from.address)?;
            nodes.moved(*slot, address);
            None
        }
        Redirection::Ask(address) => {
            let address = Address::of_redirection(address, &from.address)?;
            Some(nodes.at(address))
        }
    }
}

/// The report for a caller whose node was closed under it. The client is not, as the link has it.
fn retired(error: &Error) -> Error {
    if error.may_have_run() {
        let message = "the node has left the cluster with the command unanswered";
        return Error::new(ErrorKind::ConnectionLost, message).after_writing();
    }
    let message = "the node has left the cluster, and no other took the command in time";
    Error::new(ErrorKind::Unreachable, message).note("the command has not run")
}

fn nobody_serves(target: &Target) -> Error {
    let message = match target {
        Target::Slot(slot) => format!("no node of the cluster serves slot {slot}"),
        _ => "no node of the cluster serves any slot".to_owned(),
    };
    Error::new(ErrorKind::NotReady, message)
        .with_help("see what `CLUSTER INFO` and `CLUSTER SLOTS` say")
        .note("the command has not run")
}

const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

impl Job<'_> {
    fn request(&self, asking: bool, limits: Limits) -> Request<'_> {
        let request = match (asking, self.single) {
            (false, true) => Request::encoded(&self.bytes, limits),
            (false, false) => {
                Request::pipeline(Cow::Borrowed(&self.bytes), self.skip, self.count, limits)
            }
            (true, _) => self.asking(limits),
        };
        request.with_resend(self.resend).for_a_cluster()
    }

    /// `ASKING` before each command, or before the whole transaction: it holds until `EXEC`.
    fn asking(&self, limits: Limits) -> Request<'static> {
        if self.skip > 0 {
            let bytes = [ASKING, &self.bytes[..]].concat();
            return Request::pipeline(Cow::Owned(bytes), self.skip + 1, self.count, limits);
        }
        let mut bytes = Vec::with_capacity(self.bytes.len() + self.count * ASKING.len());
        for command in link::encoded_commands(&self.bytes) {
            bytes.extend_from_slice(ASKING);
            bytes.extend_from_slice(command);
        }
        Request::pipeline(Cow::Owned(bytes), 0, self.count * 2, limits)
    }

    /// The reply as it would be without `ASKING`.
    fn without_asking(&self, asking: bool, reply: Reply) -> Reply {
        match reply {
            Reply::Aborted(refused) if asking => {
                let place = |(place, value): (usize, Value)| (place.saturating_sub(1), value);
                Reply::Aborted(refused.into_iter().map(place).collect())
            }
            Reply::Many(values) if asking && self.skip == 0 => {
                let mut values = values.into_iter().skip(1).step_by(2);
                match values.next() {
                    Some(value) if self.single => Reply::One(value),
                    first => Reply::Many(first.into_iter().chain(values).collect()),
                }
            }
            reply => reply,
        }
    }

    /// Whether the refusal in `reply` proves that nothing has run. A script can return any error, and
    /// so can `EXEC`; but a redirection, and `TRYAGAIN`, come before anything is run.
    fn may_go_on(&self, refused: &Refused, reply: &Reply) -> bool {
        match (refused, reply) {
            // Each command of a pipeline is looked at by itself.
            (_, Reply::Many(_)) if self.skip == 0 => false,
            (Refused::To(_) | Refused::NotYet, _) => true,
            (Refused::Later, Reply::Many(_)) => false,
            (Refused::Later, _) => {
                self.resend == Resend::Idempotent
                    || link::split(&self.bytes).is_some_and(|commands| {
                        let mut names = commands.iter().map(|command| command[0]);
                        names.all(link::is_refused_whole)
                    })
            }
        }
    }

    fn is_repeatable(&self) -> bool {
        let limits = Limits {
            response_timeout: Duration::ZERO,
            deadline: Duration::ZERO,
        };
        self.request(false, limits).is_repeatable()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: Option<&Refused>) {
        let value = redis::parse_redis_value(format!("-{answer}\r\n").as_bytes());
        assert_eq!(
            Refused::of(&value.expect("RESP")).as_ref(),
            expected,
            "{answer}"
        );
    }

    #[test]
    fn only_what_proves_that_nothing_has_run_is_a_refusal() {
        let moved = |slot| Refused::To(Redirection::Moved(slot, "h:1".to_owned()));
        check("MOVED 16383 h:1", Some(&moved(16_383)));
        check("MOVED 16384 h:1", None);
        check("MOVED -1 h:1", None);
        check("MOVED", None);
        let ask = Redirection::Ask("h:1".to_owned());
        check("ASK 5 h:1", Some(&Refused::To(ask)));
        check("ASK 5", None);
        check(
            "TRYAGAIN Multiple keys request during rehashing of slot",
            Some(&Refused::NotYet),
        );
        let state = "UNBLOCKED force unblock from blocking operation, instance state changed";
        check(state, Some(&Refused::Later));
        check("UNBLOCKED client unblocked via CLIENT UNBLOCK", None);
        check("ERR MOVED 5 h:1", None);
    }
}
