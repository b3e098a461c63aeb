//! [`Notice`]: what a server sends on a connection with subscriptions.

use redis::{PushKind, ServerError, Value};

use super::message::Message;
use super::topic::Kind;

/// What a server sends on a connection with subscriptions.
pub(super) enum Notice {
    /// A message for a channel or pattern of this name.
    Message(Kind, Vec<u8>, Message),
    Subscribed(Kind, Vec<u8>),
    /// Asked for or not.
    Unsubscribed(Kind, Vec<u8>),
    /// A reply that is about no topic, whatever it says: servers and proxies do not answer `PING` and `ROLE`
    /// alike.
    Reply(Value),
    Error(ServerError),
    /// What no subscription is about, such as the invalidation of a key.
    Other,
}

/// What a server says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replication {
    Primary,
    /// What is published at its primary reaches it only while it is connected to that.
    Replica {
        is_connected: bool,
    },
}

impl Replication {
    /// Reads the reply to `ROLE`; `None` if it is of another kind of server, such as a Sentinel.
    pub(super) fn of_role(reply: Value) -> Option<Replication> {
        let Value::Array(words) = reply else {
            return None;
        };
        let mut words = words.into_iter().map(bytes);
        match words.next()??.as_slice() {
            b"master" => Some(Replication::Primary),
            b"slave" | b"replica" => {
                // Host and port of the primary stand before it; the port is a number.
                let state = words.nth(2)??;
                let is_connected = matches!(&*state, b"connected" | b"online" | b"stable_sync");
                Some(Replication::Replica { is_connected })
            }
            _ => None,
        }
    }
}

impl Notice {
    /// Reads what the server has sent: a push of RESP3, or an array of RESP2.
    pub(super) fn of(value: Value) -> Notice {
        match value {
            Value::Push { kind, data } => push(&kind, data),
            Value::Array(words) => array(words),
            Value::ServerError(error) => Notice::Error(error),
            reply => Notice::Reply(reply),
        }
    }
}

fn push(kind: &PushKind, data: Vec<Value>) -> Notice {
    match kind {
        PushKind::Message => message(Kind::Channel, data),
        PushKind::PMessage => message(Kind::Pattern, data),
        PushKind::SMessage => message(Kind::Sharded, data),
        PushKind::Subscribe => confirmation(Notice::Subscribed, Kind::Channel, data),
        PushKind::PSubscribe => confirmation(Notice::Subscribed, Kind::Pattern, data),
        PushKind::SSubscribe => confirmation(Notice::Subscribed, Kind::Sharded, data),
        PushKind::Unsubscribe => confirmation(Notice::Unsubscribed, Kind::Channel, data),
        PushKind::PUnsubscribe => confirmation(Notice::Unsubscribed, Kind::Pattern, data),
        PushKind::SUnsubscribe => confirmation(Notice::Unsubscribed, Kind::Sharded, data),
        _ => Notice::Other,
    }
}

fn array(words: Vec<Value>) -> Notice {
    let kind = match words.first() {
        Some(Value::BulkString(kind)) => kind.as_slice(),
        _ => b"",
    };
    let kind = match kind {
        b"message" => PushKind::Message,
        b"pmessage" => PushKind::PMessage,
        b"smessage" => PushKind::SMessage,
        b"subscribe" => PushKind::Subscribe,
        b"psubscribe" => PushKind::PSubscribe,
        b"ssubscribe" => PushKind::SSubscribe,
        b"unsubscribe" => PushKind::Unsubscribe,
        b"punsubscribe" => PushKind::PUnsubscribe,
        b"sunsubscribe" => PushKind::SUnsubscribe,
        _ => return Notice::Reply(Value::Array(words)),
    };
    push(&kind, words.into_iter().skip(1).collect())
}

fn message(kind: Kind, data: Vec<Value>) -> Notice {
    let words: Option<Vec<Vec<u8>>> = data.into_iter().map(bytes).collect();
    let mut words = words.unwrap_or_default().into_iter();
    let (name, channel) = if kind == Kind::Pattern {
        (words.next(), words.next())
    } else {
        let channel = words.next();
        (channel.clone(), channel)
    };
    match (name, channel, words.next()) {
        (Some(name), Some(channel), Some(payload)) => {
            let message = if kind == Kind::Pattern {
                Message::for_pattern(name.as_slice(), channel, payload)
            } else {
                Message::new(channel, payload)
            };
            Notice::Message(kind, name, message)
        }
        _ => Notice::Other,
    }
}

