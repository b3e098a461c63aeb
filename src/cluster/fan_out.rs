//! One command: on one node, in parts on several, or on all of them.

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::future::join_all;
use redis::{Cmd, Value};

use super::batch;
use super::deadline::Deadline;
use super::errors::partly_run;
use super::node::Node;
use super::node_request::NodeRequest;
use super::nodes::Nodes;
use super::redirect::{Destination, RedirectedCall};
use super::refresh::{Refresher, Waiting};
use super::responses::{combine, join};
use super::routed::Routed;
use super::routing::Routing;
use super::slot::Slot;
use crate::command::{ResponsePolicy, SplitBy, split};
use crate::connection::{CallOptions, Route};
use crate::error::Error;
use crate::resp::encode;

/// Runs `command` on the nodes that it goes to, and makes one reply of theirs.
pub(super) async fn run(
    refresher: &Arc<Refresher>,
    deadline: Deadline,
    command: &Routed<'_>,
    options: CallOptions,
) -> Result<Value, Error> {
    let fan_out = FanOut {
        refresher,
        deadline,
        command,
        options,
    };
    match &command.routing {
        Routing::Slot(_) | Routing::AnyPrimary => fan_out.on_one_node().await,
        Routing::Split(split_by, parts) => fan_out.in_parts(*split_by, parts).await,
        Routing::AllPrimaries(policy) => fan_out.on_nodes(Nodes::primaries, *policy).await,
        Routing::AllNodes(policy) => fan_out.on_nodes(Nodes::all, *policy).await,
    }
}

/// A command on its way to several nodes.
struct FanOut<'a> {
    refresher: &'a Arc<Refresher>,
    deadline: Deadline,
    command: &'a Routed<'a>,
    options: CallOptions,
}

impl FanOut<'_> {
    async fn on_one_node(&self) -> Result<Value, Error> {
        let request = NodeRequest::command(self.command, self.options);
        let destination = Destination::of(self.command.slot());
        let mut call = RedirectedCall::new(self.refresher, self.deadline, destination, &request);
        Ok(call.reply().await?.single())
    }

    /// Runs a command whose keys are in several slots: one command for each of them.
    async fn in_parts(
        &self,
        split_by: SplitBy,
        parts: &[(Slot, Vec<usize>)],
    ) -> Result<Value, Error> {
        let FanOut {
            refresher,
            deadline,
            command,
            options,
        } = *self;
        let arguments = split(&command.bytes).unwrap_or_default();
        let arguments = arguments.first().map(Vec::as_slice).unwrap_or_default();
        let part = |(slot, indices): &(Slot, Vec<usize>)| Routed {
            bytes: Cow::Owned(part_of(arguments, indices)),
            info: command.info,
            route: Route::Shared,
            routing: Routing::Slot(*slot),
        };
        let commands: Vec<_> = parts.iter().map(part).collect();
        let replies = batch::run(refresher, deadline, &commands, options).await?;
        let indices = parts.iter().map(|(_, indices)| indices.as_slice());
        Ok(join(split_by, indices.zip(replies).collect()))
    }

    /// Runs a command on each of the nodes that `choose` returns.
    async fn on_nodes(
        &self,
        choose: impl Fn(&Nodes) -> Vec<Arc<Node>>,
        policy: ResponsePolicy,
    ) -> Result<Value, Error> {
        let choose = |nodes: &Nodes| Some(choose(nodes)).filter(|nodes| !nodes.is_empty());
        let waiting = Waiting::until(self.deadline, self.options);
        let nodes = self.refresher.wait_for(waiting, None, choose);
        let nodes = nodes.await?;
        let request = &NodeRequest::command(self.command, self.options);
        let running = nodes.into_iter().map(|node| async move {
            let address = node.address().to_string();
            let destination = Destination::Node(node);
            let mut call = RedirectedCall::new(self.refresher, self.deadline, destination, request);
            (address, call.reply().await)
        });
        let results = join_all(running).await;
        let writes = !self.command.info.reads();
        let is_partly_run = writes && results.iter().any(|(_, result)| result.is_ok());
        let mut replies = Vec::with_capacity(results.len());
        for (address, result) in results {
            match result {
                Ok(reply) => replies.push((address, reply.single())),
                Err(error) if is_partly_run => return Err(partly_run(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(combine(policy, replies))
    }
}

/// Encodes the command for one part of another, whose `arguments` begin with its name.
///
/// The indices are those of [`Routing::Split`], counted behind the name.
fn part_of(arguments: &[&[u8]], indices: &[usize]) -> Vec<u8> {
    let mut part = Cmd::new();
    part.arg(arguments.first());
    for index in indices {
        part.arg(arguments.get(index + 1));
    }
    let mut bytes = Vec::new();
    encode(&part, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_the_name_and_its_own_arguments() {
        let command: [&[u8]; 5] = [b"MSET", b"a", b"1", b"", b"\xff\r\n"];
        assert_eq!(
            part_of(&command, &[2, 3]),
            b"*3\r\n$4\r\nMSET\r\n$0\r\n\r\n$3\r\n\xff\r\n\r\n"
        );
    }
}
