use super::*;

fn words(command: &str) -> impl Iterator<Item = &[u8]> + Clone {
    // Two blanks are around an empty argument.
    command.split(' ').map(str::as_bytes)
}

#[test]
fn a_key_or_its_hash_tag_has_a_slot() {
    fn check(key: &str, expected: u16) {
        assert_eq!(slot_of(key.as_bytes()), expected, "{key}");
    }
    fn check_same(key: &str, hashed: &str) {
        assert_eq!(super::hashed(key.as_bytes()), hashed.as_bytes(), "{key}");
    }
    check("123456789", 0x31C3);
    check("", 0);
    check("foo", 12182);
    check("{foo}bar", 12182);
    check_same("{user1000}.following", "user1000");
    check_same("foo{}{bar}", "foo{}{bar}");
    check_same("foo{{bar}}zap", "{bar");
    check_same("foo{bar}{zap}", "bar");
    check_same("foo}bar{", "foo}bar{");
    check_same("foo{bar", "foo{bar");
    check_same("{}", "{}");
}

/// `a`, `{a}…` are of one slot, `b` is of another.
fn check(command: &str, expected: &Place) {
    assert_eq!(place(words(command)), *expected, "{command}");
    assert_eq!(
        place(words(&command.to_lowercase())),
        *expected,
        "{command} in lower case"
    );
}

#[test]
fn commands_with_keys_have_the_slot_of_these() {
    let (a, b) = (slot_of(b"a"), slot_of(b"b"));
    assert_ne!(a, b);
    for command in [
        "GET a",
        "SET a b",
        "HSET a b c",
        "MGET a {a}1",
        "MSET a b {a}1 c",
        "MSET a",
        "MSET b 1 a",
        "MSETNX a b {a}1 c",
        "MSETEX 2 a 1 {a}1 2 NX",
        "RENAME a {a}1",
        "SMOVE a {a}1 b",
        "SINTER a {a}1 {a}2",
        "BLPOP a {a}1 0",
        "BITOP AND a {a}1",
        "EVAL s 1 a b",
        "EVALSHA s 2 a {a}1 b",
        "LMPOP 1 a LEFT",
        "BLMPOP 0 1 a LEFT",
        "ZUNIONSTORE a 1 {a}1 WEIGHTS 1",
        "XREAD COUNT 1 STREAMS a {a}1 0 0",
        "XREADGROUP GROUP g STREAMS STREAMS a >",
        "GEORADIUS a 1 1 1 m STORE {a}1",
        "SORT a BY store GET b STORE {a}1",
        "SORT a LIMIT 0 store",
        "MIGRATE h 6379 a 0 100",
        "MIGRATE h 6379  0 100 KEYS a {a}1",
        "OBJECT ENCODING a",
        "MEMORY USAGE a SAMPLES 1",
        "XGROUP CREATE a g $",
        "XINFO STREAM a FULL",
        "SPUBLISH a m",
        "PFMERGE a {a}1",
        "JSON.GET a b",
        "A-COMMAND-WITH-A-NAME-LONGER-THAN-ANY a",
    ] {
        check(command, &Place::Slot(a));
    }
    check("CLUSTER GETKEYSINSLOT 77 10", &Place::Slot(77));
    check("CLUSTER COUNTKEYSINSLOT 16384", &Place::Anywhere);
}

#[test]
fn keys_of_several_slots_are_split_or_refused() {
    let (a, b) = (slot_of(b"a"), slot_of(b"b"));
    let split = |pattern, first: (u16, &[usize]), second: (u16, &[usize])| {
        let part = |(slot, indices): (u16, &[usize])| (slot, indices.to_vec());
        Place::Split(pattern, vec![part(first), part(second)])
    };
    check("MGET a b", &split(Pattern::Values, (a, &[0]), (b, &[1])));
    check(
        "DEL b a {b}1",
        &split(Pattern::Count, (b, &[0, 2]), (a, &[1])),
    );
    for name in ["EXISTS", "TOUCH", "UNLINK"] {
        let command = format!("{name} a b");
        check(&command, &split(Pattern::Count, (a, &[0]), (b, &[1])));
    }
    check(
        "MSET a b b a {a}1 c",
        &split(Pattern::Pairs, (a, &[0, 1, 4, 5]), (b, &[2, 3])),
    );
    for command in [
        "MSETNX a 1 b 2",
        "RENAME a b",
        "SINTERSTORE a b",
        "BITOP OR a b",
        "EVAL s 2 a b",
        "ZDIFFSTORE a 1 b",
        "XREAD STREAMS a b 0 0",
        "SORT a STORE b",
        "GEORADIUSBYMEMBER a m 1 km STOREDIST b",
        "BZPOPMIN a b 0",
        "MIGRATE h 6379  0 100 KEYS a b",
    ] {
        check(command, &Place::CrossSlot);
    }
}

