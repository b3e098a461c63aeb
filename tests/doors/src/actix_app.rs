//! Actix Web with actix-session.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::{App, Error, HttpServer, get, web};
use redis_ready::Client;
use redis_ready::actix_session::RedisSessionStore;
use redis_ready::testing::Server;

use crate::sign_ins::{a_session_lives_and_ends, durable_server, no_session_is_lost};
use crate::start;

#[get("/sign-in/{user}")]
async fn sign_in(session: Session, user: web::Path<String>) -> Result<String, Error> {
    let user = user.into_inner();
    session.insert("user", &user)?;
    Ok(user)
}

#[get("/me")]
async fn me(session: Session) -> Result<String, Error> {
    let user = session.get::<String>("user")?;
    Ok(user.unwrap_or_else(|| "a stranger".to_owned()))
}

#[get("/visit")]
async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.get("visits")?.unwrap_or(0) + 1;
    session.insert("visits", visits)?;
    Ok(visits.to_string())
}

#[get("/sign-out")]
async fn sign_out(session: Session) -> &'static str {
    session.purge();
    ""
}

/// Serves on a thread, with the runtime of Actix, until the process of the tests ends.
fn serve(client: Client) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let store = RedisSessionStore::new(client);
            let key = Key::generate();
            let server = HttpServer::new(move || {
                // Tests speak HTTP without TLS.
                let sessions = SessionMiddleware::builder(store.clone(), key.clone())
                    .cookie_secure(false)
                    .build();
                App::new()
                    .wrap(sessions)
                    .service((sign_in, me, visit, sign_out))
            });
            let server = server.workers(2).bind(("127.0.0.1", 0)).expect("a port");
            let address = server.addrs()[0];
            sender.send(address).expect("the test waits for it");
            server.run().await
        })
    });
    receiver.recv().expect("the server starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lives_and_ends_with_actix() {
    let server = start(Server::builder());
    let app = serve(server.client());
    a_session_lives_and_ends(app, &server.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_is_lost_with_actix() {
    let server = durable_server();
    let app = serve(server.client());
    no_session_is_lost(app, server).await;
}
