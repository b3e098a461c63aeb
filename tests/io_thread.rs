//! What happens to callers when code of the application that the crate calls panics.
//!
//! In a process of its own, since its logger panics.

#![cfg(all(feature = "testing", unix))]

mod support;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use redis::{AsyncCommands, Commands, cmd};
use redis_ready::testing::Server;

use self::support::errors::ok;
use self::support::fake_server::{Answer, FakeServer};
use self::support::{open, run, start};

const CALLERS: usize = 63;
const PATIENT: &str = "deadline=60s&response_timeout=60s";

/// Panics once, at the first line that holds this text.
struct PanickingLogger {
    at: Mutex<Option<String>>,
}

static LOGGER: PanickingLogger = PanickingLogger {
    at: Mutex::new(None),
};

impl PanickingLogger {
    fn text(&self) -> MutexGuard<'_, Option<String>> {
        self.at.lock().expect("no thread panics with the lock held")
    }
}

impl log::Log for PanickingLogger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        let told = self.text().take_if(|text| line.contains(text.as_str()));
        assert!(told.is_none(), "the logger panics, as it was told to");
    }

    fn flush(&self) {}
}

#[test]
fn a_panic_of_the_logger_reaches_no_caller() {
    log::set_logger(&LOGGER).expect("there is no other");
    log::set_max_level(log::LevelFilter::Trace);
    let mut server = start(Server::builder());
    let client = open(server.url(), PATIENT);
    server.stop().expect("it stops");
    // The first failed attempt to connect is told to the log.
    *LOGGER.text() = Some(server.directory().display().to_string());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let mut client = client.blocking();
            thread::spawn(move || client.incr::<_, _, i64>("k", 1))
        })
        .collect();
    while LOGGER.text().is_some() {
        thread::sleep(Duration::from_millis(5));
    }
    server.restart().expect("it starts again");
    for caller in callers {
        ok(caller.join().expect("no caller panics"));
    }
}

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("the waker panics, as it was told to");
    }
}

#[test]
fn a_panic_of_a_waker_reaches_no_other_caller() {
    let server = FakeServer::resp3(|command| match command[0].as_str() {
        // Answers all at once, so that they are woken together.
        "INCR" => Some(Answer::Silence),
        "EXISTS" => Some(Answer::Send(b":1\r\n".repeat(CALLERS + 2))),
        _ => None,
    });
    let client = open(&server.url(), PATIENT);
    run(async {
        client.ping().await.expect("it is there");
        let mut first = client.clone();
        let panicking = cmd("INCR").arg("k").to_owned();
        let mut panicking = pin!(panicking.query_async::<i64>(&mut first));
        let waker = Waker::from(Arc::new(PanickingWaker));
        assert!(
            panicking
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let others: Vec<_> = (0..CALLERS)
            .map(|_| {
                let mut client = client.clone();
                tokio::spawn(
                    async move { cmd("INCR").arg("k").query_async::<i64>(&mut client).await },
                )
            })
            .collect();
        while server.count("INCR") < CALLERS + 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let exists: bool = client.clone().exists("k").await.expect("it is answered");
        assert!(exists);
        for other in others {
            let reply = other.await.expect("no caller panics");
            assert_eq!(reply.expect("it is answered"), 1);
        }
        let waker = Waker::noop();
        assert!(
            panicking
                .as_mut()
                .poll(&mut Context::from_waker(waker))
                .is_ready()
        );
    });
}