#[test]
fn commands_without_keys_go_to_one_node_or_to_all() {
    for command in [
        "PUBLISH a m",
        "ECHO a",
        "TIME",
        "EVAL s 0 a",
        "EVAL s many a",
        "CONFIG GET a",
        "CLIENT LIST",
        "CLUSTER SLOTS",
        "COMMAND",
        "ACL WHOAMI",
        "OBJECT HELP",
        "XINFO",
        "CLUSTER A-SUBCOMMAND-LONGER-THAN-ANY x",
        "",
    ] {
        check(command, &Place::Anywhere);
    }
    assert_eq!(place([].into_iter()), Place::Anywhere);
    let primaries = Place::AllPrimaries;
    check("DBSIZE", &primaries(Combine::Sum));
    check("KEYS *", &primaries(Combine::Concatenate));
    check("FLUSHALL ASYNC", &primaries(Combine::AllSucceeded));
    check("PING", &primaries(Combine::AllSucceeded));
    check("FUNCTION LOAD REPLACE a", &primaries(Combine::AllSucceeded));
    check("SCRIPT EXISTS a b", &primaries(Combine::And));
    check("RANDOMKEY", &primaries(Combine::FirstNonEmpty));
    check("INFO server", &primaries(Combine::PerNode));
    let nodes = Place::AllNodes;
    check("SCRIPT LOAD a", &nodes(Combine::AllSucceeded));
    check("SCRIPT KILL", &nodes(Combine::OneSucceeded));
    check("CONFIG SET a b", &nodes(Combine::AllSucceeded));
    check("SLOWLOG LEN", &nodes(Combine::Sum));
    check("PUBSUB CHANNELS", &nodes(Combine::Concatenate));
    check("PUBSUB NUMSUB a", &nodes(Combine::MergeMaps));
    check("LATENCY LATEST", &nodes(Combine::PerNode));
    for command in [
        "SCAN 0",
        "WAIT 1 0",
        "WAITAOF 1 0 0",
        "SHUTDOWN",
        "REPLICAOF NO ONE",
        "CLUSTER RESET HARD",
    ] {
        assert!(
            matches!(place(words(command)), Place::Refused(_)),
            "{command}"
        );
    }
}

#[test]
fn a_transaction_has_the_slots_of_all_its_commands() {
    fn check(commands: &[&str], expected: Slots) {
        let slots = commands.iter().map(|command| slots_in(words(command)));
        assert_eq!(
            slots.fold(Slots::None, Slots::and),
            expected,
            "{commands:?}"
        );
    }
    let a = slot_of(b"a");
    check(&[], Slots::None);
    check(&["PING", "WAIT 1 0", "KEYS *"], Slots::None);
    check(&["PING", "GET a", "MGET a {a}1"], Slots::One(a));
    check(&["GET a", "GET b", "GET a"], Slots::Several);
    check(&["DEL a b", "PING"], Slots::Several);
}

#[cfg(all(feature = "testing", unix))]
mod live {
    use redis::{FromRedisValue, Value, cmd};

    use super::*;
    use crate::testing::Server;

    /// One for each command whose keys the server says are movable.
    const SAMPLES: &[&str] = &[
        "BLMPOP 0 2 a b LEFT COUNT 1",
        "BZMPOP 0 2 a b MIN",
        "EVAL s 2 a b c",
        "EVALSHA s 2 a b c",
        "EVALSHA_RO s 2 a b c",
        "EVAL_RO s 2 a b c",
        "FCALL f 2 a b c",
        "FCALL_RO f 2 a b c",
        "GEORADIUS a 1 1 1 m",
        "GEORADIUS a 1 1 1 m STORE b",
        "GEORADIUS a 1 1 1 m WITHDIST STOREDIST b",
        "GEORADIUSBYMEMBER a STORE 1 m STORE b",
        "LMPOP 2 a b LEFT",
        "MIGRATE h 6379 a 0 100",
        "MIGRATE h 6379  0 100 COPY KEYS a b",
        "MSETEX 2 a 1 b 2 NX",
        "SINTERCARD 2 a b LIMIT 1",
        "SORT a",
        "SORT a BY x LIMIT 1 2 GET STORE STORE b ALPHA",
        "SORT_RO a BY x",
        "XREAD COUNT 1 BLOCK 1 STREAMS a b 0 0",
        "XREADGROUP GROUP g c NOACK STREAMS a b > >",
        "ZDIFF 2 a b WITHSCORES",
        "ZDIFFSTORE a 2 b c",
        "ZINTER 2 a b WEIGHTS 1 2",
        "ZINTERCARD 2 a b LIMIT 1",
        "ZINTERSTORE a 2 b c AGGREGATE MIN",
        "ZMPOP 2 a b MIN",
        "ZUNION 2 a b",
        "ZUNIONSTORE a 2 b c",
    ];

