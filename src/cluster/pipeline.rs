//! Commands for several nodes at once: pipelines, and what becomes of a command whose keys are in
//! several slots.
//!
//! The commands for one node go there together, in their order. One that is redirected is sent on by
//! itself, and the others are not sent again.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Cmd, Value};

use super::journey::{Job, MAX_REDIRECTIONS, QUICK_REDIRECTIONS, Refused, Target, redirected, run};
use super::nodes::{Node, Nodes};
use super::{join_all, partly_run, reads};
use crate::error::Error;
use crate::link::{self, Limits, MAX_WRITES, Reply, Resend};
use crate::route::Route;

/// Before commands are sent again that could not run yet.
const PAUSE: Duration = Duration::from_millis(150);

/// A command, and the slot of its keys, if it has any.
#[derive(Clone)]
pub(super) struct Keyed<'a> {
    pub(super) command: Cow<'a, Cmd>,
    pub(super) slot: Option<u16>,
    pub(super) route: Route,
}

/// A command that has no answer yet.
struct Open {
    /// Its place in the pipeline.
    at: usize,
    asking: Option<Arc<Node>>,
}

/// What one node has answered, and how often it has been written to without an answer.
type Sent = (Result<Vec<Value>, Error>, u8);

/// What goes to one node.
struct Group {
    node: Option<Arc<Node>>,
    is_asking: bool,
    slot: Option<u16>,
    members: Vec<usize>,
}

/// Commands on their way, and what has come of them so far.
struct Progress<'a> {
    nodes: &'a Arc<Nodes>,
    commands: &'a [Keyed<'a>],
    replies: Vec<Value>,
    open: Vec<Open>,
    /// Whether the nodes need time before the next round.
    pause: bool,
    /// Whether one of this round was refused for another reason than where its slot is.
    refused: bool,
    redirections: u32,
    /// How often the one written most often was, without an answer.
    writes: u8,
    /// Some have been answered for good.
    answered: bool,
}

/// Runs `commands`, and returns their replies in the same order.
pub(super) async fn run_all(
    nodes: &Arc<Nodes>,
    start: Instant,
    commands: &[Keyed<'_>],
    resend: Resend,
) -> Result<Vec<Value>, Error> {
    let whole = |at| Open { at, asking: None };
    let mut progress = Progress {
        nodes,
        commands,
        replies: vec![Value::Nil; commands.len()],
        open: (0..commands.len()).map(whole).collect(),
        pause: false,
        refused: false,
        redirections: 0,
        writes: 0,
        answered: false,
    };
    let deadline = Limits::from(nodes.config()).deadline;
    loop {
        let groups = groups(nodes, commands, &std::mem::take(&mut progress.open));
        let writes = progress.writes;
        let sent = groups
            .iter()
            .map(|group| send(nodes, start, group, commands, resend, writes));
        let results = join_all(sent).await;
        progress.take(&groups, results)?;
        let pause = progress.next_pause();
        if progress.open.is_empty() || start.elapsed() + pause >= deadline {
            return Ok(progress.replies);
        }
        if !pause.is_zero() {
            link::sleep(pause).await;
        }
    }
}

impl Progress<'_> {
    /// Takes the replies of one round; fails if one group has failed.
    fn take(&mut self, groups: &[Group], results: Vec<Sent>) -> Result<(), Error> {
        let mut failures = Vec::new();
        for (group, (result, writes)) in groups.iter().zip(results) {
            self.writes = self.writes.max(writes);
            match result {
                Ok(values) => self.take_group(group, values),
                Err(error) => failures.push(error),
            }
        }
        self.open.sort_by_key(|open| open.at);
        // One that may have run says more than one that has not.
        let worst = failures.iter().position(Error::may_have_run).unwrap_or(0);
        if failures.is_empty() {
            return Ok(());
        }
        let error = failures.swap_remove(worst);
        let writes = self.commands.iter().any(|keyed| !reads(&keyed.command));
        Err(if self.answered && writes {
            partly_run(error)
        } else {
            error
        })
    }

    /// From behind: what was refused for now is not sent again after a later command of its slot has
    /// run, for then it would run out of turn.
    fn take_group(&mut self, group: &Group, values: Vec<Value>) {
        let mut ran = Vec::new();
        for (at, value) in group.members.iter().copied().zip(values).rev() {
            let slot = self.commands[at].slot;
            if !self.goes_on(at, &value, group.node.as_deref(), ran.contains(&slot)) {
                self.answered = true;
                ran.push(slot);
            }
            self.replies[at] = value;
        }
    }

    /// Opens the command at `at` again if `value`, from the node `from`, says that it has not run.
    fn goes_on(&mut self, at: usize, value: &Value, from: Option<&Node>, overtaken: bool) -> bool {
        let mut asking = None;
        match Refused::of(value) {
            Some(Refused::To(to)) if self.redirections < MAX_REDIRECTIONS => {
                asking = from.and_then(|from| redirected(self.nodes, &to, from));
            }
            Some(Refused::NotYet) if self.redirections < MAX_REDIRECTIONS && !overtaken => {
                self.pause = true;
            }
            Some(Refused::Later)
                if self.writes + 1 < MAX_WRITES
                    && !overtaken
                    && link::is_refused_whole(name(&self.commands[at].command)) =>
            {
                self.pause = true;
                self.refused = true;
                self.nodes.want();
            }
            Some(_) | None => return false,
        }
        self.open.push(Open { at, asking });
        true
    }

    /// Counts the round, and returns how long to wait for the nodes before the next.
    fn next_pause(&mut self) -> Duration {
        self.redirections += 1;
        self.writes += u8::from(std::mem::take(&mut self.refused));
        if std::mem::take(&mut self.pause) || self.redirections > QUICK_REDIRECTIONS {
            PAUSE
        } else {
            Duration::ZERO
        }
    }
}

