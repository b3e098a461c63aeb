use std::time::Duration;

use super::*;

fn words(command: &str) -> impl Iterator<Item = &[u8]> + Clone {
    // Two blanks are around an empty argument.
    command.split(' ').map(str::as_bytes)
}

fn info(command: &str) -> CommandInfo {
    CommandInfo::of(words(command))
}

fn keys_of(command: &str) -> Vec<String> {
    let mut keys = Vec::new();
    info(command).keys(words(command), |number, key| {
        assert_eq!(words(command).nth(number), Some(key), "{command}");
        keys.push(String::from_utf8_lossy(key).into_owned());
    });
    keys
}

#[test]
fn rows_are_sorted_and_unique() {
    for pair in TABLE.windows(2) {
        assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
    }
}

#[test]
fn every_row_is_found_by_its_name_in_any_case() {
    for row in TABLE {
        let command = row.name.replace('|', " ");
        let with_argument = format!("{command} x");
        for command in [command.to_lowercase(), command] {
            assert_eq!(info(&command).0.name, row.name, "{command}");
        }
        if !row.is_container {
            assert_eq!(info(&with_argument).0.name, row.name, "{with_argument}");
        }
        if let Some((container, _)) = row.name.split_once('|') {
            assert!(info(container).0.is_container, "{container}");
        }
    }
}

#[test]
fn a_plain_command_has_no_effect() {
    for row in TABLE {
        let is_plain = matches!((row.session, row.blocks), (Session::Unchanged, Blocks::No));
        assert_eq!(row.is_plain, is_plain, "{}", row.name);
    }
    // Its arguments may be none at all.
    assert!(!info("NO-SUCH-COMMAND").is_plain());
    assert!(!CommandInfo::of([].into_iter()).is_plain());
}

#[test]
fn names_that_are_not_in_the_table_are_unknown() {
    let check = |command: &str, expected: &str| {
        assert_eq!(info(command).0.name, expected, "{command}");
    };
    for command in [
        "",
        "G",
        "GETS k",
        "GE\0 k",
        "GET\0 k",
        "OBJECT|ENCODING k",
        "ENCODING k",
        "GEORADIUSBYMEMB-R k",
        "GEORADIUS-BYMEMBER_RO k",
        "A-NAME-OF-MORE-THAN-24-BYTES k",
        "A-COMMAND-WITH-A-NAME-LONGER-THAN-ANY k",
    ] {
        check(command, "");
    }
    check("OBJECT", "OBJECT");
    for command in [
        "CLIENT X",
        "CLUSTER COUNT-FAILURE-REPORT",
        "CLUSTER COUNT-FAI-URE-REPORTS",
        "CLUSTER A-SUBCOMMAND-LONGER-THAN-ANY x",
    ] {
        check(command, "");
        assert!(info(command).is_subcommand(), "{command}");
    }
    for command in ["GET k", "X.ADD k", "CLIENT LIST"] {
        assert!(!info(command).is_subcommand(), "{command}");
    }
    assert_eq!(CommandInfo::of([].into_iter()).0.name, "");
}

#[test]
fn an_unknown_command_writes_to_its_first_argument() {
    let info = info("X.ADD k v");
    assert!(!info.reads() && !info.is_repeatable());
    assert_eq!(info.effect(words("X.ADD k 0")), Effect::Unknown);
    assert_eq!(info.routing_rule(), RoutingRule::ByKeys);
    assert_eq!(keys_of("X.ADD k v"), ["k"]);
}

#[test]
fn an_unknown_subcommand_writes_without_a_key() {
    let info = info("XINFO x k");
    assert!(!info.reads() && !info.is_repeatable());
    assert_eq!(info.effect(words("XINFO x k")), Effect::Unknown);
    assert!(matches!(info.routing_rule(), RoutingRule::Refused(_)));
    assert_eq!(keys_of("XINFO x k"), [""; 0]);
}

#[test]
fn reads_are_known_in_any_case_and_as_subcommands() {
    let check = |command: &str, reads: bool, is_repeatable: bool| {
        assert_eq!(info(command).reads(), reads, "{command}");
        assert_eq!(info(command).is_repeatable(), is_repeatable, "{command}");
    };
    for command in ["GET k", "get k", "MGET a b", "TTL k", "EVAL_RO s 0"] {
        check(command, true, true);
    }
    check("object ENCODING k", true, true);
    for command in ["MULTI", "exec"] {
        check(command, false, true);
    }
    for command in ["SET k v", "INCR k", "GETDEL k", "GETEX k", "EVAL s 0"] {
        check(command, false, false);
    }
    for command in ["FCALL f 0", "SORT k", "PUBLISH c m", "SPOP k", "DISCARD"] {
        check(command, false, false);
    }
    check("XREADGROUP GROUP g c", false, false);
}

