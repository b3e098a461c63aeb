//! Servers that answer as they are told, so that every order of events can be had.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use futures::poll;
use redis_ready::subscription::Event;
use redis_ready::{Error, ErrorKind, Subscription};

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::ports::listener;
use crate::support::subscriber::{gap, lost, message, next};
use crate::support::{open, run};

/// A push of RESP3 of these words; the last one may be a number.
fn push(words: &[&str]) -> String {
    let mut push = format!(">{}\r\n", words.len());
    for word in words {
        let length = word.len();
        let prefix = format!("${length}\r\n");
        let is_number = word.starts_with(':');
        push.push_str(if is_number { "" } else { &prefix });
        push.push_str(word);
        push.push_str("\r\n");
    }
    push
}

/// The confirmations that a command of these words asks for, of its first names.
fn confirmations(words: &[String], most: usize) -> String {
    let kind = words[0].to_lowercase();
    let names = words[1..].iter().take(most);
    names.map(|name| push(&[&kind, name, ":1"])).collect()
}

fn confirm(words: &[String]) -> Answer {
    Answer::Send(confirmations(words, usize::MAX).into_bytes())
}

fn primary() -> Answer {
    Answer::Send(b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n".to_vec())
}

/// What has come, such as `lost gap a:1 lost gap`, up to and with the payload `last`.
async fn until(subscription: &mut Subscription, last: &str) -> String {
    let mut shown = Vec::new();
    loop {
        let (text, is_last) = match next(subscription).await {
            Event::Message(message) => {
                let payload = String::from_utf8_lossy(message.payload()).into_owned();
                let is_last = payload == last;
                (payload, is_last)
            }
            Event::Lost(_) => ("lost".to_owned(), false),
            Event::Gap(gap) if gap.names().is_some() => ("part".to_owned(), false),
            Event::Gap(_) => ("gap".to_owned(), false),
        };
        shown.push(text);
        if is_last {
            return shown.join(" ");
        }
    }
}

#[test]
fn a_connection_that_is_lost_before_all_is_subscribed_again_changes_no_order() {
    let round = AtomicUsize::new(0);
    let server = FakeServer::resp3(move |words| {
        let number = match words[0].as_str() {
            "SUBSCRIBE" => round.fetch_add(1, Ordering::SeqCst),
            // The connection ends with the question that follows the confirmation.
            "ROLE" if round.load(Ordering::SeqCst) <= 2 => return Some(Answer::Close),
            "ROLE" => return Some(primary()),
            _ => return None,
        };
        let first = words[1].as_str();
        let mut answer = confirmations(words, if number == 1 { 1 } else { usize::MAX });
        if number > 0 {
            answer += &push(&["message", first, &format!("{number}")]);
        }
        if number == 2 {
            answer += &push(&["message", &words[2], "last"]);
        }
        Some(Answer::Send(answer.into_bytes()))
    });
    run(async {
        let client = open(&server.url(), "");
        let mut subscription = client.subscribe(["a", "b"]).await.expect("confirmed");
        let events = until(&mut subscription, "last").await;
        assert_eq!(events, "lost part 1 lost gap 2 last");
    });
}

#[test]
fn a_channel_that_is_not_taken_for_now_holds_up_no_other() {
    // Whether the connection is to end, and whether `b` is refused since then.
    let [ends, refuses] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let (ends_now, refuses_now) = (Arc::clone(&ends), Arc::clone(&refuses));
    let server = FakeServer::resp3(move |words| match words[0].as_str() {
        "SUBSCRIBE" => {
            let mut answer = confirmations(words, usize::MAX);
            if refuses_now.load(Ordering::SeqCst) {
                answer += &push(&["message", "a", "1"]);
            }
            Some(Answer::Send(answer.into_bytes()))
        }
        "SSUBSCRIBE" if refuses_now.load(Ordering::SeqCst) => {
            Some(Answer::line("-CLUSTERDOWN Hash slot not served"))
        }
        "SSUBSCRIBE" => Some(confirm(words)),
        "ROLE" if ends_now.swap(false, Ordering::SeqCst) => Some(Answer::Close),
        "ROLE" => Some(primary()),
        _ => None,
    });
    run(async {
        let client = open(&server.url(), "");
        let mut subscription = client.subscribe("a").await.expect("confirmed");
        subscription.ssubscribe("b").await.expect("confirmed");
        refuses.store(true, Ordering::SeqCst);
        ends.store(true, Ordering::SeqCst);
        lost(&mut subscription).await;
        let partial = gap(&mut subscription).await;
        println!("{partial}");
        let is_about_a = partial.concerns("a") && !partial.concerns("b");
        assert!(is_about_a, "{partial}");
        assert_eq!(message(&mut subscription).await, "1");
        assert!(subscription.is_interrupted());
        refuses.store(false, Ordering::SeqCst);
        let rest = gap(&mut subscription).await;
        assert!(rest.concerns("b") && !rest.concerns("a"), "{rest}");
        assert!(!subscription.is_interrupted());
    });
}

#[test]
fn a_call_is_not_blamed_for_the_channel_of_one_that_was_given_up() {
    let server = FakeServer::resp3(|words| match words[0].as_str() {
        "SUBSCRIBE" if words.iter().any(|word| word == "no") => {
            // Until then its call is given up.
            thread::sleep(Duration::from_millis(500));
            Some(Answer::line("-NOPERM No permissions to access a channel"))
        }
        "SUBSCRIBE" => Some(confirm(words)),
        _ => None,
    });
    run(async {
        let client = open(&server.url(), "");
        let mut given_up = Box::pin(client.subscribe("no"));
        let mut other = Box::pin(client.subscribe("yes"));
        assert!(poll!(&mut given_up).is_pending() && poll!(&mut other).is_pending());
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(given_up);
        drop(other.await.expect("it is permitted"));
    });
}

#[test]
fn a_call_that_is_given_up_takes_no_channel_from_another_one() {
    let server = FakeServer::resp3(|words| match words[0].as_str() {
        "SUBSCRIBE" if words[1] == "b" => {
            thread::sleep(Duration::from_millis(500));
            let mut answer = confirmations(words, 1);
            answer += &push(&["message", "b", "1"]);
            Some(Answer::Send(answer.into_bytes()))
        }
        "SUBSCRIBE" => Some(confirm(words)),
        _ => None,
    });
    run(async {
        let client = open(&server.url(), "");
        let mut subscription = client.subscribe("a").await.expect("confirmed");
        let handle = subscription.handle();
        let mut given_up = Box::pin(handle.subscribe("b"));
        let mut other = Box::pin(handle.subscribe("b"));
        assert!(poll!(&mut given_up).is_pending() && poll!(&mut other).is_pending());
        drop(given_up);
        other.await.expect("it is confirmed");
        assert_eq!(server.count("UNSUBSCRIBE"), 0);
        assert_eq!(message(&mut subscription).await, "1");
    });
}

/// Either on its own account, or because it wants another login for a command.
#[test]
fn what_a_server_says_before_it_ends_the_connection_is_told_with_the_loss() {
    for (channel, words) in [
        ("a", "ERR max number of clients reached"),
        ("b", "NOAUTH Authentication required."),
    ] {
        let has_spoken = AtomicBool::new(false);
        let server = FakeServer::resp3(move |command| match command[0].as_str() {
            "SUBSCRIBE" if command[1] == channel && !has_spoken.swap(true, Ordering::SeqCst) => {
                let confirmed = usize::from(channel == "a");
                let confirmations = confirmations(command, confirmed);
                let last = format!("{confirmations}-{words}\r\n");
                Some(Answer::Last(last.into_bytes()))
            }
            "SUBSCRIBE" => Some(confirm(command)),
            "ROLE" => Some(primary()),
            _ => None,
        });
        run(async {
            let client = open(&server.url(), "");
            let mut subscription = client.subscribe("a").await.expect("confirmed");
            subscription.subscribe("b").await.expect("in the end");
            let error = lost(&mut subscription).await;
            assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
            assert!(error.to_string().contains(words), "{error:?}");
            let gap = gap(&mut subscription).await;
            let cause = gap.cause().expect("it has one").to_string();
            assert!(cause.contains(words), "{cause}");
        });
    }
}

#[test]
fn a_server_of_another_kind_is_not_left_for_what_it_says_of_its_role() {
    for role in [
        "*2\r\n$8\r\nsentinel\r\n*0\r\n",
        "*3\r\n$14\r\nactive-replica\r\n$1\r\nh\r\n:1\r\n",
        "$6\r\nmaster\r\n",
        "+OK\r\n",
    ] {
        let server = FakeServer::resp3(move |words| match words[0].as_str() {
            "SUBSCRIBE" => Some(confirm(words)),
            "ROLE" => Some(Answer::Send(role.as_bytes().to_vec())),
            "PING" => Some(Answer::line("$4\r\nPONG")),
            _ => None,
        });
        run(async {
            let client = open(&server.url(), "");
            let mut subscription = client.subscribe("a").await.expect("confirmed");
            let silence = Duration::from_secs(5);
            let event = tokio::time::timeout(silence, subscription.next()).await;
            assert!(event.is_err(), "{role:?}: {event:?}");
            assert_eq!(server.accepted(), 1, "{role:?}");
            assert!(server.count("PING") >= 1, "{role:?}");
        });
    }
}

#[test]
fn a_busy_server_is_not_asked_for_each_of_ten_thousand_channels() {
    let busy_since: OnceLock<Instant> = OnceLock::new();
    let is_busy = move || {
        let since = busy_since.get_or_init(Instant::now);
        since.elapsed() < Duration::from_millis(500)
    };
    let server = FakeServer::resp3(move |words| match words[0].as_str() {
        "SUBSCRIBE" if is_busy() => Some(Answer::line("-BUSY Redis is busy running a script")),
        "SUBSCRIBE" => Some(confirm(words)),
        _ => None,
    });
    run(async {
        let client = open(&server.url(), "deadline=60s");
        let channels: Vec<_> = (0..10_000).map(|number| format!("c{number}")).collect();
        drop(client.subscribe(&channels).await.expect("it is over"));
        // Twenty commands each time.
        assert!(
            server.count("SUBSCRIBE") <= 1_000,
            "{}",
            server.count("SUBSCRIBE")
        );
    });
}

#[test]
fn the_refusal_of_a_server_is_in_the_error_at_the_deadline() {
    let server = FakeServer::resp3(|words| match words[0].as_str() {
        "SUBSCRIBE" => Some(Answer::line("-BUSY Redis is busy running a script")),
        _ => None,
    });
    let client = open(&server.url(), "deadline=1s");
    let error = run(client.subscribe("a")).expect_err("it is busy");
    assert_eq!(error.kind(), ErrorKind::NotReady, "{error:?}");
    assert!(error.to_string().contains("BUSY"), "{error:?}");
}

#[test]
fn what_is_held_is_handed_out_when_the_client_is_closed() {
    let round = AtomicUsize::new(0);
    let server = FakeServer::resp3(move |words| match words[0].as_str() {
        "SUBSCRIBE" if round.fetch_add(1, Ordering::SeqCst) > 0 => {
            let mut answer = confirmations(words, 1);
            answer += &push(&["message", &words[1], "1"]);
            Some(Answer::Send(answer.into_bytes()))
        }
        "SUBSCRIBE" => Some(confirm(words)),
        "ROLE" => Some(Answer::Close),
        _ => None,
    });
    run(async {
        let client = open(&server.url(), "");
        let mut subscription = client.subscribe(["a", "b"]).await.expect("confirmed");
        lost(&mut subscription).await;
        while server.count("SUBSCRIBE") < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.close(Duration::from_secs(1)).await;
        let mut events = Vec::new();
        while let Some(event) = subscription.next().await {
            events.push(event);
        }
        let has_message = |event: &Event| matches!(event, Event::Message(_));
        assert!(events.iter().any(has_message), "{events:?}");
        assert!(matches!(events[0], Event::Gap(_)), "{events:?}");
    });
}

/// A node that is told which port serves all slots, and never says by itself that it does not.
fn cut_off(serving: &Arc<AtomicU16>) -> FakeServer {
    let (listener, serving) = (listener(), Arc::clone(serving));
    FakeServer::start_on(listener, move |words| match words[0].as_str() {
        "HELLO" => Answer::hello(),
        "CLUSTER" => {
            let port = serving.load(Ordering::SeqCst);
            let table = format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n");
            Answer::Send(table.into_bytes())
        }
        "SSUBSCRIBE" | "SUNSUBSCRIBE" => confirm(words),
        _ => Answer::ok(),
    })
}

#[test]
fn a_node_that_does_not_say_that_it_has_lost_a_slot_is_left() {
    let serving = Arc::new(AtomicU16::new(0));
    let (old, new) = (cut_off(&serving), cut_off(&serving));
    serving.store(old.port(), Ordering::SeqCst);
    let url = format!("redis-cluster://127.0.0.1:{}", old.port());
    run(async {
        let client = open(&url, "");
        let mut subscription = client.ssubscribe("a").await.expect("confirmed");
        assert_eq!((old.count("SSUBSCRIBE"), new.count("SSUBSCRIBE")), (1, 0));
        serving.store(new.port(), Ordering::SeqCst);
        let begin = Instant::now();
        let gap = gap(&mut subscription).await;
        println!("{gap}; {:?} after the move", begin.elapsed());
        assert_eq!((old.count("SSUBSCRIBE"), new.count("SSUBSCRIBE")), (1, 1));
        assert_eq!(
            gap.cause().map(Error::kind),
            Some(ErrorKind::ConnectionLost)
        );
    });
}

#[test]
fn a_server_that_confirms_and_closes_is_not_asked_without_a_pause() {
    let server = FakeServer::resp3(|words| match words[0].as_str() {
        "SUBSCRIBE" => Some(confirm(words)),
        "ROLE" => Some(Answer::Close),
        _ => None,
    });
    run(async {
        let client = open(&server.url(), "");
        let subscription = client.subscribe("a").await.expect("confirmed");
        tokio::time::sleep(Duration::from_secs(5)).await;
        println!("{} connections in 5 s", server.accepted());
        assert!(server.accepted() <= 14, "{}", server.accepted());
        drop(subscription);
    });
}