fn name(command: &Cmd) -> &[u8] {
    link::arguments(command).next().unwrap_or_default()
}

/// Puts together what goes to the same node, in order.
fn groups(nodes: &Arc<Nodes>, commands: &[Keyed<'_>], open: &[Open]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for Open { at, asking } in open {
        let keyed = &commands[*at];
        let owner = || nodes.owner(keyed.slot?, false);
        let node = asking.clone().or_else(owner);
        let is_asking = asking.is_some();
        let same = |group: &&mut Group| match (&group.node, &node) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) && group.is_asking == is_asking,
            // Without a key it may go with the others; without an owner, with those of its slot.
            (_, None) if keyed.slot.is_none() => !group.is_asking,
            (None, None) => group.slot == keyed.slot,
            (Some(_), None) | (None, Some(_)) => false,
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.members.push(*at),
            None => groups.push(Group {
                node,
                is_asking,
                slot: keyed.slot,
                members: vec![*at],
            }),
        }
    }
    groups
}

async fn send(
    nodes: &Arc<Nodes>,
    start: Instant,
    group: &Group,
    commands: &[Keyed<'_>],
    resend: Resend,
    mut writes: u8,
) -> Sent {
    let members = || group.members.iter().map(|at| &commands[*at]);
    let mut bytes = Vec::new();
    for keyed in members() {
        bytes.extend_from_slice(&keyed.command.get_packed_command());
    }
    let job = Job {
        bytes: Cow::Owned(bytes),
        skip: 0,
        count: group.members.len(),
        single: false,
        reads: false,
        route: members().fold(Route::Shared, |route, keyed| route.and(keyed.route)),
        resend,
    };
    let target = group.slot.map_or(Target::Anyone, Target::Slot);
    let asking = group.node.clone().filter(|_| group.is_asking);
    let result = run(nodes, start, &target, asking, &job, &mut writes).await;
    let values = result.map(|reply| match reply {
        Reply::Many(values) => values,
        Reply::One(value) => vec![value],
        Reply::Aborted(refused) => refused.into_iter().map(|(_, value)| value).collect(),
    });
    (values, writes)
}