#[test]
fn an_error_of_a_script_proves_nothing() {
    for name in "EVAL EVAL_RO EVALSHA EVALSHA_RO FCALL FCALL_RO TFCALL TFCALLASYNC".split(' ') {
        assert!(!info(name).error_proves_not_run(), "{name}");
        let lower_case = name.to_lowercase();
        assert!(!info(&lower_case).error_proves_not_run(), "{name}");
    }
    for name in ["GET", "SET", "SCRIPT LOAD", "MULTI", "EXEC"] {
        assert!(info(name).error_proves_not_run(), "{name}");
    }
}

fn check_effect(command: &str, expected: Effect) {
    let effect = info(command).effect(words(command));
    assert_eq!(effect, expected, "{command}");
}

#[test]
fn blocking_commands_say_how_long() {
    let check = |command: &str, milliseconds| {
        check_effect(command, Effect::Blocks(Duration::from_millis(milliseconds)));
    };
    check("BLPOP a b 5", 5000);
    check("blpop a 0.25", 250);
    check("BLMOVE a b LEFT LEFT 1", 1000);
    check("BLMOVEM a b LEFT RIGHT 2", 2000);
    check("BLMOVEM a b LEFT RIGHT 0.5 COUNT 9 BULK", 500);
    check("BRPOPLPUSH a b 1", 1000);
    check("BZPOPMIN a 1", 1000);
    check("BZPOPMAX a 1", 1000);
    check("BLMPOP 1.5 1 a LEFT", 1500);
    check("BZMPOP 1.5 1 a MIN", 1500);
    check("XREAD COUNT 1 BLOCK 300 STREAMS s $", 300);
    check("XREADGROUP GROUP block c BLOCK 5 STREAMS s >", 5);
    for command in [
        "BRPOP a 0",
        "BLMOVEM a b LEFT RIGHT 0 EXACTLY 7 OBO",
        "BLPOP a 1e300",
        "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
    ] {
        check_effect(command, Effect::Blocks(Duration::MAX));
    }
    for command in [
        "XREAD STREAMS s 0",
        "XREAD STREAMS block 0",
        "XREADGROUP GROUP block c STREAMS s >",
        "XREADGROUP GROUP block 5 STREAMS s >",
        "XREAD COUNT BLOCK 5 STREAMS s 0",
        "XREAD BLOCK",
        "BLPOP",
        "BLPOP a soon",
        "BLMOVEM a b LEFT RIGHT",
        "BLPOP a -1",
        "GET block",
    ] {
        check_effect(command, Effect::None);
    }
}

#[test]
fn a_wait_for_writes_says_how_long() {
    for (command, limit) in [
        ("WAIT 1 200", Duration::from_millis(200)),
        ("waitaof 1 1 200", Duration::from_millis(200)),
        ("WAIT 1 0", Duration::MAX),
    ] {
        check_effect(command, Effect::WaitsForWrites(limit));
    }
    check_effect("WAIT 1 soon", Effect::None);
}

#[test]
fn a_flush_holds_its_connection_unless_it_is_asynchronous() {
    for command in ["FLUSHALL", "flushdb sync", "FLUSHALL SYNC"] {
        check_effect(command, Effect::Blocks(Duration::ZERO));
    }
    for command in [
        "FLUSHALL ASYNC",
        "flushdb async",
        "SFLUSH 0 1 ASYNC",
        "KEYS *",
    ] {
        check_effect(command, Effect::None);
    }
}

#[test]
fn options_of_a_stream_read_are_in_any_order() {
    let check = |command: &str, milliseconds| {
        check_effect(command, Effect::Blocks(Duration::from_millis(milliseconds)));
        assert_eq!(keys_of(command), ["s", "t"], "{command}");
    };
    check("XREADGROUP BLOCK 3000 GROUP g c STREAMS s t > >", 3000);
    check(
        "XREADGROUP NOACK BLOCK 3 COUNT 1 GROUP g c STREAMS s t > >",
        3,
    );
    check(
        "XREADGROUP BLOCK 1 BLOCK 2 GROUP streams c streams s t > >",
        2,
    );
    check("xread block 7 count 1 streams s t 0 0", 7);
    check(
        "XREADGROUP CLAIM 10 MAXSIZE 1 BLOCK 9 GROUP g c MAXCOUNT 2 STREAMS s t > >",
        9,
    );
}

