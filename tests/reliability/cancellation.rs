//! R1: a reply never reaches the wrong caller, however many futures are dropped.

use std::time::Duration;

use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::echo::{self, Broken, Load, Tally};
use crate::support::proxy::{Proxy, Script, Step};
use crate::support::{open, run, start};

const LOAD: Load = Load {
    tasks: 64,
    commands: 200_000,
    dropped: 0.35,
    drop_within: Duration::from_millis(5),
    seed: 1,
};

fn delayed(server: &Server) -> Proxy {
    Proxy::start(server, |_| {
        Script::both([Step::Jitter(Duration::from_millis(3))])
    })
}

/// A client that nothing here is too slow for.
fn client(proxy: &Proxy) -> Client {
    open(&proxy.url(), "response_timeout=60s&deadline=120s")
}

#[test]
fn no_reply_reaches_the_wrong_caller_when_futures_are_dropped() {
    let server = start(Server::builder().tcp());
    let proxy = delayed(&server);
    let tally = run(async {
        let mut client = client(&proxy);
        echo::fill(&mut client).await;
        let tally = echo::run(&client, LOAD).await;
        let after = Load {
            tasks: 1,
            commands: 1_000,
            dropped: 0.0,
            ..LOAD
        };
        let afterwards = echo::run(&client, after).await;
        assert_eq!(Tally::of(&afterwards.wrong), 0, "{afterwards:?}");
        assert_eq!(Tally::of(&afterwards.failed), 0, "{afterwards:?}");
        tally
    });
    println!("{tally:?}, connections: {}", proxy.accepted());
    assert_eq!(Tally::of(&tally.wrong), 0, "{tally:?}");
    assert_eq!(Tally::of(&tally.failed), 0, "{tally:?}");
    // A run that drops too few, or that gets a fresh connection each time, proves nothing.
    let dropped = Tally::of(&tally.dropped);
    assert!(dropped * 5 >= Tally::of(&tally.calls), "{tally:?}");
    assert_eq!(proxy.accepted(), 1, "the connection was replaced");
}

#[test]
fn the_check_notices_a_client_that_leaves_one_reply_unread() {
    let server = start(Server::builder().tcp());
    let proxy = delayed(&server);
    let tally = run(async {
        let mut client = client(&proxy);
        echo::fill(&mut client).await;
        let load = Load {
            commands: 2_000,
            ..LOAD
        };
        echo::run(&Broken::new(client), load).await
    });
    assert!(
        Tally::of(&tally.wrong) + Tally::of(&tally.failed) > 100,
        "{tally:?}"
    );
    assert!(Tally::of(&tally.wrong) > 0, "{tally:?}");
}
