//! What many subscriptions and slow readers cost. In child processes, whose memory is theirs alone.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use redis_ready::subscription::Event;
use redis_ready::testing::Server;

use crate::support::process::wait_until;
use crate::support::subscriber::{connect, subscribed};
use crate::support::{child, run, start};

const MIB: usize = 1024 * 1024;
/// Subscriptions that are made and dropped, and how many of them there are at a time.
const SUBSCRIPTIONS: usize = 10_000;
const AT_A_TIME: usize = 100;
const MESSAGES: usize = 1_000_000;
const PIECE: usize = 5_000;
/// Of the default settings.
const BUFFER: usize = 10_000;

async fn make_and_drop(client: &redis_ready::Client, count: usize) {
    for piece in 0..count / AT_A_TIME {
        let calls = (0..AT_A_TIME).map(|number| {
            let number = piece * AT_A_TIME + number;
            async move {
                let subscription = client.subscribe(format!("c{number}")).await?;
                subscription
                    .psubscribe(format!("p{}*", number % 50))
                    .await?;
                Ok::<_, redis_ready::Error>(subscription)
            }
        });
        for subscription in join_all(calls).await {
            drop(subscription.expect("allowed"));
        }
    }
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn many_subscriptions() {
    let server = start(Server::builder());
    let (client, mut admin) = (server.client(), connect(&server));
    // So that the connection is not closed, which would end all of them as well.
    let kept = run(client.subscribe("kept")).expect("allowed");
    let all_gone = |admin: &mut redis::Connection| {
        wait_until("nothing else is subscribed", || subscribed(admin) == (1, 0));
    };
    run(make_and_drop(&client, SUBSCRIPTIONS / 5));
    all_gone(&mut admin);
    let (memory, descriptors) = (child::resident(), child::descriptors());
    run(make_and_drop(&client, SUBSCRIPTIONS));
    all_gone(&mut admin);
    let more = child::resident().saturating_sub(memory);
    println!(
        "{SUBSCRIPTIONS} subscriptions made and dropped: {} KiB more",
        more / 1024
    );
    assert!(more <= 4 * MIB, "{more} bytes more");
    drop(kept);
    wait_until("no descriptor is left", || {
        child::descriptors() <= descriptors
    });
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_left_of_ten_thousand_subscriptions() {
    child::run("subscriptions::bounds::many_subscriptions");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn a_sleeping_reader() {
    let server = start(Server::builder());
    let client = server.client();
    let (mut sleeps, mut reads) = run(async {
        let sleeps = client.subscribe("a").await.expect("allowed");
        (sleeps, client.subscribe("a").await.expect("allowed"))
    });
    let memory = child::resident();
    // The next piece is published once the other reader has all of this one.
    let (read, has_read) = mpsc::channel();
    let reader = thread::spawn(move || {
        run(async {
            for number in 0..MESSAGES {
                match reads.next().await {
                    Some(Event::Message(message)) => {
                        let found: usize = message.parse().expect("a number");
                        assert_eq!(found, number, "in order, and all of them");
                    }
                    event => panic!("at {number}: {event:?}"),
                }
                if (number + 1) % PIECE == 0 {
                    read.send(()).expect("it is published");
                }
            }
        });
    });
    let mut publisher = connect(&server);
    for piece in 0..MESSAGES / PIECE {
        let mut pipeline = redis::pipe();
        for number in piece * PIECE..(piece + 1) * PIECE {
            let payload = format!("{number:0100}");
            pipeline.cmd("PUBLISH").arg("a").arg(payload).ignore();
        }
        pipeline.exec(&mut publisher).expect("the server is up");
        let limit = Duration::from_secs(60);
        has_read
            .recv_timeout(limit)
            .expect("the other reader is not held up");
    }
    reader.join().expect("it has read all");
    let more = child::peak_resident().saturating_sub(memory);
    println!(
        "{MESSAGES} messages for a reader that sleeps: {} KiB at most",
        more / 1024
    );
    assert!(more <= 32 * MIB, "{more} bytes more");
    run(async {
        for number in 0..BUFFER {
            let message = sleeps.next().await.and_then(Event::into_message);
            let found: usize = message.expect("a message").parse().expect("a number");
            assert_eq!(found, number);
        }
        let Some(Event::Gap(gap)) = sleeps.next().await else {
            panic!("the rest is missing");
        };
        println!("{gap}");
        assert_eq!(gap.dropped_messages(), (MESSAGES - BUFFER) as u64);
        assert!(gap.cause().is_none() && gap.duration().is_zero(), "{gap}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_million_messages_for_a_sleeping_reader_take_bounded_memory_and_hold_up_no_other() {
    child::run("subscriptions::bounds::a_sleeping_reader");
}
