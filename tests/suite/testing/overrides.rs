//! Code that names its variable itself meets what one test gives it, and nothing else does.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use futures::future::join_all;
use redis::{AsyncCommands, Commands};
use redis_ready::testing::{Overrides, Server};
use redis_ready::{Client, Error, ErrorKind, redis_client};
use tokio::sync::Barrier;

use crate::support::errors::ok;
use crate::support::{run, start};

/// No process has it.
const NAME: &str = "OVERRIDDEN_REDIS_URL";

/// The path of the socket that the client of `name` would connect to, or what the error says.
fn found(name: &str) -> Result<String, ErrorKind> {
    Client::from_env(name)
        .map(|client| format!("{:?}", client.config()))
        .map_err(|error| error.kind())
}

fn socket(name: &str) -> Overrides {
    Overrides::new().set(NAME, format!("unix:///{name}"))
}

#[track_caller]
fn meets(name: &str) {
    let found = found(NAME).expect("it is overridden");
    assert!(found.contains(&format!("/{name}\"")), "{found}");
}

#[track_caller]
fn meets_none() {
    assert_eq!(found(NAME), Err(ErrorKind::MissingVariable));
}

/// The code under test.
async fn count() -> u64 {
    let mut client = redis_client!().expect("it is overridden");
    ok(client.incr("count", 1).await)
}

#[test]
fn two_tests_at_once_meet_a_server_each() {
    let servers: Vec<Server> = (0..2).map(|_| start(Server::builder())).collect();
    let tests: Vec<_> = servers
        .iter()
        .map(|server| {
            let overrides = Overrides::new().set("REDIS_URL", server.url());
            thread::spawn(move || {
                run(overrides.scope(async {
                    for expected in 1..=200 {
                        assert_eq!(count().await, expected);
                    }
                }));
            })
        })
        .collect();
    for test in tests {
        test.join().expect("it meets its own server alone");
    }
    for server in servers {
        let mut client = server.client().blocking();
        assert_eq!(client.get("count"), Ok(200));
    }
}

#[test]
fn a_scope_moves_with_its_task_and_reaches_no_other() {
    const TASKS: usize = 8;
    // All of them are under way at once, on two threads, and each is polled hundreds of times.
    let barrier = Arc::new(Barrier::new(2 * TASKS));
    let threads = run(async {
        let tasks = (0..TASKS).flat_map(|number| {
            let (with, without) = (Arc::clone(&barrier), Arc::clone(&barrier));
            let name = format!("task-{number}");
            let scope = socket(&name).scope(async move {
                with.wait().await;
                let mut threads = Vec::new();
                for _ in 0..500 {
                    meets(&name);
                    threads.push(thread::current().id());
                    tokio::task::yield_now().await;
                }
                threads.dedup();
                threads.len()
            });
            let outside = async move {
                without.wait().await;
                for _ in 0..500 {
                    meets_none();
                    tokio::task::yield_now().await;
                }
                1
            };
            [tokio::spawn(scope), tokio::spawn(outside)]
        });
        let tasks: Vec<_> = tasks.collect();
        join_all(tasks).await
    });
    let threads = threads.into_iter().map(|it| it.expect("it does not panic"));
    let moved = threads.filter(|threads| *threads > 1).count();
    assert!(moved > 0, "no task has moved between threads");
    meets_none();
}

#[test]
fn the_inner_override_of_a_variable_counts_and_others_stay() {
    let outer = socket("outer").set("OTHER_OVERRIDDEN_URL", "redis://other");
    let _outer = outer.enter();
    meets("outer");
    {
        let _inner = socket("inner").enter();
        meets("inner");
        assert!(found("OTHER_OVERRIDDEN_URL").is_ok());
        let _innermost = Overrides::new().unset(NAME).enter();
        meets_none();
    }
    meets("outer");
    // In one set, too, the last one counts.
    run(socket("first").set(NAME, "unix:///last").scope(async {
        meets("last");
    }));
}

#[test]
fn guards_may_end_in_any_order() {
    let first = socket("first").enter();
    let second = socket("second").enter();
    drop(first);
    meets("second");
    drop(second);
    meets_none();
}

