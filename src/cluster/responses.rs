//! Makes one reply of the replies of several nodes, or of the replies to the parts of one command.
//!
//! An error of a server is a [`Value::ServerError`], as everywhere in redis-rs. Replies that do not fit
//! together, which servers do not send, become such an error with the code `MISMATCH`.

use std::collections::HashMap;

use redis::{ServerError, Value};

use crate::command::{ResponsePolicy, SplitBy};

/// Returns one reply for the replies of several nodes, each of which stands behind the node's address.
///
/// The first error is the reply, unless `policy` says otherwise.
pub(super) fn combine(policy: ResponsePolicy, replies: Vec<(String, Value)>) -> Value {
    match policy {
        ResponsePolicy::OneSucceeded => return one_succeeded(replies),
        ResponsePolicy::FirstNonEmpty => return first_non_empty(replies),
        _ => {}
    }
    if let Some(at) = replies.iter().position(|(_, reply)| is_error(reply)) {
        return reply_at(replies, at);
    }
    let replies = match policy {
        ResponsePolicy::PerNode => return per_node(replies),
        _ => replies.into_iter().map(|(_, reply)| reply),
    };
    match policy {
        ResponsePolicy::Sum => sum(replies),
        ResponsePolicy::LogicalAnd => and(replies),
        ResponsePolicy::Concatenate => concatenate(replies),
        ResponsePolicy::MergeMaps => merge_maps(replies),
        _ => first(replies),
    }
    .unwrap_or_else(mismatch)
}

/// Returns one reply for the replies to the parts of a command, each of which stands behind the places of
/// the part's arguments in the command.
///
/// The first error is the reply, although other parts may have run.
pub(super) fn join(split_by: SplitBy, parts: Vec<(&[usize], Value)>) -> Value {
    if let Some(at) = parts.iter().position(|(_, reply)| is_error(reply)) {
        return reply_at(parts, at);
    }
    match split_by {
        SplitBy::Values => in_order(parts),
        SplitBy::Count => sum(parts.into_iter().map(|(_, reply)| reply)),
        SplitBy::Pairs => first(parts.into_iter().map(|(_, reply)| reply)),
    }
    .unwrap_or_else(mismatch)
}

/// What was expected of the replies.
type Expected = &'static str;

const NUMBERS: Expected = "a number of each node";
const ARRAYS: Expected = "an array of each node";
const FLAGS: Expected = "arrays of the same length, of 0 and 1";
const COUNTS: Expected = "names with a number each";
const A_REPLY: Expected = "at least one reply";
const A_VALUE_EACH: Expected = "a value for each key";

fn mismatch(expected: Expected) -> Value {
    let text = format!("the replies of the nodes do not fit together: expected {expected}");
    let error = redis::make_extension_error("MISMATCH".to_owned(), Some(text));
    Value::ServerError(ServerError::try_from(error).expect("an extension error is a server's"))
}

fn is_error(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(_))
}

fn reply_at<T>(mut replies: Vec<(T, Value)>, at: usize) -> Value {
    replies.swap_remove(at).1
}

fn one_succeeded(replies: Vec<(String, Value)>) -> Value {
    let is_idle =
        |reply: &Value| matches!(reply, Value::ServerError(error) if error.code() == "NOTBUSY");
    let best = replies
        .iter()
        .position(|(_, reply)| !is_error(reply))
        .or_else(|| replies.iter().position(|(_, reply)| !is_idle(reply)));
    if replies.is_empty() {
        return mismatch(A_REPLY);
    }
    reply_at(replies, best.unwrap_or(0))
}

fn first_non_empty(replies: Vec<(String, Value)>) -> Value {
    let best = replies
        .iter()
        .position(|(_, reply)| !is_error(reply) && *reply != Value::Nil)
        .or_else(|| replies.iter().position(|(_, reply)| is_error(reply)));
    match best {
        Some(at) => reply_at(replies, at),
        None => Value::Nil,
    }
}

fn first(mut replies: impl Iterator<Item = Value>) -> Result<Value, Expected> {
    replies.next().ok_or(A_REPLY)
}

fn sum(mut replies: impl Iterator<Item = Value>) -> Result<Value, Expected> {
    let sum = replies.try_fold(0_i64, |sum, reply| match reply {
        Value::Int(number) => Ok(sum.saturating_add(number)),
        _ => Err(NUMBERS),
    });
    sum.map(Value::Int)
}

