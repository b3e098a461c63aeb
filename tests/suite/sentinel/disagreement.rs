//! Sentinels that are wrong, each in its way: what they say is checked against the server's own ROLE, and
//! asked for again on every connection.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, Error};

use crate::support::errors::{ok, report};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, Times, assert_within, best_of, timed};
use crate::support::ports::ClosedPort;
use crate::support::sentinel::{SERVICE, Sentinels};
use crate::support::{open, run, start};

const CLIENT_NAME: &str = "disagreeing";
const TIMES: usize = 5;
const FIRST_COMMAND: Duration = Duration::from_secs(1);
/// The default deadline, and what a shared machine adds to it.
const LIMIT: Duration = Duration::from_secs(4);

/// A machine that is later than this may make answers late that are waited for 300 ms.
const LATE: Duration = Duration::from_millis(20);

/// A sentinel that says what it is told to.
struct Liar {
    server: FakeServer,
    /// The port of the primary, as it has it.
    names: Arc<Mutex<Option<u16>>>,
}

impl Liar {
    fn start(port: Option<u16>) -> Liar {
        let names = Arc::new(Mutex::new(port));
        let answers = Arc::clone(&names);
        let server = FakeServer::start(move |command| {
            let port = *answers.lock().expect("no thread panics with the lock held");
            answer(command, port)
        });
        Liar { server, names }
    }

    fn name(&self, port: Option<u16>) {
        *self
            .names
            .lock()
            .expect("no thread panics with the lock held") = port;
    }

    /// How often it was asked for the primary.
    fn asked(&self) -> usize {
        let seen = self.server.seen();
        let asks = |command: &&Vec<String>| {
            command[0] == "SENTINEL" && command[1].eq_ignore_ascii_case("get-master-addr-by-name")
        };
        seen.iter().filter(asks).count()
    }
}

fn bulks(words: &[&str]) -> String {
    let bulk = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
    let bulks: String = words.iter().map(bulk).collect();
    format!("*{}\r\n{bulks}", words.len())
}

fn subscribed(words: &[&str]) -> String {
    let kind = words[0].to_ascii_lowercase();
    let mut text = String::new();
    for (channel, count) in words[1..].iter().zip(1..) {
        let names = bulks(&[&kind, channel]);
        text += &names.replacen("*2", "*3", 1);
        write!(text, ":{count}\r\n").expect("a String takes every write");
    }
    text
}

/// As a sentinel from before RESP3 answers, which knows no replicas and no other sentinels.
fn answer(command: &[String], named: Option<u16>) -> Answer {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let subcommand = words.get(1).map(|word| word.to_ascii_uppercase());
    let text = match (words[0], subcommand.as_deref(), named) {
        ("HELLO", ..) => "-ERR unknown command 'HELLO'\r\n".to_owned(),
        ("SENTINEL", Some("GET-MASTER-ADDR-BY-NAME"), Some(port)) => {
            bulks(&["127.0.0.1", &port.to_string()])
        }
        ("SENTINEL", Some("GET-MASTER-ADDR-BY-NAME"), None) => "*-1\r\n".to_owned(),
        ("SENTINEL", Some("MASTER"), Some(port)) => bulks(&[
            "name",
            SERVICE,
            "ip",
            "127.0.0.1",
            "port",
            &port.to_string(),
            "flags",
            "master",
        ]),
        ("SENTINEL", Some("REPLICAS" | "SLAVES" | "SENTINELS"), Some(_)) => "*0\r\n".to_owned(),
        ("SENTINEL", ..) => "-ERR No such master with that name\r\n".to_owned(),
        ("SUBSCRIBE" | "PSUBSCRIBE", ..) => subscribed(&words),
        ("PING", ..) => "+PONG\r\n".to_owned(),
        ("ROLE", ..) => format!("*2\r\n$8\r\nsentinel\r\n{}", bulks(&[SERVICE])),
        _ => "+OK\r\n".to_owned(),
    };
    Answer::Send(text.into_bytes())
}

fn client(liars: &[&Liar]) -> Client {
    client_with("", liars)
}

/// A client that tells servers what `userinfo` says.
fn client_with(userinfo: &str, liars: &[&Liar]) -> Client {
    let addresses: Vec<String> = liars
        .iter()
        .map(|it| format!("127.0.0.1:{}", it.server.port()))
        .collect();
    let addresses = addresses.join(",");
    let url = format!("redis-sentinel://{userinfo}{addresses}/{SERVICE}?client_name={CLIENT_NAME}");
    open(&url, "")
}

async fn write(client: &Client, key: &str) -> (RedisResult<()>, Duration) {
    timed(client.clone().set(key, "value")).await
}

/// A primary and a replica of it; their own sentinel is not asked by the client.
fn pair() -> Sentinels {
    Sentinels::start(1, 1)
}

/// Asserts that the first commands of a client whose Sentinels name these servers are run by the primary,
/// and soon.
#[track_caller]
fn first_commands_find_the_primary(named: [Option<u16>; 3]) {
    let measure = || {
        let liars = named.map(Liar::start);
        let client = client(&liars.each_ref());
        run(async {
            let mut times = Vec::new();
            for key in ["one", "two"] {
                let (reply, time) = write(&client, key).await;
                ok(reply);
                times.push(time);
            }
            let role: (String, redis::Value, redis::Value) = cmd("ROLE")
                .query_async(&mut client.clone())
                .await
                .expect("every server has one");
            assert_eq!(role.0, "master");
            times.into_iter().collect::<Times>()
        })
    };
    best_of(measure, |times, allowance| {
        times.max() <= FIRST_COMMAND + allowance
    });
}

