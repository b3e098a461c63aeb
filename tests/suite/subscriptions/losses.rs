//! Whatever is lost, all channels are subscribed again, and a gap stands where messages may be missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use redis_ready::ErrorKind;
use redis_ready::subscription::Event;
use redis_ready::testing::Server;

use crate::support::measure::{Lateness, assert_within};
use crate::support::ports::ClosedPort;
use crate::support::process::wait_until;
use crate::support::proxy::{Proxy, Script, Step};
use crate::support::subscriber::{
    connect, connections, gap, kill, lost, message, next, nothing, publish, subscribed,
};
use crate::support::{open, run, start};

/// From when the server can be reached until all is subscribed again.
const RECOVERY: Duration = Duration::from_secs(1);
/// Silence after which the server is asked, and the longest silence after that.
const INTERVAL: Duration = Duration::from_secs(2);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

fn comes_back_after_a_kill(parameters: &str) {
    let server = start(Server::builder());
    let (client, mut admin) = (open(server.url(), parameters), connect(&server));
    run(async {
        let mut one = client.subscribe(&["a", "b"]).await.expect("allowed");
        one.psubscribe("p*").await.expect("allowed");
        let mut other = client.subscribe("a").await.expect("allowed");
        for _ in 0..3 {
            publish(&mut admin, "a", "before");
            let lateness = Lateness::watch();
            assert_eq!(kill(&mut admin), 1);
            for subscription in [&mut one, &mut other] {
                assert_eq!(message(subscription).await, "before");
                let gap = gap(subscription).await;
                println!("{gap}");
                assert_within("a gap", gap.duration(), RECOVERY, &lateness);
                assert!(!gap.duration().is_zero());
                let cause = gap.cause().expect("it has one");
                assert_eq!(cause.kind(), ErrorKind::ConnectionLost, "{cause:?}");
                assert_eq!(gap.dropped_messages(), 0);
            }
            assert_eq!(subscribed(&mut admin), (2, 1));
            for channel in ["a", "b", "pp"] {
                publish(&mut admin, channel, channel);
                assert_eq!(message(&mut one).await, channel);
            }
            assert_eq!(message(&mut other).await, "a");
        }
        nothing(&mut one).await;
        nothing(&mut other).await;
        assert_eq!(connections(&mut admin), 1);
    });
}

#[test]
fn a_connection_that_the_server_has_ended_is_replaced() {
    comes_back_after_a_kill("");
    comes_back_after_a_kill("protocol=2");
}

#[test]
fn a_server_that_was_killed_is_found_again_within_a_second() {
    let mut server = start(Server::builder().tcp());
    let client = server.client();
    run(async {
        let mut subscription = client.subscribe("a").await.expect("allowed");
        server.kill().expect("it runs");
        // Long enough that attempts of other connections are seconds apart.
        tokio::time::sleep(Duration::from_secs(11)).await;
        let error = client.subscribe("b").await.expect_err("there is no server");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
        let lateness = Lateness::watch();
        server.restart().expect("it starts again");
        let begin = Instant::now();
        let gap = gap(&mut subscription).await;
        let took = begin.elapsed();
        println!("{gap}; {took:?} after the start");
        assert_within("the recovery", took, RECOVERY, &lateness);
        assert!(gap.duration() > Duration::from_secs(11), "{gap}");
        let mut admin = connect(&server);
        assert_eq!(subscribed(&mut admin), (1, 0));
        publish(&mut admin, "a", "after");
        assert_eq!(message(&mut subscription).await, "after");
    });
}

#[test]
fn a_server_that_is_silent_is_noticed_by_a_heartbeat() {
    let server = start(Server::builder());
    let (client, resp2) = (server.client(), open(server.url(), "protocol=2"));
    run(async {
        let mut one = client.subscribe("a").await.expect("allowed");
        let mut other = resp2.subscribe("a").await.expect("allowed");
        let lateness = Lateness::watch();
        server.pause().expect("it runs");
        tokio::time::sleep(Duration::from_secs(6)).await;
        server.resume().expect("it is paused");
        let begin = Instant::now();
        for subscription in [&mut one, &mut other] {
            let gap = gap(subscription).await;
            println!("{gap}");
            // Counted from the last sign of life.
            assert!(gap.duration() >= Duration::from_secs(6), "{gap}");
        }
        assert_within("the recovery", begin.elapsed(), RECOVERY * 2, &lateness);
        let mut admin = connect(&server);
        wait_until("the old connections are gone", || {
            connections(&mut admin) == 2
        });
        publish(&mut admin, "a", "after");
        assert_eq!(message(&mut one).await, "after");
        assert_eq!(message(&mut other).await, "after");
        nothing(&mut one).await;
    });
}

