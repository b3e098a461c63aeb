//! [`Greeting`]: what a server says of itself in its answer to `HELLO`.

use redis::Value;

/// Longest version that is kept, in bytes.
const MAX_VERSION: usize = 64;

/// What a server says of itself in its answer to `HELLO`; nothing if it does not know that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) version: Option<String>,
    pub(crate) is_replica: Option<bool>,
}

impl Greeting {
    /// Reads the reply to `HELLO`, a map, or its names and values in turn.
    pub(super) fn read(reply: &Value) -> Greeting {
        let mut greeting = Greeting::default();
        match reply {
            Value::Map(pairs) => pairs
                .iter()
                .for_each(|(name, value)| greeting.take(name, value)),
            Value::Array(values) => values
                .chunks_exact(2)
                .for_each(|pair| greeting.take(&pair[0], &pair[1])),
            _ => {}
        }
        greeting
    }

    fn take(&mut self, name: &Value, value: &Value) {
        let (Some(name), Some(value)) = (text(name), text(value)) else {
            return;
        };
        match (name, value) {
            ("version", value) if is_printable(value) => self.version = Some(value.to_owned()),
            ("role", "master") => self.is_replica = Some(false),
            ("role", "slave" | "replica") => self.is_replica = Some(true),
            _ => {}
        }
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn is_printable(version: &str) -> bool {
    version.len() <= MAX_VERSION && version.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_read_from_a_map_and_from_an_array() {
        let check = |reply: &[u8], version: Option<&str>, is_replica| {
            let reply = redis::parse_redis_value(reply).expect("RESP");
            let expected = Greeting {
                version: version.map(str::to_owned),
                is_replica,
            };
            assert_eq!(Greeting::read(&reply), expected, "{reply:?}");
        };
        let map = b"%3\r\n+version\r\n$5\r\n8.2.1\r\n+proto\r\n:3\r\n+role\r\n+master\r\n";
        check(map, Some("8.2.1"), Some(false));
        check(b"*2\r\n+role\r\n+replica\r\n", None, Some(true));
        check(b"*2\r\n+version\r\n$2\r\n\r\n\r\n", None, None);
        check(b"+OK\r\n", None, None);
    }
}