fn and(replies: impl Iterator<Item = Value>) -> Result<Value, Expected> {
    let mut all: Option<Vec<bool>> = None;
    for reply in replies {
        let flags = elements(reply).ok_or(FLAGS)?;
        let all = all.get_or_insert_with(|| vec![true; flags.len()]);
        if flags.len() != all.len() {
            return Err(FLAGS);
        }
        for (all, flag) in all.iter_mut().zip(flags) {
            *all &= match flag {
                Value::Int(number) => number != 0,
                Value::Boolean(flag) => flag,
                _ => return Err(FLAGS),
            };
        }
    }
    let all = all.ok_or(A_REPLY)?.into_iter();
    Ok(Value::Array(
        all.map(|flag| Value::Int(flag.into())).collect(),
    ))
}

fn elements(reply: Value) -> Option<Vec<Value>> {
    match reply {
        Value::Array(elements) | Value::Set(elements) => Some(elements),
        _ => None,
    }
}

fn concatenate(replies: impl Iterator<Item = Value>) -> Result<Value, Expected> {
    let mut all = Vec::new();
    for reply in replies {
        all.append(&mut elements(reply).ok_or(ARRAYS)?);
    }
    Ok(Value::Array(all))
}

/// Keeps the order in which the names appear first.
fn merge_maps(replies: impl Iterator<Item = Value>) -> Result<Value, Expected> {
    let mut names = HashMap::new();
    let mut merged: Vec<(Vec<u8>, i64)> = Vec::new();
    for reply in replies {
        for (name, count) in pairs(reply).ok_or(COUNTS)? {
            let name = match name {
                Value::BulkString(name) => name,
                Value::SimpleString(name) => name.into_bytes(),
                _ => return Err(COUNTS),
            };
            let Value::Int(count) = count else {
                return Err(COUNTS);
            };
            let at = *names.entry(name.clone()).or_insert_with(|| {
                merged.push((name, 0));
                merged.len() - 1
            });
            let sum = &mut merged[at].1;
            *sum = sum.saturating_add(count);
        }
    }
    let pairs = merged.into_iter();
    let pairs = pairs.map(|(name, count)| (Value::BulkString(name), Value::Int(count)));
    Ok(Value::Map(pairs.collect()))
}

/// A map is an array of names and values in RESP2, and for `PUBSUB` in RESP3 too.
fn pairs(reply: Value) -> Option<Vec<(Value, Value)>> {
    match reply {
        Value::Map(pairs) => Some(pairs),
        Value::Array(elements) if elements.len().is_multiple_of(2) => {
            let mut elements = elements.into_iter();
            let pair = || Some((elements.next()?, elements.next()?));
            Some(std::iter::from_fn(pair).collect())
        }
        _ => None,
    }
}

fn per_node(replies: Vec<(String, Value)>) -> Value {
    let pairs = replies.into_iter();
    let pairs = pairs.map(|(address, reply)| (Value::BulkString(address.into_bytes()), reply));
    Value::Map(pairs.collect())
}

