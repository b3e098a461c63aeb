//! [`RedirectedCall`]: follows one request to the node that serves its slot, and on to where that node
//! redirects it.
//!
//! A node that answers `MOVED`, `ASK` or `TRYAGAIN`, or that has become a replica, has run nothing, so
//! the request goes on within its deadline, to the node and the slot that the answer names. A script can
//! forge such an answer, so the node is asked about its keys first (`script_refusal`). A request that was
//! written and lost goes on only where that is safe, as with a single server, and is not written more often
//! than there.

use std::sync::Arc;
use std::time::Duration;

use super::announced::{Answering, redirect_address};
use super::deadline::Deadline;
use super::errors::node_left;
use super::hop::Hop;
use super::node::Node;
use super::node_request::NodeRequest;
use super::refresh::{Refresher, Waiting};
use super::script_refusal::confirmed;
use super::slot::Slot;
use crate::connection::{CallOptions, MAX_WRITES, Reply};
use crate::error::{Error, ErrorKind};
use crate::observe::count_retry;
use crate::resp::{Redirect, Refusal};
use crate::runtime::sleep;
use crate::url::ReadFrom;

/// Most redirections that are followed before the caller gets the last one.
pub(super) const MAX_REDIRECTIONS: u32 = 16;
/// Number of redirections that are followed without a delay, before the nodes get time to agree.
pub(super) const IMMEDIATE_REDIRECTIONS: u32 = 3;
/// Length by which the delay grows with each further redirection.
const BACKOFF_STEP: Duration = Duration::from_millis(50);
/// Longest delay: all redirections together take 3 s, which is the default deadline.
const MAX_BACKOFF: Duration = Duration::from_millis(200);
/// Delays before a request is sent for the second and third time that a node has refused for another
/// reason.
const UNAVAILABLE_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
/// Delay before a request is sent again that was lost, or whose node has left. The slot table without
/// that node is there already; without a table the loop would not wait at all.
const LOSS_DELAY: Duration = Duration::from_millis(1);

/// Which node is to run a request.
pub(super) enum Destination {
    /// The one that serves this slot.
    Slot(Slot),
    AnyPrimary,
    Node(Arc<Node>),
}

impl Destination {
    /// Returns the node that serves `slot`, any primary without one.
    pub(super) fn of(slot: Option<Slot>) -> Destination {
        slot.map_or(Destination::AnyPrimary, Destination::Slot)
    }
}

/// One attempt to run a request, and what came of it.
pub(super) struct Attempt {
    hop: Hop,
    result: Result<Reply, Error>,
    /// How often the request has been written without a reply that its caller could use.
    writes: u8,
}

impl Attempt {
    /// An attempt on the node that the slot table names.
    pub(super) fn new(node: Arc<Node>, result: Result<Reply, Error>, writes: u8) -> Attempt {
        Attempt {
            hop: Hop::to(node),
            result,
            writes,
        }
    }
}

/// A request on its way through the cluster.
pub(super) struct RedirectedCall<'a> {
    refresher: &'a Arc<Refresher>,
    destination: Destination,
    request: &'a NodeRequest<'a>,
    options: CallOptions,
    deadline: Deadline,
    /// A replica may serve it.
    reads: bool,
    /// The node that a redirection has named: it gets the next attempt.
    next: Option<Hop>,
    /// The attempt that was made before this call.
    earlier: Option<Attempt>,
    /// The node that has answered last.
    answered_by: Option<Hop>,
    redirections: u32,
    /// How often it may have been written without a reply that its caller could use.
    writes: u8,
    unavailable_delays: std::slice::Iter<'static, Duration>,
    /// Why it is not known whether it has run.
    lost: Option<Error>,
}