    struct Known {
        name: String,
        arity: i64,
        is_movable: bool,
        range: [i64; 3],
    }

    fn flatten(commands: Vec<Value>, known: &mut Vec<Known>) {
        for command in commands {
            let Value::Array(fields) = command else {
                continue;
            };
            let integer = |at: usize| i64::from_redis_value_ref(&fields[at]).expect("a number");
            let flags = Vec::<String>::from_redis_value_ref(&fields[2]).expect("flags");
            known.push(Known {
                name: String::from_redis_value_ref(&fields[0]).expect("a name"),
                arity: integer(1),
                is_movable: flags.iter().any(|flag| flag == "movablekeys"),
                range: [integer(3), integer(4), integer(5)],
            });
            if let Some(Value::Array(subcommands)) = fields.get(9) {
                flatten(subcommands.clone(), known);
            }
        }
    }

    fn keys_of(command: &str) -> Vec<String> {
        let mut keys = Vec::new();
        rule(words(command)).keys().visit(words(command), |_, key| {
            keys.push(String::from_utf8_lossy(key).into_owned());
        });
        keys
    }

    /// Arguments that tell their own places, more of them than the least where any number will do.
    fn sample(known: &Known) -> Vec<String> {
        let count = usize::try_from(known.arity.abs()).expect("small");
        let count = if known.arity < 0 { count + 6 } else { count };
        let mut words: Vec<_> = known.name.split('|').map(str::to_owned).collect();
        words.extend((words.len()..count).map(|place| format!("argument{place}")));
        words
    }

    fn expected(range: [i64; 3], sample: &[String]) -> Vec<String> {
        let place = |number: i64| {
            let len = i64::try_from(sample.len()).expect("small");
            usize::try_from(if number < 0 { len + number } else { number }).expect("a place")
        };
        match range {
            [0, ..] => Vec::new(),
            [first, last, step] => sample[..=place(last)]
                .iter()
                .skip(place(first))
                .step_by(place(step))
                .cloned()
                .collect(),
        }
    }

    #[test]
    fn the_table_says_what_the_server_says() {
        let server = Server::start().unwrap_or_else(|error| panic!("{error}"));
        let mut client = server.client().blocking();
        let mut known = Vec::new();
        flatten(
            cmd("COMMAND").query(&mut client).expect("a list"),
            &mut known,
        );
        assert!(known.len() > 200, "{}", known.len());
        for known in known {
            if known.is_movable {
                let name = known.name.to_uppercase();
                let samples = SAMPLES
                    .iter()
                    .filter(|sample| sample.split(' ').next() == Some(name.as_str()));
                let mut count = 0;
                for sample in samples {
                    let mut command = cmd("COMMAND");
                    command
                        .arg("GETKEYS")
                        .arg(sample.split(' ').collect::<Vec<_>>());
                    let keys: Vec<String> = command.query(&mut client).expect("keys");
                    assert_eq!(keys_of(sample), keys, "{sample}");
                    count += 1;
                }
                // Modules' commands have a dot.
                assert!(count > 0 || name.contains('.'), "{name} has no sample");
            } else {
                let sample = sample(&known);
                let keys = keys_of(&sample.join(" "));
                assert_eq!(keys, expected(known.range, &sample), "{sample:?}");
            }
        }
    }

    #[test]
    fn slots_are_those_of_the_server() {
        let server = Server::builder()
            .arg("--cluster-enabled")
            .arg("yes")
            .start()
            .unwrap_or_else(|error| panic!("{error}"));
        let mut client = server.client().blocking();
        let mut random = fastrand::Rng::with_seed(7);
        let mut pipeline = redis::pipe();
        let mut expected = Vec::new();
        for _ in 0..500 {
            let length = random.usize(0..12);
            let byte = |_| *random.choice(b"ab{}\0\xff").expect("some");
            let key: Vec<u8> = (0..length).map(byte).collect();
            expected.push(slot_of(&key));
            pipeline.cmd("CLUSTER").arg("KEYSLOT").arg(key);
        }
        let slots: Vec<u16> = pipeline.query(&mut client).expect("slots");
        assert_eq!(slots, expected);
    }
}
