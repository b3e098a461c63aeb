//! What serves requests runs on any connection of redis-rs that can be shared.

use std::sync::Arc;
use std::time::Duration;

use mailer::handles::Handles;
use mailer::web::{self, App};
use redis_ready::redis;
use redis_ready::tower_sessions::RedisStore;
use tokio::net::TcpListener;

use crate::support::http::Browser;
use crate::support::{directory, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_served_on_a_connection_of_redis_rs() {
    let server = server();
    let client = redis::Client::open(&server.client()).expect("the server has an address");
    let connection = client.get_multiplexed_async_connection().await;
    let handles = Handles::all(&connection.expect("it connects"));
    let app = App::new(&handles, Arc::new(directory()), Duration::ZERO);
    let sessions = web::sessions::layer(RedisStore::new(server.client()), false);
    let routes = web::router(app).layer(sessions);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut browser = Browser::signed_in(address, "grace", "compiler").await;
    let sent = browser.send("mail-0000-1", "ann@mail.example").await;
    assert_eq!(
        (sent.status, &*sent.body),
        (202, r#"{"id":"mail-0000-1","is_new":true}"#)
    );
    let sent = browser.send("mail-0000-1", "ann@mail.example").await;
    assert_eq!(
        (sent.status, &*sent.body),
        (202, r#"{"id":"mail-0000-1","is_new":false}"#)
    );
    let refused = browser.send("mail-0000-2", "ann@mail.example").await;
    assert_eq!(refused.status, 429, "{refused:?}");
}
