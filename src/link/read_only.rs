//! The commands that only read, as the servers themselves say.
//!
//! Those with the flag `READONLY` in `src/commands/*.json` of Redis (4f8cdc2, 2024-10-18, on the way to
//! 8.0) and Valkey (55bbbe0, 2024-10-25, on the way to 8.1); a subcommand stands behind its command and
//! a bar. A test compares them with the answer of the server at hand to `COMMAND`. What is not here
//! counts as a write.

const READ_ONLY: &str = "\
BITCOUNT BITFIELD_RO BITPOS DBSIZE DUMP EVALSHA_RO EVAL_RO EXISTS EXPIRETIME FCALL_RO GEODIST
GEOHASH GEOPOS GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH GET GETBIT GETRANGE HEXISTS
HEXPIRETIME HGET HGETALL HKEYS HLEN HMGET HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSTRLEN HTTL HVALS
KEYS LCS LINDEX LLEN LOLWUT LPOS LRANGE MEMORY|USAGE MGET OBJECT|ENCODING OBJECT|FREQ
OBJECT|IDLETIME OBJECT|REFCOUNT PEXPIRETIME PFCOUNT PTTL RANDOMKEY SCAN SCARD SDIFF SINTER
SINTERCARD SISMEMBER SMEMBERS SMISMEMBER SORT_RO SRANDMEMBER SSCAN STRLEN SUBSTR SUNION TOUCH
TTL TYPE XINFO|CONSUMERS XINFO|GROUPS XINFO|STREAM XLEN XPENDING XRANGE XREAD XREVRANGE ZCARD
ZCOUNT ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE
ZRANK ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION";

/// Whether the command only reads; `subcommand` is its first argument.
pub(crate) fn is_read_only(name: &[u8], subcommand: &[u8]) -> bool {
    READ_ONLY
        .split_ascii_whitespace()
        .any(|entry| match entry.split_once('|') {
            None => name.eq_ignore_ascii_case(entry.as_bytes()),
            Some((command, sub)) => {
                name.eq_ignore_ascii_case(command.as_bytes())
                    && subcommand.eq_ignore_ascii_case(sub.as_bytes())
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_listed(command: &str) -> bool {
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        is_read_only(
            name.as_bytes(),
            rest.split(' ').next().unwrap_or_default().as_bytes(),
        )
    }

    fn check(command: &str, expected: bool) {
        assert_eq!(is_listed(command), expected, "{command}");
    }

    #[test]
    fn reads_are_known_in_any_case_and_as_subcommands() {
        for command in [
            "GET k",
            "get k",
            "MGET a b",
            "TTL k",
            "object ENCODING k",
            "EVAL_RO s 0",
        ] {
            check(command, true);
        }
        for command in [
            "SET k v",
            "INCR k",
            "GETDEL k",
            "GETEX k",
            "EVAL s 0",
            "FCALL f 0",
            "SORT k",
            "OBJECT",
            "OBJECT|ENCODING k",
            "GETS k",
            "",
            "PUBLISH c m",
            "SPOP k",
            "XREADGROUP GROUP g c",
        ] {
            check(command, false);
        }
    }

    #[cfg(all(feature = "testing", unix))]
    #[test]
    fn the_table_says_what_the_server_says() {
        use redis::{Commands, FromRedisValue, Value};

        fn flatten(commands: Vec<Value>, known: &mut Vec<(String, bool)>) {
            for command in commands {
                let Value::Array(fields) = command else {
                    continue;
                };
                let name = String::from_redis_value_ref(&fields[0]).expect("a name");
                let flags = Vec::<String>::from_redis_value_ref(&fields[2]).expect("flags");
                known.push((name, flags.iter().any(|flag| flag == "readonly")));
                if let Some(Value::Array(subcommands)) = fields.get(9) {
                    flatten(subcommands.clone(), known);
                }
            }
        }

        let server = crate::testing::Server::start().unwrap_or_else(|error| panic!("{error}"));
        let mut client = server.client().blocking();
        let _: Option<String> = client.get("k").expect("the server answers");
        let commands = redis::cmd("COMMAND").query(&mut client).expect("a list");
        let mut known = Vec::new();
        flatten(commands, &mut known);
        assert!(known.len() > 200, "{}", known.len());
        for (name, reads) in known {
            let listed = is_listed(&name.replace('|', " "));
            assert!(reads || !listed, "{name} writes");
            // Modules' commands have a dot. Others are to be added, with their source.
            assert!(listed || !reads || name.contains('.'), "{name} reads");
        }
    }
}
