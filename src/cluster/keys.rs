//! Where in a cluster a command belongs: its keys, and the slots of those.
//!
//! The places of the keys are the `key_specs` in `src/commands/*.json` of Redis (4f8cdc2, 2024-10-18,
//! on the way to 8.0) and Valkey (55bbbe0, 2024-10-25, on the way to 8.1). A test compares them with the
//! answer of the server at hand to `COMMAND`. Of a command that is not here, such as a module's, the
//! first argument is the key. What goes to several nodes goes to those that redis-rs asks too.

use std::collections::HashMap;

use super::combine::Combine;

const SLOTS: u16 = 16_384;

/// CRC-16/XMODEM of each byte: ten lines that a test compares with a server, instead of a dependency.
const CRC: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte: u16 = 0;
    while byte < 256 {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ (0x1021 * (crc >> 15));
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

/// Returns the slot of a key, 0 to 16,383: that of its hash tag `{…}`, if it has one.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    let crc = hashed(key).iter().fold(0u16, |crc, byte| {
        let [high, _] = crc.to_be_bytes();
        (crc << 8) ^ CRC[usize::from(high ^ byte)]
    });
    crc % SLOTS
}

/// What stands between the first `{` and the next `}`, unless that is nothing.
fn hashed(key: &[u8]) -> &[u8] {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        Some(&rest[..close])
    });
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// Where a command is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// To the node of this slot, which all keys are in.
    Slot(u16),
    /// To one node, whichever: there is no key.
    Anywhere,
    /// In parts, by the order in which the slots appear first.
    ///
    /// With each slot stand the arguments that go there, counted from 0 behind the name.
    Split(Pattern, Vec<(u16, Vec<usize>)>),
    /// To every primary.
    AllPrimaries(Combine),
    /// To every node, replicas too.
    AllNodes(Combine),
    /// Nowhere: its keys are in several slots, and it cannot be parted.
    CrossSlot,
    /// Nowhere; the text says what to do instead.
    Refused(&'static str),
}

/// The commands that can be sent in parts, by what their replies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// `MGET`: a value for each key.
    Values,
    /// `DEL`, `EXISTS`, `TOUCH`, `UNLINK`: a number of keys.
    Count,
    /// `MSET`: a value behind each key, and `OK`.
    Pairs,
}

impl Pattern {
    /// Arguments for each key, itself included.
    fn width(self) -> usize {
        match self {
            Pattern::Values | Pattern::Count => 1,
            Pattern::Pairs => 2,
        }
    }
}

/// The slots that keys are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slots {
    /// There is no key.
    None,
    One(u16),
    Several,
}

impl Slots {
    /// Returns the slots of both.
    pub(crate) fn and(self, other: Slots) -> Slots {
        match (self, other) {
            (Slots::None, slots) | (slots, Slots::None) => slots,
            (Slots::One(one), Slots::One(other)) if one == other => self,
            _ => Slots::Several,
        }
    }
}

/// Returns the slots of a command's keys, for a pipeline or transaction that goes to one node:
/// `commands.map(slots_in).fold(Slots::None, Slots::and)`.
///
/// The first of the arguments is the command's name.
pub(crate) fn slots_in<'a>(arguments: impl Iterator<Item = &'a [u8]> + Clone) -> Slots {
    slots_at(rule(arguments.clone()).keys(), arguments)
}

/// Returns the place of the command with these arguments, the first of which is its name.
///
/// It allocates only for a command that has to be parted.
pub(crate) fn place<'a>(arguments: impl Iterator<Item = &'a [u8]> + Clone) -> Place {
    let rule = rule(arguments.clone());
    match rule {
        Rule::Primaries(combine) => return Place::AllPrimaries(combine),
        Rule::Nodes(combine) => return Place::AllNodes(combine),
        Rule::Refused(instead) => return Place::Refused(instead),
        Rule::SlotNumber => return slot_number(arguments),
        Rule::Keys(_) | Rule::Split(_) => {}
    }
    match (slots_at(rule.keys(), arguments.clone()), rule) {
        (Slots::None, _) => Place::Anywhere,
        (Slots::One(slot), _) => Place::Slot(slot),
        (Slots::Several, Rule::Split(pattern)) => parted(pattern, arguments),
        (Slots::Several, _) => Place::CrossSlot,
    }
}

