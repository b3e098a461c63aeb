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
use super::hop::Hop;
use super::node_request::{NodeRequest, deserves_another_attempt};
use super::redirect::{
    Destination, IMMEDIATE_REDIRECTIONS, MAX_REDIRECTIONS, RedirectedCall, follow_redirect,
    redirected_slot,
};
use super::refresh::Refresher;
use super::routed::Routed;
use super::script_refusal::confirmed;
use super::slot::Slot;
use crate::connection::{CallOptions, MAX_WRITES, Reply};
use crate::error::Error;
use crate::resp::Refusal;
use crate::runtime::sleep;

/// Delay before commands are sent again that a node could not run yet.
const RETRY_DELAY: Duration = Duration::from_millis(150);

/// A command without an answer.
struct Unanswered {
    /// Its place in the batch.
    place: usize,
    /// The slot of its keys, or the one that a redirection has named.
    slot: Option<Slot>,
    /// The node that a redirection has named.
    next: Option<Hop>,
}

/// Commands for the same node.
struct Group {
    hop: Option<Hop>,
    slot: Option<Slot>,
    /// Their places in the batch.
    places: Vec<usize>,
}

/// What one node has answered.
struct Answer {
    /// The reply to each command, and why the node has not run it, where that is proved.
    replies: Result<Vec<(Value, Option<Refusal>)>, Error>,
    answered_by: Option<Hop>,
    /// How often the commands may have been written without an answer.
    writes: u8,
}

/// A batch on its way.
struct Batch<'a> {
    refresher: &'a Arc<Refresher>,
    commands: &'a [Routed<'a>],
    options: CallOptions,
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
    options: CallOptions,
) -> Result<Vec<Value>, Error> {
    let mut batch = Batch {
        refresher,
        commands,
        options,
        replies: vec![Value::Nil; commands.len()],
        unanswered: commands
            .iter()
            .enumerate()
            .map(|(place, command)| Unanswered {
                place,
                slot: command.slot(),
                next: None,
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
        let answers = groups.iter().map(|group| batch.send(group, deadline));
        let answers = join_all(answers).await;
        batch.take(&groups, answers)?;
        let delay = batch.next_delay();
        let may_wait = delay.is_zero() || !options.fail_fast;
        if batch.unanswered.is_empty() || deadline.left() <= delay || !may_wait {
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
        for Unanswered { place, slot, next } in std::mem::take(&mut self.unanswered) {
            let serving = |slot| self.refresher.nodes().node_for(slot, false);
            let hop = next.or_else(|| serving(slot?).map(Hop::to));
            let is_same = |group: &&mut Group| match (&group.hop, &hop) {
                (Some(one), Some(other)) => one.is_same(other),
                // Without a key it may go with any others; without a node, with those of its slot.
                (one, None) if slot.is_none() => one.as_ref().is_none_or(|hop| !hop.is_asking),
                (None, None) => group.slot == slot,
                (Some(_), None) | (None, Some(_)) => false,
            };
            match groups.iter_mut().find(is_same) {
                Some(group) => group.places.push(place),
                None => groups.push(Group {
                    hop,
                    slot,
                    places: vec![place],
                }),
            }
        }
        groups
    }

    async fn send(&self, group: &Group, deadline: Deadline) -> Answer {
        let commands = group.places.iter().map(|place| &self.commands[*place]);
        let request = NodeRequest::pipeline(commands, self.options);
        let destination = Destination::of(group.slot);
        let mut call = RedirectedCall::new(self.refresher, deadline, destination, &request)
            .by_way_of(group.hop.clone())
            .after_writes(self.writes);
        let reply = call.reply().await;
        let mut answer = Answer {
            replies: Ok(Vec::new()),
            answered_by: call.answered_by().cloned(),
            writes: call.writes(),
        };
        let values = match reply {
            Ok(Reply::Many(values)) => values,
            Ok(Reply::One(value)) => vec![value],
            Ok(Reply::Aborted(refused)) => refused.into_iter().map(|(_, value)| value).collect(),
            Err(error) => {
                answer.replies = Err(error);
                return answer;
            }
        };
        let hop = answer.answered_by.as_ref();
        let refusals = group.places.iter().zip(&values);
        let refusals = refusals.map(|(place, value)| self.refusal(*place, value, hop, deadline));
        // The questions about scripts go to the node together.
        let refusals = join_all(refusals).await;
        answer.replies = Ok(values.into_iter().zip(refusals).collect());
        answer
    }

    /// Returns why the node of `hop` has not run the command at `place`, where that is proved.
    async fn refusal(
        &self,
        place: usize,
        value: &Value,
        hop: Option<&Hop>,
        deadline: Deadline,
    ) -> Option<Refusal> {
        let refusal = Refusal::of(value).filter(deserves_another_attempt)?;
        let command = &self.commands[place];
        if command.info.error_proves_not_run() {
            return Some(refusal);
        }
        // It was sent in each round.
        if self.rounds + 1 >= MAX_WRITES.into() {
            return None;
        }
        confirmed(refusal, command, hop?, self.options, deadline).await
    }

    /// Takes the answers of one round; fails if one group has failed.
    fn take(&mut self, groups: &[Group], answers: Vec<Answer>) -> Result<(), Error> {
        let mut failures = Vec::new();
        for (group, answer) in groups.iter().zip(answers) {
            self.writes = self.writes.max(answer.writes);
            match answer.replies {
                Ok(replies) => self.take_group(group, replies, answer.answered_by.as_ref()),
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
    fn take_group(
        &mut self,
        group: &Group,
        replies: Vec<(Value, Option<Refusal>)>,
        from: Option<&Hop>,
    ) {
        let mut answered_slots = Vec::new();
        for (place, (value, refusal)) in group.places.iter().copied().zip(replies).rev() {
            let slot = self.commands[place].slot();
            let is_overtaken = answered_slots.contains(&slot);
            let next =
                refusal.and_then(|refusal| self.next_attempt(place, &refusal, from, is_overtaken));
            if let Some(unanswered) = next {
                self.unanswered.push(unanswered);
            } else {
                self.is_partly_answered = true;
                answered_slots.push(slot);
            }
            self.replies[place] = value;
        }
    }

    /// Returns where the command at `place`, which the node `from` has refused, goes once more; `None` if
    /// it does not.
    fn next_attempt(
        &mut self,
        place: usize,
        refusal: &Refusal,
        from: Option<&Hop>,
        is_overtaken: bool,
    ) -> Option<Unanswered> {
        let mut unanswered = Unanswered {
            place,
            slot: self.commands[place].slot(),
            next: None,
        };
        match refusal {
            Refusal::Redirect(redirect) if self.rounds < MAX_REDIRECTIONS => {
                // The node knows better than the table of commands which slot the keys are in.
                unanswered.slot = redirected_slot(redirect);
                let follow = |from: &Hop| follow_redirect(self.refresher, redirect, &from.node);
                unanswered.next = from.and_then(follow);
                self.needs_delay |= unanswered.next.is_none();
            }
            Refusal::TryAgain if self.rounds < MAX_REDIRECTIONS && !is_overtaken => {
                self.needs_delay = true;
            }
            Refusal::Unavailable(_) | Refusal::ReadOnly
                if self.writes + 1 < MAX_WRITES && !is_overtaken =>
            {
                self.needs_delay = true;
                self.is_unavailable = true;
                self.refresher.request_refresh();
            }
            _ => return None,
        }
        Some(unanswered)
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
