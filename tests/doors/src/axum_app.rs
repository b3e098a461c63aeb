//! axum with tower-sessions.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use redis_ready::Client;
use redis_ready::testing::Server;
use redis_ready::tower_sessions::RedisStore;
use tokio::net::TcpListener;
use tower_sessions::{Session, SessionManagerLayer};

use crate::sign_ins::{a_session_lives_and_ends, durable_server, no_session_is_lost};
use crate::start;

fn app(client: Client) -> Router {
    // Tests speak HTTP without TLS.
    let sessions = SessionManagerLayer::new(RedisStore::new(client)).with_secure(false);
    Router::new()
        .route("/sign-in/{user}", get(sign_in))
        .route("/me", get(me))
        .route("/visit", get(visit))
        .route("/sign-out", get(sign_out))
        .layer(sessions)
}

/// What a handler answers: a text, or the error of a session.
type Answer = Result<String, Failure>;

struct Failure(tower_sessions::session::Error);

impl From<tower_sessions::session::Error> for Failure {
    fn from(error: tower_sessions::session::Error) -> Failure {
        Failure(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}

async fn sign_in(session: Session, Path(user): Path<String>) -> Answer {
    session.insert("user", &user).await?;
    Ok(user)
}

async fn me(session: Session) -> Answer {
    let user = session.get("user").await?;
    Ok(user.unwrap_or_else(|| "a stranger".to_owned()))
}

async fn visit(session: Session) -> Answer {
    let visits = session.get("visits").await?.unwrap_or(0) + 1;
    session.insert("visits", visits).await?;
    Ok(visits.to_string())
}

async fn sign_out(session: Session) -> Answer {
    session.flush().await?;
    Ok(String::new())
}

async fn serve(client: Client) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, app(client)).await });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lives_and_ends_with_axum() {
    let server = start(Server::builder());
    let app = serve(server.client()).await;
    a_session_lives_and_ends(app, &server.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_is_lost_with_axum() {
    let server = durable_server();
    let app = serve(server.client()).await;
    no_session_is_lost(app, server).await;
}
