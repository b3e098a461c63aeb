//! [`Routed`]: a command in the form in which it is sent, and where it goes.

use std::borrow::Cow;

use super::errors::{crosses_slots, no_meaning, quoted_name};
use super::routing::{Routing, Unroutable};
use super::slot::Slot;
use crate::command::CommandInfo;
use crate::connection::Route;
use crate::error::Error;

/// A command in the form in which it is sent, and where it goes.
#[derive(Clone)]
pub(super) struct Routed<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) info: CommandInfo,
    /// Which connection of a node it goes to.
    pub(super) route: Route,
    /// Which nodes it goes to.
    pub(super) routing: Routing,
}

impl<'a> Routed<'a> {
    /// Takes the command that consists of `bytes` and has these `arguments`; `info` is known about it.
    ///
    /// # Errors
    /// Why it cannot be sent to a cluster.
    pub(super) fn new<'b>(
        bytes: impl Into<Cow<'a, [u8]>>,
        arguments: impl Iterator<Item = &'b [u8]> + Clone,
        info: CommandInfo,
    ) -> Result<Routed<'a>, Error> {
        let routing = Routing::of(info, arguments.clone());
        Routed::with_routing(bytes, arguments, info, routing)
    }

    /// As [`new`](Routed::new), with what [`Routing::of`] has returned before.
    pub(super) fn with_routing<'b>(
        bytes: impl Into<Cow<'a, [u8]>>,
        arguments: impl Iterator<Item = &'b [u8]> + Clone,
        info: CommandInfo,
        routing: Result<Routing, Unroutable>,
    ) -> Result<Routed<'a>, Error> {
        let route = Route::of(info, arguments.clone())?;
        let routing = routing.map_err(|why| match why {
            Unroutable::CrossSlot => crosses_slots(&quoted_name(arguments)),
            Unroutable::Refused(instead) => no_meaning(&quoted_name(arguments), instead),
        })?;
        Ok(Routed {
            bytes: bytes.into(),
            info,
            route,
            routing,
        })
    }

    /// Returns the slot of all its keys; `None` if it has no key, or if it goes to several nodes.
    pub(super) fn slot(&self) -> Option<Slot> {
        match self.routing {
            Routing::Slot(slot) => Some(slot),
            _ => None,
        }
    }

    /// Returns whether it goes to one node, whole.
    pub(super) fn is_for_one_node(&self) -> bool {
        matches!(self.routing, Routing::Slot(_) | Routing::AnyPrimary)
    }
}
