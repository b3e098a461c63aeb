//! socketioxide: several servers of Socket.IO behind one load balancer, on our client by its open trait.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use redis_ready::redis::{AsyncCommands, RedisError, cmd};
use redis_ready::subscription::Event;
use redis_ready::testing::Server;
use redis_ready::{Client, Subscription};
use socketioxide::SocketIo;
use socketioxide::adapter::Emitter;
use socketioxide::extract::SocketRef;
use socketioxide_redis::drivers::{ChanItem, Driver, MessageStream};
use socketioxide_redis::{CustomRedisAdapter, RedisAdapterConfig, RedisAdapterCtr};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, sleep, timeout};

use crate::{http, start};

/// Publishes and subscribes on the connections of an application. Unlike the drivers of socketioxide-redis it
/// subscribes again after a lost connection; what other servers sent meanwhile is lost, as Redis has it.
#[derive(Clone)]
struct ReadyDriver {
    client: Client,
    /// What passes the messages of a channel on.
    forwarders: Arc<Mutex<HashMap<String, AbortHandle>>>,
}

impl ReadyDriver {
    fn new(client: Client) -> ReadyDriver {
        ReadyDriver {
            client,
            forwarders: Arc::default(),
        }
    }

    /// Lets this task pass the messages of `channel` on, and the one before it end.
    fn replace(&self, channel: String, forwarder: Option<AbortHandle>) {
        let mut forwarders = self
            .forwarders
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let former = match forwarder {
            Some(forwarder) => forwarders.insert(channel, forwarder),
            None => forwarders.remove(&channel),
        };
        if let Some(former) = former {
            former.abort();
        }
    }
}

impl Driver for ReadyDriver {
    type Error = RedisError;

    async fn publish(&self, channel: String, message: Vec<u8>) -> Result<(), RedisError> {
        self.client.clone().publish(channel, message).await
    }

    async fn subscribe(
        &self,
        channel: String,
        size: usize,
    ) -> Result<MessageStream<ChanItem>, RedisError> {
        let subscription = self.client.subscribe(&channel).await?;
        let (messages, stream) = mpsc::channel(size);
        let forwarder = tokio::spawn(forward(subscription, messages));
        self.replace(channel, Some(forwarder.abort_handle()));
        Ok(MessageStream::new(stream))
    }

    async fn unsubscribe(&self, channel: String) -> Result<(), RedisError> {
        self.replace(channel, None);
        Ok(())
    }

    async fn num_serv(&self, channel: &str) -> Result<u16, RedisError> {
        let mut ask = cmd("PUBSUB");
        ask.arg("NUMSUB").arg(channel);
        let (_, servers): (String, u16) = ask.query_async(&mut self.client.clone()).await?;
        Ok(servers)
    }
}

/// Ends with the reader of `messages`, or with the client.
async fn forward(mut subscription: Subscription, messages: mpsc::Sender<ChanItem>) {
    while let Some(event) = subscription.next().await {
        if let Event::Message(message) = event {
            let item = (message.channel().into_owned(), message.payload().to_vec());
            if messages.send(item).await.is_err() {
                return;
            }
        }
    }
}

type Adapter = CustomRedisAdapter<Emitter, ReadyDriver>;

/// Starts a server of Socket.IO whose sockets join the room `news`.
async fn serve(client: Client) -> (SocketAddr, SocketIo<Adapter>) {
    let driver = ReadyDriver::new(client);
    let adapter = RedisAdapterCtr::new_with_driver(driver, RedisAdapterConfig::default());
    let (layer, io) = SocketIo::builder()
        .with_adapter::<Adapter>(adapter)
        .build_layer();
    let join = async |socket: SocketRef<Adapter>| socket.join("news");
    let namespace = io.ns("/", join).await;
    namespace.expect("the channels are subscribed to");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, Router::new().layer(layer)).await });
    (address, io)
}

/// Stands between the packets of an answer.
const SEPARATOR: char = '\u{1e}';

/// A client of Socket.IO that polls.
struct Polling {
    server: SocketAddr,
    path: String,
}

impl Polling {
    async fn connect(server: SocketAddr) -> Polling {
        let path = "/socket.io/?EIO=4&transport=polling";
        let opened = http::get(server, path, None).await.expect("an answer").body;
        let (_, id) = opened.split_once(r#""sid":""#).expect("an id");
        let id = id.split('"').next().expect("the end of the id");
        let path = format!("{path}&sid={id}");
        http::post(server, &path, "40").await.expect("connected");
        let socket = Polling { server, path };
        let welcome = socket.next().await;
        assert!(welcome.starts_with("40"), "{welcome}");
        socket
    }

    /// Waits for the next message of the server. Its ping may come at any time, also in the same answer.
    async fn next(&self) -> String {
        loop {
            let answer = http::get(self.server, &self.path, None).await;
            let body = answer.expect("an answer").body;
            let mut packets = body.split(SEPARATOR);
            if let Some(message) = packets.find(|packet| packet.starts_with('4')) {
                return message.to_owned();
            }
            http::post(self.server, &self.path, "3")
                .await
                .expect("a pong is taken");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_socketio_reach_the_sockets_of_each_other_also_after_an_outage() {
    let mut server = start(Server::builder());
    let (_, first) = serve(server.client()).await;
    let (address, _second) = serve(server.client()).await;
    let socket = Polling::connect(address).await;

    first.to("news").emit("news", "hello").await.expect("sent");
    assert_eq!(socket.next().await, r#"42["news","hello"]"#);

    server.kill().expect("killed");
    server.restart().expect("started again");
    let received = tokio::spawn(async move { socket.next().await });
    let start = Instant::now();
    // The subscription is back within a second; what is sent before that reaches this server only.
    while !received.is_finished() && start.elapsed() < Duration::from_mins(1) {
        let sent = first.to("news").emit("news", "again").await;
        sent.expect("sent again after the outage");
        sleep(Duration::from_millis(100)).await;
    }
    let received = timeout(Duration::from_secs(1), received).await;
    let received = received.expect("received in time").expect("no panic");
    assert!(received.starts_with(r#"42["news","again"]"#), "{received}");
}