impl<'a> RedirectedCall<'a> {
    /// `deadline` says since when the caller waits.
    pub(super) fn new(
        refresher: &'a Arc<Refresher>,
        deadline: Deadline,
        destination: Destination,
        request: &'a NodeRequest<'a>,
    ) -> RedirectedCall<'a> {
        let options = request.route.extend(request.options);
        RedirectedCall {
            refresher,
            destination,
            request,
            options,
            deadline: deadline.with_limit(options.timeouts.deadline),
            reads: request.reads,
            next: None,
            earlier: None,
            answered_by: None,
            redirections: 0,
            writes: 0,
            unavailable_delays: UNAVAILABLE_DELAYS.iter(),
            lost: None,
        }
    }

    /// Goes to the node that a redirection has named first.
    pub(super) fn by_way_of(mut self, next: Option<Hop>) -> RedirectedCall<'a> {
        self.next = next;
        self
    }

    /// Begins with what came of an `earlier` attempt.
    pub(super) fn after(mut self, earlier: Attempt) -> RedirectedCall<'a> {
        self.earlier = Some(earlier);
        self
    }

    /// Counts earlier writes, too.
    pub(super) fn after_writes(mut self, writes: u8) -> RedirectedCall<'a> {
        self.writes = writes;
        self
    }

    /// Returns how often it may have been written without a reply that its caller could use.
    pub(super) fn writes(&self) -> u8 {
        self.writes
    }

    /// Returns the node that has answered last.
    pub(super) fn answered_by(&self) -> Option<&Hop> {
        self.answered_by.as_ref()
    }

    /// Sends the request until it is answered.
    pub(super) async fn reply(&mut self) -> Result<Reply, Error> {
        let result = self.send_until_answered().await;
        result.map_err(|error| error.after_loss(self.lost.take()))
    }

    async fn send_until_answered(&mut self) -> Result<Reply, Error> {
        loop {
            let Attempt {
                hop,
                result,
                writes,
            } = self.attempt().await?;
            self.writes = writes;
            let reply = match result {
                Ok(reply) => reply,
                Err(error) => {
                    self.failed(error).await?;
                    count_retry();
                    continue;
                }
            };
            let goes_on = match self.refusal(&reply, &hop).await {
                None => {
                    if reply.is_by_a_replica() {
                        self.refresher.request_refresh_after_demotion();
                    }
                    false
                }
                Some(refusal) => self.refused(&refusal, &hop.node).await,
            };
            if !goes_on {
                self.answered_by = Some(hop);
                return Ok(reply);
            }
            count_retry();
        }
    }

    /// Sends the request to the node whose turn it is, unless an attempt has been made before.
    async fn attempt(&mut self) -> Result<Attempt, Error> {
        if let Some(earlier) = self.earlier.take() {
            return Ok(earlier);
        }
        let hop = match self.next.take() {
            Some(hop) => hop,
            None => Hop::to(self.node().await?),
        };
        let left = self.options.timeouts.with_deadline(self.deadline.left());
        let options = self.options.with_timeouts(left);
        let (result, writes) = hop.run(self.request, options, self.writes).await;
        Ok(Attempt {
            hop,
            result,
            writes,
        })
    }

    /// Returns why the node of `hop` has run nothing, where that is proved.
    async fn refusal(&mut self, reply: &Reply, hop: &Hop) -> Option<Refusal> {
        let refusal = self.request.refusal(reply)?;
        match (self.request.script(), &refusal) {
            (None, _) | (_, Refusal::Unavailable(_) | Refusal::ReadOnly) => Some(refusal),
            (Some(script), Refusal::Redirect(_) | Refusal::TryAgain) => {
                self.writes += 1;
                if self.writes >= MAX_WRITES {
                    return None;
                }
                confirmed(refusal, script, hop, self.options, self.deadline).await
            }
        }
    }

    /// Returns the node to send the request to.
    async fn node(&mut self) -> Result<Arc<Node>, Error> {
        let node = self.wait_for_node().await?;
        if !node.is_replica() || node.serves() {
            return Ok(node);
        }
        let is_reached = node.is_reached_within(self.deadline.left() / 2).await;
        let may_read_from_primary = matches!(self.destination, Destination::Slot(_))
            && self.refresher.nodes().config().read_from() != ReadFrom::Replica;
        if is_reached || !may_read_from_primary {
            return Ok(node);
        }
        self.reads = false;
        self.wait_for_node().await
    }

    /// Returns the node that the slot table has for the destination; waits for the table if need be.
    async fn wait_for_node(&self) -> Result<Arc<Node>, Error> {
        let slot = match &self.destination {
            Destination::Node(node) => return Ok(Arc::clone(node)),
            Destination::Slot(slot) => Some(*slot),
            Destination::AnyPrimary => None,
        };
        let waiting = Waiting::until(self.deadline, self.options);
        let found = self.refresher.wait_for(waiting, slot, |nodes| match slot {
            Some(slot) => nodes.node_for(slot, self.reads),
            None => nodes.any_primary(),
        });
        found.await.map_err(Error::not_run)
    }

    /// Decides where the request goes that `node` has refused; returns whether it goes on.
    async fn refused(&mut self, refusal: &Refusal, node: &Node) -> bool {
        match refusal {
            // What goes to each of several nodes goes to no other instead.
            Refusal::Redirect(_) if matches!(self.destination, Destination::Node(_)) => false,
            Refusal::Redirect(redirect) => {
                // The node knows better than the table of commands which slot the keys are in.
                self.destination = Destination::of(redirected_slot(redirect));
                self.next = follow_redirect(self.refresher, redirect, node);
                // Its primary serves what a replica does not.
                self.reads = false;
                let immediate = match self.next {
                    Some(_) => IMMEDIATE_REDIRECTIONS,
                    None => 0,
                };
                self.backoff_redirect(immediate).await
            }
            Refusal::TryAgain => self.backoff_redirect(0).await,
            Refusal::Unavailable(_) | Refusal::ReadOnly => self.backoff_unavailable().await,
        }
    }

    /// Returns whether to go on; gives the nodes time to agree after the first `immediate` redirections.
    async fn backoff_redirect(&mut self, immediate: u32) -> bool {
        self.redirections += 1;
        if self.redirections > MAX_REDIRECTIONS || self.deadline.is_over() {
            return false;
        }
        if self.redirections > immediate {
            if self.options.fail_fast {
                return false;
            }
            let delay = (BACKOFF_STEP * self.redirections).min(MAX_BACKOFF);
            sleep(delay.min(self.deadline.left())).await;
        }
        !self.deadline.is_over()
    }

    /// Returns whether to send again what a node does not run for now, after a delay.
    async fn backoff_unavailable(&mut self) -> bool {
        self.writes += 1;
        self.refresher.request_refresh();
        let left = if self.options.fail_fast {
            Duration::ZERO
        } else {
            self.deadline.left()
        };
        match self.unavailable_delays.next() {
            Some(delay) if self.writes < MAX_WRITES && *delay < left => {
                sleep(*delay).await;
                true
            }
            _ => false,
        }
    }

    /// Fails unless the request may be sent again after `error`.
    async fn failed(&mut self, error: Error) -> Result<(), Error> {
        let has_left = error.kind() == ErrorKind::Closed && !self.refresher.nodes().is_closed();
        let is_lost = error.kind() == ErrorKind::ConnectionLost;
        if error.is_transient() {
            self.refresher.request_refresh();
        }
        let is_safe = if error.may_have_run() {
            (has_left || is_lost) && self.request.is_repeatable() && self.writes < MAX_WRITES
        } else {
            has_left
        };
        let is_for_this_node = matches!(self.destination, Destination::Node(_));
        if !is_safe || is_for_this_node || self.deadline.is_over() {
            return Err(if has_left { node_left(&error) } else { error });
        }
        if error.may_have_run() {
            self.lost = Some(error.after_loss(self.lost.take()));
        }
        sleep(LOSS_DELAY).await;
        Ok(())
    }
}

