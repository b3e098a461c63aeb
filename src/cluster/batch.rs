//! Commands for one node each, sent together.
//!
//! The commands for the same node go there together, in their order. One that is redirected is sent on
//! by itself, and the others are not sent again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;

use super::deadline::Deadline;
use super::errors::partly_run;
use super::node::Node;
use super::node_request::{NodeRequest, deserves_another_attempt};
use super::redirect::{
    Destination, IMMEDIATE_REDIRECTIONS, MAX_REDIRECTIONS, RedirectedCall, follow_redirect,
};
use super::refresh::Refresher;
use super::routed::Routed;
use super::slot::Slot;
use crate::connection::{MAX_WRITES, Reply, Resend};
use crate::error::Error;
use crate::resp::Refusal;
use crate::runtime::sleep;

/// Delay before commands are sent again that a node could not run yet.
const RETRY_DELAY: Duration = Duration::from_millis(150);

/// A command without an answer.
struct Unanswered {
    /// Its place in the batch.
    place: usize,
    /// The node that `ASK` has named.
    asking: Option<Arc<Node>>,
}

/// Commands for the same node.
struct Group {
    node: Option<Arc<Node>>,
    is_asking: bool,
    slot: Option<Slot>,
    /// Their places in the batch.
    places: Vec<usize>,
}

/// What one node has answered, and how often the commands may have been written without an answer.
type Answer = (Result<Vec<Value>, Error>, u8);

/// A batch on its way.
struct Batch<'a> {
    refresher: &'a Arc<Refresher>,
    commands: &'a [Routed<'a>],
    replies: Vec<Value>,
    unanswered: Vec<Unanswered>,
    /// A command of this round was refused for a reason that a delay may end.
    needs_delay: bool,
    /// A command of this round was refused by a node that does not serve for now.
    is_unavailable: bool,
    rounds: u32,
    /// How often the command that was written most often was, without an answer.
    writes: u8,
    /// Some commands have their final answer.
    is_partly_answered: bool,
}

