//! What the other modules rely on: the servers, seen without the client that is tested.

use std::time::{Duration, Instant};

use redis::Commands;

use crate::support::sentinel::{SERVICE, Sentinels, Settings};

#[test]
fn both_kinds_of_failover_happen_and_are_heard() {
    let begin = Instant::now();
    let mut sentinels = Sentinels::start_with(Settings {
        replicas: 1,
        sentinels: 3,
        server_password: Some("server-secret"),
        sentinel_password: Some("sentinel-secret"),
    });
    println!("started in {:.1?}", begin.elapsed());
    let switches = sentinels.switches();
    assert_eq!(sentinels.primary(), 0);
    assert_eq!(sentinels.replicas(), [1]);
    sentinels.stop_sentinel(0);

    let begin = Instant::now();
    sentinels.failover();
    let switch = switches.wait_for(0, sentinels.port(0));
    println!("asked for: {:.1?}", switch.heard - begin);
    assert_ne!(switch.sentinel, 0);
    assert_eq!(sentinels.server_on(switch.port), 1);
    assert_eq!(sentinels.primary_by(switch.sentinel), 1);
    sentinels.settle();
    println!("settled after {:.1?}", begin.elapsed());
    let () = sentinels.connect(1).set("key", 1).expect("it is a primary");
    let read_only: redis::RedisResult<()> = sentinels.connect(0).set("key", 1);
    assert_eq!(read_only.expect_err("a replica").code(), Some("READONLY"));
    assert_eq!(sentinels.errors(0, "READONLY"), 1);
    assert_eq!(sentinels.calls(1, "set"), 1);

    let known = switches.so_far().len();
    let begin = Instant::now();
    sentinels.kill(1);
    let switch = switches.wait_for(known, sentinels.port(1));
    println!("after a crash: {:.1?}", switch.heard - begin);
    assert_eq!(sentinels.server_on(switch.port), 0);
    sentinels.restart(1);
    sentinels.settle();
    println!("settled after {:.1?}", begin.elapsed());
    // On a busy machine the Sentinels may have failed over once more.
    let primary = sentinels.primary();
    assert_eq!(sentinels.replicas(), [1 - primary]);
    let kept: u64 = sentinels.connect(1).get("key").expect("it answers");
    assert_eq!(kept, 1);

    sentinels.cont_sentinel(0);
    sentinels.settle();
    sentinels.kill_sentinel(1);
    assert_eq!(sentinels.primary(), primary);
    assert!(sentinels.url().ends_with(&format!("/{SERVICE}")));
    assert!(begin.elapsed() < Duration::from_secs(60));
}
