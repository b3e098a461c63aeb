//! Subscriptions that heal, and that say what they may have missed.
//!
//! ```no_run
//! use redis_ready::redis_client;
//! use redis_ready::subscription::Event;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let client = redis_ready::Client::open("redis://localhost:6379")?;
//! # /*
//! let client = redis_client!()?;
//! # */
//! let mut subscription = client.subscribe(["news", "weather"]).await?;
//! subscription.psubscribe("sports.*").await?;
//! while let Some(event) = subscription.next().await {
//!     match event {
//!         Event::Message(message) => {
//!             let text: String = message.parse()?;
//!             println!("{}: {text}", message.channel());
//!         }
//!         Event::Lost(error) => println!("nothing is received for now: {error}"),
//!         Event::Gap(gap) => println!("messages may be missing: {gap}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Client::subscribe`](crate::Client::subscribe), [`psubscribe`](crate::Client::psubscribe) and
//! [`ssubscribe`](crate::Client::ssubscribe) return a [`Subscription`], a `Stream` that needs no runtime of its
//! own; those of [`BlockingClient`](crate::BlockingClient) return a [`BlockingSubscription`], an iterator. They
//! work with RESP3 and RESP2, over TLS, and with Sentinels and clusters by the URL alone.
//!
//! # What it promises
//!
//! - **One connection for all subscriptions of a client**, apart from that of the commands. In a cluster there
//!   is one for channels and patterns, and one for each node that serves sharded channels. It is made by the
//!   first subscription, and closed 5 s after the last one has gone.
//! - **One `SUBSCRIBE` for each channel.** Several subscriptions to it get every message each. A channel that
//!   a subscription has twice is received once; with a pattern that matches it as well, a message comes twice,
//!   as from the server: [`Message::pattern`] tells them apart.
//! - **It comes back.** After a loss, a restart, a failover or the move of a slot all channels are subscribed
//!   again, within a second of when a server can be reached. Attempts are at most 900 ms apart, however long the
//!   outage lasts; only where the cause lasts as well, such as a wrong password, they become 5 s after 10 s.
//!   While the client tries to connect for its commands, that counts as an attempt for the subscriptions.
//! - **No silent end.** A stream ends when it is dropped or when the client is
//!   [closed](crate::Client::close), and never because of an error. A server that has been silent for 2 s is
//!   asked by `PING`, and the connection is replaced if no answer comes within the response timeout. In a cluster
//!   the slot table is looked up every 10 to 15 s, because a node that is cut off from the others does not say that
//!   it has lost a slot.
//! - **No silent loss.** Where nothing is received from here on stands a [`Lost`](Event::Lost), and where it
//!   goes on a [`Gap`]. Between a gap and the next loss nothing is missing, nothing comes twice, and the order of a
//!   channel is that of the server. A channel that the server does not take for now, or refuses, does not hold
//!   up the others for more than a second: they have a gap of their own, which [says](Gap::concerns) what it is
//!   about.
//! - **The right server.** With RESP3 the server is asked for its role every 2 s (`ROLE`). A primary that
//!   has become a replica is left, because its name may lead to another server by now. What is received from a
//!   replica counts as lost while that has no connection to its primary; after 5 s of it another server is looked
//!   for. A replica that was without its primary for less than 2 s between two questions goes unnoticed.
//! - **A slow reader is its own problem.** Each subscription keeps 10,000 messages, or 64 MiB, for its
//!   reader: [`Config::with_subscription_buffer`](crate::Config::with_subscription_buffer). What comes on top is
//!   dropped and counted, and other subscriptions do not notice.
//!
//! Redis delivers what is published at most once, and a subscription cannot do better: what must not be lost
//! belongs into a stream (`XADD`, `XREADGROUP`).
//!
//! # What to do about a gap
//!
//! Read again what the messages are about. When a gap comes, what it is about is subscribed again already, so
//! no change after that is missed:
//!
//! ```no_run
//! use redis_ready::Client;
//! use redis_ready::redis::{AsyncCommands, RedisResult};
//! use redis_ready::subscription::Event;
//!
//! async fn follow_price(mut client: Client) -> RedisResult<()> {
//!     // First the subscription, then the value: what changes in between is in one of them, or in both.
//!     let mut subscription = client.subscribe("price.changed").await?;
//!     let mut price: f64 = client.get("price").await?;
//!     while let Some(event) = subscription.next().await {
//!         match event {
//!             Event::Message(message) => price = message.parse()?,
//!             Event::Gap(_) => price = client.get("price").await?,
//!             Event::Lost(error) => eprintln!("the price may be out of date: {error}"),
//!         }
//!         println!("{price}");
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`Gap::duration`] and [`Gap::cause`] say for how long nothing was received and why,
//! [`Gap::dropped_messages`] how many messages found no room, and [`Gap::names`] which channels it is about,
//! if not all of them. For tests of such code, [`Message::new`], [`Gap::new`] and [`Gap::overflow`] make events.
//!
//! The first `subscribe`, and the reading after a gap, fail where no server can be reached within the deadline. At
//! start-up that is an error to show. A task that has to follow whatever happens tries again:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use redis_ready::{Client, ErrorKind, Subscription};
//!
//! async fn subscribed(client: &Client) -> Option<Subscription> {
//!     loop {
//!         match client.subscribe("price.changed").await {
//!             Ok(subscription) => return Some(subscription),
//!             Err(error) if error.kind() == ErrorKind::Closed => return None,
//!             Err(error) => eprintln!("not subscribed yet: {error}"),
//!         }
//!         tokio::time::sleep(Duration::from_secs(1)).await;
//!     }
//! }
//! ```
//!
//! # Channels that come and go
//!
//! A subscription takes channels, patterns and sharded channels at any time, and gives them up. Other tasks do
//! that by a [`handle`](Subscription::handle). `next` is cancel safe, so one task can also wait for both, events
//! and requests of others:
//!
//! ```no_run
//! use redis_ready::{Client, Error};
//! use tokio::sync::mpsc::Receiver;
//!
//! enum Request {
//!     Join(String),
//!     Leave(String),
//! }
//!
//! async fn follow_rooms(client: Client, mut requests: Receiver<Request>) -> Result<(), Error> {
//!     let mut rooms = client.subscribe("lobby").await?;
//!     loop {
//!         tokio::select! {
//!             event = rooms.next() => match event {
//!                 Some(event) => println!("{event:?}"),
//!                 None => return Ok(()),
//!             },
//!             Some(request) = requests.recv() => match request {
//!                 Request::Join(room) => rooms.subscribe(&room).await?,
//!                 Request::Leave(room) => rooms.unsubscribe(&room),
//!             },
//!         }
//!     }
//! }
//! ```
//!
//! # Sharded channels
//!
//! A cluster sends what is published to a channel to all of its nodes; a sharded channel stays with the node
//! that serves its slot, as a key does, and its messages are published by `SPUBLISH`:
//!
//! ```no_run
//! use redis_ready::redis;
//!
//! # async fn example(mut client: redis_ready::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let mut orders = client.ssubscribe(["orders.{eu}", "orders.{us}"]).await?;
//! let mut publish = redis::cmd("SPUBLISH");
//! publish.arg("orders.{eu}").arg("17").exec_async(&mut client).await?;
//! # let _ = orders.next().await;
//! # Ok(())
//! # }
//! ```
//!
//! When a slot moves, its channels follow it, with a [`Gap`]. A shard that does not answer holds up none of the
//! others.
//!
//! # Keyspace notifications
//!
//! A server that is configured for it (`notify-keyspace-events`) publishes what happens to keys. In a cluster
//! each node publishes what happens to its own keys, and to no other node, so there a subscription by a client of
//! the cluster is not enough: open a client for each primary.
//!
//! ```no_run
//! # async fn example(client: redis_ready::Client) -> Result<(), redis_ready::Error> {
//! let mut expired = client.psubscribe("__keyevent@0__:expired").await?;
//! while let Some(event) = expired.next().await {
//!     if let Some(message) = event.into_message() {
//!         println!("expired: {}", String::from_utf8_lossy(message.payload()));
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # A cache in this process
//!
//! `CLIENT TRACKING`, by which a server tells a client that keys have changed, belongs to the session of the
//! one connection that reads these keys. That is the connection which all callers share, and which changes with
//! every loss, so it is refused there. Keyspace notifications (`notify-keyspace-events KA`) do the same for any
//! connection; [`Event::Lost`] says from when on nothing is known of changes, and the gap when that is over:
//!
//! ```no_run
//! use std::collections::HashMap;
//!
//! use redis_ready::redis::{AsyncCommands, RedisResult};
//! use redis_ready::subscription::Event;
//! use redis_ready::{Client, Subscription};
//!
//! struct Cache {
//!     client: Client,
//!     /// `client.psubscribe("__keyspace@0__:user:*").await?`
//!     changes: Subscription,
//!     known: HashMap<String, Option<String>>,
//!     is_fresh: bool,
//! }
//!
//! impl Cache {
//!     async fn get(&mut self, key: &str) -> RedisResult<Option<String>> {
//!         if let Some(value) = self.known.get(key) {
//!             return Ok(value.clone());
//!         }
//!         let value: Option<String> = self.client.get(key).await?;
//!         if self.is_fresh {
//!             self.known.insert(key.to_owned(), value.clone());
//!         }
//!         Ok(value)
//!     }
//!
//!     /// Forgets what an event of `changes` says is out of date.
//!     fn follow(&mut self, event: Event) {
//!         match event {
//!             Event::Message(message) => {
//!                 if let Some((_, key)) = message.channel().split_once(':') {
//!                     self.known.remove(key);
//!                 }
//!             }
//!             Event::Lost(_) => {
//!                 self.known.clear();
//!                 self.is_fresh = false;
//!             }
//!             Event::Gap(_) => {
//!                 self.known.clear();
//!                 self.is_fresh = !self.changes.is_interrupted();
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! # Threads and forks
//!
//! Connections run on the I/O thread of the crate, and readers on whatever runtime they are. In the child of a
//! `fork` a subscription connects anew when it is next looked at, and tells a gap. As with every lock, a process
//! should fork while its subscriptions rest: one that the I/O thread holds at that moment stays locked.

mod blocking_subscription;
mod entry;
mod errors;
mod event;
mod event_queue;
mod gap;
mod handle;
mod heartbeat;
mod hub;
mod ids;
mod joining;
mod link;
mod membership;
mod message;
mod names;
mod nodes;
mod notice;
mod outages;
mod pending_call;
mod progress;
mod reactions;
mod reader;
#[cfg(test)]
mod reader_tests;
mod requests;
mod session;
#[expect(clippy::module_inception, reason = "the subscription itself")]
mod subscription;
mod subscriptions;
mod supervisor;
mod switchboard;
mod topic;
mod topics;
mod wire;

pub use self::blocking_subscription::BlockingSubscription;
pub use self::event::Event;
pub use self::gap::Gap;
pub use self::handle::{BlockingSubscriptionHandle, SubscriptionHandle};
pub(crate) use self::hub::Source;
pub use self::message::Message;
pub use self::names::ChannelNames;
pub use self::subscription::Subscription;
pub(crate) use self::subscriptions::Subscriptions;
pub(crate) use self::topic::Kind;
