//! [`run`]: all parts of the platform, in one process.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis_ready::Client;
use redis_ready::tower_sessions::RedisStore;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::consumer::Consumer;
use crate::directory::Directory;
use crate::handles::Handles;
use crate::live::Live;
use crate::outbox::Outbox;
use crate::settings::Settings;
use crate::web::{self, App};
use crate::worker::Worker;

/// How long a process uses a profile without asking Redis.
const NEARBY: Duration = Duration::from_secs(1);
/// How long the last commands may take.
const GRACE: Duration = Duration::from_secs(2);

/// Serves requests and delivers mails until `stop`; returns when the last mail that a worker holds is delivered.
///
/// # Errors
///
/// If the outbox cannot be made, or the listener fails.
pub async fn run(
    client: Client,
    directory: Directory,
    settings: Settings,
    listener: TcpListener,
    stop: CancellationToken,
) -> io::Result<()> {
    let outbox = Outbox::open(settings.outbox)?;
    let mut tasks = JoinSet::new();
    for number in 1..=settings.workers {
        let consumer = Consumer::new(&client, format!("{}-{number}", settings.worker));
        let worker = Worker::new(consumer, outbox.clone(), settings.abandoned_after);
        tasks.spawn(worker.run(stop.clone()));
    }

    let tenants = directory.tenants().map(str::to_owned).collect();
    let (live, boards) = Live::new(&client, tenants);
    tasks.spawn(live.run(stop.clone()));

    let app = App::new(&Handles::of(&client), Arc::new(directory), NEARBY);
    let sessions = web::sessions::layer(RedisStore::new(client.clone()), settings.secure_cookie);
    let routes = web::router(app)
        .merge(web::events::router(boards))
        .layer(sessions)
        .merge(web::page::router())
        .merge(web::probes::router(client.clone()));
    let stopped = stop.clone().cancelled_owned();
    let served = axum::serve(listener, routes)
        .with_graceful_shutdown(stopped)
        .await;

    // Also if the listener has failed: nothing is left half done.
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            log::error!("a part of the platform has failed: {error}");
        }
    }
    client.close(GRACE).await;
    served
}
