//! A cluster: many servers, each with a link of its own, and which of them a command goes to.
//!
//! Each node has the same [`Connections`](crate::connections::Connections) as a single server, and with
//! them deadlines, delivery, healing and TLS. What comes on top is where a command's keys are ([`keys`]),
//! who serves them ([`nodes`], [`topology`]), where a node sends a command on to ([`journey`]), and how a
//! command or a pipeline for several nodes is taken apart and put together ([`pipeline`], [`combine`]).
//!
//! # Why not redis-rs's `ClusterConnection`
//!
//! `ClusterConnection<C>` of redis-rs 1.8.1 routes over connections of any type `C`. Tried with a `C` that
//! tells it nothing but what is safe to send again (each figure counted by a `C` in memory):
//!
//! - `INCR` ran twice in 8 of 8 runs in which a refresh of the slots failed while it was in flight: all
//!   requests in flight are sent again then, those that were answered, too. No `C` can prevent that.
//!   Without retries the caller gets the error of the refresh, for a command that has run.
//! - A node that did not answer held up the others: 24 of 50 commands for a healthy node missed a
//!   deadline of 500 ms. A part of an `MSET` was written after its caller had been told of its deadline.
//! - A command took 0.8 µs more than on `C` itself; without a node that accepts it made 390,000
//!   connections per second while nobody waited.
//! - With 200 commands in flight, one `MOVED` ended the connection for good with tokio 1.54 (not with
//!   1.51), redis-rs's own included.
//!
//! And its knowledge of where keys are cannot be used apart from it: `RoutingInfo::for_routable` and the
//! number of a `Slot` are private.

mod combine;
mod journey;
mod keys;
mod nodes;
mod pipeline;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the callers are switched over next")
)]
mod routing;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the callers are switched over next")
)]
mod slot;
mod topology;

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use redis::{Cmd, RedisResult, Value};

use self::combine::{Combine, combine, join, part_of};
use self::journey::{Job, Target, run};
use self::keys::{Pattern, Place, Slots, place, slots_in};
use self::nodes::{Node, Nodes};
use self::pipeline::{Keyed, run_all};
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::link::{self, Limits, Link, Reply, Request, Resend, aborted, arguments, is_read_only};
use crate::route::Route;

pub(crate) struct Cluster {
    nodes: Arc<Nodes>,
}

impl Cluster {
    pub(crate) fn new(config: Config) -> Cluster {
        Cluster {
            nodes: Nodes::new(config),
        }
    }

    pub(crate) fn config(&self) -> &Config {
        self.nodes.config()
    }

    /// Runs `command`, wherever its keys are.
    pub(crate) async fn send(
        &self,
        command: &Cmd,
        route: Route,
        resend: Resend,
    ) -> Result<Reply, Error> {
        let value = self
            .value(Instant::now(), command, route, resend)
            .await
            .map(Reply::One)?;
        Ok(if command.is_no_response() {
            Reply::One(Value::Nil)
        } else {
            value
        })
    }

    async fn value(
        &self,
        start: Instant,
        command: &Cmd,
        route: Route,
        resend: Resend,
    ) -> Result<Value, Error> {
        let target = match place(arguments(command)) {
            Place::Slot(slot) => Target::Slot(slot),
            Place::Anywhere => Target::Anyone,
            Place::Split(pattern, parts) => {
                return self.in_parts(start, command, pattern, parts, resend).await;
            }
            Place::AllPrimaries(how) => {
                let nodes = self.known(start, Nodes::primaries).await?;
                return self.everywhere(start, command, nodes, how, resend).await;
            }
            Place::AllNodes(how) => {
                let nodes = self.known(start, Nodes::all).await?;
                return self.everywhere(start, command, nodes, how, resend).await;
            }
            Place::CrossSlot => return Err(crosses_slots(&name(command))),
            Place::Refused(help) => return Err(refused(&name(command), help)),
        };
        let job = Job::of(command, route, resend);
        one(run(&self.nodes, start, &target, None, &job, &mut 0).await?)
    }

    /// Runs a command whose keys are in several slots: one command for each of them.
    async fn in_parts(
        &self,
        start: Instant,
        command: &Cmd,
        pattern: Pattern,
        parts: Vec<(u16, Vec<usize>)>,
        resend: Resend,
    ) -> Result<Value, Error> {
        let words: Vec<_> = arguments(command).collect();
        let keyed = |(slot, indices): &(u16, Vec<usize>)| Keyed {
            command: Cow::Owned(part_of(&words, indices)),
            slot: Some(*slot),
            route: Route::Shared,
        };
        let commands: Vec<_> = parts.iter().map(keyed).collect();
        let replies = run_all(&self.nodes, start, &commands, resend).await?;
        let indices = parts.into_iter().map(|(_, indices)| indices);
        Ok(join(pattern, indices.zip(replies).collect()))
    }

