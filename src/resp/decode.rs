//! Decodes RESP2 and RESP3 into [`redis::Value`], incrementally.
//!
//! The values are those of `redis::parse_redis_value`; a property test compares the two. Unlike that
//! function, the decoder keeps what it has read of an incomplete reply, so a large array takes linear time
//! however many reads it arrives in. It allocates for what has arrived, and at most as much again or 1 MiB, never
//! for what a length announces.

use redis::{PushKind, Value};

use super::element::{Element, Kind, Malformed, element};
use super::long_string::LongString;
use super::skip::{BeyondLimit, Skip};

/// Deepest nesting of a reply, the same as in redis-rs, whose conversions recurse.
const MAX_DEPTH: usize = 100;
/// Memory that one reply may take, in bytes: a server that never ends its reply must not take all there is.
const MAX_REPLY: usize = 2 * 1024 * 1024 * 1024 - 1;
/// Capacity reserved for an announced array before any of it has arrived.
const MAX_RESERVED: usize = 64;

/// A reply, or why it was skipped over.
pub(crate) type Decoded = Result<Value, BeyondLimit>;

#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Aggregates that have been opened and are not complete, outermost first.
    open: Vec<Aggregate>,
    /// Bytes that the elements read so far take.
    size: usize,
    /// The reply at hand is beyond a limit.
    skip: Option<Box<Skip>>,
    /// The string at hand is read by itself.
    long: Option<Box<LongString>>,
    missing: usize,
}

#[derive(Debug)]
struct Aggregate {
    kind: Kind,
    left: usize,
    values: Vec<Value>,
}

impl Decoder {
    /// Reads from the front of `input`. Returns how many bytes it has taken, and the reply if that is
    /// complete. A reply beyond a limit is skipped over, up to its end.
    pub(crate) fn decode(&mut self, input: &[u8]) -> Result<(usize, Option<Decoded>), Malformed> {
        if self.skip.is_some() {
            return self.skip(input, 0);
        }
        if self.long.is_some() {
            return self.go_on(input);
        }
        let mut at = 0;
        loop {
            let start = at;
            let value = match element(&input[at..])? {
                Element::Incomplete(missing) => {
                    self.missing = missing;
                    return Ok((at, None));
                }
                // Nearly every reply is one value.
                Element::Leaf(value, length) if self.open.is_empty() => {
                    return Ok((at + length, Some(Ok(value))));
                }
                Element::Leaf(value, length) => {
                    at += length;
                    value
                }
                Element::Open(kind, 0, length) => {
                    at += length;
                    kind.close(Vec::new())?
                }
                Element::Open(kind, left, length) => {
                    at += length;
                    if self.open.len() + 1 >= MAX_DEPTH {
                        let skip = self.start_skipping(Some(kind), BeyondLimit::Depth);
                        skip.open(left)?;
                        return self.skip(input, at);
                    }
                    let values = Vec::with_capacity(left.min(MAX_RESERVED));
                    self.open.push(Aggregate { kind, left, values });
                    continue;
                }
                Element::Long(length, header) => {
                    at += header;
                    self.missing = 1;
                    let string = self.long.insert(Box::new(LongString::new(length)));
                    return Ok((at + string.take(&input[at..]), None));
                }
                Element::TooLong(length, header) => {
                    at += header;
                    self.start_skipping(None, BeyondLimit::Length)
                        .string(length)?;
                    return self.skip(input, at);
                }
            };
            if let Some(reply) = self.attach(value)? {
                return Ok((at, Some(Ok(reply))));
            }
            if self.grow(at - start) {
                return self.skip(input, at);
            }
        }
    }

    /// Goes on with the string that is read by itself, and behind it.
    #[cold]
    fn go_on(&mut self, input: &[u8]) -> Result<(usize, Option<Decoded>), Malformed> {
        let Some(mut string) = self.long.take() else {
            return Ok((0, None));
        };
        let at = string.take(input);
        if !string.is_complete() {
            self.long = Some(string);
            return Ok((at, None));
        }
        let length = string.length();
        if let Some(reply) = self.attach(string.into_value()?)? {
            return Ok((at, Some(Ok(reply))));
        }
        if self.grow(length) {
            return self.skip(input, at);
        }
        let (taken, reply) = self.decode(&input[at..])?;
        Ok((at + taken, reply))
    }

