//! One row of the table, and the functions that write it.

use super::effect::{Blocks, Session};
use super::keys::Keys;
use super::packed_name::PackedName;

/// What is known about one command, or about one subcommand.
#[derive(Debug)]
pub(super) struct Row {
    /// In upper case, `COMMAND|SUBCOMMAND` for a subcommand.
    /// Empty for what is not in the table.
    pub(super) name: &'static str,
    pub(super) packed: PackedName,
    pub(super) access: Access,
    pub(super) blocks: Blocks,
    pub(super) session: Session,
    pub(super) keys: Keys,
    pub(super) routing: RoutingRule,
    pub(super) is_script: bool,
    /// Whether the first argument is a subcommand with a row of its own.
    pub(super) is_container: bool,
    /// Whether it neither blocks nor concerns the session: nearly every call ends with this look.
    pub(super) is_plain: bool,
}

/// What a command does to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// The command only reads: the server's flag `readonly`.
    Reads,
    Writes,
    /// `MULTI` and `EXEC`, which do to the data what the commands between them do.
    FramesTransaction,
}

/// Which nodes of a cluster a command goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoutingRule {
    /// The node that serves the slot of all its keys; any primary if there is no key.
    ByKeys,
    /// As [`ByKeys`](RoutingRule::ByKeys), in parts if the keys are in several slots.
    Split(SplitBy),
    /// Every primary.
    AllPrimaries(ResponsePolicy),
    /// Every node, replicas too.
    AllNodes(ResponsePolicy),
    /// The node that serves the slot whose number is the second argument.
    SlotNumber,
    /// None; the text says what to do instead.
    Refused(&'static str),
}

/// How a command with keys in several slots is split, by what its replies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SplitBy {
    /// `MGET`: the reply has a value for each key.
    Values,
    /// `DEL`, `EXISTS`, `TOUCH`, `UNLINK`: the reply is a number of keys.
    Count,
    /// `MSET`: a value stands behind each key, and the reply is `OK`.
    Pairs,
}

impl SplitBy {
    /// Returns the number of arguments for each key, the key included.
    pub(crate) fn arguments_per_key(self) -> usize {
        match self {
            SplitBy::Values | SplitBy::Count => 1,
            SplitBy::Pairs => 2,
        }
    }
}

/// How the replies of several nodes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponsePolicy {
    /// The sum of numbers.
    Sum,
    /// Arrays of 0 and 1 of the same length: 1 where every node says 1.
    LogicalAnd,
    /// The first reply, if none is an error.
    AllSucceeded,
    /// The first reply that is not an error; else the first error other than `NOTBUSY`, if there is one.
    OneSucceeded,
    /// The first reply that is neither nil nor an error; nil if all are nil.
    FirstNonEmpty,
    /// The elements of all arrays.
    Concatenate,
    /// One map, with the sum of the numbers under each name.
    MergeMaps,
    /// A map from the address of each node to its reply.
    PerNode,
}

/// A command that only reads.
pub(super) const fn read(name: &'static str, keys: Keys) -> Row {
    Row {
        access: Access::Reads,
        ..write(name, keys)
    }
}

/// A command that may write.
pub(super) const fn write(name: &'static str, keys: Keys) -> Row {
    Row {
        name,
        packed: pack(name.as_bytes()),
        access: Access::Writes,
        blocks: Blocks::No,
        session: Session::Unchanged,
        keys,
        routing: RoutingRule::ByKeys,
        is_script: false,
        is_container: false,
        is_plain: !name.is_empty(),
    }
}

/// A command whose first argument is a subcommand.
pub(super) const fn container(name: &'static str) -> Row {
    Row {
        is_container: true,
        ..write(name, Keys::None)
    }
}

impl Row {
    pub(super) const fn blocks(self, blocks: Blocks) -> Row {
        let is_plain = false;
        Row {
            blocks,
            is_plain,
            ..self
        }
    }

    /// `instead` says what to use instead.
    pub(super) const fn changes_session(self, instead: &'static str) -> Row {
        self.session(Session::Changed(instead))
    }

    /// `instead` says what to use instead.
    pub(super) const fn may_change_session(self, instead: &'static str) -> Row {
        self.session(Session::MaybeChanged(instead))
    }

    /// Lets a row without a name use the shared connection.
    pub(super) const fn shares_connection(self) -> Row {
        let is_plain = true;
        Row { is_plain, ..self }
    }

    pub(super) const fn unknown(self) -> Row {
        self.session(Session::Unknown)
    }

    /// `instead` says what to use instead.
    pub(super) const fn no_single_reply(self, instead: &'static str) -> Row {
        self.session(Session::NoSingleReply(instead))
    }

    const fn session(self, session: Session) -> Row {
        let is_plain = false;
        Row {
            session,
            is_plain,
            ..self
        }
    }

    /// It is served while a script keeps the server busy, and whatever the database is.
    pub(super) const fn rescues(self) -> Row {
        self.session(Session::NotNeeded)
    }

    pub(super) const fn frames_transaction(self) -> Row {
        let access = Access::FramesTransaction;
        Row { access, ..self }
    }

    /// A script can write and then return any error.
    pub(super) const fn script(self) -> Row {
        let is_script = true;
        Row { is_script, ..self }
    }

    pub(super) const fn routing(self, routing: RoutingRule) -> Row {
        Row { routing, ..self }
    }
}

const fn pack(name: &[u8]) -> PackedName {
    let mut bar = 0;
    while bar < name.len() {
        if let (command, [b'|', subcommand @ ..]) = name.split_at(bar) {
            return PackedName::of_command(command).of_subcommand(subcommand);
        }
        bar += 1;
    }
    PackedName::of_command(name)
}