/// Puts each value where its key stands in the command.
fn in_order(parts: Vec<(&[usize], Value)>) -> Result<Value, Expected> {
    let count = parts.iter().map(|(indices, _)| indices.len()).sum();
    let mut ordered = vec![Value::Nil; count];
    for (indices, reply) in parts {
        let values = elements(reply).ok_or(A_VALUE_EACH)?;
        if values.len() != indices.len() {
            return Err(A_VALUE_EACH);
        }
        for (index, value) in indices.iter().zip(values) {
            *ordered.get_mut(*index).ok_or(A_VALUE_EACH)? = value;
        }
    }
    Ok(Value::Array(ordered))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses RESP, which is shorter to write than values; a blank stands for a line break, `_` for a blank.
    fn value(resp: &str) -> Value {
        let resp = resp.replace(' ', "\r\n") + "\r\n";
        redis::parse_redis_value(resp.replace('_', " ").as_bytes()).expect("RESP")
    }

    fn is_mismatch(reply: &Value) -> bool {
        matches!(reply, Value::ServerError(error) if error.code() == "MISMATCH")
    }

    fn check_reply(reply: &Value, expected: &str, what: &str) {
        if expected == "mismatch" {
            assert!(is_mismatch(reply), "{what}: {reply:?}");
        } else {
            assert_eq!(*reply, value(expected), "{what}");
        }
    }

    fn check(policy: ResponsePolicy, replies: &[&str], expected: &str) {
        let nodes = ["a:1", "b:2", "c:3"].into_iter();
        let named = nodes.zip(replies);
        let named = named.map(|(node, reply)| (node.to_owned(), value(reply)));
        let reply = combine(policy, named.collect());
        check_reply(&reply, expected, &format!("{policy:?} {replies:?}"));
    }

    #[test]
    fn replies_of_nodes_become_one() {
        use ResponsePolicy::{
            AllSucceeded, Concatenate, FirstNonEmpty, LogicalAnd, MergeMaps, OneSucceeded, PerNode,
            Sum,
        };
        check(Sum, &[":1", ":2", ":0"], ":3");
        check(Sum, &[":9223372036854775807", ":2"], ":9223372036854775807");
        check(Sum, &[":1", "-ERR_x", "-ERR_y"], "-ERR_x");
        check(Sum, &[":1", "+OK"], "mismatch");
        check(LogicalAnd, &["*2 :1 :1", "*2 :1 :0"], "*2 :1 :0");
        check(LogicalAnd, &["*0", "*0"], "*0");
        check(LogicalAnd, &["*2 :1 :1", "*1 :1"], "mismatch");
        check(LogicalAnd, &["*1 +OK"], "mismatch");
        check(LogicalAnd, &[":1"], "mismatch");
        check(LogicalAnd, &[], "mismatch");
        check(AllSucceeded, &["+OK", "+OK"], "+OK");
        check(AllSucceeded, &["+OK", "-NOPERM_x"], "-NOPERM_x");
        check(AllSucceeded, &[], "mismatch");
        check(OneSucceeded, &["-NOTBUSY_x", "+OK"], "+OK");
        check(OneSucceeded, &["-NOTBUSY_x", "-NOTBUSY_y"], "-NOTBUSY_x");
        check(
            OneSucceeded,
            &["-NOTBUSY_x", "-UNKILLABLE_y"],
            "-UNKILLABLE_y",
        );
        check(OneSucceeded, &[], "mismatch");
        check(FirstNonEmpty, &["$-1", "-ERR_x", "$1 k"], "$1 k");
        check(FirstNonEmpty, &["$-1", "$-1"], "$-1");
        check(FirstNonEmpty, &["$-1", "-ERR_x"], "-ERR_x");
        check(Concatenate, &["*1 $1 a", "*0", "~1 $1 b"], "*2 $1 a $1 b");
        check(Concatenate, &["*1 $1 a", "$1 b"], "mismatch");
        check(Concatenate, &["*1 $1 a", "-ERR_x"], "-ERR_x");
        check(
            MergeMaps,
            &["*4 $1 x :1 $1 y :2", "%2 $1 z :5 $1 x :3"],
            "%3 $1 x :4 $1 y :2 $1 z :5",
        );
        check(MergeMaps, &["*1 $1 x"], "mismatch");
        check(MergeMaps, &["*2 $1 x $1 y"], "mismatch");
        check(MergeMaps, &["*2 :1 :1"], "mismatch");
        check(PerNode, &["$1 x", "$1 y"], "%2 $3 a:1 $1 x $3 b:2 $1 y");
        check(PerNode, &["$1 x", "-ERR_x"], "-ERR_x");
    }

    fn check_join(split_by: SplitBy, parts: &[(&[usize], &str)], expected: &str) {
        let reply = join(
            split_by,
            parts
                .iter()
                .map(|(indices, reply)| (*indices, value(reply)))
                .collect(),
        );
        check_reply(&reply, expected, &format!("{split_by:?} {parts:?}"));
    }

    #[test]
    fn replies_of_parts_become_one_in_the_order_asked_for() {
        use SplitBy::{Count, Pairs, Values};
        let (b, a) = ((&[1][..], "*1 $1 b"), (&[0, 2][..], "*2 $1 a $-1"));
        check_join(Values, &[b, a], "*3 $1 a $1 b $-1");
        check_join(Values, &[a, b], "*3 $1 a $1 b $-1");
        check_join(Values, &[b, (&[0, 2], "-ERR_x")], "-ERR_x");
        check_join(Values, &[b, (&[0, 2], "*1 $1 a")], "mismatch");
        check_join(Values, &[b, (&[2], "*1 $1 a")], "mismatch");
        check_join(Values, &[b, (&[0], "$1 a")], "mismatch");
        check_join(Count, &[(&[0, 2], ":2"), (&[1], ":0")], ":2");
        check_join(Count, &[(&[0], ":2"), (&[1], "+OK")], "mismatch");
        check_join(
            Count,
            &[(&[0], "-MOVED_1_a:1"), (&[1], ":1")],
            "-MOVED_1_a:1",
        );
        check_join(Pairs, &[(&[0, 1], "+OK"), (&[2, 3], "+OK")], "+OK");
        check_join(Pairs, &[(&[0, 1], "+OK"), (&[2, 3], "-OOM_x")], "-OOM_x");
    }
}
