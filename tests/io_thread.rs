//! What happens to callers when something panics on the I/O thread.
//!
//! In a process of its own, since its logger panics, and all clients of a process share that thread.

#![cfg(all(feature = "testing", unix))]

mod support;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use redis::{AsyncCommands, Commands, RedisResult, cmd};
use redis_ready::ErrorKind;
use redis_ready::testing::Server;

use self::support::errors::ours;
use self::support::fake_server::{Answer, FakeServer};
use self::support::{open, run, start};

const CALLERS: usize = 63;
const PATIENT: &str = "deadline=60s&response_timeout=60s";

/// Panics once, on the I/O thread, at the first line that holds this text.
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
fn a_panic_fails_every_waiting_caller_at_once_and_the_next_call_works() {
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
            thread::spawn(move || {
                let start = Instant::now();
                let reply: RedisResult<i64> = client.incr("k", 1);
                (reply, start.elapsed())
            })
        })
        .collect();
    while LOGGER.text().is_some() {
        thread::sleep(Duration::from_millis(5));
    }
    server.restart().expect("it starts again");
    // Those that came after the panic have started another supervisor.
    let mut failed = 0;
    for caller in callers {
        let (reply, time) = caller.join().expect("no caller panics");
        let Err(error) = reply else { continue };
        let error = ours(&error);
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
        assert!(!error.may_have_run(), "{error:?}");
        assert!(time < Duration::from_secs(30), "{time:?}");
        failed += 1;
    }
    assert!(failed > 0, "no caller waited when it panicked");
    let _: i64 = client.blocking().incr("k", 1).expect("the next call works");
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
