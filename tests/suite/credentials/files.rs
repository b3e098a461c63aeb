//! A username and a password that stand apart from the URL. What depends on variables runs in a child process of
//! this binary, told by `SCENARIO` what to do.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use log::{LevelFilter, Log, Metadata, Record};
use redis::cmd;
use redis_ready::{BlockingClient, Client, Error};

use super::{Stage, set_passwords, until};
use crate::support::scenario::Scenario;
use crate::support::{address, open, run, start};

#[test]
#[ignore = "runs in child processes of the other tests"]
fn child_process() {
    let scenario = variable("SCENARIO");
    log::set_logger(&Stderr).expect("it is the only logger");
    log::set_max_level(LevelFilter::Trace);
    match &*scenario {
        "log in with each" => log_in_with_each(),
        "tell" => {
            for _ in 0..2 {
                match Client::from_env("REDIS_URL").and_then(|client| ping(&client)) {
                    Ok(client) => eprintln!("let in: {client:?}"),
                    Err(error) => eprintln!("Error: {error:?}\n{error:#}"),
                }
            }
            // The lines of the log are written on a thread of their own.
            std::thread::sleep(Duration::from_millis(100));
        }
        "rotate" => rotate(),
        "hang" => hang(),
        other => panic!("no such scenario: {other}"),
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("the test that starts the child sets it")
}

fn ping(client: &Client) -> Result<Client, Error> {
    run(client.ping()).map(|_| client.clone())
}

/// Prints each record.
struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        eprintln!("{} {}: {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

/// A child process with a directory of its own.
fn process(scenario: &str) -> Scenario {
    Scenario::new("credentials::files::child_process", scenario)
}

/// Each printable ASCII character within, before and behind letters, all of them together, and others.
fn passwords() -> Vec<String> {
    let characters = || ' '..='~';
    let mut passwords: Vec<String> = characters()
        .flat_map(|c| [format!("a{c}b"), format!("{c}ab"), format!("ab{c}")])
        .collect();
    passwords.push(characters().collect());
    for other in [
        r#"pä$$ wörd@#:/?%"'\"#,
        "密码 😀",
        "a\u{202e}b",
        "tab\tand\nnewline",
        "%41%zz",
        "${HOME}",
    ] {
        passwords.push(other.to_owned());
    }
    passwords
}

fn log_in_with_each() {
    for number in 0..passwords().len() {
        let client = Client::from_env(&format!("P{number}_REDIS_URL"));
        let client = client.unwrap_or_else(|error| panic!("{number}: {error:?}"));
        ping(&client).unwrap_or_else(|error| panic!("{number}: {error:?}"));
        run(client.close(Duration::ZERO));
    }
    eprintln!("all were let in");
}

#[test]
fn every_character_works_as_it_is_in_a_variable_and_in_a_file() {
    let passwords = passwords();
    let mut stage = Stage::new(&[]);
    let all: Vec<_> = passwords.iter().map(String::as_str).collect();
    stage.set_passwords(&all);
    for (suffix, newline) in [("", ""), ("_FILE", ""), ("_FILE", "\n"), ("_FILE", "\r\n")] {
        let mut process = process("log in with each");
        for (number, password) in passwords.iter().enumerate() {
            let url = format!("P{number}_REDIS_URL");
            let (value, file) = match suffix {
                "" => (password.clone(), None),
                _ => (format!("./p{number}"), Some(format!("{password}{newline}"))),
            };
            process = process
                .variable(&url, stage.url())
                .variable(&format!("{url}_USERNAME"), "app")
                .variable(&format!("{url}_PASSWORD{suffix}"), &value);
            if let Some(content) = file {
                process = process.file(&format!("p{number}"), &content);
            }
        }
        process.tells(&["all were let in"]);
    }
}

#[test]
fn dot_env_has_the_password_as_well() {
    let stage = Stage::new(&["s3$cret#"]);
    let content = format!(
        "REDIS_URL={}\nREDIS_URL_USERNAME=app\nREDIS_URL_PASSWORD='s3$cret#'\n",
        stage.url()
    );
    process("tell").file(".env", &content).tells(&["let in"]);
}

#[test]
fn an_error_names_where_a_wrong_password_comes_from_and_shows_none() {
    let stage = Stage::new(&["right"]);
    let tell = |variables: &[(&str, &str)], file: Option<(&str, &str)>, parts: &[&str]| {
        let mut process = process("tell").variable("REDIS_URL", stage.url());
        for (name, value) in variables {
            process = process.variable(name, value);
        }
        if let Some((name, content)) = file {
            process = process.file(name, content);
        }
        let output = process.tells(parts);
        assert!(!output.contains("c4nary"), "{output}");
    };
    let app = ("REDIS_URL_USERNAME", "app");
    let refused = "did not accept user `app`: WRONGPASS";
    tell(
        &[app, ("REDIS_URL_PASSWORD", "c4nary")],
        None,
        &[refused, "the password comes from `REDIS_URL_PASSWORD`"],
    );
    tell(
        &[app, ("REDIS_URL_PASSWORD_FILE", "./secret")],
        Some(("secret", "c4nary\n")),
        &[
            refused,
            "the password comes from `REDIS_URL_PASSWORD_FILE=./secret`",
            "help: correct the username and the password that `REDIS_URL_PASSWORD_FILE=./secret` gives",
        ],
    );
    tell(
        &[app],
        Some((".env", "\nREDIS_URL_PASSWORD=c4nary\n")),
        &[
            refused,
            "the password comes from `REDIS_URL_PASSWORD` in `.env:2`",
        ],
    );
    tell(
        &[
            ("REDIS_URL_PASSWORD", "c4nary"),
            ("REDIS_URL_PASSWORD_FILE", "./s"),
        ],
        None,
        &[
            "both_set: `REDIS_URL_PASSWORD` is read from the process environment, \
             not from `REDIS_URL_PASSWORD_FILE=./s`",
        ],
    );
}

/// The file in which the rotating child finds its password.
const FILE: &str = "./secret";

fn operator() -> BlockingClient {
    open(&variable("OPERATOR"), "").blocking()
}

fn cut_off(operator: &mut BlockingClient) {
    let mut kill = cmd("CLIENT");
    kill.arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]);
    kill.exec(operator).expect("it may");
}