/// Runs `commands`, each of which goes to one node, and returns their replies in the same order.
pub(super) async fn run(
    refresher: &Arc<Refresher>,
    deadline: Deadline,
    commands: &[Routed<'_>],
    resend: Resend,
) -> Result<Vec<Value>, Error> {
    let mut batch = Batch {
        refresher,
        commands,
        replies: vec![Value::Nil; commands.len()],
        unanswered: (0..commands.len())
            .map(|place| Unanswered {
                place,
                asking: None,
            })
            .collect(),
        needs_delay: false,
        is_unavailable: false,
        rounds: 0,
        writes: 0,
        is_partly_answered: false,
    };
    loop {
        let groups = batch.groups();
        let answers = groups
            .iter()
            .map(|group| batch.send(group, deadline, resend));
        let answers = join_all(answers).await;
        batch.take(&groups, answers)?;
        let delay = batch.next_delay();
        if batch.unanswered.is_empty() || deadline.left() <= delay {
            return Ok(batch.replies);
        }
        if !delay.is_zero() {
            sleep(delay).await;
        }
    }
}

impl Batch<'_> {
    /// Takes the commands without an answer, and puts those together that go to the same node, in order.
    fn groups(&mut self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for Unanswered { place, asking } in std::mem::take(&mut self.unanswered) {
            let slot = self.commands[place].slot();
            let is_asking = asking.is_some();
            let node = asking.or_else(|| self.refresher.nodes().node_for(slot?, false));
            let is_same = |group: &&mut Group| match (&group.node, &node) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other) && group.is_asking == is_asking,
                // Without a key it may go with any others; without a node, with those of its slot.
                (_, None) if slot.is_none() => !group.is_asking,
                (None, None) => group.slot == slot,
                (Some(_), None) | (None, Some(_)) => false,
            };
            match groups.iter_mut().find(is_same) {
                Some(group) => group.places.push(place),
                None => groups.push(Group {
                    node,
                    is_asking,
                    slot,
                    places: vec![place],
                }),
            }
        }
        groups
    }

    async fn send(&self, group: &Group, deadline: Deadline, resend: Resend) -> Answer {
        let commands = group.places.iter().map(|place| &self.commands[*place]);
        let request = NodeRequest::pipeline(commands, resend);
        let destination = Destination::of(group.slot);
        let asking = group.node.clone().filter(|_| group.is_asking);
        let mut call = RedirectedCall::new(self.refresher, deadline, destination, &request)
            .asking(asking)
            .after_writes(self.writes);
        let reply = call.reply().await;
        let values = reply.map(|reply| match reply {
            Reply::Many(values) => values,
            Reply::One(value) => vec![value],
            Reply::Aborted(refused) => refused.into_iter().map(|(_, value)| value).collect(),
        });
        (values, call.writes())
    }

    /// Takes the answers of one round; fails if one group has failed.
    fn take(&mut self, groups: &[Group], answers: Vec<Answer>) -> Result<(), Error> {
        let mut failures = Vec::new();
        for (group, (result, writes)) in groups.iter().zip(answers) {
            self.writes = self.writes.max(writes);
            match result {
                Ok(values) => self.take_group(group, values),
                Err(error) => failures.push(error),
            }
        }
        self.unanswered.sort_by_key(|unanswered| unanswered.place);
        if failures.is_empty() {
            return Ok(());
        }
        // That a command may have run says more than that one has not.
        let worst = failures.iter().position(Error::may_have_run).unwrap_or(0);
        let error = failures.swap_remove(worst);
        let writes = self.commands.iter().any(|command| !command.info.reads());
        Err(if self.is_partly_answered && writes {
            partly_run(error)
        } else {
            error
        })
    }

    /// Goes from the last command to the first: one that was refused for now is not sent again once a
    /// later one of its slot has run, because the two would run in the wrong order.
    fn take_group(&mut self, group: &Group, values: Vec<Value>) {
        let mut answered_slots = Vec::new();
        for (place, value) in group.places.iter().copied().zip(values).rev() {
            let slot = self.commands[place].slot();
            let is_overtaken = answered_slots.contains(&slot);
            if !self.goes_on(place, &value, group.node.as_deref(), is_overtaken) {
                self.is_partly_answered = true;
                answered_slots.push(slot);
            }
            self.replies[place] = value;
        }
    }

    /// Sends the command at `place` once more if `value`, from the node `from`, says that it has not
    /// run; returns whether it does.
    fn goes_on(
        &mut self,
        place: usize,
        value: &Value,
        from: Option<&Node>,
        is_overtaken: bool,
    ) -> bool {
        let Some(refusal) = Refusal::of(value).filter(deserves_another_attempt) else {
            return false;
        };
        let mut asking = None;
        match refusal {
            Refusal::Redirect(redirect) if self.rounds < MAX_REDIRECTIONS => {
                asking = from.and_then(|from| follow_redirect(self.refresher, &redirect, from));
            }
            Refusal::TryAgain if self.rounds < MAX_REDIRECTIONS && !is_overtaken => {
                self.needs_delay = true;
            }
            Refusal::Unavailable(_) | Refusal::ReadOnly
                if self.writes + 1 < MAX_WRITES
                    && !is_overtaken
                    && self.commands[place].info.error_proves_not_run() =>
            {
                self.needs_delay = true;
                self.is_unavailable = true;
                self.refresher.request_refresh();
            }
            _ => return false,
        }
        self.unanswered.push(Unanswered { place, asking });
        true
    }

    /// Counts the round, and returns how long to wait for the nodes before the next one.
    fn next_delay(&mut self) -> Duration {
        self.rounds += 1;
        self.writes += u8::from(std::mem::take(&mut self.is_unavailable));
        if std::mem::take(&mut self.needs_delay) || self.rounds > IMMEDIATE_REDIRECTIONS {
            RETRY_DELAY
        } else {
            Duration::ZERO
        }
    }
}
