//! [`Cluster`]: sends commands to the nodes of a cluster that serve their keys.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use redis::{Cmd, RedisFuture, RedisResult, Value};

use super::deadline::Deadline;
use super::direct::DirectCommand;
use super::errors::{crosses_slots, no_meaning, quoted_name};
use super::node::Node;
use super::node_request::NodeRequest;
use super::nodes::Nodes;
use super::redirect::{Destination, RedirectedCall};
use super::refresh::{Refresher, Waiting};
use super::routed::Routed;
use super::routing::{KeySlots, Routing, Unroutable};
use super::{fan_out, pipeline};
use crate::address::Address;
use crate::command::{CommandInfo, RoutingRule, arguments, encoded_commands};
use crate::config::Config;
use crate::connection::{
    CallOptions, ExpectedReplies, LearnedCommands, MultiplexedConnection, Packed, Reply, Route,
    check_not_empty, empty_command,
};
use crate::error::Error;
use crate::observe::{NodeHealth, Tally};
use crate::resp::encode;

/// A cluster. Dropping it closes the connections to its nodes.
pub(crate) struct Cluster {
    pub(super) refresher: Arc<Refresher>,
    learned: LearnedCommands,
}

impl Cluster {
    /// `seeds` are the nodes that the URL names.
    pub(crate) fn new(config: Arc<Config>, seeds: Vec<Address>) -> Cluster {
        Cluster {
            refresher: Refresher::new(config, seeds),
            learned: LearnedCommands::default(),
        }
    }

