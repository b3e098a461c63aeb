//! What is published arrives, in order and once, whatever the protocol.

use std::borrow::Cow;

use redis::Commands;
use redis_ready::subscription::Event;
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind, Subscription};

use crate::support::certificates::{Authority, Validity};
use crate::support::errors::ok;
use crate::support::not_run::without_tls;
use crate::support::process::wait_until;
use crate::support::subscriber::{
    connect, connections, gap, kill, lost, message, next, nothing, publish, subscribed,
};
use crate::support::{open, run, set_user, start};

async fn subscribe(client: &Client, channel: &str) -> Subscription {
    let subscription = client.subscribe(channel).await;
    subscription.unwrap_or_else(|error| panic!("{channel}: {error:?}"))
}

fn delivers(client: &Client, server: &Server) {
    let mut publisher = connect(server);
    run(async {
        let mut subscription = subscribe(client, "news").await;
        subscription.psubscribe("n?ws.*").await.expect("allowed");
        subscription.ssubscribe("{a}shard").await.expect("allowed");
        assert_eq!(publish(&mut publisher, "news", "1"), 1);
        assert_eq!(publish(&mut publisher, "news.world", "2"), 1);
        let mut spublish = redis::cmd("SPUBLISH");
        let sent: usize = ok(spublish.arg("{a}shard").arg("3").query(&mut publisher));
        assert_eq!(sent, 1);
        let mut seen = Vec::new();
        for _ in 0..3 {
            let message = next(&mut subscription).await.into_message();
            let message = message.expect("a message");
            let pattern = message.pattern().map(Cow::into_owned);
            let number: u32 = message.parse().expect("a number");
            seen.push((message.channel().into_owned(), pattern, number));
        }
        let pattern = Some("n?ws.*".to_owned());
        let expected = [
            ("news".to_owned(), None, 1),
            ("news.world".to_owned(), pattern, 2),
            ("{a}shard".to_owned(), None, 3),
        ];
        assert_eq!(seen, expected);
        assert_eq!(connections(&mut publisher), 1, "one for all");
    });
}

#[test]
fn channels_patterns_and_sharded_channels_are_received_by_both_protocols() {
    let server = start(Server::builder());
    delivers(&server.client(), &server);
    delivers(&open(server.url(), "protocol=2"), &server);
}

#[test]
fn subscriptions_work_over_tls() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let identity = authority.server(&["localhost"], Validity::Now);
    let server = start(authority.serve(&identity));
    let (client, publisher) = (server.client(), server.client());
    run(async {
        let mut subscription = subscribe(&client, "news").await;
        let sent: usize = ok(publisher.blocking().publish("news", "1"));
        assert_eq!(sent, 1);
        assert_eq!(message(&mut subscription).await, "1");
    });
}

#[test]
fn each_subscription_gets_every_message_once_by_one_subscription_at_the_server() {
    let server = start(Server::builder());
    let (client, mut publisher) = (server.client(), connect(&server));
    run(async {
        let mut one = client.subscribe(&["a", "b", "a"]).await.expect("allowed");
        let mut other = subscribe(&client, "a").await;
        one.subscribe("a").await.expect("it is there already");
        let commands: redis::InfoDict =
            ok(redis::cmd("INFO").arg("commandstats").query(&mut publisher));
        let calls: String = commands.get("cmdstat_subscribe").expect("it was called");
        assert!(calls.starts_with("calls=1,"), "{calls}");
        assert_eq!(publish(&mut publisher, "a", "1"), 1);
        assert_eq!(publish(&mut publisher, "b", "2"), 1);
        assert_eq!(message(&mut one).await, "1");
        assert_eq!(message(&mut one).await, "2");
        assert_eq!(message(&mut other).await, "1");
        nothing(&mut one).await;
        nothing(&mut other).await;
        drop(other);
        assert_eq!(publish(&mut publisher, "a", "3"), 1);
        assert_eq!(message(&mut one).await, "3");
        drop(one);
        wait_until("nothing is subscribed", || {
            subscribed(&mut publisher) == (0, 0)
        });
    });
}

