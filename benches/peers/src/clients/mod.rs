//! The clients, each as its documentation says.

mod fred;
mod nothing;
mod pools;
mod raw;
mod redis_rs;
mod rustis;
mod tls;

use tokio::runtime::{Builder, Runtime};

use crate::Failure;
use crate::load::{self, Load};
use crate::measurement::Measurement;
use crate::sample::Sample;

use self::redis_rs::{Blocking, Shared};

pub(crate) const NAMES: [&str; 12] = [
    "redis-ready",
    "redis-rs",
    "redis-rs-manager",
    "fred",
    "rustis",
    "deadpool-redis",
    "bb8-redis",
    "redis-ready-blocking",
    "r2d2",
    "ioredis",
    "node-redis",
    "raw",
];

/// redis-ready with a driver that it does not choose itself, and the driver's name in
/// `REDIS_READY_DRIVER`. They are measured only when they are named.
pub(crate) const DRIVERS: [(&str, &str); 2] = [
    ("redis-ready-io-thread", "io_thread"),
    ("redis-ready-resident", "resident"),
];

/// The client that does nothing, to know what the loop around it takes.
pub(crate) const NOTHING: &str = "nothing";

/// Measures in this very process.
pub(crate) fn run(measurement: &Measurement) -> Result<Sample, Failure> {
    runtime(measurement.current_thread)?.block_on(measure(measurement))
}

fn runtime(current_thread: bool) -> std::io::Result<Runtime> {
    if current_thread {
        Builder::new_current_thread().enable_all().build()
    } else {
        Builder::new_multi_thread().enable_all().build()
    }
}

async fn measure(measurement: &Measurement) -> Result<Sample, Failure> {
    let Measurement {
        client, url, load, ..
    } = measurement;
    match client.as_str() {
        "redis-ready" | "redis-ready-io-thread" | "redis-ready-resident" => {
            redis_ready(url, load).await
        }
        "redis-ready-blocking" => {
            let client = redis_ready::Client::open(url)?.blocking();
            Ok(load::threads(load, Blocking(client)).await)
        }
        "redis-rs" if url.starts_with("redis-cluster:") => redis_rs::cluster(url, load).await,
        "redis-rs" => {
            let client = redis_rs::open(url)?;
            let connection = client.get_multiplexed_async_connection().await?;
            Ok(load::tasks(load, Shared(connection)).await)
        }
        "redis-rs-nodelay" => {
            let client = redis_rs::open_without_delay(url)?;
            let connection = client.get_multiplexed_async_connection().await?;
            Ok(load::tasks(load, Shared(connection)).await)
        }
        "redis-rs-manager" => {
            let client = redis_rs::open(url)?;
            let connection = client.get_connection_manager().await?;
            Ok(load::tasks(load, Shared(connection)).await)
        }
        "fred" => fred::measure(url, load).await,
        "rustis" => rustis::measure(url, load).await,
        "deadpool-redis" => pools::deadpool(url, load).await,
        "bb8-redis" => pools::bb8(url, load).await,
        NOTHING => Ok(load::tasks(load, nothing::Nothing).await),
        "raw" => raw::measure(url, load).await,
        "r2d2" => pools::r2d2(url, load).await,
        other => Err(format!("unknown client `{other}`").into()),
    }
}

async fn redis_ready(url: &str, load: &Load) -> Result<Sample, Failure> {
    let client = redis_ready::Client::open(url)?;
    client.ping().await?;
    Ok(load::tasks(load, Shared(client)).await)
}
