//! [`Reply`]: what a server has answered, and how many replies were expected.

use redis::{RedisResult, ServerError, Value};

use crate::observe::Answer;
use crate::resp::{BeyondLimit, Decoded, Refusal, exec_abort, says_replica};

/// The reply to a command or to a pipeline.
#[derive(Debug)]
pub(crate) enum Reply {
    One(Value),
    Many(Vec<Value>),
    /// The commands of a transaction that the server did not queue, by their place, from 0.
    Aborted(Vec<(usize, Value)>),
}

/// A reply, or why it was skipped over.
pub(super) type ReplyOrLimit = Result<Reply, BeyondLimit>;

impl Reply {
    /// Returns the reply of a single command, which is one value.
    pub(crate) fn single(self) -> Value {
        match self {
            Reply::One(value) => value,
            Reply::Many(values) => Value::Array(values),
            Reply::Aborted(_) => Value::Nil,
        }
    }

    /// Returns the replies of a pipeline of `commands` commands.
    pub(crate) async fn many(self, commands: usize) -> RedisResult<Vec<Value>> {
        match self {
            Reply::Many(values) => Ok(values),
            Reply::One(value) => Ok(vec![value]),
            // It is rare, and its future large.
            Reply::Aborted(refused) => Err(Box::pin(exec_abort(commands, &refused)).await),
        }
    }

    /// Returns whether the server has answered an error, anywhere in it.
    #[inline]
    pub(crate) fn has_error(&self) -> bool {
        self.has_error_of(|_| true)
    }

    /// Returns whether an error in it says that the server is a replica.
    pub(crate) fn is_by_a_replica(&self) -> bool {
        self.has_error_of(says_replica)
    }

    fn has_error_of(&self, is_such: fn(&ServerError) -> bool) -> bool {
        let holds = |value: &Value| errors(value).any(is_such);
        match self {
            Reply::One(value) => holds(value),
            Reply::Many(values) => values.iter().any(holds),
            Reply::Aborted(refused) => refused.iter().any(|(_, value)| holds(value)),
        }
    }

    /// Returns the refusal that every part of the reply is; `None` if one part is something else.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self {
            Reply::One(value) => Refusal::of(value),
            Reply::Many(values) => Refusal::of_all(values),
            Reply::Aborted(refused) => Refusal::of_all(refused.iter().map(|(_, value)| value)),
        }
    }

    /// Returns the first value that the server has answered.
    pub(super) fn first(&self) -> Option<&Value> {
        match self {
            Reply::One(value) => Some(value),
            Reply::Many(values) => values.first(),
            Reply::Aborted(refused) => refused.first().map(|(_, value)| value),
        }
    }
}

impl Answer for Reply {
    fn error_code(&self) -> Option<&str> {
        match self {
            Reply::One(value) => value.error_code(),
            Reply::Many(values) => values.error_code(),
            Reply::Aborted(_) => Some("EXECABORT"),
        }
    }
}

/// Returns whether `value` is an error, or may have one in it: a transaction and a script can.
#[inline]
pub(super) fn may_hold_error(value: &Value) -> bool {
    matches!(value, Value::ServerError(_) | Value::Array(_))
}

/// Returns the error that `value` is, or those in it.
fn errors(value: &Value) -> impl Iterator<Item = &ServerError> {
    let values = match value {
        Value::Array(values) => values,
        value => std::slice::from_ref(value),
    };
    values.iter().filter_map(|value| match value {
        Value::ServerError(error) => Some(error),
        _ => None,
    })
}

/// How many replies a submission gets, and which of them its caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpectedReplies {
    One,
    /// The first `skip` replies are skipped, the next `count` kept. With `skip` it is a transaction.
    Many {
        skip: usize,
        count: usize,
    },
}

/// The replies to a pipeline as far as they have come.
#[derive(Debug, Default)]
pub(super) struct PipelineReplies {
    seen: usize,
    values: Vec<Value>,
    refused: Vec<(usize, Value)>,
    /// Why one of them was skipped over.
    beyond: Option<BeyondLimit>,
}

impl PipelineReplies {
    /// Returns how many have come.
    pub(super) fn seen(&self) -> usize {
        self.seen
    }

    /// Adds the next reply; returns all of them once it is the last one, or why one was skipped over.
    pub(super) fn add(
        &mut self,
        reply: Decoded,
        skip: usize,
        count: usize,
    ) -> Option<ReplyOrLimit> {
        self.seen += 1;
        match reply {
            Ok(reply) if self.seen > skip => {
                if self.values.is_empty() {
                    self.values.reserve_exact(count);
                }
                self.values.push(reply);
            }
            // The first reply that is skipped is that of MULTI.
            Ok(error @ Value::ServerError(_)) => {
                self.refused.push((self.seen.saturating_sub(2), error));
            }
            Ok(_) => {}
            Err(limit) => self.beyond = Some(limit),
        }
        if self.seen < skip + count {
            return None;
        }
        let PipelineReplies {
            seen: _,
            values,
            refused,
            beyond,
        } = std::mem::take(self);
        Some(match beyond {
            Some(limit) => Err(limit),
            None if refused.is_empty() => Ok(Reply::Many(values)),
            None => Ok(Reply::Aborted(refused)),
        })
    }
}