#[test]
fn session_commands_are_known_in_any_case_and_as_subcommands() {
    let check = |command: &str, expected: fn(&Effect) -> bool| {
        for command in [
            command.to_lowercase(),
            format!("{command} x"),
            command.to_owned(),
        ] {
            let effect = info(&command).effect(words(&command));
            assert!(expected(&effect), "{command}: {effect:?}");
        }
    };
    let changes = |effect: &Effect| matches!(effect, Effect::ChangesSession(_));
    for command in
        "MULTI EXEC DISCARD WATCH UNWATCH SELECT AUTH HELLO RESET QUIT READONLY READWRITE \
         ASKING"
            .split_ascii_whitespace()
    {
        check(command, changes);
    }
    for command in "TRACKING CACHING SETNAME no-evict NO-TOUCH CAPA import-source".split(' ') {
        check(&format!("CLIENT {command}"), changes);
    }
    for command in ["PREPARE", "SET", "DISCARD", "DISCARDALL"] {
        check(&format!("HIMPORT {command}"), changes);
    }
    check("SCRIPT DEBUG", changes);
    let no_single_reply = |effect: &Effect| matches!(effect, Effect::NoSingleReply(_));
    for command in "SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR \
         SYNC PSYNC REPLCONF"
        .split_ascii_whitespace()
    {
        check(command, no_single_reply);
    }
    check("CLIENT REPLY", no_single_reply);
    for command in [
        "CLIENT LIST",
        "CLIENT",
        "SCRIPT LOAD x",
        "SCRIPT",
        "HIMPORT",
    ] {
        check_effect(command, Effect::None);
    }
}

/// One for each command whose keys the server says are movable, and what it answers to
/// `COMMAND GETKEYS`.
const SAMPLES: &[(&str, &str)] = &[
    ("BLMPOP 0 2 a b LEFT COUNT 1", "a b"),
    ("BZMPOP 0 2 a b MIN", "a b"),
    ("EVAL s 2 a b c", "a b"),
    ("EVALSHA s 2 a b c", "a b"),
    ("EVALSHA_RO s 2 a b c", "a b"),
    ("EVAL_RO s 2 a b c", "a b"),
    ("FCALL f 2 a b c", "a b"),
    ("FCALL_RO f 2 a b c", "a b"),
    ("GEORADIUS a 1 1 1 m", "a"),
    ("GEORADIUS a 1 1 1 m STORE b", "a b"),
    ("GEORADIUS a 1 1 1 m WITHDIST STOREDIST b", "a b"),
    ("GEORADIUSBYMEMBER a STORE 1 m STORE b", "a b"),
    ("LMPOP 2 a b LEFT", "a b"),
    ("MIGRATE h 6379 a 0 100", "a"),
    ("MIGRATE h 6379  0 100 COPY KEYS a b", "a b"),
    ("MSETEX 2 a 1 b 2 NX", "a b"),
    ("SDIFFCARD 2 a b LIMIT 1", "a b"),
    ("SINTERCARD 2 a b LIMIT 1", "a b"),
    ("SORT a", "a"),
    ("SORT a BY x LIMIT 1 2 GET STORE STORE b ALPHA", "a b"),
    ("SORT_RO a BY x", "a"),
    ("SUNIONCARD 2 a b LIMIT 1", "a b"),
    ("XREAD COUNT 1 BLOCK 1 STREAMS a b 0 0", "a b"),
    ("XREADGROUP GROUP g c NOACK STREAMS a b > >", "a b"),
    ("XREADGROUP NOACK BLOCK 1 GROUP g c STREAMS a b > >", "a b"),
    ("ZDIFF 2 a b WITHSCORES", "a b"),
    ("ZDIFFSTORE a 2 b c", "a b c"),
    ("ZINTER 2 a b WEIGHTS 1 2", "a b"),
    ("ZINTERCARD 2 a b LIMIT 1", "a b"),
    ("ZINTERSTORE a 2 b c AGGREGATE MIN", "a b c"),
    ("ZMPOP 2 a b MIN", "a b"),
    ("ZUNION 2 a b", "a b"),
    ("ZUNIONSTORE a 2 b c", "a b c"),
];

#[test]
fn keys_are_found_among_the_arguments() {
    let check = |command: &str, keys: &str| {
        assert_eq!(keys_of(command), words_of(keys), "{command}");
        let lower_case = command.to_lowercase();
        assert_eq!(keys_of(&lower_case), words_of(keys), "{lower_case}");
    };
    for (command, keys) in SAMPLES {
        check(command, keys);
    }
    check("GET a b", "a");
    check("RENAME a b", "a b");
    check("MSET a 1 b 2", "a b");
    check("BLPOP a b 0", "a b");
    check("BITOP AND a b", "a b");
    check("EVAL s many a", "");
    check("TFCALL l.f 1 a b", "a");
    check("OBJECT ENCODING a", "a");
    check("MEMORY USAGE a SAMPLES 1", "a");
    check("CONFIG GET a", "");
    check("PUBLISH a m", "");
    check("KEYS a", "");
}

fn words_of(text: &str) -> Vec<&str> {
    text.split_ascii_whitespace().collect()
}

#[cfg(all(feature = "testing", unix))]
mod live;
