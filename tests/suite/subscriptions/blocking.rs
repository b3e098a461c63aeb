//! `BlockingSubscription` and its handle: each call does what that of `Subscription` does.

use std::thread;

use redis_ready::BlockingSubscription;
use redis_ready::subscription::Event;
use redis_ready::testing::Server;

use crate::support::subscriber::{connect, publish};
use crate::support::{NEVER, start};

fn payload(subscription: &mut BlockingSubscription) -> String {
    match subscription.next_within(NEVER).expect("it may wait") {
        Some(Event::Message(message)) => message.parse().expect("it is text"),
        event => panic!("no message: {event:?}"),
    }
}

#[test]
fn channels_come_and_go_while_another_thread_waits() {
    let server = start(Server::builder());
    let client = server.client().blocking();
    let mut publisher = connect(&server);
    let mut subscription = client.subscribe("a").expect("allowed");
    subscription.psubscribe("p*").expect("allowed");
    subscription.ssubscribe("s").expect("allowed");
    assert!(!subscription.is_interrupted());
    let handle = subscription.handle();
    let waiting = thread::spawn(move || {
        let received: Vec<_> = (0..4).map(|_| payload(&mut subscription)).collect();
        (received, subscription)
    });
    publish(&mut publisher, "a", "1");
    handle.subscribe("b").expect("allowed");
    publish(&mut publisher, "b", "2");
    handle.psubscribe("q*").expect("allowed");
    publish(&mut publisher, "qq", "3");
    handle.ssubscribe("t").expect("allowed");
    let mut to_shard = redis::cmd("SPUBLISH");
    let receivers: usize = to_shard
        .arg("t")
        .arg("4")
        .query(&mut publisher)
        .expect("the server is up");
    assert_eq!(receivers, 1);
    let (received, subscription) = waiting.join().expect("it does not panic");
    assert_eq!(received, ["1", "2", "3", "4"]);
    let shown = format!("{subscription:?}");
    for name in ["BlockingSubscription", "q*"] {
        assert!(shown.contains(name), "{shown}");
    }

    handle.unsubscribe("b");
    handle.punsubscribe("q*");
    handle.sunsubscribe("t");
    subscription.unsubscribe("a");
    subscription.punsubscribe("p*");
    subscription.sunsubscribe("s");
    subscription.subscribe("last").expect("allowed");
    // What comes before the confirmation of the last channel was given up by then.
    for channel in ["a", "b", "pp", "qq"] {
        assert_eq!(publish(&mut publisher, channel, "late"), 0, "{channel}");
    }
    assert_eq!(publish(&mut publisher, "last", "5"), 1);
}
