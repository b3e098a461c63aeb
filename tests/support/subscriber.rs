//! What tests of subscriptions share.

use std::time::Duration;

use redis::{Commands, Connection, RedisResult};
use redis_ready::subscription::{Event, Gap};
use redis_ready::testing::Server;
use redis_ready::{Error, Subscription};

use super::NEVER;

/// A connection of plain redis-rs to `server`, to publish and to look.
pub(crate) fn connect(server: &Server) -> Connection {
    let socket = server.directory().join("redis.sock");
    let client = redis::Client::open(format!("unix://{}", socket.display()));
    let connection = client.and_then(|client| client.get_connection());
    connection.expect("the server is up")
}

/// Publishes, and says how many have received it.
pub(crate) fn publish(connection: &mut Connection, channel: &str, payload: &str) -> usize {
    let receivers: RedisResult<usize> = connection.publish(channel, payload);
    receivers.expect("the server is up")
}

/// The next event, which comes.
pub(crate) async fn next(subscription: &mut Subscription) -> Event {
    let event = tokio::time::timeout(NEVER, subscription.next()).await;
    event
        .expect("an event comes")
        .expect("the subscription goes on")
}

/// The payload of the next event, which is a message.
pub(crate) async fn message(subscription: &mut Subscription) -> String {
    match next(subscription).await {
        Event::Message(message) => String::from_utf8_lossy(message.payload()).into_owned(),
        event => panic!("no message: {event:?}"),
    }
}

/// The next gap, before which nothing comes but losses.
pub(crate) async fn gap(subscription: &mut Subscription) -> Gap {
    loop {
        match next(subscription).await {
            Event::Gap(gap) => return gap,
            Event::Lost(_) => {}
            Event::Message(message) => panic!("no gap: {message:?}"),
        }
    }
}

/// The next event, which is a loss.
pub(crate) async fn lost(subscription: &mut Subscription) -> Error {
    match next(subscription).await {
        Event::Lost(error) => error,
        event => panic!("no loss: {event:?}"),
    }
}

/// Fails if there is an event within a moment.
pub(crate) async fn nothing(subscription: &mut Subscription) {
    let event = tokio::time::timeout(Duration::from_millis(100), subscription.next()).await;
    assert!(event.is_err(), "an event: {event:?}");
}

/// How many channels are subscribed to, and how many patterns.
pub(crate) fn subscribed(connection: &mut Connection) -> (usize, usize) {
    let channels: RedisResult<Vec<String>> = redis::cmd("PUBSUB").arg("CHANNELS").query(connection);
    let patterns: RedisResult<usize> = redis::cmd("PUBSUB").arg("NUMPAT").query(connection);
    let (channels, patterns) = (channels.expect("a list"), patterns.expect("a number"));
    (channels.len(), patterns)
}

/// How many connections the server has that subscribe.
pub(crate) fn connections(connection: &mut Connection) -> usize {
    let mut list = redis::cmd("CLIENT");
    let list: RedisResult<String> = list.arg("LIST").arg("TYPE").arg("pubsub").query(connection);
    list.expect("a list").lines().count()
}

/// Ends the connections that subscribe; returns how many there were.
pub(crate) fn kill(connection: &mut Connection) -> usize {
    let mut kill = redis::cmd("CLIENT");
    let killed: RedisResult<usize> = kill.arg("KILL").arg("TYPE").arg("pubsub").query(connection);
    killed.expect("a number")
}