/// A number that is none is for the server to refuse.
fn slot_number<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> Place {
    arguments
        .nth(2)
        .and_then(number)
        .filter(|slot| *slot < SLOTS)
        .map_or(Place::Anywhere, Place::Slot)
}

fn parted<'a>(pattern: Pattern, arguments: impl Iterator<Item = &'a [u8]> + Clone) -> Place {
    let arguments = arguments.skip(1);
    let count = arguments.clone().count();
    let width = pattern.width();
    let mut parts: Vec<(u16, Vec<usize>)> = Vec::new();
    let mut part_of_slot = HashMap::new();
    for (index, key) in arguments.enumerate().step_by(width) {
        let slot = slot_of(key);
        if index + width > count {
            // A key without its value: the server says so, and runs nothing.
            return Place::Slot(slot);
        }
        let part = *part_of_slot.entry(slot).or_insert_with(|| {
            parts.push((slot, Vec::new()));
            parts.len() - 1
        });
        parts[part].1.extend(index..index + width);
    }
    Place::Split(pattern, parts)
}

fn slots_at<'a>(keys: Keys, arguments: impl Iterator<Item = &'a [u8]> + Clone) -> Slots {
    let mut slots = Slots::None;
    keys.visit(arguments, |_, key| {
        if slots != Slots::Several {
            slots = slots.and(Slots::One(slot_of(key)));
        }
    });
    slots
}

/// Where keys stand among the arguments, the name being number 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    None,
    /// So many, from `first` on.
    Fixed {
        first: usize,
        count: usize,
    },
    /// From `first` on every `step`th, but for as many as are `behind` the last key.
    Rest {
        first: usize,
        step: usize,
        behind: usize,
    },
    /// As many as the argument `at` says, behind it.
    Counted {
        at: usize,
        step: usize,
    },
    /// The first argument, and as many as the second says.
    Stored,
    /// The first half of what follows `STREAMS`, which is not before `from`.
    Streams {
        from: usize,
    },
    /// The first argument, and those behind `STORE` and `STOREDIST`, which are not before `from`.
    Radius {
        from: usize,
    },
    /// The first argument, and the one behind `STORE`, which no option has for its own argument.
    Sort,
    /// The third argument, or, where it is empty, all behind `KEYS`.
    Migrate,
}

impl Keys {
    /// Calls `each` with the number and the text of each key, in their order.
    fn visit<'a>(
        self,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
        mut each: impl FnMut(usize, &'a [u8]),
    ) {
        let mut each = |(number, key)| each(number, key);
        let mut numbered = arguments.clone().enumerate();
        match self {
            Keys::None => {}
            Keys::Fixed { first, count } => numbered.skip(first).take(count).for_each(each),
            Keys::Rest {
                first,
                step,
                behind: 0,
            } => numbered.skip(first).step_by(step).for_each(each),
            Keys::Rest {
                first,
                step,
                behind,
            } => {
                let end = arguments.count().saturating_sub(behind);
                numbered.take(end).skip(first).step_by(step).for_each(each);
            }
            Keys::Counted { at, step } => {
                let count = numbered.nth(at).and_then(|(_, count)| number(count));
                let count = count.unwrap_or(0);
                numbered.step_by(step).take(count).for_each(each);
            }
            Keys::Stored => {
                numbered.nth(1).into_iter().for_each(&mut each);
                let count = numbered.next().and_then(|(_, count)| number(count));
                numbered.take(count.unwrap_or(0)).for_each(each);
            }
            Keys::Streams { from } => {
                let mut streams = numbered
                    .skip(from)
                    .skip_while(|(_, word)| !is(word, "STREAMS"));
                streams.next();
                let count = streams.clone().count() / 2;
                streams.take(count).for_each(each);
            }
            Keys::Radius { from } => {
                numbered.nth(1).into_iter().for_each(&mut each);
                let mut options = numbered.skip(from - 2);
                while let Some((_, option)) = options.next() {
                    if is(option, "STORE") || is(option, "STOREDIST") {
                        options.next().into_iter().for_each(&mut each);
                    }
                }
            }
            Keys::Sort => {
                numbered.nth(1).into_iter().for_each(&mut each);
                while let Some((_, option)) = numbered.next() {
                    if is(option, "STORE") {
                        numbered.next().into_iter().for_each(&mut each);
                    } else if is(option, "BY") || is(option, "GET") {
                        numbered.next();
                    } else if is(option, "LIMIT") {
                        numbered.nth(1);
                    }
                }
            }
            Keys::Migrate => match numbered.nth(3) {
                Some((_, [])) => {
                    let keys = numbered.skip_while(|(_, word)| !is(word, "KEYS"));
                    keys.skip(1).for_each(each);
                }
                key => key.into_iter().for_each(each),
            },
        }
    }
}

fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

fn number<T: std::str::FromStr>(argument: &[u8]) -> Option<T> {
    std::str::from_utf8(argument).ok()?.parse().ok()
}

/// What the table says of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Keys(Keys),
    Split(Pattern),
    Primaries(Combine),
    Nodes(Combine),
    /// The second argument is not a key but a slot.
    SlotNumber,
    Refused(&'static str),
}

impl Rule {
    fn keys(self) -> Keys {
        match self {
            Rule::Keys(keys) => keys,
            Rule::Split(pattern) => every(1, pattern.width()),
            Rule::Primaries(_) | Rule::Nodes(_) | Rule::SlotNumber | Rule::Refused(_) => Keys::None,
        }
    }
}

const KEYLESS: Rule = Rule::Keys(Keys::None);
const FIRST: Rule = fixed(1, 1);
const SECOND: Rule = fixed(2, 1);

const fn fixed(first: usize, count: usize) -> Rule {
    Rule::Keys(Keys::Fixed { first, count })
}

const fn every(first: usize, step: usize) -> Keys {
    Keys::Rest {
        first,
        step,
        behind: 0,
    }
}

const fn counted(at: usize) -> Rule {
    Rule::Keys(Keys::Counted { at, step: 1 })
}

/// The longest is `CLUSTER|COUNT-FAILURE-REPORTS`.
const LONGEST: usize = 32;

/// Upper case without an allocation, for this runs on every call.
fn rule<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> Rule {
    let mut buffer = [0; LONGEST];
    let Some(name) = arguments.next() else {
        return KEYLESS;
    };
    let Some(upper) = buffer.get_mut(..name.len()) else {
        return FIRST;
    };
    upper.copy_from_slice(name);
    upper.make_ascii_uppercase();
    if !has_subcommands(upper) {
        return rule_of_command(upper);
    }
    let subcommand = arguments.next().unwrap_or_default();
    let end = name.len() + 1 + subcommand.len();
    buffer[name.len()] = b'|';
    match buffer.get_mut(name.len() + 1..end) {
        Some(upper) => {
            upper.copy_from_slice(subcommand);
            upper.make_ascii_uppercase();
            rule_of_subcommand(&buffer[..end])
        }
        None => KEYLESS,
    }
}

fn has_subcommands(name: &[u8]) -> bool {
    matches!(
        name,
        b"ACL"
            | b"CLIENT"
            | b"CLUSTER"
            | b"COMMAND"
            | b"COMMANDLOG"
            | b"CONFIG"
            | b"FUNCTION"
            | b"LATENCY"
            | b"MEMORY"
            | b"MODULE"
            | b"OBJECT"
            | b"PUBSUB"
            | b"SCRIPT"
            | b"SENTINEL"
            | b"SLOWLOG"
            | b"XGROUP"
            | b"XINFO"
    )
}

const SCAN: &str = "open a client for each primary, for a cursor is of one node";
const ONE_NODE: &str = "open a client for the node that is meant";
/// On a connection of its own it would have no writes to wait for, and its answer would promise what
/// is not so.
const WAIT: &str =
    "use a connection of its own for it and its writes: `Client::dedicated_connection`";

