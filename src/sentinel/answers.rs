//! What Sentinels say: their answers about a service, and their messages about a switch.

use std::collections::HashMap;
use std::io;

use redis::{FromRedisValue, ServerError, Value};

use crate::address::Address;

/// The channel on which Sentinels announce a new primary.
pub(super) const SWITCH_CHANNEL: &[u8] = b"+switch-master";

/// Why an answer names no primary.
#[derive(Debug)]
pub(super) enum NoPrimary {
    UnknownService,
    Refused(ServerError),
    Unreadable(io::Error),
}

/// Reads the answer to `get-master-addr-by-name`.
pub(super) fn primary(answer: &Value) -> Result<Address, NoPrimary> {
    // Of a port redis-rs would take the lower 16 bits.
    let (host, port) = match answer {
        Value::Nil => return Err(NoPrimary::UnknownService),
        Value::ServerError(error) => return Err(NoPrimary::Refused(error.clone())),
        answer => <(String, String)>::from_redis_value_ref(answer)
            .map_err(|error| NoPrimary::Unreadable(io::Error::other(error)))?,
    };
    let port = port.parse().ok();
    let address = port.and_then(|port| Address::announced(&host, port));
    let not_an_address = "its answer does not hold a host and a port";
    address.ok_or_else(|| NoPrimary::Unreadable(io::Error::other(not_an_address)))
}

/// Returns the replicas that a Sentinel does not report as down. One that cannot be read is left out.
pub(super) fn replicas(reply: &Value) -> Vec<Address> {
    let Value::Array(replicas) = reply else {
        return Vec::new();
    };
    replicas.iter().filter_map(usable_replica).collect()
}

fn usable_replica(replica: &Value) -> Option<Address> {
    let replica = HashMap::<String, String>::from_redis_value_ref(replica).ok()?;
    let is_down = |flag: &str| matches!(flag, "s_down" | "o_down" | "disconnected");
    if replica.get("flags")?.split(',').any(is_down) {
        return None;
    }
    let port = replica.get("port")?.parse().ok()?;
    Address::announced(replica.get("ip")?, port)
}

/// Returns the primary of `service` that `message` names, if it names one: it is the message about a switch,
/// or the reply to `get-master-addr-by-name`.
pub(super) fn announced_primary(message: &Value, service: &str) -> Option<Address> {
    let (Value::Push { data: words, .. } | Value::Array(words)) = message else {
        return None;
    };
    match words.as_slice() {
        [.., Value::BulkString(channel), Value::BulkString(text)] if channel == SWITCH_CHANNEL => {
            switched_to(text, service)
        }
        _ => primary(message).ok(),
    }
}

/// Reads `<service> <old host> <old port> <new host> <new port>`.
fn switched_to(text: &[u8], service: &str) -> Option<Address> {
    let mut words = std::str::from_utf8(text).ok()?.split(' ');
    (words.next()? == service).then_some(())?;
    let (host, port) = (words.nth(2)?, words.next()?);
    Address::announced(host, port.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_of_16_bits() {
        let check = |port: Value, expected: Option<u16>| {
            let answer = Value::Array(vec![Value::BulkString("h".into()), port]);
            let port = primary(&answer).ok().map(|address| address.port);
            assert_eq!(port, expected, "{answer:?}");
        };
        let text = |port: &str| Value::BulkString(port.into());
        check(text("6379"), Some(6379));
        check(Value::Int(6379), Some(6379));
        for port in [0, 65_536, 65_536 + 6379, -1] {
            check(text(&port.to_string()), None);
            check(Value::Int(port), None);
        }
    }

    fn replica(port: &str, flags: &str) -> Value {
        let words = ["ip", "10.0.0.1", "port", port, "flags", flags];
        Value::Array(words.map(|word| Value::BulkString(word.into())).to_vec())
    }

    #[test]
    fn a_replica_that_is_down_is_none() {
        let reply = Value::Array(vec![
            replica("1", "s_down,slave,disconnected"),
            replica("2", "slave"),
            replica("3", "slave,o_down"),
        ]);
        assert_eq!(replicas(&reply), [Address::new("10.0.0.1", 2)]);
    }

    #[test]
    fn a_replica_that_cannot_be_read_costs_no_other_one() {
        for odd in [Value::Nil, Value::Array(vec![Value::Nil]), Value::Int(1)] {
            let reply = Value::Array(vec![odd.clone(), replica("2", "slave"), odd]);
            assert_eq!(replicas(&reply), [Address::new("10.0.0.1", 2)], "{reply:?}");
        }
    }
}
