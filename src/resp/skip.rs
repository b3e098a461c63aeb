//! [`Skip`]: reads over a reply that is beyond a limit, so that its caller alone fails and the connection
//! goes on behind it.

use std::fmt;

use redis::{PushKind, Value};

use super::element::{Element, Malformed, element, string_header};

/// Deepest nesting that is skipped over. A script cannot nest deeper: the stack of Lua is 8,000 levels.
const MAX_SKIPPED_DEPTH: usize = 10_000;
/// Bytes of one reply that are skipped over: callers behind it wait for as long as they take to arrive.
const MAX_SKIPPED: u64 = 4 * 1024 * 1024 * 1024;

/// The limit of this client that a reply is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BeyondLimit {
    Depth,
    Length,
    Size,
}

impl fmt::Display for BeyondLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BeyondLimit::Depth => "it is nested deeper than 100 levels",
            BeyondLimit::Length => "a string in it is longer than 512 MiB",
            BeyondLimit::Size => "it takes more than 2 GiB",
        })
    }
}

impl std::error::Error for BeyondLimit {}

/// A reply that is read over. It keeps the number of elements to come, and nothing of what arrives.
#[derive(Debug)]
pub(super) struct Skip {
    limit: BeyondLimit,
    is_push: bool,
    /// Elements to come of each aggregate that is open, outermost first.
    left: Vec<usize>,
    /// Bytes to come of the string at hand, with the CRLF behind it.
    string: u64,
    skipped: u64,
    has_ended: bool,
}

impl Skip {
    /// Skips a reply of which the aggregates that `left` has the elements of are open.
    pub(super) fn new(limit: BeyondLimit, is_push: bool, left: Vec<usize>) -> Skip {
        Skip {
            limit,
            is_push,
            left,
            string: 0,
            skipped: 0,
            has_ended: false,
        }
    }

    /// Takes from the front of `input` what belongs to the reply; returns how many bytes that is.
    pub(super) fn skip(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        let mut at = 0;
        while !self.has_ended {
            let rest = &input[at..];
            let taken = if self.string > 0 {
                self.skip_string(rest)?
            } else if let Some((length, header)) = string_header(rest)? {
                self.string(length)?;
                header
            } else {
                match element(rest)? {
                    Element::Leaf(_, length) | Element::Open(_, 0, length) => {
                        self.skip_value();
                        length
                    }
                    Element::Open(_, left, length) => {
                        self.open(left)?;
                        length
                    }
                    Element::TooLong(..) | Element::Long(..) | Element::Incomplete(_) => 0,
                }
            };
            if taken == 0 {
                break;
            }
            at += taken;
        }
        self.skipped += at as u64;
        if self.skipped > MAX_SKIPPED {
            return Err(Malformed("a reply of more than 4 GiB"));
        }
        Ok(at)
    }

    /// Returns what stands for the reply, once all of it has been skipped. A push is for no caller, and
    /// an empty one is ignored as every other.
    pub(super) fn end(&self) -> Option<Result<Value, BeyondLimit>> {
        let push = || Value::Push {
            kind: PushKind::Other(String::new()),
            data: Vec::new(),
        };
        self.has_ended.then(|| {
            if self.is_push {
                Ok(push())
            } else {
                Err(self.limit)
            }
        })
    }

    /// An aggregate of `left` elements follows.
    pub(super) fn open(&mut self, left: usize) -> Result<(), Malformed> {
        if self.left.len() >= MAX_SKIPPED_DEPTH {
            return Err(Malformed("a reply nested deeper than 10,000 levels"));
        }
        self.left.push(left);
        Ok(())
    }

    /// A string of `length` bytes follows.
    pub(super) fn string(&mut self, length: u64) -> Result<(), Malformed> {
        if length > MAX_SKIPPED {
            return Err(Malformed("a string longer than 4 GiB"));
        }
        self.string = length + 2;
        Ok(())
    }

    /// A value is over, and with it each aggregate of which it is the last.
    pub(super) fn skip_value(&mut self) {
        while let Some(left) = self.left.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.left.pop();
        }
        self.has_ended = true;
    }

    /// Returns how many bytes of memory it holds.
    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        self.left.capacity() * size_of::<usize>()
    }

    /// Takes bytes of the string at hand; its end must be where it was announced.
    fn skip_string(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        let content = usize::try_from(self.string.saturating_sub(2)).unwrap_or(usize::MAX);
        let content = content.min(input.len());
        self.string -= content as u64;
        let mut at = content;
        while (1..=2).contains(&self.string) && at < input.len() {
            let expected = if self.string == 2 { b'\r' } else { b'\n' };
            if input[at] != expected {
                return Err(Malformed("a string that does not end in CRLF"));
            }
            at += 1;
            self.string -= 1;
            if self.string == 0 {
                self.skip_value();
            }
        }
        Ok(at)
    }
}