fn rule_of_command(name: &[u8]) -> Rule {
    match name {
        b"MGET" => Rule::Split(Pattern::Values),
        b"DEL" | b"EXISTS" | b"TOUCH" | b"UNLINK" => Rule::Split(Pattern::Count),
        b"MSET" => Rule::Split(Pattern::Pairs),
        b"MSETNX" => Rule::Keys(every(1, 2)),
        b"MSETEX" => Rule::Keys(Keys::Counted { at: 1, step: 2 }),

        b"BLMOVE" | b"BRPOPLPUSH" | b"COPY" | b"GEOSEARCHSTORE" | b"LCS" | b"LMOVE" | b"RENAME"
        | b"RENAMENX" | b"RPOPLPUSH" | b"SMOVE" | b"ZRANGESTORE" => fixed(1, 2),
        b"PFCOUNT" | b"PFMERGE" | b"SDIFF" | b"SDIFFSTORE" | b"SINTER" | b"SINTERSTORE"
        | b"SSUBSCRIBE" | b"SUNION" | b"SUNIONSTORE" | b"SUNSUBSCRIBE" | b"WATCH" => {
            Rule::Keys(every(1, 1))
        }
        b"BLPOP" | b"BRPOP" | b"BZPOPMAX" | b"BZPOPMIN" => Rule::Keys(Keys::Rest {
            first: 1,
            step: 1,
            behind: 1,
        }),
        b"BITOP" => Rule::Keys(every(2, 1)),
        b"PFDEBUG" => SECOND,
        b"LMPOP" | b"SINTERCARD" | b"ZDIFF" | b"ZINTER" | b"ZINTERCARD" | b"ZMPOP" | b"ZUNION" => {
            counted(1)
        }
        b"BLMPOP" | b"BZMPOP" | b"EVAL" | b"EVALSHA" | b"EVALSHA_RO" | b"EVAL_RO" | b"FCALL"
        | b"FCALL_RO" => counted(2),
        b"ZDIFFSTORE" | b"ZINTERSTORE" | b"ZUNIONSTORE" => Rule::Keys(Keys::Stored),
        b"XREAD" => Rule::Keys(Keys::Streams { from: 1 }),
        b"XREADGROUP" => Rule::Keys(Keys::Streams { from: 4 }),
        b"GEORADIUS" => Rule::Keys(Keys::Radius { from: 6 }),
        b"GEORADIUSBYMEMBER" => Rule::Keys(Keys::Radius { from: 5 }),
        b"SORT" => Rule::Keys(Keys::Sort),
        b"MIGRATE" => Rule::Keys(Keys::Migrate),

        b"ASKING" | b"AUTH" | b"BGREWRITEAOF" | b"BGSAVE" | b"DISCARD" | b"ECHO" | b"EXEC"
        | b"HELLO" | b"LASTSAVE" | b"LOLWUT" | b"MONITOR" | b"MULTI" | b"PFSELFTEST"
        | b"PSUBSCRIBE" | b"PSYNC" | b"PUBLISH" | b"PUNSUBSCRIBE" | b"QUIT" | b"READONLY"
        | b"READWRITE" | b"REPLCONF" | b"RESET" | b"ROLE" | b"SAVE" | b"SELECT" | b"SUBSCRIBE"
        | b"SWAPDB" | b"SYNC" | b"TIME" | b"UNSUBSCRIBE" | b"UNWATCH" => KEYLESS,

        b"DBSIZE" => Rule::Primaries(Combine::Sum),
        b"KEYS" => Rule::Primaries(Combine::Concatenate),
        b"FLUSHALL" | b"FLUSHDB" | b"PING" => Rule::Primaries(Combine::AllSucceeded),
        b"RANDOMKEY" => Rule::Primaries(Combine::FirstNonEmpty),
        b"DEBUG" | b"INFO" => Rule::Primaries(Combine::PerNode),

        b"SCAN" => Rule::Refused(SCAN),
        b"WAIT" | b"WAITAOF" => Rule::Refused(WAIT),
        b"FAILOVER" | b"REPLICAOF" | b"SFLUSH" | b"SHUTDOWN" | b"SLAVEOF" => {
            Rule::Refused(ONE_NODE)
        }
        _ => FIRST,
    }
}

