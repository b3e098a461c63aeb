//! What a server says of a command that the table lacks.
//!
//! The answer to `COMMAND INFO` has flags, the place of the first key, categories, and the subcommands.
//! A module whose command answers late without the flag `blocking` shares the connection all the same: most
//! commands of modules are quick, and are called often. It does not say that a command changes the session, so that is decided by what such commands have in
//! common: they are in one of three categories, or neither read nor write data and have no key.

use redis::{FromRedisValue, Value};

use super::effect::Blocks;
use super::keys::Keys;
use super::lookup::CommandInfo;
use super::row::{RoutingRule, Row, read, write};
use super::table::{DEDICATED, ONE_NODE};

/// Categories of commands that are about the session: `CLIENT CAPA`, `WATCH`, `SUBSCRIBE`.
const SESSION_CATEGORIES: [&str; 3] = ["@connection", "@transaction", "@pubsub"];
/// Subcommands that are kept of one command, far more than any has.
const MAX_SUBCOMMANDS: usize = 256;
/// Keys that stand further behind are taken for the first argument: after a redirection the command is
/// at the right node all the same.
const MAX_FIRST_KEY: usize = 4;

const READS: usize = 1;
const BLOCKS: usize = 2;
const SCRIPT: usize = 4;

/// A row for everything that can be told of a command, by [`READS`], [`BLOCKS`] and [`SCRIPT`], and by
/// the number of the argument that is its first key, 0 without a key.
static ROWS: [[Row; MAX_FIRST_KEY + 1]; 8] = {
    let mut rows = [const { [const { write("", Keys::None) }; MAX_FIRST_KEY + 1] }; 8];
    let mut kind = 0;
    while kind < rows.len() {
        let mut first = 0;
        while first <= MAX_FIRST_KEY {
            rows[kind][first] = row(kind, first);
            first += 1;
        }
        kind += 1;
    }
    rows
};
static OF_SESSION: Row = write("", Keys::None).changes_session(DEDICATED);
static MAYBE_OF_SESSION: Row = write("", Keys::None).may_change_session(DEDICATED);
/// `MONITOR` is one of them.
static OF_OPERATORS: Row = write("", Keys::None)
    .unknown()
    .routing(RoutingRule::Refused(ONE_NODE));

const fn row(kind: usize, first: usize) -> Row {
    let keys = match first {
        0 => Keys::None,
        _ => Keys::Fixed { first, count: 1 },
    };
    let row = match kind & READS {
        0 => write("", keys),
        _ => read("", keys),
    };
    let row = match kind & SCRIPT {
        0 => row.shares_connection(),
        _ => row.shares_connection().script(),
    };
    match kind & BLOCKS {
        0 => row,
        _ => row.blocks(Blocks::LargestNumber),
    }
}

/// What a server says of a command, and of its subcommands.
pub(crate) struct Described {
    pub(crate) info: CommandInfo,
    /// With their names behind `|`, in upper case.
    pub(crate) subcommands: Vec<(Vec<u8>, CommandInfo)>,
}

/// Reads the answer to `COMMAND INFO` with the name of one command.
///
/// `None` if the server does not say what the command is.
pub(crate) fn described(reply: &Value) -> Option<Described> {
    let Value::Array(commands) = reply else {
        return None;
    };
    let [Value::Array(fields)] = commands.as_slice() else {
        return None;
    };
    let subcommands = match fields.get(9) {
        Some(Value::Array(subcommands)) => subcommands.as_slice(),
        _ => &[],
    };
    let subcommand = |value: &Value| {
        let Value::Array(fields) = value else {
            return None;
        };
        let name = String::from_redis_value_ref(fields.first()?).ok()?;
        let (_, name) = name.split_once('|')?;
        Some((name.to_ascii_uppercase().into_bytes(), info(fields)?))
    };
    Some(Described {
        info: info(fields)?,
        subcommands: subcommands
            .iter()
            .take(MAX_SUBCOMMANDS)
            .filter_map(subcommand)
            .collect(),
    })
}

