//! [`Hop`]: one node on the way of a request.

use std::sync::Arc;

use super::node::Node;
use super::node_request::NodeRequest;
use crate::connection::{CallOptions, Reply};
use crate::error::Error;

/// One node on the way of a request.
#[derive(Clone)]
pub(super) struct Hop {
    pub(super) node: Arc<Node>,
    /// `ASK` has named it, for this request alone.
    pub(super) is_asking: bool,
}

impl Hop {
    /// The node that the slot table or `MOVED` names.
    pub(super) fn to(node: Arc<Node>) -> Hop {
        Hop {
            node,
            is_asking: false,
        }
    }

    /// The node that `ASK` names.
    pub(super) fn asking(node: Arc<Node>) -> Hop {
        Hop {
            node,
            is_asking: true,
        }
    }

    pub(super) fn is_same(&self, other: &Hop) -> bool {
        Arc::ptr_eq(&self.node, &other.node) && self.is_asking == other.is_asking
    }

    /// Sends `request` to the node. Returns besides how often it has been written without a reply that
    /// its caller could use, `writes` to other nodes included.
    pub(super) async fn run(
        &self,
        request: &NodeRequest<'_>,
        options: CallOptions,
        writes: u8,
    ) -> (Result<Reply, Error>, u8) {
        let connections = &self.node.connections;
        let packed = request.request(self.is_asking, options);
        let (result, writes) = connections
            .run(request.route, packed, writes, options.timeouts.deadline)
            .await;
        let result = result.map(|reply| {
            if self.is_asking {
                request.without_asking(reply)
            } else {
                reply
            }
        });
        (result, writes)
    }
}