/// Returns whether `reply` says nothing about the node or the slot: it neither refuses its command nor comes
/// from a node that has become a replica.
#[inline]
pub(super) fn is_for_its_caller(reply: &Reply) -> bool {
    !reply.has_error() || reply.refusal().is_none() && !reply.is_by_a_replica()
}

/// Returns the slot that a redirection names.
pub(super) fn redirected_slot(redirect: &Redirect) -> Option<Slot> {
    let (Redirect::Moved { slot, .. } | Redirect::Ask { slot, .. }) = redirect;
    Slot::new(*slot)
}

/// Follows a redirection by the node `from`; returns the node to go to, if its address can be read and the
/// client is not closed.
pub(super) fn follow_redirect(
    refresher: &Arc<Refresher>,
    redirect: &Redirect,
    from: &Node,
) -> Option<Hop> {
    let slot = redirected_slot(redirect)?;
    let (Redirect::Moved { address, .. } | Redirect::Ask { address, .. }) = redirect;
    let nodes = refresher.nodes();
    let known = |port| nodes.address_with_port(port, from);
    let answering = Answering {
        address: from.address(),
        announced: &from.announced(),
    };
    let Some(address) = redirect_address(address, answering, known) else {
        // The next slot table may tell more.
        refresher.request_refresh();
        return None;
    };
    match redirect {
        Redirect::Moved { .. } => {
            if nodes.moved(slot, &address) {
                refresher.request_refresh();
            }
            nodes.node_at(&address).map(Hop::to)
        }
        Redirect::Ask { .. } => nodes.node_at(&address).map(Hop::asking),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_command_alone_is_for_its_caller() {
        let check = |reply: &str, expected: bool| {
            let value = redis::parse_redis_value(reply.as_bytes()).expect("RESP");
            assert_eq!(is_for_its_caller(&Reply::One(value)), expected, "{reply}");
        };
        check("+OK\r\n", true);
        check("-WRONGTYPE it is a list\r\n", true);
        check("*2\r\n:1\r\n-ERR x\r\n", true);
        check("-MOVED 5 h:1\r\n", false);
        check("-TRYAGAIN x\r\n", false);
        check("-LOADING x\r\n", false);
        check("-READONLY x\r\n", false);
        check("-ERR a script says: -READONLY x\r\n", false);
        check("*2\r\n:1\r\n-READONLY x\r\n", false);
    }
}
