//! [`Message`]: what was published to a channel.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use redis::{FromRedisValue, RedisResult, Value};

/// Holds what was published to a channel. Clones share it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message(Arc<Content>);

#[derive(PartialEq, Eq)]
struct Content {
    channel: Vec<u8>,
    pattern: Option<Vec<u8>>,
    payload: Vec<u8>,
}

impl Message {
    /// A message that was published to this channel, as a subscription to the channel receives it.
    #[must_use]
    pub fn new(channel: impl Into<Vec<u8>>, payload: impl Into<Vec<u8>>) -> Message {
        Message(Arc::new(Content {
            channel: channel.into(),
            pattern: None,
            payload: payload.into(),
        }))
    }

    /// A message that was published to this channel, as a subscription to `pattern` receives it.
    #[must_use]
    pub fn for_pattern(
        pattern: impl Into<Vec<u8>>,
        channel: impl Into<Vec<u8>>,
        payload: impl Into<Vec<u8>>,
    ) -> Message {
        Message(Arc::new(Content {
            channel: channel.into(),
            pattern: Some(pattern.into()),
            payload: payload.into(),
        }))
    }

    /// Returns the channel that it was published to. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn channel(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0.channel)
    }

    /// Returns the channel that it was published to, as it is.
    #[must_use]
    pub fn channel_bytes(&self) -> &[u8] {
        &self.0.channel
    }

    /// Returns the pattern because of which it was received; `None` if the channel itself is subscribed to.
    ///
    /// A subscription to a channel and to a pattern that matches it receives a message twice, as the server
    /// sends it.
    #[must_use]
    pub fn pattern(&self) -> Option<Cow<'_, str>> {
        self.pattern_bytes().map(String::from_utf8_lossy)
    }

    /// Returns the pattern because of which it was received, as it is.
    #[must_use]
    pub fn pattern_bytes(&self) -> Option<&[u8]> {
        self.0.pattern.as_deref()
    }

    /// Returns the payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// Converts the payload, as redis-rs converts the reply to `GET`.
    ///
    /// # Errors
    ///
    /// The payload cannot be converted, such as `abc` to a number.
    pub fn parse<T: FromRedisValue>(&self) -> RedisResult<T> {
        Ok(T::from_redis_value(Value::BulkString(
            self.0.payload.clone(),
        ))?)
    }

    /// Returns how many bytes it takes, without those for its bookkeeping.
    pub(super) fn size(&self) -> usize {
        let pattern = self.0.pattern.as_ref().map_or(0, Vec::len);
        self.0.channel.len() + pattern + self.0.payload.len()
    }
}

/// Shows the channel and the length of the payload, which may be a secret.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Content {
            channel: _,
            pattern: _,
            payload,
        } = &*self.0;
        f.debug_struct("Message")
            .field("channel", &self.channel())
            .field("pattern", &self.pattern())
            .field("payload", &format_args!("{} bytes", payload.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_converted_and_not_shown() {
        let message = Message::for_pattern("c*", b"c\xff", "4711");
        let number: u32 = message.parse().expect("a number");
        assert_eq!(number, 4711);
        assert!(Message::new("c", "x").parse::<u32>().is_err());
        let shown = format!("{message:?}");
        assert!(!shown.contains("4711"), "{shown}");
        assert!(
            shown.contains("4 bytes") && shown.contains("c\u{fffd}"),
            "{shown}"
        );
        assert_eq!(message.size(), 8);
    }
}