fn started_with(password: &str, scenario: &str) {
    let mut stage = Stage::new(&[password]);
    stage.cut_off();
    let output = process(scenario)
        .variable("OPERATOR", format!("redis://{}", address(&stage.server)))
        .variable("REDIS_URL", format!("{}?connect_timeout=2s", stage.url()))
        .variable("REDIS_URL_USERNAME", "app")
        .variable("REDIS_URL_PASSWORD_FILE", FILE)
        .file("secret", format!("{password}\n"))
        .output();
    print!("{output}");
    for password in ["c4nary1", "c4nary2"] {
        assert!(!output.contains(password), "{output}");
    }
}

#[test]
fn a_new_password_in_the_file_is_used_without_a_restart() {
    started_with("c4nary1", "rotate");
}

fn rotate() {
    let mut operator = operator();
    let client = Client::from_env("REDIS_URL").expect("a client");
    ping(&client).expect("it is let in");
    // The file is right before the server is.
    fs::write(FILE, "c4nary2").expect("it is ours");
    set_passwords(&mut operator, &["c4nary1", "c4nary2"]);
    cut_off(&mut operator);
    set_passwords(&mut operator, &["c4nary2"]);
    until("the new password", || ping(&client).is_ok());
    // The server has the next one, and the file has it later; in between it is not there at all.
    set_passwords(&mut operator, &["c4nary1"]);
    fs::remove_file(FILE).expect("it is ours");
    cut_off(&mut operator);
    let error = run_until_refused(&client);
    assert!(format!("{error:?}").contains("secret"), "{error:?}");
    fs::write(FILE, "c4nary1").expect("it is ours");
    let start = Instant::now();
    until("the old password", || ping(&client).is_ok());
    eprintln!("healed after {:?}: {client:?}", start.elapsed());
}

fn run_until_refused(client: &Client) -> Error {
    loop {
        if let Err(error) = run(client.ping())
            && error.kind() != redis_ready::ErrorKind::ConnectionLost
        {
            return error;
        }
    }
}

#[test]
fn a_file_that_hangs_holds_up_nothing_and_the_last_password_is_used() {
    started_with("c4nary1", "hang");
}

fn hang() {
    let client = Client::from_env("REDIS_URL").expect("a client");
    ping(&client).expect("it is let in");
    fs::remove_file(FILE).expect("it is ours");
    // Nothing writes to it, so what opens it waits.
    let made = Command::new("mkfifo").arg(FILE).status();
    assert!(made.expect("it is installed").success());
    cut_off(&mut operator());
    let other = open(&variable("OPERATOR"), "");
    let start = Instant::now();
    let (waited, longest) = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            until("the last password", || ping(&client).is_ok());
            start.elapsed()
        });
        let mut longest = Duration::ZERO;
        while !waiting.is_finished() {
            let start = Instant::now();
            ping(&other).expect("it is let in");
            longest = longest.max(start.elapsed());
        }
        (waiting.join().expect("no panic"), longest)
    });
    eprintln!("waited {waited:?}, the other client {longest:?}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    assert!(longest < Duration::from_millis(1_500), "{longest:?}");
    // The thread that waits for the file does not keep the process.
}

#[test]
fn a_password_in_the_url_alone_reads_no_file() {
    let server = start(redis_ready::testing::Server::builder().tcp().password("pw"));
    process("tell")
        .variable("REDIS_URL", server.url())
        .tells(&["let in"]);
}