#[test]
fn channels_are_added_and_removed_while_it_runs() {
    let server = start(Server::builder());
    let (client, mut publisher) = (server.client(), connect(&server));
    run(async {
        let mut subscription = subscribe(&client, "a").await;
        publish(&mut publisher, "b", "not subscribed");
        subscription.subscribe(&["b", "c"]).await.expect("allowed");
        subscription.psubscribe("p*").await.expect("allowed");
        assert_eq!(subscribed(&mut publisher), (3, 1));
        subscription.unsubscribe("a");
        publish(&mut publisher, "a", "not subscribed");
        publish(&mut publisher, "b", "1");
        assert_eq!(message(&mut subscription).await, "1");
        wait_until("it is not subscribed", || {
            subscribed(&mut publisher) == (2, 1)
        });
        // Removed and added at once.
        for _ in 0..100 {
            subscription.unsubscribe("b");
            subscription.subscribe("b").await.expect("allowed");
            publish(&mut publisher, "b", "2");
            assert_eq!(message(&mut subscription).await, "2");
        }
        subscription.unsubscribe(["b", "c"]);
        subscription.punsubscribe("p*");
        wait_until("nothing is subscribed", || {
            subscribed(&mut publisher) == (0, 0)
        });
        nothing(&mut subscription).await;
    });
}

#[test]
fn a_channel_that_is_not_permitted_is_the_error_of_its_call_and_leaves_the_others() {
    let server = start(Server::builder());
    let mut admin = connect(&server);
    set_user(
        &mut admin,
        &["+subscribe", "+unsubscribe", "+ping", "&a", "&b"],
    );
    let url = server.url().replacen("unix://", "unix://app:pw@", 1);
    let mut publisher = connect(&server);
    run(async {
        let client = open(&url, "");
        let mut subscription = client.subscribe(&["a"]).await.expect("permitted");
        let error = client.subscribe(&["a", "b", "no"]).await;
        let error = error.expect_err("`no` is not permitted");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        assert!(error.to_string().contains("`no`"), "{error}");
        let error = subscription.subscribe(&["b", "no"]).await.expect_err("no");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        let error = client.psubscribe("a*").await.expect_err("no command");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        wait_until("only `a` is subscribed", || {
            subscribed(&mut publisher) == (1, 0)
        });
        publish(&mut publisher, "a", "1");
        assert_eq!(message(&mut subscription).await, "1");
        nothing(&mut subscription).await;
    });
}

#[test]
fn a_channel_that_is_not_permitted_any_more_is_told_and_comes_back() {
    let server = start(Server::builder());
    let mut admin = connect(&server);
    let url = server.url().replacen("unix://", "unix://app:pw@", 1);
    set_user(
        &mut admin,
        &["+subscribe", "+unsubscribe", "+ping", "&a", "&b"],
    );
    run(async {
        let client = open(&url, "");
        let mut subscription = client.subscribe(&["a", "b"]).await.expect("permitted");
        // The server ends connections that are subscribed to what is not permitted any more.
        set_user(&mut admin, &["+subscribe", "+unsubscribe", "+ping", "&a"]);
        let cause = lost(&mut subscription).await;
        assert_eq!(cause.kind(), ErrorKind::ConnectionLost, "{cause:?}");
        // They come in the order in which the server has been asked for the two.
        let (mut gap, mut error) = (None, None);
        while gap.is_none() || error.is_none() {
            match next(&mut subscription).await {
                Event::Gap(it) => gap = Some(it),
                Event::Lost(it) => error = Some(it),
                Event::Message(message) => panic!("{message:?}"),
            }
        }
        let (gap, error) = (gap.expect("it came"), error.expect("it came"));
        assert!(!gap.duration().is_zero(), "{gap}");
        assert!(gap.concerns("a") && !gap.concerns("b"), "{gap}");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        assert!(error.to_string().contains("`b`"), "{error}");
        assert!(subscription.is_interrupted());
        publish(&mut admin, "a", "1");
        assert_eq!(message(&mut subscription).await, "1");
        set_user(
            &mut admin,
            &["+subscribe", "+unsubscribe", "+ping", "&a", "&b"],
        );
        let Event::Gap(gap) = next(&mut subscription).await else {
            panic!("`b` is subscribed again");
        };
        assert!(gap.cause().is_some(), "{gap}");
        assert!(gap.concerns("b") && !gap.concerns("a"), "{gap}");
        assert!(!subscription.is_interrupted());
        publish(&mut admin, "b", "2");
        assert_eq!(message(&mut subscription).await, "2");
    });
}

