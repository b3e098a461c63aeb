//! Connects in every way, expects each to fail, and looks for secrets in what it says.

use std::error::Error as _;
use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

use redis::{RedisError, RedisResult, Value, cmd};
use redis_ready::{Client, Error, ErrorKind};

use crate::support::errors::ours;
use crate::support::{self, run};

/// A password whose every form is easy to find: as it is, as in a URL, and in base 64.
pub(crate) const PASSWORD: &str = "c4n@ry-in-the-mine";
pub(crate) const ENCODED: &str = "c4n%40ry-in-the-mine";
const BASE64: &str = "YzRuQHJ5LWluLXRoZS1taW5l";

/// Far more than an error may take on a slow machine beyond the time it is given.
pub(crate) const SLACK: Duration = Duration::from_secs(8);

/// How long things may take; goes into the URL.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) deadline: Duration,
}

/// What fails at once fails long before these.
pub(crate) const AMPLE: Limits = Limits {
    connect: Duration::from_secs(10),
    deadline: Duration::from_secs(20),
};

/// What may pass is waited for until this deadline; each attempt may be as slow as the machine is.
const WAITING: Limits = Limits {
    connect: Duration::from_secs(5),
    deadline: Duration::from_millis(900),
};

/// Silence is waited for until these.
pub(crate) const SHORT: Limits = Limits {
    connect: Duration::from_millis(300),
    deadline: Duration::from_millis(900),
};

fn open(url: &str, limits: Limits) -> Client {
    let Limits { connect, deadline } = limits;
    let parameters = format!(
        "connect_timeout={}ms&response_timeout=800ms&deadline={}ms",
        connect.as_millis(),
        deadline.as_millis()
    );
    let client = support::open(url, &parameters);
    assert_no_secret(&client);
    client
}

/// Connects in every way there is to, each of which fails, and returns the error of one with the
/// longest time that any took.
pub(crate) fn failure(url: &str, limits: Limits) -> (Error, Duration) {
    let ways: [&(dyn Fn() -> Result<(), Error> + Sync); 4] = [
        &|| run(open(url, limits).ping()).map(drop),
        &|| {
            let get = cmd("GET").arg("k").to_owned();
            let reply: RedisResult<Value> = run(get.query_async(&mut open(url, limits)));
            reply.map(drop).map_err(|error| told(&error))
        },
        &|| {
            let reply = cmd("GET").arg("k").query(&mut open(url, limits).blocking());
            reply.map(|_: Value| ()).map_err(|error| told(&error))
        },
        &|| run(open(url, limits).dedicated_connection()).map(drop),
    ];
    let failures = thread::scope(|scope| {
        ways.map(|way| scope.spawn(move || timed(way)))
            .map(|way| way.join().expect("it fails as it should"))
    });
    let longest = failures.iter().map(|(_, time)| *time).max();
    let [(error, _), others @ ..] = failures;
    for (other, _) in others {
        assert_eq!(other.kind(), error.kind(), "{other:?}\n{error:?}");
    }
    (error, longest.expect("there are four"))
}

fn timed(connect: impl FnOnce() -> Result<(), Error>) -> (Error, Duration) {
    let start = Instant::now();
    let error = connect().expect_err("this cannot connect");
    let took = start.elapsed();
    assert_no_secret(&error);
    assert_no_secret(&error.to_string());
    assert_no_secret(&format!("{error:#}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        assert_no_secret(&error);
        assert_no_secret(&error.to_string());
        cause = error.source();
    }
    (error, took)
}

/// Our error out of redis-rs's.
fn told(error: &RedisError) -> Error {
    assert_no_secret(error);
    assert_no_secret(&error.to_string());
    ours(error)
}

fn assert_no_secret(value: &impl Debug) {
    let text = format!("{value:?}");
    for secret in [PASSWORD, ENCODED, BASE64] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// What is known at once is told at once: of this kind, about this, with help.
pub(crate) fn fails_at_once(url: &str, kind: ErrorKind, about: &str) {
    let (error, took) = failure(url, AMPLE);
    check(&error, kind, about);
    assert!(took < SLACK, "{took:?} for {error:?}");
}

/// What may pass is waited for, and told within the deadline.
pub(crate) fn fails_in_time(url: &str, kind: ErrorKind, about: &str) {
    let (error, took) = failure(url, WAITING);
    check(&error, kind, about);
    assert!(took < WAITING.deadline + SLACK, "{took:?} for {error:?}");
}

fn check(error: &Error, kind: ErrorKind, about: &str) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(format!("{error:?}").contains(about), "{error:?}");
    assert!(error.help().is_some(), "no help: {error:?}");
}
