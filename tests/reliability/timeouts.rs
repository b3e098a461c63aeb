//! R2: a reply never reaches the wrong caller after time-outs, on the same connection.

use std::future::Future;
use std::time::Duration;

use redis::cmd;
use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::echo::{self, Broken, Load, Tally};
use crate::support::proxy::{Proxy, Script, Step};
use crate::support::{run, start, with_debug};

const LOAD: Load = Load {
    tasks: 64,
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

fn client(url: &str, parameters: &str) -> Client {
    Client::open(&format!("{url}?{parameters}")).expect("the URL is a good one")
}

/// Runs `load` while the server sleeps again and again, each time longer than the time-out.
async fn while_the_server_nods_off<T>(server: &Server, load: impl Future<Output = T>) -> T {
    let mut nanny = client(server.url(), "response_timeout=30s&deadline=60s");
    let nod = async {
        loop {
            let sleep = cmd("DEBUG").arg("SLEEP").arg("0.025").to_owned();
            sleep.exec_async(&mut nanny).await.expect("it may sleep");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    };
    tokio::select! {
        result = load => result,
        () = nod => unreachable!("it nods for ever"),
    }
}

#[test]
fn no_reply_reaches_the_wrong_caller_after_time_outs() {
    let server = start(with_debug(Server::builder().tcp()));
    let proxy = dripping(&server);
    let tally = run(async {
        echo::fill(&mut client(
            server.url(),
            "response_timeout=30s&deadline=60s",
        ))
        .await;
        let client = client(&proxy.url(), "response_timeout=15ms&deadline=60s");
        while_the_server_nods_off(&server, echo::run(&client, LOAD)).await
    });
    println!("{tally:?}, connections: {}", proxy.accepted());
    assert_eq!(Tally::of(&tally.wrong), 0, "{tally:?}");
    assert_eq!(Tally::of(&tally.failed), 0, "{tally:?}");
    // A run with few time-outs, or with a fresh connection after each, proves nothing.
    let timed_out = Tally::of(&tally.timed_out);
    assert!(timed_out * 10 >= Tally::of(&tally.calls) * 3, "{tally:?}");
    assert!(Tally::of(&tally.right) > 5_000, "{tally:?}");
    assert!(proxy.accepted() < 20, "replaced {} times", proxy.accepted());
}

#[test]
fn the_check_notices_a_client_that_forgets_a_late_reply() {
    let server = start(with_debug(Server::builder().tcp()));
    let proxy = dripping(&server);
    let tally = run(async {
        echo::fill(&mut client(
            server.url(),
            "response_timeout=30s&deadline=60s",
        ))
        .await;
        let client = client(&proxy.url(), "response_timeout=15ms&deadline=60s");
        let load = Load {
            commands: 2_000,
            ..LOAD
        };
        while_the_server_nods_off(&server, echo::run(&Broken::new(client), load)).await
    });
    assert!(Tally::of(&tally.wrong) > 0, "{tally:?}");
}