    /// Adds a value of so many bytes to the size of the reply. Returns whether it is skipped from here on.
    #[inline]
    fn grow(&mut self, bytes: usize) -> bool {
        self.size += size_of::<Value>() + bytes;
        let is_beyond = self.size > MAX_REPLY;
        if is_beyond {
            self.start_skipping(None, BeyondLimit::Size);
        }
        is_beyond
    }

    /// Returns where to read to, if that is not in front of [`decode`](Decoder::decode):
    /// [`read`](Decoder::read) tells how much was, and there is nothing else to be decoded before.
    pub(crate) fn room(&mut self) -> Option<&mut [u8]> {
        self.long.as_mut().map(|string| string.room())
    }

    /// So many bytes have been read to the [`room`](Decoder::room).
    pub(crate) fn read(&mut self, bytes: usize) {
        if let Some(string) = &mut self.long {
            string.read(bytes);
        }
    }

    /// Drops what has been kept of the reply. `innermost` is the aggregate at hand.
    #[cold]
    fn start_skipping(&mut self, innermost: Option<Kind>, limit: BeyondLimit) -> &mut Skip {
        let outermost = self
            .open
            .first()
            .map(|aggregate| aggregate.kind)
            .or(innermost);
        let left = self
            .open
            .drain(..)
            .map(|aggregate| aggregate.left)
            .collect();
        let skip = Skip::new(limit, outermost == Some(Kind::Push), left);
        self.size = 0;
        self.skip.insert(Box::new(skip))
    }

    #[cold]
    fn skip(&mut self, input: &[u8], at: usize) -> Result<(usize, Option<Decoded>), Malformed> {
        self.missing = 1;
        let Some(skip) = &mut self.skip else {
            return Ok((at, None));
        };
        let taken = skip.skip(&input[at..])?;
        let reply = skip.end();
        if reply.is_some() {
            self.skip = None;
        }
        Ok((at + taken, reply))
    }

    /// Returns how many more bytes the current element needs at least, as a hint for the next read.
    pub(crate) fn missing(&self) -> usize {
        self.missing
    }

    /// Puts a complete value where it belongs; returns it if nothing encloses it any more.
    #[inline]
    fn attach(&mut self, mut value: Value) -> Result<Option<Value>, Malformed> {
        while let Some(mut aggregate) = self.open.pop() {
            aggregate.values.push(value);
            aggregate.left -= 1;
            if aggregate.left > 0 {
                self.open.push(aggregate);
                return Ok(None);
            }
            value = aggregate.kind.close(aggregate.values)?;
            if self.open.is_empty() {
                self.size = 0;
            }
        }
        Ok(Some(value))
    }
}

impl Kind {
    fn close(self, values: Vec<Value>) -> Result<Value, Malformed> {
        Ok(match self {
            Kind::Array => Value::Array(values),
            Kind::Set => Value::Set(values),
            Kind::Map => Value::Map(pairs(values.into_iter())),
            Kind::Push => push(values)?,
            Kind::Attribute => {
                let mut values = values;
                let data = values.pop().ok_or(Malformed("an attribute without data"))?;
                Value::Attribute {
                    data: Box::new(data),
                    attributes: pairs(values.into_iter()),
                }
            }
        })
    }
}

fn pairs(mut values: impl Iterator<Item = Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::with_capacity(values.size_hint().0 / 2);
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        pairs.push((key, value));
    }
    pairs
}

fn push(values: Vec<Value>) -> Result<Value, Malformed> {
    let mut values = values.into_iter();
    let kind = match values.next() {
        None => String::new(),
        Some(Value::BulkString(kind)) => {
            String::from_utf8(kind).map_err(|_| Malformed("a push kind that is not UTF-8"))?
        }
        Some(Value::SimpleString(kind)) => kind,
        Some(_) => return Err(Malformed("a push whose kind is not a string")),
    };
    let kind = match kind.as_str() {
        "invalidate" => PushKind::Invalidate,
        "message" => PushKind::Message,
        "pmessage" => PushKind::PMessage,
        "smessage" => PushKind::SMessage,
        "subscribe" => PushKind::Subscribe,
        "psubscribe" => PushKind::PSubscribe,
        "ssubscribe" => PushKind::SSubscribe,
        "unsubscribe" => PushKind::Unsubscribe,
        "punsubscribe" => PushKind::PUnsubscribe,
        "sunsubscribe" => PushKind::SUnsubscribe,
        _ => PushKind::Other(kind),
    };
    Ok(Value::Push {
        kind,
        data: values.collect(),
    })
}

#[cfg(test)]
mod tests;