fn confirmation(notice: fn(Kind, Vec<u8>) -> Notice, kind: Kind, data: Vec<Value>) -> Notice {
    let name = data.into_iter().next().and_then(bytes);
    name.map_or(Notice::Other, |name| notice(kind, name))
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is understood of these bytes, such as `message c x`.
    fn read(bytes: &[u8]) -> String {
        let value = redis::parse_redis_value(bytes).expect("RESP");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match Notice::of(value) {
            Notice::Message(kind, name, message) => {
                let payload = text(message.payload());
                format!("{kind:?} {} {} {payload}", text(&name), message.channel())
            }
            Notice::Subscribed(kind, name) => format!("+{kind:?} {}", text(&name)),
            Notice::Unsubscribed(kind, name) => format!("-{kind:?} {}", text(&name)),
            Notice::Reply(reply) => match Replication::of_role(reply) {
                Some(replication) => format!("{replication:?}"),
                None => "reply".to_owned(),
            },
            Notice::Error(error) => error.code().to_owned(),
            Notice::Other => "other".to_owned(),
        }
    }

    #[test]
    fn both_protocols_are_understood() {
        let check = |words: &str, expected: &str| {
            let words: Vec<_> = words.split(' ').collect();
            for kind in ['*', '>'] {
                let encoded = words.iter().map(|word| match word.parse::<i64>() {
                    Ok(number) => format!(":{number}\r\n"),
                    Err(_) => format!("${}\r\n{word}\r\n", word.len()),
                });
                let encoded = encoded.collect::<Vec<_>>().concat();
                let bytes = format!("{kind}{}\r\n{encoded}", words.len());
                assert_eq!(read(bytes.as_bytes()), expected, "{bytes}");
            }
        };
        check("message c x", "Channel c c x");
        check("pmessage p* pc x", "Pattern p* pc x");
        check("smessage c x", "Sharded c c x");
        check("subscribe c 1", "+Channel c");
        check("psubscribe c 1", "+Pattern c");
        check("ssubscribe c 1", "+Sharded c");
        check("unsubscribe c 0", "-Channel c");
        check("punsubscribe c 0", "-Pattern c");
        check("sunsubscribe c 0", "-Sharded c");
        check("message c", "other");
        check("subscribe 1 1", "other");
        assert_eq!(read(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"), "reply");
        assert_eq!(read(b"+PONG\r\n"), "reply");
        assert_eq!(read(b"$4\r\nPONG\r\n"), "reply");
        assert_eq!(read(b"-NOPERM no\r\n"), "NOPERM");
        assert_eq!(read(b"*0\r\n"), "reply");
        assert_eq!(read(b":1\r\n"), "reply");
    }

    fn encoded_number(number: i64) -> String {
        format!(":{number}\r\n")
    }

    fn encoded_text(text: &str) -> String {
        format!("${}\r\n{text}\r\n", text.len())
    }

    #[test]
    fn the_roles_of_all_kinds_of_servers_are_understood() {
        let check = |words: &[&str], expected: &str| {
            let mut reply = format!("*{}\r\n", words.len());
            for word in words {
                match word.parse::<i64>() {
                    Ok(number) => reply.push_str(&encoded_number(number)),
                    Err(_) => reply.push_str(&encoded_text(word)),
                }
            }
            assert_eq!(read(reply.as_bytes()), expected, "{words:?}");
        };
        let (connected, not) = (
            "Replica { is_connected: true }",
            "Replica { is_connected: false }",
        );
        check(&["master", "0"], "Primary");
        check(&["slave", "h", "1", "connected", "0"], connected);
        check(&["slave", "h", "1", "connect", "0"], not);
        check(&["slave", "h", "1", "sync", "0"], not);
        check(&["replica", "h", "1", "online"], connected);
        check(&["slave"], "reply");
        check(&["sentinel"], "reply");
        check(&["active-replica", "h", "1", "connected"], "reply");
    }
}
