//! The table beside what the server at hand answers to `COMMAND`.

use redis::{FromRedisValue, Value, cmd};

use super::*;
use crate::BlockingClient;
use crate::command::described;
use crate::testing::Server;

/// The newest versions whose every command is in the table. What the table lacks of a newer server is
/// printed; flags and keys of what it lists are compared on every server.
const COMPLETE_UP_TO: [(&str, [u32; 2]); 2] = [("Redis", [8, 10]), ("Valkey", [9, 1])];

struct Known {
    name: String,
    arity: i64,
    flags: Vec<String>,
    range: [i64; 3],
}

impl Known {
    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }
}

fn commands_of(client: &mut BlockingClient) -> Vec<Known> {
    let mut known = Vec::new();
    flatten(cmd("COMMAND").query(client).expect("a list"), &mut known);
    assert!(known.len() > 300, "{}", known.len());
    known
}

fn flatten(commands: Vec<Value>, known: &mut Vec<Known>) {
    for command in commands {
        let Value::Array(fields) = command else {
            continue;
        };
        let name = String::from_redis_value_ref(&fields[0]).expect("a name");
        let integer = |at: usize| i64::from_redis_value_ref(&fields[at]).expect("a number");
        known.push(Known {
            name: name.to_uppercase(),
            arity: integer(1),
            flags: Vec::from_redis_value_ref(&fields[2]).expect("flags"),
            range: [integer(3), integer(4), integer(5)],
        });
        if let Some(Value::Array(subcommands)) = fields.get(9) {
            flatten(subcommands.clone(), known);
        }
    }
}

fn is_listed(known: &Known) -> bool {
    TABLE.iter().any(|row| row.name == known.name)
}

/// Returns the name and the version of a server.
fn version_of(client: &mut BlockingClient) -> (&'static str, [u32; 2]) {
    let info: String = cmd("INFO").arg("server").query(client).expect("a text");
    let version = |field: &str| info.lines().find_map(|line| line.strip_prefix(field));
    let (name, version) = match version("valkey_version:") {
        Some(version) => ("Valkey", version),
        None => ("Redis", version("redis_version:").expect("a version")),
    };
    let mut numbers = version.split('.').map(str::parse);
    (
        name,
        [(); 2].map(|()| numbers.next().expect("two numbers").expect("a number")),
    )
}

/// Commands of modules may be in the table, as those of vector sets are, or not.
fn check_completeness(client: &mut BlockingClient, known: &[Known]) {
    let missing = known
        .iter()
        .filter(|known| !is_listed(known) && !known.has("module"));
    let missing: Vec<_> = missing.map(|known| &known.name).collect();
    let (name, version) = version_of(client);
    let is_covered = COMPLETE_UP_TO
        .iter()
        .any(|(covered, newest)| *covered == name && version <= *newest);
    assert!(
        missing.is_empty() || !is_covered,
        "{name} {version:?}: {missing:?}"
    );
    if !missing.is_empty() {
        println!("{name} {version:?} has commands that the table lacks: {missing:?}");
    }
}

#[test]
fn the_table_says_what_the_server_says() {
    let server = Server::start().unwrap_or_else(|error| panic!("{error}"));
    let mut client = server.client().blocking();
    let known = commands_of(&mut client);
    check_completeness(&mut client, &known);
    for known in known.iter().filter(|known| is_listed(known)) {
        let name = &known.name;
        let info = info(&name.replace('|', " "));
        assert_eq!(info.reads(), known.has("readonly"), "{name}");
        let blocks = !matches!(info.0.blocks, Blocks::No);
        assert!(blocks || !known.has("blocking"), "{name} blocks");
        if known.has("movablekeys") {
            check_samples(&mut client, name);
        } else {
            let sample = sample(known);
            let keys = keys_of(&sample.join(" "));
            assert_eq!(keys, expected(known.range, &sample), "{sample:?}");
        }
    }
}

/// What the server says of the commands that the table has is enough to keep those that block or change the
/// session off the shared connection, and to let those that work on data share it.
#[test]
fn an_unknown_command_would_be_treated_as_the_table_treats_it() {
    let server = Server::start().unwrap_or_else(|error| panic!("{error}"));
    let mut client = server.client().blocking();
    let known = commands_of(&mut client);
    for known in known.iter().filter(|known| is_listed(known)) {
        let question = cmd("COMMAND").arg("INFO").arg(&known.name).clone();
        let reply: Value = question.query(&mut client).expect("a reply");
        match described(&reply) {
            Some(described) => check_described(known, described.info),
            // Servers before 7.0 do not describe subcommands.
            None => assert!(known.name.contains('|'), "{}: {reply:?}", known.name),
        }
    }
}

/// Checks what the server says of a command.
fn check_described(known: &Known, described: CommandInfo) {
    let name = &known.name;
    let words: Vec<&[u8]> = name.split('|').map(str::as_bytes).collect();
    let row = CommandInfo::of(words.iter().copied());
    assert_eq!(described.reads(), row.reads(), "{name}");
    let shares = described.effect(words.iter().copied()) == Effect::None;
    if !matches!(row.0.session, Session::Unchanged) {
        // It writes from what others of its kind have prepared, and fails where they have not.
        assert!(!shares || name == "HIMPORT|SET", "{name}");
        return;
    }
    let is_about_data = known.has("readonly") || known.has("write");
    assert!(!is_about_data || shares || known.has("blocking"), "{name}");
    let proves = described.error_proves_not_run();
    assert!(row.error_proves_not_run() || !proves, "{name}");
    if shares {
        let sample = sample(known);
        let first = |info: CommandInfo| {
            let mut keys = Vec::new();
            info.keys(sample.iter().map(String::as_bytes), |number, _| {
                keys.push(number);
            });
            keys.first().copied()
        };
        let expected = if known.has("movablekeys") {
            first(described)
        } else {
            first(row)
        };
        assert_eq!(first(described), expected, "{name}");
    }
}

fn check_samples(client: &mut BlockingClient, name: &str) {
    let mut count = 0;
    for (sample, expected) in SAMPLES {
        if sample.split(' ').next() != Some(name) {
            continue;
        }
        let mut command = cmd("COMMAND");
        command
            .arg("GETKEYS")
            .arg(sample.split(' ').collect::<Vec<_>>());
        let keys: Vec<String> = command.query(client).expect("keys");
        assert_eq!(keys, words_of(expected), "{sample}");
        count += 1;
    }
    assert!(count > 0, "{name} has no sample");
}

/// Returns arguments that tell their own places, more than the fewest where any number is allowed.
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
