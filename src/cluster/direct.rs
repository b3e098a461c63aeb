//! [`DirectCommand`]: the short way of a command whose keys are in one slot.
//!
//! Nearly every command is such a one, and the node that the slot table names answers it at once. It is
//! encoded straight into the queue of that node, and pays neither for a copy of its bytes nor for what
//! follows redirections. That begins where the first answer is not for its caller alone, and goes on with
//! the deadline and the writes of the first attempt.

use std::borrow::Cow;
use std::sync::Arc;

use redis::{Cmd, RedisResult, Value};

use super::deadline::Deadline;
use super::node::Node;
use super::node_request::NodeRequest;
use super::nodes::Nodes;
use super::redirect::{Attempt, Destination, RedirectedCall, is_for_its_caller};
use super::refresh::Refresher;
use super::routed::Routed;
use super::routing::Routing;
use super::slot::Slot;
use crate::command::CommandInfo;
use crate::connection::{CallOptions, Request, Route};
use crate::error::Error;
use crate::resp::encode;
use crate::url::ReadFrom;

/// A command that the primary of its slot takes as it is, on the connection that all callers share.
pub(super) struct DirectCommand<'a> {
    pub(super) command: &'a Cmd,
    pub(super) info: CommandInfo,
    pub(super) slot: Slot,
    pub(super) options: CallOptions,
}

impl DirectCommand<'_> {
    /// Returns the primary that serves its slot; `None` if that is not known, or if the command has to
    /// take the long way.
    pub(super) fn node(&self, nodes: &Nodes) -> Option<Arc<Node>> {
        let may_go_to_replica =
            self.info.reads() && nodes.config().read_from() != ReadFrom::Primary;
        let is_direct =
            self.info.is_plain() && !may_go_to_replica && !self.command.is_no_response();
        if is_direct {
            nodes.node_for(self.slot, false)
        } else {
            None
        }
    }

    /// Sends it to `node`, and wherever that redirects it.
    pub(super) async fn send(
        self,
        refresher: &Arc<Refresher>,
        node: Arc<Node>,
    ) -> RedisResult<Value> {
        let request = Request::command(self.command, self.info, self.options).in_cluster();
        let mut call = node.connections.shared().call(request);
        match call.reply().await {
            Ok(reply) if is_for_its_caller(&reply) => Ok(reply.single()),
            result => {
                let deadline = Deadline::since(call.started(), self.options.timeouts.deadline);
                let first = Attempt::new(Arc::clone(&node), result, call.writes());
                Ok(Box::pin(self.go_on(refresher, deadline, first)).await?)
            }
        }
    }

    /// Goes on after the `first` attempt, as after any other.
    async fn go_on(
        &self,
        refresher: &Arc<Refresher>,
        deadline: Deadline,
        first: Attempt,
    ) -> Result<Value, Error> {
        let mut bytes = Vec::new();
        encode(self.command, &mut bytes);
        let routed = Routed {
            bytes: Cow::Owned(bytes),
            info: self.info,
            route: Route::Shared,
            routing: Routing::Slot(self.slot),
        };
        let request = NodeRequest::command(&routed, self.options);
        let destination = Destination::Slot(self.slot);
        let mut call = RedirectedCall::new(refresher, deadline, destination, &request).after(first);
        Ok(call.reply().await?.single())
    }
}

#[cfg(test)]
#[cfg(all(feature = "testing", unix))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::address::Address;
    use crate::config::{Announced, Announcer};
    use crate::testing::Server;

    fn announced(host: &str, port: u16) -> Announced {
        Announced {
            address: Address::new(host, port),
            by: Announcer::Node(Address::new("seed", 7000)),
        }
    }

    #[tokio::test]
    async fn a_command_whose_node_leaves_once_it_is_chosen_goes_to_the_next() {
        let server = Server::builder().tcp().start();
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let port = server.port().expect("it listens on a port");
        let config = "redis-cluster://seed:7000".parse().expect("valid");
        let refresher = Refresher::new(Arc::new(config), Vec::new());
        let (nodes, slot) = (refresher.nodes(), Slot::of_key(b"key"));
        assert!(nodes.moved(slot, &announced("leaving", 1)));
        let mut incr = redis::cmd("INCR");
        incr.arg("key");
        let command = DirectCommand {
            command: &incr,
            info: CommandInfo::of(crate::command::arguments(&incr)),
            slot,
            options: CallOptions::from(nodes.config()),
        };
        let leaving = command.node(nodes).expect("it serves the slot");
        assert!(nodes.moved(slot, &announced("127.0.0.1", port)));
        leaving.connections.close(Duration::ZERO).await;
        let reply = command.send(&refresher, leaving).await;
        assert_eq!(reply, Ok(Value::Int(1)));
    }
}
