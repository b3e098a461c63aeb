//! R2: a reply never reaches the wrong caller after time-outs, on the same connection.
//!
//! A connection that is silent for three response timeouts is replaced. The server sleeps for one and a
//! half, so that this machine has as much time again to be late in.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::cmd;
use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::echo::{self, Broken, Load, Tally};
use crate::support::measure::best_of;
use crate::support::proxy::{Proxy, Script, Step};
use crate::support::{open, run, start, with_debug};

/// For calls that wait for the server however long it sleeps.
const PATIENT: &str = "response_timeout=30s&deadline=60s";

const LOAD: Load = Load {
    tasks: 640,
    commands: 50_000,
    dropped: 0.0,
    drop_within: Duration::ZERO,
    seed: 2,
};

/// Replies come in small pieces.
fn dripping(server: &Server) -> Proxy {
    Proxy::start(server, |_| Script {
        to_server: vec![Step::Jitter(Duration::from_millis(4))],
        to_client: vec![Step::Drip {
            bytes: 1_500,
            every: Duration::from_millis(1),
        }],
    })
}

/// Runs `load` while the server sleeps again and again, each time longer than the time-out.
async fn while_the_server_sleeps<T>(server: &Server, load: impl Future<Output = T>) -> T {
    let mut operator = open(server.url(), PATIENT);
    let sleeps = async {
        loop {
            let sleep = cmd("DEBUG").arg("SLEEP").arg("0.15").to_owned();
            sleep.exec_async(&mut operator).await.expect("it may sleep");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        result = load => result,
        () = sleeps => unreachable!("the server sleeps until the load is over"),
    }
}

/// Calls a server that sleeps now and then through what `wrap` makes of a client.
fn call<C>(commands: u64, wrap: fn(Client) -> C) -> Figures
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    let server = start(with_debug(Server::builder().tcp()));
    let proxy = dripping(&server);
    let tally = run(async {
        echo::fill(&mut open(server.url(), PATIENT)).await;
        let client = open(&proxy.url(), "response_timeout=100ms&deadline=60s");
        let load = Load { commands, ..LOAD };
        while_the_server_sleeps(&server, echo::run(&wrap(client), load)).await
    });
    Figures {
        tally,
        connections: proxy.accepted(),
    }
}

#[derive(Debug)]
struct Figures {
    tally: Tally,
    connections: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[test]
fn no_reply_reaches_the_wrong_caller_after_time_outs() {
    let measure = || {
        let figures = call(LOAD.commands, |client| client);
        let tally = &figures.tally;
        assert_eq!(Tally::of(&tally.wrong), 0, "{figures}");
        // A run with few time-outs, or with a fresh connection after each, proves nothing.
        let timed_out = Tally::of(&tally.timed_out);
        assert!(timed_out * 5 >= Tally::of(&tally.calls), "{figures}");
        assert!(Tally::of(&tally.right) > 5_000, "{figures}");
        assert!(figures.connections < 20, "{figures}");
        figures
    };
    // A machine that is late by more than a response timeout and a half makes the server look dead.
    best_of(measure, |figures, _| Tally::of(&figures.tally.failed) == 0);
}

#[test]
fn the_check_notices_a_client_that_forgets_a_late_reply() {
    let figures = call(20_000, Broken::new);
    assert!(Tally::of(&figures.tally.wrong) > 0, "{figures}");
}
