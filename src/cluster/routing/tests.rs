use super::*;

fn words(command: &str) -> impl Iterator<Item = &[u8]> + Clone {
    // Two blanks are around an empty argument.
    command.split(' ').map(str::as_bytes)
}

fn info(command: &str) -> CommandInfo {
    CommandInfo::of(words(command))
}

fn routing(command: &str) -> Result<Routing, Unroutable> {
    Routing::of(info(command), words(command))
}

/// `a`, `{a}…` are of one slot, `b` is of another.
fn check(command: &str, expected: &Routing) {
    check_result(command, Ok(expected));
}

fn check_result(command: &str, expected: Result<&Routing, Unroutable>) {
    for command in [command, &command.to_lowercase()] {
        assert_eq!(
            routing(command).as_ref().map_err(|error| *error),
            expected,
            "{command}"
        );
    }
}

#[test]
fn commands_with_keys_have_the_slot_of_these() {
    let (a, b) = (Slot::of_key(b"a"), Slot::of_key(b"b"));
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
        check(command, &Routing::Slot(a));
    }
    check(
        "CLUSTER GETKEYSINSLOT 77 10",
        &Routing::Slot(Slot::new(77).expect("below 16,384")),
    );
    check("CLUSTER COUNTKEYSINSLOT 16384", &Routing::AnyPrimary);
}

#[test]
fn keys_of_several_slots_are_split_or_refused() {
    let (a, b) = (Slot::of_key(b"a"), Slot::of_key(b"b"));
    let split = |pattern, first: (Slot, &[usize]), second: (Slot, &[usize])| {
        let part = |(slot, indices): (Slot, &[usize])| (slot, indices.to_vec());
        Routing::Split(pattern, vec![part(first), part(second)])
    };
    check("MGET a b", &split(SplitBy::Values, (a, &[0]), (b, &[1])));
    check(
        "DEL b a {b}1",
        &split(SplitBy::Count, (b, &[0, 2]), (a, &[1])),
    );
    for name in ["EXISTS", "TOUCH", "UNLINK"] {
        let command = format!("{name} a b");
        check(&command, &split(SplitBy::Count, (a, &[0]), (b, &[1])));
    }
    check(
        "MSET a b b a {a}1 c",
        &split(SplitBy::Pairs, (a, &[0, 1, 4, 5]), (b, &[2, 3])),
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
        check_result(command, Err(Unroutable::CrossSlot));
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
        "",
    ] {
        check(command, &Routing::AnyPrimary);
    }
    assert_eq!(routing(""), Ok(Routing::AnyPrimary));
    let primaries = Routing::AllPrimaries;
    check("DBSIZE", &primaries(ResponsePolicy::Sum));
    check("KEYS *", &primaries(ResponsePolicy::Concatenate));
    check("FLUSHALL ASYNC", &primaries(ResponsePolicy::AllSucceeded));
    check("PING", &primaries(ResponsePolicy::AllSucceeded));
    check(
        "FUNCTION LOAD REPLACE a",
        &primaries(ResponsePolicy::AllSucceeded),
    );
    check("SCRIPT EXISTS a b", &primaries(ResponsePolicy::LogicalAnd));
    check("RANDOMKEY", &primaries(ResponsePolicy::FirstNonEmpty));
    check("INFO server", &primaries(ResponsePolicy::PerNode));
    let nodes = Routing::AllNodes;
    check("BACKUP START", &nodes(ResponsePolicy::AllSucceeded));
    check("SCRIPT LOAD a", &nodes(ResponsePolicy::AllSucceeded));
    check("SCRIPT KILL", &nodes(ResponsePolicy::OneSucceeded));
    check("CONFIG SET a b", &nodes(ResponsePolicy::AllSucceeded));
    check("SLOWLOG LEN", &nodes(ResponsePolicy::Sum));
    check("PUBSUB CHANNELS", &nodes(ResponsePolicy::Concatenate));
    check("PUBSUB NUMSUB a", &nodes(ResponsePolicy::MergeMaps));
    check("LATENCY LATEST", &nodes(ResponsePolicy::PerNode));
    for command in [
        "SCAN 0",
        "WAIT 1 0",
        "WAITAOF 1 0 0",
        "SHUTDOWN",
        "REPLICAOF NO ONE",
        "CLUSTER RESET HARD",
        "CLUSTER MIGRATION IMPORT 0 1",
        "CLUSTER A-SUBCOMMAND-LONGER-THAN-ANY x",
    ] {
        let refused = matches!(routing(command), Err(Unroutable::Refused(_)));
        assert!(refused, "{command}");
    }
}

#[test]
fn a_transaction_has_the_slots_of_all_its_commands() {
    fn check(commands: &[&str], expected: KeySlots) {
        let slots = commands
            .iter()
            .map(|command| KeySlots::of(info(command), words(command)));
        assert_eq!(
            slots.fold(KeySlots::None, KeySlots::and),
            expected,
            "{commands:?}"
        );
    }
    let a = Slot::of_key(b"a");
    check(&[], KeySlots::None);
    check(&["PING", "WAIT 1 0", "KEYS *"], KeySlots::None);
    check(&["PING", "GET a", "MGET a {a}1"], KeySlots::One(a));
    check(&["GET a", "GET b", "GET a"], KeySlots::Several);
    check(&["DEL a b", "PING"], KeySlots::Several);
}
