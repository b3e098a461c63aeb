//! The peers, each as its documentation says.

use bb8_redis::RedisConnectionManager;
use fred::interfaces::{ClientLike, KeysInterface};
use redis::{AsyncCommands, Client, Commands};
use rustis::commands::StringCommands;

use crate::Failure;
use crate::measure::{Command, Sample, tasks, threads};

pub(crate) const NAMES: [&str; 9] = [
    "redis-ready",
    "redis-rs",
    "redis-rs-manager",
    "fred",
    "rustis",
    "deadpool-redis",
    "bb8-redis",
    "redis-ready-blocking",
    "r2d2",
];
/// The connections of a pool.
const POOL: usize = 16;

/// Sends `$command` with `$client`, in whichever dialect.
macro_rules! send {
    ($client:expr, $command:expr) => {
        async {
            match $command {
                Command {
                    key,
                    value: Some(value),
                } => {
                    let () = $client.set(key, value).await.expect("it is set");
                }
                Command { key, value: None } => {
                    let _: Option<String> = $client.get(key).await.expect("it is got");
                }
            }
        }
        .await
    };
}

pub(crate) fn run(
    client: &str,
    callers: usize,
    seconds: f64,
    url: &str,
) -> Result<Sample, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let url = url.to_owned();
    match client {
        "redis-ready-blocking" => {
            let client = redis_ready::Client::open(&url)?.blocking();
            return Ok(threads(callers, seconds, || {
                let mut client = client.clone();
                move |command| blocking(&mut client, command)
            }));
        }
        "r2d2" => {
            let pool = r2d2::Pool::builder()
                .max_size(POOL as u32)
                .build(Client::open(url)?)?;
            return Ok(threads(callers, seconds, || {
                let pool = pool.clone();
                move |command| blocking(&mut pool.get().expect("a connection"), command)
            }));
        }
        _ => {}
    }
    runtime.block_on(async move {
        Ok(match client {
            "redis-ready" => {
                let client = redis_ready::Client::open(&url)?;
                client.ping().await?;
                shared(client, callers, seconds).await
            }
            "redis-rs" => {
                let client = Client::open(url)?
                    .get_multiplexed_async_connection()
                    .await?;
                shared(client, callers, seconds).await
            }
            "redis-rs-manager" => {
                let client = Client::open(url)?.get_connection_manager().await?;
                shared(client, callers, seconds).await
            }
            "fred" => {
                let config = fred::types::config::Config::from_url(&url)?;
                let client = fred::types::Builder::from_config(config).build()?;
                client.init().await?;
                tasks(callers, seconds, || {
                    let client = client.clone();
                    move |command| {
                        let client = client.clone();
                        async move {
                            match command {
                                Command {
                                    key,
                                    value: Some(value),
                                } => {
                                    let set = client.set::<(), _, _>(key, value, None, None, false);
                                    set.await.expect("it is set");
                                }
                                Command { key, value: None } => {
                                    let _: Option<String> =
                                        client.get(key).await.expect("it is got");
                                }
                            }
                        }
                    }
                })
                .await
            }
            "rustis" => {
                let client = rustis::client::Client::connect(url.as_str()).await?;
                tasks(callers, seconds, || {
                    let client = client.clone();
                    move |command| {
                        let client = client.clone();
                        async move { send!(client, command) }
                    }
                })
                .await
            }
            "deadpool-redis" => {
                let pool = deadpool_redis::Config::from_url(url)
                    .builder()?
                    .max_size(POOL)
                    .runtime(deadpool_redis::Runtime::Tokio1)
                    .build()?;
                tasks(callers, seconds, || {
                    let pool = pool.clone();
                    move |command| {
                        let pool = pool.clone();
                        async move {
                            let mut client = pool.get().await.expect("a connection");
                            send!(client, command);
                        }
                    }
                })
                .await
            }
            "bb8-redis" => {
                let manager = RedisConnectionManager::new(url)?;
                let pool = bb8_redis::bb8::Pool::builder()
                    .max_size(POOL as u32)
                    .build(manager)
                    .await?;
                tasks(callers, seconds, || {
                    let pool = pool.clone();
                    move |command| {
                        let pool = pool.clone();
                        async move {
                            let mut client = pool.get().await.expect("a connection");
                            send!(client, command);
                        }
                    }
                })
                .await
            }
            other => return Err(format!("unknown client `{other}`").into()),
        })
    })
}

async fn shared<C>(client: C, callers: usize, seconds: f64) -> Sample
where
    C: redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
{
    tasks(callers, seconds, || {
        let client = client.clone();
        move |command| {
            let mut client = client.clone();
            async move { send!(client, command) }
        }
    })
    .await
}

fn blocking(client: &mut impl redis::ConnectionLike, command: Command) {
    match command {
        Command {
            key,
            value: Some(value),
        } => {
            let () = client.set(key, value).expect("it is set");
        }
        Command { key, value: None } => {
            let _: Option<String> = client.get(key).expect("it is got");
        }
    }
}
