//! A subscription ends when it is dropped or when the client is closed, and not before.

use std::time::Duration;

use futures::stream::FusedStream;
use redis_ready::ErrorKind;
use redis_ready::testing::Server;

use crate::support::process::wait_until;
use crate::support::subscriber::{connect, connections, gap, kill, message, publish, subscribed};
use crate::support::{run, start};

#[test]
fn a_subscription_outlives_its_client_and_heals_without_it() {
    let server = start(Server::builder());
    let mut admin = connect(&server);
    run(async {
        let client = server.client();
        let mut subscription = client.subscribe("a").await.expect("allowed");
        drop(client);
        publish(&mut admin, "a", "1");
        assert_eq!(message(&mut subscription).await, "1");
        kill(&mut admin);
        gap(&mut subscription).await;
        publish(&mut admin, "a", "2");
        assert_eq!(message(&mut subscription).await, "2");
        drop(subscription);
        wait_until("the connection is closed", || connections(&mut admin) == 0);
    });
}

#[test]
fn a_subscription_that_outlives_its_client_and_has_left_everything_can_go_on() {
    let server = start(Server::builder());
    let mut admin = connect(&server);
    run(async {
        let client = server.client();
        let mut subscription = client.subscribe("a").await.expect("allowed");
        drop(client);
        for channel in ["b", "c"] {
            subscription.unsubscribe(["a", "b"]);
            wait_until("the connection is closed", || connections(&mut admin) == 0);
            subscription.subscribe(channel).await.expect("allowed");
            publish(&mut admin, channel, channel);
            assert_eq!(message(&mut subscription).await, channel);
        }
        kill(&mut admin);
        gap(&mut subscription).await;
    });
}

#[test]
fn a_handle_adds_channels_while_its_subscription_is_read_and_does_not_keep_it() {
    let server = start(Server::builder());
    let mut admin = connect(&server);
    run(async {
        let client = server.client();
        let mut subscription = client.subscribe("a").await.expect("allowed");
        let handle = subscription.handle();
        let reads = tokio::spawn(async move { (message(&mut subscription).await, subscription) });
        handle.subscribe("b").await.expect("allowed");
        handle.unsubscribe("a");
        publish(&mut admin, "b", "1");
        let (payload, subscription) = reads.await.expect("it does not panic");
        assert_eq!(payload, "1");
        let error = handle.subscribe(Vec::<String>::new()).await;
        let error = error.expect_err("there is nothing to subscribe to");
        assert_eq!(error.kind(), ErrorKind::InvalidCommand, "{error:?}");
        assert!(!subscription.is_terminated());
        drop(subscription);
        let error = handle.subscribe("c").await.expect_err("it was dropped");
        assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
        wait_until("nothing is subscribed", || subscribed(&mut admin) == (0, 0));
    });
}

#[test]
fn closing_the_client_ends_its_subscriptions_after_what_they_have_received() {
    let server = start(Server::builder());
    let mut admin = connect(&server);
    run(async {
        let client = server.client();
        let mut subscription = client.subscribe("a").await.expect("allowed");
        publish(&mut admin, "a", "1");
        assert_eq!(message(&mut subscription).await, "1");
        let waits = tokio::spawn(async move {
            let end = subscription.next().await;
            (end.is_none() && subscription.is_terminated(), subscription)
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.close(Duration::from_secs(1)).await;
        let (has_ended, subscription) = waits.await.expect("it ends");
        assert!(has_ended);
        let error = subscription.subscribe("b").await.expect_err("it is closed");
        assert_eq!(error.kind(), ErrorKind::Closed);
        let error = client.subscribe("b").await.expect_err("it is closed");
        assert_eq!(error.kind(), ErrorKind::Closed);
        wait_until("the connection is closed", || connections(&mut admin) == 0);
    });
}

#[test]
fn a_closed_client_refuses_its_first_subscription() {
    let server = start(Server::builder());
    run(async {
        let client = server.client();
        client.close(Duration::from_secs(1)).await;
        let error = client.subscribe("a").await.expect_err("it is closed");
        assert_eq!(error.kind(), ErrorKind::Closed);
    });
}

#[test]
fn a_call_that_is_dropped_subscribes_to_nothing() {
    let server = start(Server::builder());
    let mut admin = connect(&server);
    run(async {
        let client = server.client();
        let mut subscription = client.subscribe("a").await.expect("allowed");
        for _ in 0..100 {
            {
                let call = std::pin::pin!(subscription.subscribe("b"));
                if futures::poll!(call).is_ready() {
                    subscription.unsubscribe("b");
                }
                let call = std::pin::pin!(client.subscribe("c"));
                drop(futures::poll!(call));
            }
            tokio::task::yield_now().await;
        }
        wait_until("only `a` is subscribed", || {
            subscribed(&mut admin) == (1, 0)
        });
        publish(&mut admin, "b", "0");
        publish(&mut admin, "a", "1");
        assert_eq!(message(&mut subscription).await, "1");
    });
}

#[test]
fn the_connection_is_kept_for_a_while_after_the_last_subscription() {
    let server = start(Server::builder());
    let mut admin = connect(&server);
    run(async {
        let client = server.client();
        let accepted = |admin: &mut redis::Connection| -> u64 {
            let stats: redis::InfoDict = redis::cmd("INFO").arg("stats").query(admin).expect("it");
            stats.get("total_connections_received").expect("a number")
        };
        let before = accepted(&mut admin);
        for _ in 0..20 {
            drop(client.subscribe("a").await.expect("allowed"));
        }
        assert_eq!(accepted(&mut admin) - before, 1);
        wait_until("it is closed without a use", || {
            let list: String = redis::cmd("CLIENT")
                .arg("LIST")
                .query(&mut admin)
                .expect("it");
            list.lines().count() == 1
        });
        // And made again when it is needed.
        let mut subscription = client.subscribe("a").await.expect("allowed");
        publish(&mut admin, "a", "1");
        assert_eq!(message(&mut subscription).await, "1");
    });
}