fn rule_of_subcommand(name: &[u8]) -> Rule {
    match name {
        b"MEMORY|USAGE"
        | b"OBJECT|ENCODING"
        | b"OBJECT|FREQ"
        | b"OBJECT|IDLETIME"
        | b"OBJECT|REFCOUNT"
        | b"XGROUP|CREATE"
        | b"XGROUP|CREATECONSUMER"
        | b"XGROUP|DELCONSUMER"
        | b"XGROUP|DESTROY"
        | b"XGROUP|SETID"
        | b"XINFO|CONSUMERS"
        | b"XINFO|GROUPS"
        | b"XINFO|STREAM" => SECOND,

        b"CLUSTER|COUNTKEYSINSLOT" | b"CLUSTER|GETKEYSINSLOT" => Rule::SlotNumber,
        b"CLUSTER|ADDSLOTS"
        | b"CLUSTER|ADDSLOTSRANGE"
        | b"CLUSTER|BUMPEPOCH"
        | b"CLUSTER|DELSLOTS"
        | b"CLUSTER|DELSLOTSRANGE"
        | b"CLUSTER|FAILOVER"
        | b"CLUSTER|FLUSHSLOTS"
        | b"CLUSTER|FORGET"
        | b"CLUSTER|REPLICATE"
        | b"CLUSTER|RESET"
        | b"CLUSTER|SAVECONFIG"
        | b"CLUSTER|SET-CONFIG-EPOCH"
        | b"CLUSTER|SETSLOT" => Rule::Refused(ONE_NODE),

        b"FUNCTION|DELETE" | b"FUNCTION|FLUSH" | b"FUNCTION|LOAD" | b"FUNCTION|RESTORE"
        | b"MEMORY|PURGE" => Rule::Primaries(Combine::AllSucceeded),
        b"SCRIPT|EXISTS" => Rule::Primaries(Combine::And),
        b"CLUSTER|SLOT-STATS" | b"MEMORY|DOCTOR" | b"MEMORY|MALLOC-STATS" | b"MEMORY|STATS" => {
            Rule::Primaries(Combine::PerNode)
        }

        b"ACL|DELUSER" | b"ACL|LOAD" | b"ACL|SAVE" | b"ACL|SETUSER" | b"CLIENT|SETINFO"
        | b"CLIENT|SETNAME" | b"CONFIG|RESETSTAT" | b"CONFIG|REWRITE" | b"CONFIG|SET"
        | b"SCRIPT|FLUSH" | b"SCRIPT|LOAD" | b"COMMANDLOG|RESET" | b"SLOWLOG|RESET" => {
            Rule::Nodes(Combine::AllSucceeded)
        }
        b"COMMANDLOG|LEN" | b"LATENCY|RESET" | b"PUBSUB|NUMPAT" | b"SLOWLOG|LEN" => {
            Rule::Nodes(Combine::Sum)
        }
        b"COMMANDLOG|GET" | b"PUBSUB|CHANNELS" | b"PUBSUB|SHARDCHANNELS" | b"SLOWLOG|GET" => {
            Rule::Nodes(Combine::Concatenate)
        }
        b"PUBSUB|NUMSUB" | b"PUBSUB|SHARDNUMSUB" => Rule::Nodes(Combine::MergeMaps),
        b"FUNCTION|KILL" | b"SCRIPT|KILL" => Rule::Nodes(Combine::OneSucceeded),
        b"FUNCTION|STATS" | b"LATENCY|DOCTOR" | b"LATENCY|GRAPH" | b"LATENCY|HISTOGRAM"
        | b"LATENCY|HISTORY" | b"LATENCY|LATEST" => Rule::Nodes(Combine::PerNode),
        _ => KEYLESS,
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
