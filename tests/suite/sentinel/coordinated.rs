//! `SENTINEL FAILOVER … COORDINATED`, which Valkey 9 has: the primary hands over before it is replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::AsyncCommands;

use crate::support::errors::may_have_run;
use crate::support::run;
use crate::support::sentinel::Sentinels;

/// How long the writer goes on after the switch.
const AFTERWARDS: Duration = Duration::from_millis(500);

#[test]
fn a_coordinated_failover_loses_no_write_that_was_acknowledged() {
    let sentinels = Sentinels::start(1, 1);
    let client = sentinels.client("deadline=10s");
    run(async {
        let over = Arc::new(AtomicBool::new(false));
        let (is_over, mut writing) = (Arc::clone(&over), client.clone());
        let writer = tokio::spawn(async move {
            let (mut acknowledged, mut unknown) = (0, 0);
            while !is_over.load(Ordering::SeqCst) {
                match writing.incr::<_, _, u64>("counter", 1).await {
                    Ok(_) => acknowledged += 1,
                    Err(error) if may_have_run(&error) => unknown += 1,
                    Err(_) => {}
                }
            }
            (acknowledged, unknown)
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let switches = sentinels.switches();
        let old = sentinels.port(0);
        let can = sentinels.coordinated_failover();
        if can {
            let switch = switches.wait_for(0, old);
            assert_eq!(sentinels.server_on(switch.port), 1);
            tokio::time::sleep(AFTERWARDS).await;
        } else {
            println!("NOT RUN: coordinated failover, for want of a Sentinel that knows it");
        }
        over.store(true, Ordering::SeqCst);
        let (acknowledged, unknown) = writer.await.expect("it does not panic");
        if can {
            let kept: u64 = redis::Commands::get(&mut sentinels.connect(1), "counter")
                .expect("it is the primary");
            println!("{acknowledged} acknowledged, {unknown} unknown, {kept} kept");
            assert!((acknowledged..=acknowledged + unknown).contains(&kept));
        }
    });
}
