//! Readers on whatever runtime they are, and whatever their wakers do.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Wake, Waker};

use futures::{Stream, StreamExt};
use redis::Commands;
use redis_ready::subscription::Event;
use redis_ready::testing::Server;

use crate::support::errors::ok;
use crate::support::subscriber::{connect, message, publish};
use crate::support::{run, start};

#[test]
fn a_subscription_moves_between_runtimes() {
    let server = start(Server::builder());
    let mut publisher = connect(&server);
    let mut subscription = run(server.client().subscribe("a")).expect("allowed");
    publish(&mut publisher, "a", "1");
    assert_eq!(run(message(&mut subscription)), "1");
    for number in 2..4 {
        let waits = std::thread::spawn(move || {
            let event = if number % 2 == 0 {
                futures::executor::block_on(subscription.next())
            } else {
                smol::block_on(StreamExt::next(&mut subscription))
            };
            (event, subscription)
        });
        publish(&mut publisher, "a", &number.to_string());
        let (event, back) = waits.join().expect("it does not panic");
        subscription = back;
        let message = event.and_then(Event::into_message).expect("a message");
        assert_eq!(message.payload(), number.to_string().as_bytes());
    }
    // The runtime in which it was made has ended, and its connection has not.
    assert_eq!(publish(&mut publisher, "a", "5"), 1);
}

/// Blocks until it is told not to, and then panics.
struct BadWaker(Arc<(Mutex<bool>, Condvar)>);

impl Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        let (is_over, over) = &*self.0;
        let is_over = is_over.lock().expect("no thread panics with it");
        let waited = over.wait_while(is_over, |is_over| !*is_over);
        drop(waited.expect("no thread panics with it"));
        panic!("the waker panics, as it was told to");
    }
}

#[test]
fn a_waker_that_blocks_and_panics_holds_up_no_other_reader_and_no_command() {
    let server = start(Server::builder());
    let (client, mut publisher) = (server.client(), connect(&server));
    let gate: Arc<(Mutex<bool>, Condvar)> = Arc::default();
    let mut bad = run(client.subscribe("a")).expect("allowed");
    let mut good = run(client.subscribe("a")).expect("allowed");
    let waker = Waker::from(Arc::new(BadWaker(Arc::clone(&gate))));
    {
        let mut bad = pin!(&mut bad);
        let event = bad.as_mut().poll_next(&mut Context::from_waker(&waker));
        assert!(event.is_pending());
    }
    for number in 0..10 {
        publish(&mut publisher, "a", &number.to_string());
        assert_eq!(run(message(&mut good)), number.to_string());
        let () = ok(client.blocking().set("k", number));
    }
    *gate.0.lock().expect("no thread panics with it") = true;
    gate.1.notify_all();
    for number in 0..10 {
        assert_eq!(run(message(&mut bad)), number.to_string());
    }
}