#[test]
fn a_replica_that_a_sentinel_names_is_not_written_to() {
    let servers = pair();
    let (primary, replica) = (Some(servers.port(0)), Some(servers.port(1)));
    for named in [
        [replica, primary, primary],
        [primary, replica, primary],
        [replica, replica, primary],
    ] {
        first_commands_find_the_primary(named);
    }
    assert_eq!(servers.errors(1, "READONLY"), 0);
}

#[test]
fn a_primary_that_a_minority_names_is_not_written_to_while_the_agreed_one_is_down() {
    let servers = pair();
    let down = ClosedPort::new();
    let (old, new) = (Some(servers.port(0)), Some(down.port()));
    let liars = [new, new, old].map(Liar::start);
    for _ in 0..10 {
        let lateness = Lateness::watch();
        let client = client(&liars.each_ref());
        let (reply, _) = run(write(&client, "lost"));
        match reply {
            Err(error) => {
                let text = report(&error);
                assert!(text.contains("cannot reach"), "{text}");
                return;
            }
            // Where the answers of those who agree are late, there is no majority.
            Ok(()) => assert!(lateness.worst() > LATE, "written, and {lateness}"),
        }
    }
    panic!("the machine was late each time");
}

#[test]
fn a_replica_that_every_sentinel_names_is_waited_out_and_not_written_to() {
    let servers = pair();
    let liars = [(); 3].map(|()| Liar::start(Some(servers.port(1))));
    let client = client(&liars.each_ref());
    let lateness = Lateness::watch();
    run(async {
        let (reply, time) = write(&client, "too early").await;
        let text = report(&reply.expect_err("there is no primary"));
        println!("after {time:.1?}: {text}");
        assert_within("the first command", time, LIMIT, &lateness);
        // Which server is not a primary, and which Sentinel names it.
        let address = format!("127.0.0.1:{}", servers.port(1));
        assert!(text.contains(&address), "{text}");
        // The Sentinels are not asked all the time meanwhile.
        let asked = liars[0].asked();
        println!("asked {asked} times meanwhile");
        assert!((2..=40).contains(&asked), "{asked}");

        let waiting = client.clone();
        let waiting = tokio::spawn(async move { write(&waiting, "in time").await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waiting.is_finished());
        for liar in &liars {
            liar.name(Some(servers.port(0)));
        }
        let (reply, time) = waiting.await.expect("it does not panic");
        println!("written after {time:.1?}");
        ok(reply);
    });
    assert_eq!(servers.errors(1, "READONLY"), 0);
}

#[test]
fn a_sentinel_that_knows_no_primary_does_not_outvote_one_that_does() {
    let servers = pair();
    let port = Some(servers.port(0));
    for named in [[None, port, None], [port, None, None], [None, None, port]] {
        first_commands_find_the_primary(named);
    }
}

#[test]
fn a_name_that_is_unknown_for_a_while_is_waited_for() {
    let servers = pair();
    let liar = Liar::start(None);
    let client = client(&[&liar]);
    let lateness = Lateness::watch();
    run(async {
        let (reply, time) = write(&client, "key").await;
        let error = reply.expect_err("no primary is named");
        println!("after {time:.1?}: {}", report(&error));
        assert_within("the first command", time, LIMIT, &lateness);
        assert!(report(&error).contains(&format!("`{SERVICE}`")), "{error}");
        assert!(!Error::from_redis(&error).is_none_or(Error::may_have_run));

        liar.name(Some(servers.port(0)));
        let begin = Instant::now();
        while let (Err(error), _) = write(&client, "key").await {
            assert!(begin.elapsed() < 3 * LIMIT, "{}", report(&error));
        }
        println!("written {:.1?} after it is known", begin.elapsed());
    });
}

#[test]
fn the_sentinels_are_asked_again_for_every_connection() {
    let servers = pair();
    let liar = Liar::start(Some(servers.port(0)));
    let client = client(&[&liar]);
    run(async {
        let (reply, _) = write(&client, "key").await;
        ok(reply);
        let before = liar.asked();
        assert!(before >= 1);
        for _ in 0..TIMES {
            let killed = servers.cut(0, CLIENT_NAME);
            assert!(killed >= 1);
            let begin = Instant::now();
            while let (Err(error), _) = write(&client, "key").await {
                assert!(begin.elapsed() < 5 * LIMIT, "{}", report(&error));
            }
        }
        let asked = liar.asked() - before;
        println!("asked {asked} times for {TIMES} new connections");
        assert!(asked >= TIMES, "{asked}");
    });
}

#[test]
fn the_password_of_the_servers_is_not_told_to_sentinels() {
    let server = start(Server::builder().tcp().password("server-secret"));
    let liar = Liar::start(server.port());
    let client = client_with(":server-secret@", &[&liar]);
    run(async {
        let (reply, _) = write(&client, "key").await;
        ok(reply);
    });
    assert!(liar.asked() >= 1);
    for command in liar.server.seen() {
        let told = command.iter().any(|word| word.contains("secret"));
        assert!(!told, "{command:?}");
    }
}