    /// Sends `command` to the nodes that serve its keys. Nearly every command has one slot and goes straight
    /// to a node, which is chosen here and not in the future: that has less to carry along.
    pub(crate) fn send<'a>(
        &'a self,
        command: &'a Cmd,
        options: CallOptions,
    ) -> RedisFuture<'a, Value> {
        let info = CommandInfo::of(arguments(command));
        let routing = Routing::of(info, arguments(command));
        if let Ok(Routing::Slot(slot)) = routing {
            let command = DirectCommand {
                command,
                info,
                slot,
                options,
            };
            if let Some(node) = command.node(self.refresher.nodes()) {
                return Box::pin(command.send(&self.refresher, node));
            }
        }
        Box::pin(self.send_by_routing(command, info, routing, options))
    }

    /// Runs any command: on one node, in parts on several, or on all of them. `info` and `routing` are
    /// what the table of commands tells.
    async fn send_by_routing(
        &self,
        command: &Cmd,
        info: CommandInfo,
        routing: Result<Routing, Unroutable>,
        options: CallOptions,
    ) -> RedisResult<Value> {
        check_not_empty(command)?;
        let deadline = Deadline::new(options.timeouts.deadline);
        let mut bytes = Vec::new();
        encode(command, &mut bytes);
        let routed = if info.is_unknown() {
            let info = self.info(arguments(command), options, deadline).await?;
            Routed::new(bytes, arguments(command), info)?
        } else {
            Routed::with_routing(bytes, arguments(command), info, routing)?
        };
        let value = fan_out::run(&self.refresher, deadline, &routed, options).await?;
        Ok(if command.is_no_response() {
            Value::Nil
        } else {
            value
        })
    }

    /// Runs a command, a pipeline or a transaction.
    pub(crate) async fn send_packed(
        &self,
        packed: Packed<'_>,
        options: CallOptions,
    ) -> RedisResult<Reply> {
        let deadline = Deadline::new(options.timeouts.deadline);
        if packed.is_transaction() {
            return Ok(self.send_transaction(deadline, packed, options).await?);
        }
        // All commands are looked at before any is sent.
        let mut commands = Vec::new();
        for (bytes, command) in encoded_commands(packed.bytes()).zip(packed.commands()) {
            let arguments = command.into_iter();
            let info = self.info(arguments.clone(), options, deadline).await?;
            commands.push(Routed::new(bytes, arguments, info)?);
        }
        Ok(match packed.expected() {
            ExpectedReplies::One => {
                let command = commands.first().ok_or_else(empty_command)?;
                Reply::One(fan_out::run(&self.refresher, deadline, command, options).await?)
            }
            ExpectedReplies::Many { .. } => {
                Reply::Many(pipeline::run(&self.refresher, deadline, &commands, options).await?)
            }
        })
    }

    /// Runs a transaction, all of whose keys have to be in one slot.
    async fn send_transaction(
        &self,
        deadline: Deadline,
        packed: Packed<'_>,
        options: CallOptions,
    ) -> Result<Reply, Error> {
        let (mut slots, mut route) = (KeySlots::None, Route::Shared);
        let mut infos = Vec::new();
        for command in packed.commands() {
            let arguments = command.iter().copied();
            let info = self.info(arguments.clone(), options, deadline).await?;
            infos.push(info);
            route = route.and(Route::of(info, arguments.clone())?);
            if let RoutingRule::Refused(instead) = info.routing_rule() {
                return Err(no_meaning(&quoted_name(arguments), instead));
            }
            slots = slots.and(KeySlots::of(info, arguments));
        }
        let destination = match slots {
            // A command that goes to all nodes otherwise is run by the one that has the transaction.
            KeySlots::None => Destination::AnyPrimary,
            KeySlots::One(slot) => Destination::Slot(slot),
            KeySlots::Several => return Err(crosses_slots("the transaction")),
        };
        let packed = packed.with_infos(infos.into_iter());
        let request = NodeRequest::transaction(packed, route, options);
        let mut call = RedirectedCall::new(&self.refresher, deadline, destination, &request);
        call.reply().await
    }

    /// Returns what is known about a command; asks a primary about one that the table lacks.
    async fn info<'a>(
        &self,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
        options: CallOptions,
        deadline: Deadline,
    ) -> Result<CommandInfo, Error> {
        // What one node says holds for all, whatever connections are made.
        const NUMBER: u64 = 0;
        let info = CommandInfo::of(arguments.clone());
        if !info.is_unknown() {
            return Ok(info);
        }
        if let Some(info) = self.learned.get(arguments.clone(), NUMBER) {
            return Ok(info);
        }
        let waiting = Waiting::until(deadline, options);
        loop {
            let node = self.refresher.wait_for(waiting, None, Nodes::any_primary);
            let node = node.await.map_err(Error::not_run)?;
            // Another node may answer where this one does not.
            let limit = deadline.left().min(options.timeouts.response_timeout);
            let options = options.with_timeouts(options.timeouts.with_deadline(limit));
            let shared = node.connections.shared();
            let looked_up = self
                .learned
                .look_up(arguments.clone(), shared, || NUMBER, options);
            match looked_up.await {
                Err(error) if error.is_transient() && !deadline.is_over() && !options.fail_fast => {
                }
                result => return result,
            }
        }
    }

    /// Sends `PING` to every primary; both the wait for the slot table and the replies come within the
    /// deadline of `options`.
    pub(crate) async fn ping(&self, options: CallOptions) -> Result<(), Error> {
        let waiting = Waiting::new(options);
        let primaries = |nodes: &Nodes| Some(nodes.primaries()).filter(|nodes| !nodes.is_empty());
        let primaries = self.refresher.wait_for(waiting, None, primaries).await?;
        let left = options.timeouts.with_deadline(waiting.deadline.left());
        let options = options.with_timeouts(left);
        let pings = primaries.iter().map(|node| node.connections.ping(options));
        try_join_all(pings).await?;
        Ok(())
    }

    /// Returns a new dedicated connection to any primary.
    pub(crate) async fn dedicated_to_any(
        &self,
        options: CallOptions,
    ) -> Result<MultiplexedConnection, Error> {
        let any = Nodes::any_primary;
        let node = self
            .refresher
            .wait_for(Waiting::new(options), None, any)
            .await?;
        Ok(node.connections.dedicated())
    }

    /// Returns a new dedicated connection to the node that serves the keys of the command with these
    /// `arguments`; `None` if it has no key. Waits for the slot table within
    /// the deadline of `options`.
    pub(crate) async fn dedicated_for<'a>(
        &self,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
        options: CallOptions,
    ) -> Result<Option<MultiplexedConnection>, Error> {
        let info = CommandInfo::of(arguments.clone());
        let slot = match Routing::of(info, arguments.clone()) {
            Ok(Routing::Slot(slot)) => slot,
            Ok(Routing::Split(..)) | Err(Unroutable::CrossSlot) => {
                return Err(crosses_slots(&quoted_name(arguments)));
            }
            Ok(Routing::AnyPrimary | Routing::AllPrimaries(_) | Routing::AllNodes(_)) => {
                return Ok(None);
            }
            // It would be run by a node that its caller does not mean.
            Err(Unroutable::Refused(instead)) => {
                return Err(no_meaning(&quoted_name(arguments), instead));
            }
        };
        let serving = |nodes: &Nodes| nodes.node_for(slot, false);
        let waiting = Waiting::new(options);
        let node = self.refresher.wait_for(waiting, Some(slot), serving);
        Ok(Some(node.await?.connections.dedicated()))
    }

    /// Returns what all connections of the client count together.
    pub(crate) fn tally(&self) -> &Arc<Tally> {
        &self.refresher.nodes().tally
    }

    /// Returns how each node is, in the order of their addresses.
    pub(crate) fn health(&self) -> Vec<NodeHealth> {
        let known = self.refresher.nodes().known();
        let health = |node: &Arc<Node>| node.connections.shared().health();
        let mut nodes: Vec<_> = known.iter().map(health).collect();
        nodes.sort_by(|one, other| one.address.cmp(&other.address));
        nodes
    }

    /// Refuses new commands, waits at most `grace` for those in flight, then closes.
    pub(crate) async fn close(&self, grace: Duration) {
        let nodes = self.refresher.start_closing();
        join_all(nodes.iter().map(|node| node.connections.close(grace))).await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in self.refresher.start_closing() {
            node.connections.shut_down();
        }
    }
}