/// Returns what the fields of one command say. Servers before 6.0 have six: they know no categories.
fn info(fields: &[Value]) -> Option<CommandInfo> {
    let name = String::from_redis_value_ref(fields.first()?).ok()?;
    let words = |value: &Value| Vec::<String>::from_redis_value_ref(value).ok();
    let flags = words(fields.get(2)?)?;
    let categories = fields.get(6).and_then(words).unwrap_or_default();
    let has = |flag: &str| flags.iter().any(|known| known.eq_ignore_ascii_case(flag));
    let is_in = |category: &str| {
        let mut categories = categories.iter();
        categories.any(|known| known.eq_ignore_ascii_case(category))
    };
    let first_key = first_key(fields, has("movablekeys"))?;
    // A module has no way to change the session. Some servers have the commands of known modules built in.
    let is_of_module = has("module") || name.contains('.');
    let is_about_data = has("readonly") || has("write") || first_key > 0 || is_of_module;
    Some(CommandInfo(
        if SESSION_CATEGORIES.iter().any(|category| is_in(category)) || has("pubsub") {
            &OF_SESSION
        } else if is_about_data || has("blocking") {
            // A module can run a script of its user, and its flags are not enforced.
            let is_script = is_of_module || has("may_replicate") || is_in("@scripting");
            let kinds = [
                (READS, has("readonly")),
                (BLOCKS, has("blocking")),
                (SCRIPT, is_script),
            ];
            let kind = kinds
                .iter()
                .filter(|(_, is)| *is)
                .map(|(kind, _)| kind)
                .sum::<usize>();
            &ROWS[kind][first_key]
        } else if has("admin") {
            &OF_OPERATORS
        } else {
            &MAYBE_OF_SESSION
        },
    ))
}

/// Returns the number of the argument that is the first key, 0 without one.
fn first_key(fields: &[Value], is_movable: bool) -> Option<usize> {
    let first = i64::from_redis_value_ref(fields.get(3)?).ok()?;
    let first = match usize::try_from(first) {
        Ok(0) if is_movable => fields.get(8).and_then(counted_keys).unwrap_or(1),
        Ok(first) => first,
        Err(_) => return None,
    };
    Some(if first > MAX_FIRST_KEY { 1 } else { first })
}

/// Returns where the first key stands by the first key specification, if it says that a number of keys
/// stands at a fixed place.
fn counted_keys(specifications: &Value) -> Option<usize> {
    let (Value::Array(specifications) | Value::Set(specifications)) = specifications else {
        return None;
    };
    let specification = specifications.first()?;
    let begin = member(member(specification, "begin_search")?, "spec")?;
    let find = member(member(specification, "find_keys")?, "spec")?;
    let number = |map: &Value, name: &str| usize::from_redis_value_ref(member(map, name)?).ok();
    number(find, "keynumidx")?;
    number(begin, "index")?.checked_add(number(find, "firstkey")?)
}

