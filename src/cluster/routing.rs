//! Which nodes of a cluster a command goes to.

use std::collections::HashMap;

use super::slot::Slot;
use crate::command::{CommandInfo, ResponsePolicy, RoutingRule, SplitBy, number};

/// Which nodes of a cluster a command goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Routing {
    /// The node that serves this slot, which all keys are in.
    Slot(Slot),
    /// Any primary: there is no key.
    AnyPrimary,
    /// One part for each slot, in the order in which the slots appear first.
    ///
    /// With a slot stand the arguments that go there, counted from 0 behind the name.
    Split(SplitBy, Vec<(Slot, Vec<usize>)>),
    /// Every primary.
    AllPrimaries(ResponsePolicy),
    /// Every node, replicas too.
    AllNodes(ResponsePolicy),
}

/// Why a command goes to no node of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unroutable {
    /// The keys are in several slots, and the command cannot be split.
    CrossSlot,
    /// The command has no meaning in a cluster; the text says what to do instead.
    Refused(&'static str),
}

impl Routing {
    /// Returns where to send the command with these arguments, the first of which is its name.
    ///
    /// It allocates only for a command that has to be split.
    pub(crate) fn of<'a>(
        info: CommandInfo,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<Routing, Unroutable> {
        let split_by = match info.routing_rule() {
            RoutingRule::AllPrimaries(policy) => return Ok(Routing::AllPrimaries(policy)),
            RoutingRule::AllNodes(policy) => return Ok(Routing::AllNodes(policy)),
            RoutingRule::Refused(instead) => return Err(Unroutable::Refused(instead)),
            RoutingRule::SlotNumber => return Ok(Routing::of_slot_number(arguments)),
            RoutingRule::ByKeys => None,
            RoutingRule::Split(split_by) => Some(split_by),
        };
        match (KeySlots::of(info, arguments.clone()), split_by) {
            (KeySlots::None, _) => Ok(Routing::AnyPrimary),
            (KeySlots::One(slot), _) => Ok(Routing::Slot(slot)),
            (KeySlots::Several, Some(split_by)) => Ok(split(split_by, arguments)),
            (KeySlots::Several, None) => Err(Unroutable::CrossSlot),
        }
    }

    /// An argument that is not the number of a slot is refused by the server.
    fn of_slot_number<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> Routing {
        arguments
            .nth(2)
            .and_then(number)
            .and_then(Slot::new)
            .map_or(Routing::AnyPrimary, Routing::Slot)
    }
}

fn split<'a>(split_by: SplitBy, arguments: impl Iterator<Item = &'a [u8]> + Clone) -> Routing {
    let arguments = arguments.skip(1);
    let count = arguments.clone().count();
    let per_key = split_by.arguments_per_key();
    let mut parts: Vec<(Slot, Vec<usize>)> = Vec::new();
    let mut part_of_slot = HashMap::new();
    for (index, key) in arguments.enumerate().step_by(per_key) {
        let slot = Slot::of_key(key);
        if index + per_key > count {
            // A key without its value: the server says so, and runs nothing.
            return Routing::Slot(slot);
        }
        let part = *part_of_slot.entry(slot).or_insert_with(|| {
            parts.push((slot, Vec::new()));
            parts.len() - 1
        });
        parts[part].1.extend(index..index + per_key);
    }
    Routing::Split(split_by, parts)
}

/// The slots that keys are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeySlots {
    /// There is no key.
    None,
    One(Slot),
    Several,
}

impl KeySlots {
    /// Returns the slots of a command's keys.
    ///
    /// Those of a transaction are `commands.map(of).fold(KeySlots::None, KeySlots::and)`.
    pub(crate) fn of<'a>(
        info: CommandInfo,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> KeySlots {
        let mut slots = KeySlots::None;
        info.keys(arguments, |_, key| {
            if slots != KeySlots::Several {
                slots = slots.and(KeySlots::One(Slot::of_key(key)));
            }
        });
        slots
    }

    /// Returns the slots of both.
    pub(crate) fn and(self, other: KeySlots) -> KeySlots {
        match (self, other) {
            (KeySlots::None, slots) | (slots, KeySlots::None) => slots,
            (KeySlots::One(one), KeySlots::One(other)) if one == other => self,
            _ => KeySlots::Several,
        }
    }
}

#[cfg(test)]
mod tests;
