//! [`Place`]: a node that connections of other kinds than those of commands lead to.

use std::sync::Arc;
use std::time::Duration;

use super::node::Node;
use super::nodes::Nodes;
use super::redirect::follow_redirect;
use super::refresh::Waiting;
use super::router::Cluster;
use super::slot::Slot;
use crate::address::Address;
use crate::config::Target;
use crate::error::Error;
use crate::resp::Redirect;

/// A node that connections of other kinds than those of commands lead to.
#[derive(Clone)]
pub(crate) struct Place(Arc<Node>);

impl Place {
    pub(crate) fn address(&self) -> &Address {
        self.0.address()
    }

    pub(crate) fn target(&self) -> &Target {
        self.0.connections.shared().target()
    }
}

impl Cluster {
    /// Returns the primary that serves `slot`; waits at most `limit` for a slot table that has one.
    pub(crate) async fn place_of(&self, slot: Slot, limit: Duration) -> Result<Place, Error> {
        let serving = |nodes: &Nodes| nodes.node_for(slot, false);
        let node = self
            .refresher
            .wait_for(Waiting::within(limit), Some(slot), serving);
        node.await.map(Place)
    }

    /// Returns the primary that serves `slot` as far as is known now.
    pub(crate) fn known_place(&self, slot: Slot) -> Option<Place> {
        self.refresher.nodes().node_for(slot, false).map(Place)
    }

    /// Returns any primary; waits at most `limit` for a slot table.
    pub(crate) async fn any_place(&self, limit: Duration) -> Result<Place, Error> {
        let any = Nodes::any_primary;
        let node = self.refresher.wait_for(Waiting::within(limit), None, any);
        node.await.map(Place)
    }

    /// Follows a redirection by the node at `from`; returns where it leads, if that can be read.
    pub(crate) fn redirected_place(&self, redirect: &Redirect, from: &Place) -> Option<Place> {
        let hop = follow_redirect(&self.refresher, redirect, &from.0)?;
        Some(Place(hop.node))
    }

    /// Fetches the slot table; waits at most `limit` for it.
    pub(crate) async fn refresh(&self, limit: Duration) {
        // Whatever it is, the table that there is then is used.
        let _ = self
            .refresher
            .wait_for_refresh(Waiting::within(limit))
            .await;
    }

    /// Returns whether a node that is at the address of `place` serves slots, as far as is known now.
    pub(crate) fn serves(&self, place: &Place) -> bool {
        let primaries = self.refresher.nodes().primaries();
        let mut addresses = primaries.iter().map(|node| node.address());
        primaries.is_empty() || addresses.any(|address| address == place.address())
    }
}
