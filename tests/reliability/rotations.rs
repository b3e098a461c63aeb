//! R29: a password is changed in its file and on the server, under load and without a restart.
//!
//! While both passwords are valid no caller notices, though all connections are ended twice for each rotation.
//! Where they are not, callers get errors until file and server agree, and none 1 s after that. The pause before
//! that is longer than the 10 s after which the client otherwise takes up to 5 s between two attempts.
//!
//! The variables are those of a child process.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use futures::future::join_all;
use redis::{AsyncCommands, cmd};
use redis_ready::testing::Server;
use redis_ready::{BlockingClient, Client};

use crate::support::measure::{Lateness, assert_within};
use crate::support::{address, child, open, run, start};

const CALLERS: usize = 64;
const ROTATIONS: u32 = 10;
/// From the moment at which file and server agree to the last error.
const HEALED: Duration = Duration::from_secs(1);
/// How long they disagree.
const DISAGREE: Duration = Duration::from_secs(12);
/// The file with the password.
const FILE: &str = "R29_FILE";

#[test]
fn a_rotated_password_is_used_without_a_restart() {
    let server = start(Server::builder().tcp());
    let secret = server.directory().join("secret");
    let mut child = child::ignored_test("rotations::under_load");
    child
        .env("OPERATOR", server.url())
        .env(FILE, &secret)
        .env("REDIS_URL", format!("redis://{}", address(&server)))
        .env("REDIS_URL_USERNAME", "app")
        .env("REDIS_URL_PASSWORD_FILE", &secret);
    child::finish(&mut child);
}

/// Who changes passwords.
struct Operator {
    connection: BlockingClient,
}

impl Operator {
    fn order(&mut self, words: &[&str]) {
        let mut order = cmd(words[0]);
        order
            .arg(&words[1..])
            .exec(&mut self.connection)
            .expect("it may");
    }

    fn cut_off(&mut self) {
        self.order(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    }

    fn write(password: &str) {
        let file = env::var(FILE).expect("it is set");
        // As a mounted secret is replaced.
        let next = format!("{file}.next");
        fs::write(&next, password).expect("the directory is ours");
        fs::rename(next, Path::new(&file)).expect("the directory is ours");
    }
}

/// What callers are told.
#[derive(Default)]
struct Told {
    calls: AtomicU64,
    errors: AtomicU64,
    last: Mutex<Option<(Instant, String)>>,
    is_over: AtomicBool,
}

impl Told {
    fn last(&self) -> Option<(Instant, String)> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Calls until it is over.
fn load(client: &Client, told: &Arc<Told>) -> thread::JoinHandle<()> {
    let (client, told) = (client.clone(), Arc::clone(told));
    thread::spawn(move || {
        run(join_all((0..CALLERS).map(|caller| {
            let (mut client, told) = (client.clone(), &told);
            async move {
                while !told.is_over.load(Ordering::Relaxed) {
                    told.calls.fetch_add(1, Ordering::Relaxed);
                    if let Err(error) = client.get::<_, Option<u32>>(caller).await {
                        told.errors.fetch_add(1, Ordering::Relaxed);
                        let last = Some((Instant::now(), error.to_string()));
                        *told.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            }
        })));
    })
}

#[test]
#[ignore = "runs in a child process of the test above"]
fn under_load() {
    let connection = open(&env::var("OPERATOR").expect("it is set"), "").blocking();
    let mut operator = Operator { connection };
    operator.order(&["ACL", "SETUSER", "app", "on", ">pw0", "~*", "+@all"]);
    Operator::write("pw0");
    let client = Client::from_env("REDIS_URL").expect("a client");
    run(client.ping()).expect("it is let in");
    let told = Arc::new(Told::default());
    let callers = load(&client, &told);
    for round in 0..ROTATIONS {
        let (old, new) = (format!("pw{round}"), format!("pw{}", round + 1));
        operator.order(&["ACL", "SETUSER", "app", &format!(">{new}")]);
        operator.cut_off();
        thread::sleep(Duration::from_millis(100));
        Operator::write(&new);
        operator.order(&["ACL", "SETUSER", "app", &format!("<{old}")]);
        operator.cut_off();
        thread::sleep(Duration::from_millis(100));
    }
    let calls = told.calls.load(Ordering::Relaxed);
    println!(
        "{ROTATIONS} rotations with an overlap, {calls} calls: {:?}",
        told.last()
    );
    assert_eq!(told.errors.load(Ordering::Relaxed), 0, "{:?}", told.last());
    // However slow the machine is, each caller has called many times.
    assert!(calls > 64 * 10, "{calls}");

    let lateness = Lateness::watch();
    for is_file_first in [true, false] {
        let password = format!("no overlap {is_file_first}");
        let mut change = |is_file| {
            if is_file {
                Operator::write(&password);
            } else {
                let password = format!(">{password}");
                operator.order(&["ACL", "SETUSER", "app", "resetpass", &password]);
            }
            operator.cut_off();
        };
        // A connection that is being made has read the file before the change, and may not be there yet to be cut off.
        run(client.ping()).expect("it is connected");
        change(is_file_first);
        thread::sleep(DISAGREE);
        let errors = told.errors.load(Ordering::Relaxed);
        assert!(errors > 100, "{errors}: the passwords do not differ");
        change(!is_file_first);
        let healed = Instant::now();
        thread::sleep(2 * HEALED);
        let (last, text) = told.last().expect("there were errors");
        let took = last.saturating_duration_since(healed);
        println!(
            "no overlap, file first {is_file_first}: the last error after {took:?}; {lateness}"
        );
        assert_within(&text, took, HEALED, &lateness);
        assert!(text.contains("WRONGPASS"), "{text}");
        assert!(!text.contains("overlap"), "{text}");
        told.errors.store(0, Ordering::Relaxed);
    }
    told.is_over.store(true, Ordering::Relaxed);
    callers.join().expect("no panic");
}