#[test]
fn a_password_that_is_not_accepted_any_more_is_told_once_and_waited_for() {
    let server = start(Server::builder());
    let mut admin = connect(&server);
    let url = server.url().replacen("unix://", "unix://app:pw@", 1);
    set_user(&mut admin, &["+subscribe", "+ping", "&*"]);
    run(async {
        let client = open(&url, "");
        let mut subscription = client.subscribe(&["a", "b"]).await.expect("permitted");
        let mut off = redis::cmd("ACL");
        off.arg("SETUSER").arg("app").arg("off");
        ok(off.exec(&mut admin));
        kill(&mut admin);
        let mut error = lost(&mut subscription).await;
        if error.kind() == ErrorKind::ConnectionLost {
            error = lost(&mut subscription).await;
        }
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        // A new call is told as well, by the next attempt; the subscription is not told again.
        let error = client.subscribe("c").await.expect_err("not accepted");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        nothing(&mut subscription).await;
        set_user(&mut admin, &["+subscribe", "+ping", "&*"]);
        let cause = gap(&mut subscription).await.cause().cloned();
        let kind = cause.map(|cause| cause.kind());
        assert_eq!(kind, Some(ErrorKind::ConnectionLost));
        publish(&mut admin, "a", "1");
        assert_eq!(message(&mut subscription).await, "1");
    });
}

#[test]
fn names_and_payloads_are_bytes() {
    let server = start(Server::builder());
    let (client, mut publisher) = (server.client(), connect(&server));
    run(async {
        let channel = b"\x00\xff\r\n";
        let mut subscription = client.subscribe(channel).await.expect("allowed");
        let payload = &[0_u8, 255, 13, 10][..];
        let receivers: usize = ok(publisher.publish(channel, payload));
        assert_eq!(receivers, 1);
        let message = next(&mut subscription).await.into_message().expect("one");
        assert_eq!(message.channel_bytes(), channel);
        assert_eq!(message.payload(), payload);
        kill(&mut publisher);
        gap(&mut subscription).await;
        let error = client.subscribe([] as [&str; 0]).await;
        let error = error.expect_err("there is nothing to subscribe to");
        assert_eq!(error.kind(), ErrorKind::InvalidCommand, "{error:?}");
    });
}

#[test]
fn keyspace_notifications_are_messages() {
    let server = start(Server::builder().arg("--notify-keyspace-events").arg("KEA"));
    let (client, mut writer) = (server.client(), connect(&server));
    run(async {
        let mut subscription = client
            .psubscribe("__keyevent@0__:*")
            .await
            .expect("allowed");
        let () = ok(writer.set("k", 1));
        let message = next(&mut subscription).await.into_message().expect("one");
        assert_eq!(message.channel(), "__keyevent@0__:set");
        assert_eq!(message.payload(), b"k");
    });
}

#[test]
fn a_thousand_channels_and_patterns_are_subscribed_at_once() {
    let server = start(Server::builder());
    let (client, mut publisher) = (server.client(), connect(&server));
    run(async {
        let channels: Vec<_> = (0..1_000).map(|number| format!("c{number}")).collect();
        let patterns: Vec<_> = (0..1_000).map(|number| format!("p{number}.*")).collect();
        let mut subscription = client.subscribe(&channels).await.expect("allowed");
        subscription.psubscribe(&patterns).await.expect("allowed");
        assert_eq!(subscribed(&mut publisher), (1_000, 1_000));
        for number in [0, 500, 999] {
            publish(&mut publisher, &format!("c{number}"), "c");
            publish(&mut publisher, &format!("p{number}.x"), "p");
            assert_eq!(message(&mut subscription).await, "c");
            assert_eq!(message(&mut subscription).await, "p");
        }
        kill(&mut publisher);
        gap(&mut subscription).await;
        assert_eq!(subscribed(&mut publisher), (1_000, 1_000));
        drop(subscription);
        wait_until("nothing is subscribed", || {
            subscribed(&mut publisher) == (0, 0)
        });
    });
}

#[test]
fn code_that_is_not_asynchronous_iterates_over_events() {
    let server = start(Server::builder());
    let (client, mut publisher) = (server.client().blocking(), connect(&server));
    let mut subscription = client.subscribe("a").expect("allowed");
    subscription.psubscribe("b*").expect("allowed");
    let limit = std::time::Duration::from_millis(20);
    let error = subscription.next_within(limit).expect_err("nothing comes");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    publish(&mut publisher, "a", "1");
    publish(&mut publisher, "bb", "2");
    let payloads: Vec<_> = subscription
        .by_ref()
        .take(2)
        .filter_map(Event::into_message)
        .map(|message| message.payload().to_vec())
        .collect();
    assert_eq!(payloads, [b"1", b"2"]);
    client.close(limit);
    assert!(subscription.next().is_none());
    assert!(matches!(subscription.next_within(limit), Ok(None)));
    let error = client.subscribe("a").expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
}