#[test]
fn a_link_that_goes_silent_is_noticed_by_a_heartbeat() {
    let server = start(Server::builder());
    // The first connection passes a while, and then nothing.
    let proxy = Proxy::start(&server, |number| match number {
        0 => Script::to_client([Step::Pass(4_000), Step::Stall]),
        _ => Script::default(),
    });
    let (client, mut admin) = (open(&proxy.url(), ""), connect(&server));
    run(async {
        let mut subscription = client.subscribe("a").await.expect("allowed");
        let filler = "x".repeat(100);
        let mut received = Vec::new();
        let (mut losses, mut gaps) = (Vec::new(), Vec::new());
        let lateness = Lateness::watch();
        for number in 0..500 {
            publish(&mut admin, "a", &format!("{number} {filler}"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        publish(&mut admin, "a", "500 last");
        while received.last() != Some(&500) {
            match next(&mut subscription).await {
                Event::Message(message) => {
                    let payload = String::from_utf8_lossy(message.payload()).into_owned();
                    let number = payload.split(' ').next().expect("it has a number");
                    received.push(number.parse::<u32>().expect("a number"));
                }
                Event::Gap(gap) => gaps.push(gap),
                Event::Lost(error) => losses.push(error),
            }
        }
        assert!(
            received.is_sorted_by(|one, other| one < other),
            "{received:?}"
        );
        let [gap] = &gaps[..] else {
            panic!("{gaps:?}");
        };
        assert_eq!(losses.len(), 1, "{losses:?}");
        println!("{gap}; {} of 501 received", received.len());
        assert!(gap.duration() >= RESPONSE_TIMEOUT, "{gap}");
        let bound = INTERVAL + RESPONSE_TIMEOUT + RECOVERY;
        assert_within("the gap", gap.duration(), bound, &lateness);
    });
}

#[test]
fn a_connection_that_is_reset_again_and_again_loses_no_gap() {
    let server = start(Server::builder());
    let proxy = Proxy::start(&server, |_| Script::default());
    let (client, mut admin) = (open(&proxy.url(), ""), connect(&server));
    run(async {
        let mut subscription = client.subscribe("a").await.expect("allowed");
        for number in 0..10 {
            proxy.reset_all();
            gap(&mut subscription).await;
            publish(&mut admin, "a", &number.to_string());
            assert_eq!(message(&mut subscription).await, number.to_string());
        }
        assert_eq!(proxy.accepted(), 11);
        nothing(&mut subscription).await;
    });
}

/// A name that leads to one server and then to another.
struct Name {
    port: Arc<AtomicU16>,
    proxy: Proxy,
}

impl Name {
    /// Returns it with the server that it leads to and one more.
    fn of_two_servers() -> (Name, Server, Server) {
        let [old, new] = [(); 2].map(|()| start(Server::builder().tcp()));
        let port = Arc::new(AtomicU16::new(port_of(&old)));
        let proxy = Proxy::before_moving_port(Arc::clone(&port));
        (Name { port, proxy }, old, new)
    }

    fn lead_to(&self, server: &Server) {
        self.port.store(port_of(server), Ordering::SeqCst);
    }
}

fn port_of(server: &Server) -> u16 {
    server.port().expect("it listens on TCP")
}

/// Has `server` be a replica of what listens on `port`.
fn follow(server: &Server, port: u16) {
    let mut follow = redis::cmd("REPLICAOF");
    follow.arg("127.0.0.1").arg(port);
    follow.exec(&mut connect(server)).expect("it is up");
}

#[test]
fn a_primary_that_has_become_a_replica_is_left_for_the_server_that_has_its_name() {
    let (name, old, new) = Name::of_two_servers();
    let client = open(&name.proxy.url(), "");
    run(async {
        let mut subscription = client.subscribe("a").await.expect("allowed");
        // Long enough for the first look.
        tokio::time::sleep(INTERVAL).await;
        name.lead_to(&new);
        follow(&old, port_of(&new));
        let lateness = Lateness::watch();
        let begin = Instant::now();
        let gap = gap(&mut subscription).await;
        println!("{gap}; {:?} after the demotion", begin.elapsed());
        assert_within("the move", begin.elapsed(), INTERVAL + RECOVERY, &lateness);
        let mut admin = connect(&new);
        assert_eq!(publish(&mut admin, "a", "after"), 1);
        assert_eq!(message(&mut subscription).await, "after");
    });
}

#[test]
fn a_replica_without_its_primary_is_one_gap_until_its_name_leads_elsewhere() {
    let (name, old, new) = Name::of_two_servers();
    let client = open(&name.proxy.url(), "");
    run(async {
        let mut subscription = client.subscribe("a").await.expect("allowed");
        tokio::time::sleep(INTERVAL).await;
        let nowhere = ClosedPort::new();
        follow(&old, nowhere.port());
        println!("{}", lost(&mut subscription).await);
        // It is looked for again and again, and there is no other server.
        let end = Instant::now() + Duration::from_secs(12);
        while let Ok(event) = tokio::time::timeout_at(end.into(), subscription.next()).await {
            assert!(matches!(event, Some(Event::Lost(_))), "{event:?}");
        }
        assert!(name.proxy.accepted() > 2, "{}", name.proxy.accepted());
        name.lead_to(&new);
        let gap = gap(&mut subscription).await;
        println!("{gap}");
        // Until then nothing could have been received.
        assert!(gap.duration() >= Duration::from_secs(12), "{gap}");
        let mut admin = connect(&new);
        assert_eq!(publish(&mut admin, "a", "after"), 1);
        assert_eq!(message(&mut subscription).await, "after");
    });
}

#[test]
fn a_replica_that_has_its_primary_back_goes_on_with_a_gap_and_without_another_connection() {
    let [primary, replica] = [(); 2].map(|()| start(Server::builder().tcp()));
    follow(&replica, port_of(&primary));
    let is_connected = || {
        let info: redis::InfoDict = redis::cmd("INFO")
            .arg("replication")
            .query(&mut connect(&replica))
            .expect("it is up");
        info.get::<String>("master_link_status").as_deref() == Some("up")
    };
    wait_until("it follows its primary", is_connected);
    let client = replica.client();
    run(async {
        let mut subscription = client.subscribe("a").await.expect("allowed");
        tokio::time::sleep(INTERVAL).await;
        follow(&replica, ClosedPort::new().port());
        println!("{}", lost(&mut subscription).await);
        assert!(subscription.is_interrupted());
        follow(&replica, port_of(&primary));
        let gap = gap(&mut subscription).await;
        println!("{gap}");
        assert!(is_connected(), "{gap}");
        let mut admin = connect(&primary);
        publish(&mut admin, "a", "after");
        assert_eq!(message(&mut subscription).await, "after");
        nothing(&mut subscription).await;
    });
}