/// Returns what stands under `name` in a map, which RESP2 has as an array.
fn member<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let is_name = |key: &Value| String::from_redis_value_ref(key).is_ok_and(|key| key == name);
    match map {
        Value::Map(pairs) => pairs
            .iter()
            .find(|(key, _)| is_name(key))
            .map(|(_, value)| value),
        Value::Array(flat) => {
            let mut pairs = flat.chunks_exact(2);
            pairs.find(|pair| is_name(&pair[0])).map(|pair| &pair[1])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::effect::Effect;
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    /// An answer of RESP2: name, flags, first key, categories, and more fields.
    fn answer(name: &str, flags: &str, first: i64, categories: &str, more: &[Value]) -> Value {
        let words = |words: &str| Value::Array(words.split_whitespace().map(text).collect());
        let keys = [first, first, 1].map(Value::Int);
        let mut fields = vec![text(name), Value::Int(-2), words(flags)];
        fields.extend(keys);
        fields.push(words(categories));
        fields.extend_from_slice(more);
        Value::Array(vec![Value::Array(fields)])
    }

    fn info(flags: &str, first: i64, categories: &str) -> CommandInfo {
        let described = described(&answer("x", flags, first, categories, &[]));
        described.expect("it is described").info
    }

    fn effect(info: CommandInfo, command: &str) -> Effect {
        info.effect(command.split(' ').map(str::as_bytes))
    }

    #[test]
    fn flags_say_whether_a_command_reads_or_writes() {
        let read = info("readonly fast", 1, "@read @fast");
        assert!(read.is_plain() && read.reads() && read.is_repeatable());
        let write = info("write denyoom", 1, "@write @slow");
        assert!(write.is_plain() && !write.reads() && write.error_proves_not_run());
        let script = info("noscript may_replicate", 3, "@scripting");
        assert!(script.is_plain() && !script.error_proves_not_run());
        // The flags of a module are not enforced: what it runs may write, and consume what it reads.
        let module = info("readonly module", 1, "");
        assert!(module.is_plain() && module.reads());
        assert!(!module.is_repeatable() && !module.error_proves_not_run());
    }

    #[test]
    fn a_blocking_command_has_the_time_of_its_largest_number() {
        let blocking = info("write blocking", 1, "@blocking");
        let check = |command, limit| {
            assert_eq!(
                effect(blocking, command),
                Effect::Blocks(limit),
                "{command}"
            );
        };
        check("X k 2 LEFT 5", Duration::from_secs(5));
        check("X 2 a b 0.5", Duration::from_secs(2));
        check("X k 0", Duration::MAX);
        check("X k soon -1 nan", Duration::ZERO);
    }

    #[test]
    fn a_command_about_the_session_is_known_by_its_category() {
        for categories in ["@slow @connection", "@transaction", "@pubsub"] {
            let info = info("noscript loading", 0, categories);
            let refused = matches!(effect(info, "X"), Effect::ChangesSession(_));
            assert!(refused, "{categories}");
        }
    }

    #[test]
    fn a_command_without_keys_and_data_may_change_the_session() {
        let refused = effect(info("denyoom", 0, "@hash @slow"), "X");
        assert!(matches!(refused, Effect::MayChangeSession(_)));
        assert_eq!(
            effect(info("admin noscript", 0, "@admin"), "X"),
            Effect::Unknown
        );
        assert_eq!(effect(info("module", 0, ""), "X"), Effect::None);
        let named = described(&answer("x.y", "fast", 0, "", &[])).expect("it is described");
        assert_eq!(effect(named.info, "X.Y"), Effect::None);
    }

    #[test]
    fn the_first_key_is_where_the_server_says() {
        let key = |info: CommandInfo| {
            let mut keys = Vec::new();
            let command = ["X", "1", "2", "3", "4", "5"].map(str::as_bytes);
            info.keys(command.into_iter(), |number, _| keys.push(number));
            keys
        };
        assert_eq!(key(info("readonly", 0, "")), [0; 0]);
        assert_eq!(key(info("readonly", 2, "")), [2]);
        assert_eq!(key(info("readonly", 5, "")), [1]);
        assert_eq!(key(info("readonly movablekeys", 0, "")), [1]);
        for map in [resp3_map, resp2_map] {
            let begin = map(vec![("spec", map(vec![("index", Value::Int(2))]))]);
            let found = vec![("keynumidx", Value::Int(0)), ("firstkey", Value::Int(1))];
            let find = map(vec![("spec", map(found))]);
            let specification = map(vec![("begin_search", begin), ("find_keys", find)]);
            let more = [Value::Array(vec![]), Value::Array(vec![specification])];
            let counted = described(&answer("x", "readonly movablekeys", 0, "", &more));
            assert_eq!(key(counted.expect("it is described").info), [3]);
        }
    }

    type Pairs = Vec<(&'static str, Value)>;

    fn resp3_map(pairs: Pairs) -> Value {
        let pairs = pairs.into_iter();
        Value::Map(pairs.map(|(key, value)| (text(key), value)).collect())
    }

    fn resp2_map(pairs: Pairs) -> Value {
        let pairs = pairs.into_iter();
        Value::Array(pairs.flat_map(|(key, value)| [text(key), value]).collect())
    }

    #[test]
    fn subcommands_are_described_with_their_command() {
        let of_one = |reply: Value| match reply {
            Value::Array(mut one) => one.remove(0),
            _ => Value::Nil,
        };
        let subcommands = Value::Array(vec![
            of_one(answer("x|get", "readonly", 2, "@read", &[])),
            of_one(answer("y", "readonly", 2, "@read", &[])),
            Value::Int(1),
        ]);
        let none = Value::Array(vec![]);
        let more = [none.clone(), none, subcommands];
        let described = described(&answer("x", "", 0, "@slow", &more)).expect("it is described");
        let [(name, info)] = described.subcommands.as_slice() else {
            panic!("one subcommand");
        };
        assert_eq!(name, b"GET");
        assert!(info.reads());
    }

    #[test]
    fn an_answer_that_is_something_else_describes_nothing() {
        let fields = |fields: &[Value]| Value::Array(vec![Value::Array(fields.to_vec())]);
        let name = Value::BulkString(b"x".to_vec());
        for reply in [
            Value::Nil,
            Value::Okay,
            Value::Array(vec![]),
            Value::Array(vec![Value::Nil]),
            fields(&[]),
            fields(std::slice::from_ref(&name)),
            fields(&[name.clone(), Value::Int(1), Value::Int(1), Value::Int(1)]),
            fields(&[
                name.clone(),
                Value::Int(1),
                Value::Array(vec![]),
                Value::Int(-1),
            ]),
            fields(&[
                Value::Array(vec![]),
                Value::Int(1),
                Value::Array(vec![]),
                Value::Int(1),
            ]),
        ] {
            assert!(described(&reply).is_none(), "{reply:?}");
        }
    }
}
