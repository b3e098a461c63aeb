//! [`serve`]: the application as a process of its own, on one of several clients.

use std::sync::Arc;
use std::time::Duration;

use mailer::directory::{Directory, Profile};
use mailer::handles::{Handles, Redis};
use mailer::platform;
use mailer::settings::Settings;
use mailer::web::{self, App};
use redis::AsyncConnectionConfig;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis_ready::Client;
use redis_ready::tower_sessions::RedisStore;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_sessions::SessionStore;

use super::variant::Variant;
use crate::peers::{Pool, Sessions};
use crate::{Result, child};

/// Users are spread over so many tenants.
pub const TENANTS: usize = 10;
/// The users that there are at most.
pub const USERS: usize = 10_000;
/// All users have the same.
pub const PASSWORD: &str = "correct-horse";

/// As in [`platform`].
const NEARBY: Duration = Duration::from_secs(1);
/// How long a client waits for a reply: the deadline of redis-ready. The others have 0.5 s, which a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(3);
/// Connections of the pool.
const POOL: usize = 16;

/// Prints its address, and serves until [`child::stopped`].
pub async fn serve(variant: Variant, url: &str) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    match variant {
        Variant::Application => application(Client::open(url)?, listener).await,
        Variant::RedisReady => {
            let client = Client::open(url)?;
            let sessions = RedisStore::new(client.clone());
            requests(&Handles::of(&client), sessions, listener).await
        }
        Variant::ConnectionManager => {
            let config = ConnectionManagerConfig::new().set_response_timeout(Some(PATIENCE));
            let client = redis::Client::open(url)?;
            let manager = ConnectionManager::new_with_config(client, config).await?;
            let sessions = Sessions(manager.clone());
            requests(&Handles::all(&manager), sessions, listener).await
        }
        Variant::Deadpool => {
            let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
            let manager = deadpool_redis::Manager::new_with_config(url, config)?;
            let pool = deadpool_redis::Pool::builder(manager).max_size(POOL);
            let pool = Pool(pool.build()?);
            let sessions = Sessions(pool.clone());
            requests(&Handles::all(&pool), sessions, listener).await
        }
    }
}

async fn application(client: Client, listener: TcpListener) -> Result<()> {
    let outbox = std::env::temp_dir().join(format!("mailer-load-{}", std::process::id()));
    let settings = Settings {
        outbox: outbox.clone(),
        secure_cookie: false,
        ..Settings::default()
    };
    let stop = CancellationToken::new();
    let running = platform::run(client, directory(), settings, listener, stop.clone());
    let stopped = async {
        child::stopped().await;
        stop.cancel();
    };
    let (served, ()) = tokio::join!(running, stopped);
    std::fs::remove_dir_all(outbox)?;
    Ok(served?)
}

async fn requests<R: Redis>(
    handles: &Handles<R>,
    sessions: impl SessionStore + Clone,
    listener: TcpListener,
) -> Result<()> {
    let app = App::new(handles, Arc::new(directory()), NEARBY);
    let routes = web::router(app).layer(web::sessions::layer(sessions, false));
    let served = axum::serve(listener, routes).with_graceful_shutdown(child::stopped());
    Ok(served.await?)
}

/// Tenants that may send as much as they like.
fn directory() -> Directory {
    let mut directory = Directory::new(Duration::ZERO);
    for tenant in 0..TENANTS {
        let profile = Profile {
            sender: format!("Tenant {tenant} <news@tenant-{tenant}.example>"),
            mails_per_minute: 60_000,
            burst: 1_000_000_000,
        };
        directory = directory.with_tenant(&format!("tenant-{tenant}"), profile);
    }
    for user in 0..USERS {
        let tenant = format!("tenant-{}", user % TENANTS);
        directory = directory.with_user(&format!("user-{user}"), PASSWORD, &tenant);
    }
    directory
}
