//! From the arguments of a command to its row of the table.

use super::effect::{Blocks, Effect, Session};
use super::packed_name::PackedName;
use super::row::{Access, RoutingRule, Row};
use super::table::{TABLE, UNKNOWN, UNKNOWN_SUBCOMMAND};

/// Number of places in the index: a power of two, more than twice the number of rows, so that a name is
/// mostly found at its first place.
const INDEX_SIZE: usize = 1024;

/// The rows by the hash of their names, built by the compiler; a taken place is followed by the next.
static INDEX: [Option<&Row>; INDEX_SIZE] = {
    assert!(TABLE.len() <= INDEX_SIZE / 2, "the index is too small");
    let mut index = [None; INDEX_SIZE];
    let mut number = 0;
    while number < TABLE.len() {
        let row = &TABLE[number];
        row.packed.assert_without_loss();
        let mut place = place(row.packed);
        while index[place].is_some() {
            place = (place + 1) % INDEX_SIZE;
        }
        index[place] = Some(row);
        number += 1;
    }
    index
};

#[expect(clippy::cast_possible_truncation, reason = "10 bits are left")]
const fn place(name: PackedName) -> usize {
    (name.hash() >> (u64::BITS - INDEX_SIZE.ilog2())) as usize
}

#[inline]
fn find(name: PackedName) -> Option<&'static Row> {
    let mut place = place(name);
    while let Some(row) = INDEX[place] {
        if row.packed == name {
            return Some(row);
        }
        place = (place + 1) % INDEX_SIZE;
    }
    None
}

/// What is known about a command, looked up once per call.
///
/// The methods that take `arguments` want those of the same command, the name first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommandInfo(pub(super) &'static Row);

impl CommandInfo {
    /// Looks up the command with these arguments, the first of which is its name.
    #[inline]
    pub(crate) fn of<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> CommandInfo {
        let name = arguments.next().unwrap_or_default();
        match find(PackedName::of_command(name)) {
            None => CommandInfo(&UNKNOWN),
            Some(row) if row.is_container => CommandInfo::of_subcommand(row, arguments.next()),
            Some(row) => CommandInfo(row),
        }
    }

    fn of_subcommand(container: &'static Row, name: Option<&[u8]>) -> CommandInfo {
        let Some(name) = name else {
            return CommandInfo(container);
        };
        let row = find(container.packed.of_subcommand(name));
        CommandInfo(row.unwrap_or(&UNKNOWN_SUBCOMMAND))
    }

    /// Returns whether the table lacks the command, so that nothing is known about it.
    pub(crate) fn is_unknown(self) -> bool {
        matches!(self.0.session, Session::Unknown)
    }

    /// Returns whether the table lacks the subcommand, and has the command that it belongs to.
    pub(crate) fn is_subcommand(self) -> bool {
        std::ptr::eq(self.0, &raw const UNKNOWN_SUBCOMMAND)
    }

    /// Returns whether the table has the command.
    pub(crate) fn is_in_table(self) -> bool {
        !self.0.name.is_empty()
    }

    /// Returns the name in upper case, `COMMAND|SUBCOMMAND` for a subcommand; `None` if the table lacks it, so
    /// that no text of a caller is taken for a name.
    pub(crate) fn name(self) -> Option<&'static str> {
        self.is_in_table().then_some(self.0.name)
    }

    /// Returns whether the command is in the table and has no [`Effect`], whatever its arguments are.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        self.0.is_plain
    }

    /// Returns whether the command only reads.
    pub(crate) fn reads(self) -> bool {
        self.0.access == Access::Reads
    }

    /// Returns whether running the command twice is the same as running it once.
    ///
    /// `MULTI` and `EXEC` are as repeatable as the commands between them. A script that the table lacks, as
    /// a module's command can be, may write whatever the server says of it.
    pub(crate) fn is_repeatable(self) -> bool {
        match self.0.access {
            Access::Reads => self.is_in_table() || !self.0.is_script,
            Access::FramesTransaction => true,
            Access::Writes => false,
        }
    }

    /// Returns whether an error reply that refuses the command proves that it has not run.
    pub(crate) fn error_proves_not_run(self) -> bool {
        !self.0.is_script
    }

    /// Returns what the command does to the connection that it is sent on.
    #[inline]
    pub(crate) fn effect<'a>(self, arguments: impl Iterator<Item = &'a [u8]>) -> Effect {
        match self.0.session {
            Session::Unchanged => {}
            Session::NotNeeded => {
                let holds_reply = !matches!(self.0.blocks, Blocks::No);
                return Effect::Rescues { holds_reply };
            }
            Session::Unknown => return Effect::Unknown,
            Session::Changed(instead) => return Effect::ChangesSession(instead),
            Session::MaybeChanged(instead) => return Effect::MayChangeSession(instead),
            Session::NoSingleReply(instead) => return Effect::NoSingleReply(instead),
        }
        match self.0.blocks {
            // Most commands end here.
            Blocks::No => Effect::None,
            blocks => blocks.effect(arguments),
        }
    }

    /// Calls `each` with the number and the text of each key, in their order; the name is number 0.
    pub(crate) fn keys<'a>(
        self,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
        each: impl FnMut(usize, &'a [u8]),
    ) {
        self.0.keys.visit(arguments, each);
    }

    /// Returns which nodes of a cluster the command goes to.
    pub(crate) fn routing_rule(self) -> RoutingRule {
        self.0.routing
    }
}

#[cfg(test)]
mod tests;