#[test]
fn spawned_work_is_reached_if_it_takes_the_overrides_along() {
    run(socket("scope").scope(async {
        tokio::spawn(async { meets_none() }).await.unwrap();
        tokio::task::spawn_blocking(meets_none).await.unwrap();
        let carried = Overrides::current().scope(async { meets("scope") });
        tokio::spawn(carried).await.unwrap();
        let overrides = Overrides::current();
        let blocking = tokio::task::spawn_blocking(move || {
            let _entered = overrides.enter();
            meets("scope");
        });
        blocking.await.unwrap();
    }));
}

#[test]
fn a_guard_reaches_what_a_runtime_of_one_thread_spawns() {
    let _entered = socket("guard").enter();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let spawned = runtime.expect("a runtime starts").block_on(async {
        tokio::spawn(async {
            tokio::task::yield_now().await;
            meets("guard");
        })
        .await
    });
    spawned.unwrap();
}

#[test]
fn a_panic_ends_what_it_passes() {
    let panicked = catch_unwind(|| {
        let _entered = socket("guard").enter();
        meets("guard");
        panic!("a test fails");
    });
    assert!(panicked.is_err());
    meets_none();

    let mut scope = Box::pin(socket("scope").scope(poll_fn(|_| -> Poll<()> {
        meets("scope");
        panic!("a test fails");
    })));
    let panicked = catch_unwind(AssertUnwindSafe(|| smol::block_on(&mut scope)));
    assert!(panicked.is_err());
    meets_none();
}

#[test]
fn a_future_is_dropped_within_its_scope() {
    struct OnDrop;
    impl Drop for OnDrop {
        fn drop(&mut self) {
            meets("scope");
        }
    }
    let held = OnDrop;
    drop(socket("scope").scope(async move {
        let _held = &held;
    }));
    meets_none();
    let held = OnDrop;
    smol::block_on(socket("scope").scope(async move { drop(held) }));
    meets_none();
}

#[test]
fn all_calls_within_find_one_client() {
    let server = start(Server::builder());
    let accepted = |server: &Server| {
        let mut asks = server.client().blocking();
        let info: String = ok(redis::cmd("INFO").arg("stats").query(&mut asks));
        let line = info
            .lines()
            .find_map(|it| it.strip_prefix("total_connections_received:"));
        let count: u64 = line.and_then(|it| it.parse().ok()).expect("a number");
        count
    };
    let before = accepted(&server);
    let overrides = Overrides::new().set("REDIS_URL", server.url());
    run(overrides.clone().scope(async {
        for _ in 0..10 {
            count().await;
        }
    }));
    run(overrides.scope(async {
        count().await;
    }));
    // The one of both scopes, and that of the second look.
    assert_eq!(accepted(&server) - before, 2);
}

#[test]
fn a_value_is_checked_as_that_of_the_real_variable() {
    let error = |overrides: Overrides| -> Error {
        let _entered = overrides.enter();
        let first = redis_client!().map(|_| "a client").expect_err("an error");
        let again = redis_client!().map(|_| "a client").expect_err("an error");
        assert_eq!(format!("{first:?}"), format!("{again:?}"));
        first
    };
    let report = |overrides| format!("{:?}", error(overrides));

    let invalid = Overrides::new().set("REDIS_URL", "redis://:s3cret@host:70000");
    assert!(!format!("{invalid:?}").contains("s3cret"), "{invalid:?}");
    let text = report(invalid);
    assert!(text.contains("invalid port in `REDIS_URL`"), "{text}");
    assert!(text.contains("^^^^^"), "{text}");
    let source = "read from an override of this test; documented in `.env.example:";
    assert!(text.contains(source), "{text}");
    assert!(!text.contains("s3cret"), "{text}");

    let empty = report(Overrides::new().set("REDIS_URL", ""));
    assert!(empty.contains("`REDIS_URL` is set, but empty"), "{empty}");

    let missing = Overrides::new().unset("REDIS_URL");
    assert_eq!(error(missing.clone()).kind(), ErrorKind::MissingVariable);
    assert_eq!(error(missing.clone()).variable(), Some("REDIS_URL"));
    let text = report(missing);
    assert!(text.contains("unset by an override of this test"), "{text}");

    let _entered = Overrides::new().set("not a name", "redis://host").enter();
    assert_eq!(found("not a name"), Err(ErrorKind::InvalidName));
}
