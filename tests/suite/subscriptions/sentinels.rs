//! With Sentinels a subscription moves to the new primary.

use std::time::Duration;

use redis_ready::subscription::Event;

use crate::support::measure::{Lateness, assert_within};
use crate::support::process::{query, wait_until};
use crate::support::run;
use crate::support::sentinel::Sentinels;
use crate::support::subscriber::{next, publish};

#[test]
fn a_subscription_moves_to_the_new_primary_within_a_second() {
    let sentinels = Sentinels::start(1, 3);
    let client = sentinels.client("");
    run(async {
        let mut subscription = client.subscribe("a").await.expect("allowed");
        let old = sentinels.primary();
        let switches = sentinels.switches();
        let lateness = Lateness::watch();
        sentinels.failover();
        let switch = switches.wait_for(0, sentinels.port(old));
        let gap = loop {
            match next(&mut subscription).await {
                Event::Gap(gap) => break gap,
                Event::Message(_) | Event::Lost(_) => {}
            }
        };
        let took = switch.heard.elapsed();
        println!("{gap}; {took:?} after the news");
        assert_within("the move", took, Duration::from_secs(1), &lateness);
        let new = sentinels.server_on(switch.port);
        let mut admin = sentinels.connect(new);
        wait_until("the new primary has the subscription", || {
            let reply: (String, usize) = query(&mut admin, &["PUBSUB", "NUMSUB", "a"]);
            reply.1 == 1
        });
        // Sentinels end the connections to the old primary, where a gap may have come from before.
        publish(&mut admin, "a", "after");
        loop {
            match next(&mut subscription).await {
                Event::Message(message) => break assert_eq!(message.payload(), b"after"),
                Event::Gap(gap) => println!("{gap}"),
                Event::Lost(error) => println!("{error}"),
            }
        }
    });
}