    /// Runs a command on each of `nodes`.
    async fn everywhere(
        &self,
        start: Instant,
        command: &Cmd,
        nodes: Vec<Arc<Node>>,
        how: Combine,
        resend: Resend,
    ) -> Result<Value, Error> {
        let job = Job::of(command, Route::Shared, resend);
        let (job, addresses) = (&job, nodes.iter().map(|node| node.address.to_string()));
        let addresses: Vec<_> = addresses.collect();
        let running = nodes.into_iter().map(|node| async move {
            run(&self.nodes, start, &Target::Node(node), None, job, &mut 0).await
        });
        let results = join_all(running).await;
        let ran = !job.reads && results.iter().any(Result::is_ok);
        let mut replies = Vec::with_capacity(addresses.len());
        for (address, result) in addresses.into_iter().zip(results) {
            let reply = result.map_err(|error| if ran { partly_run(error) } else { error })?;
            replies.push((address, one(reply)?));
        }
        Ok(combine(how, replies))
    }

    /// Returns the nodes that `choose` finds, once there is a table.
    async fn known(
        &self,
        start: Instant,
        choose: impl Fn(&Nodes) -> Vec<Arc<Node>>,
    ) -> Result<Vec<Arc<Node>>, Error> {
        let deadline = Limits::from(self.config()).deadline;
        loop {
            let nodes = choose(&self.nodes);
            if !nodes.is_empty() {
                return Ok(nodes);
            }
            if self.nodes.is_closed() {
                return Err(link::closed());
            }
            let left = deadline.saturating_sub(start.elapsed());
            match self.nodes.news(left).await {
                Err(error) if link::is_lasting(error.kind()) || start.elapsed() >= deadline => {
                    return Err(error);
                }
                _ => link::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Runs the commands of a pipeline: in their order where they have a key in common, or go to the
    /// same node.
    pub(crate) async fn send_pipeline(
        &self,
        commands: &[&Cmd],
        resend: Resend,
    ) -> Result<Vec<Value>, Error> {
        let start = Instant::now();
        // All of them are looked at before any is sent.
        let mut places = Vec::with_capacity(commands.len());
        for command in commands {
            let place = place(arguments(command));
            match &place {
                Place::CrossSlot => return Err(crosses_slots(&name(command))),
                Place::Refused(help) => return Err(refused(&name(command), help)),
                _ => {}
            }
            places.push((place, Route::of_checked(command)?));
        }
        // Without a table nothing would go together.
        self.known(start, Nodes::primaries).await?;
        let mut replies = Vec::with_capacity(commands.len());
        let stages = self.in_stages(start, commands, &places, resend, &mut replies);
        let result = stages.await;
        let writes = |at: usize| !reads(commands[at]);
        match result {
            Err(error) if (0..replies.len()).any(writes) => Err(partly_run(error)),
            Err(error) => Err(error),
            Ok(()) => Ok(replies),
        }
    }

    /// Runs what goes to one node each together, and what is for several nodes after what is before it.
    async fn in_stages(
        &self,
        start: Instant,
        commands: &[&Cmd],
        places: &[(Place, Route)],
        resend: Resend,
        replies: &mut Vec<Value>,
    ) -> Result<(), Error> {
        let mut together: Vec<Keyed<'_>> = Vec::new();
        for (command, (place, route)) in commands.iter().zip(places) {
            let slot = match place {
                Place::Slot(slot) => Some(*slot),
                Place::Anywhere => None,
                _ => {
                    let before = std::mem::take(&mut together);
                    replies.extend(run_all(&self.nodes, start, &before, resend).await?);
                    replies.push(self.value(start, command, *route, resend).await?);
                    continue;
                }
            };
            together.push(Keyed {
                command: Cow::Borrowed(command),
                slot,
                route: *route,
            });
        }
        replies.extend(run_all(&self.nodes, start, &together, resend).await?);
        Ok(())
    }

    /// Runs a transaction, all of whose keys have to be in one slot; returns the reply to `EXEC`.
    pub(crate) async fn send_transaction(
        &self,
        commands: &[&Cmd],
        packed: Vec<u8>,
        resend: Resend,
    ) -> RedisResult<Vec<Value>> {
        let mut slots = Slots::None;
        let mut route = Route::Shared;
        for command in commands {
            if let Place::Refused(help) = place(arguments(command)) {
                return Err(refused(&name(command), help).into());
            }
            slots = slots.and(slots_in(arguments(command)));
            route = route.and(Route::of_checked(command)?);
        }
        let target = match slots {
            // What asks all nodes otherwise asks the one that the transaction is on.
            Slots::None => Target::Anyone,
            Slots::One(slot) => Target::Slot(slot),
            Slots::Several => return Err(crosses_slots("the transaction").into()),
        };
        let job = Job {
            bytes: Cow::Owned(packed),
            skip: commands.len() + 1,
            count: 1,
            single: false,
            reads: false,
            route,
            resend,
        };
        match run(&self.nodes, Instant::now(), &target, None, &job, &mut 0).await? {
            Reply::Many(values) => Ok(values),
            Reply::One(value) => Ok(vec![value]),
            Reply::Aborted(refused) => Err(aborted(commands.len(), &refused).await),
        }
    }

    /// Asks every primary whether it is there, within `limits`.
    pub(crate) async fn ping(&self, limits: Limits) -> Result<(), Error> {
        let start = Instant::now();
        let primaries = link::within(limits.deadline, self.known(start, Nodes::primaries)).await;
        let late = || {
            let message = format!("no node of the cluster at {} answers", self.config().peer());
            Err(Error::new(ErrorKind::Unreachable, message))
        };
        let primaries = primaries.unwrap_or_else(late)?;
        let ping = redis::cmd("PING");
        let asked = primaries.iter().map(|node| {
            let request = Request::command(&ping, limits).with_resend(Resend::Idempotent);
            node.connections.shared().call(request)
        });
        for (node, result) in primaries.iter().zip(join_all(asked).await) {
            if let Reply::One(Value::ServerError(error)) = result? {
                let message = format!("`{}` is not ready", node.address);
                return Err(Error::new(ErrorKind::NotReady, message).caused_by(error));
            }
        }
        Ok(())
    }

    pub(crate) async fn close(&self, grace: Duration) {
        self.nodes.close(grace).await;
    }

    /// Returns a link of one's own to the node that serves the keys of `command`; `None` where it has
    /// none.
    pub(crate) async fn home_of(&self, command: &Cmd) -> Result<Option<Link>, Error> {
        let slot = match place(arguments(command)) {
            Place::Slot(slot) => slot,
            Place::Split(..) | Place::CrossSlot => return Err(crosses_slots(&name(command))),
            _ => return Ok(None),
        };
        let served = |nodes: &Nodes| nodes.owner(slot, false).into_iter().collect();
        let nodes = self.known(Instant::now(), served).await?;
        Ok(nodes.first().map(|node| node.connections.exclusive()))
    }

    /// Returns a link of one's own to any primary.
    pub(crate) async fn anywhere(&self) -> Result<Link, Error> {
        let any = |nodes: &Nodes| nodes.any().into_iter().collect();
        let nodes = self.known(Instant::now(), any).await?;
        nodes
            .first()
            .map(|node| node.connections.exclusive())
            .ok_or_else(link::closed)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in self.nodes.shut() {
            node.connections.shut_down();
        }
    }
}

impl<'a> Job<'a> {
    fn of(command: &Cmd, route: Route, resend: Resend) -> Job<'a> {
        Job {
            bytes: Cow::Owned(command.get_packed_command()),
            skip: 0,
            count: 1,
            single: true,
            reads: reads(command),
            route,
            resend,
        }
    }
}

fn reads(command: &Cmd) -> bool {
    let mut words = arguments(command);
    let mut word = || words.next().unwrap_or_default();
    is_read_only(word(), word())
}

fn one(reply: Reply) -> Result<Value, Error> {
    match reply {
        Reply::One(value) => Ok(value),
        Reply::Many(mut values) if values.len() == 1 => Ok(values.remove(0)),
        Reply::Many(_) | Reply::Aborted(_) => {
            let message = "one command has more than one reply";
            Err(Error::new(ErrorKind::Protocol, message))
        }
    }
}

/// The name of `command`, fit to print.
fn name(command: &Cmd) -> String {
    let name = arguments(command).next().unwrap_or_default();
    format!(
        "`{}`",
        crate::report::printable(&String::from_utf8_lossy(name))
    )
}

fn crosses_slots(what: &str) -> Error {
    Error::new(
        ErrorKind::InvalidCommand,
        format!("the keys of {what} are in several slots of the cluster (CROSSSLOT)"),
    )
    .note("the command has not run")
    .with_help("give the keys a common hash tag, such as `{user:17}:name` and `{user:17}:cart`")
}

fn refused(what: &str, help: &str) -> Error {
    let message = format!("{what} has no meaning in a cluster as a whole");
    Error::new(ErrorKind::InvalidCommand, message).with_help(help)
}

/// The report where one part has failed and others have run.
fn partly_run(error: Error) -> Error {
    error
        .after_writing()
        .note("commands for other nodes, or before it, have run")
}

/// Runs all of them, and returns what they return in the same order.
async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    enum Slot<F: Future> {
        Running(Pin<Box<F>>),
        Done(Option<F::Output>),
    }
    let running = |future| Slot::Running(Box::pin(future));
    let mut slots: Vec<Slot<F>> = futures.into_iter().map(running).collect();
    poll_fn(|cx| {
        let mut pending = false;
        for slot in &mut slots {
            if let Slot::Running(future) = slot {
                match future.as_mut().poll(cx) {
                    Poll::Ready(output) => *slot = Slot::Done(Some(output)),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            return Poll::Pending;
        }
        let outputs = slots.iter_mut().filter_map(|slot| match slot {
            Slot::Done(output) => output.take(),
            Slot::Running(_) => None,
        });
        Poll::Ready(outputs.collect())
    })
    .await
}
