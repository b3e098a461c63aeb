//! Pools of redis-rs connections.

use bb8_redis::RedisConnectionManager;

use super::redis_rs::{open, pipeline, send, send_blocking};
use crate::Failure;
use crate::load::{self, BlockingClient, Client, Command, Load};
use crate::sample::Sample;

/// The connections of a pool.
const SIZE: u32 = 16;

pub(super) async fn deadpool(url: &str, load: &Load) -> Result<Sample, Failure> {
    let pool = deadpool_redis::Config::from_url(url)
        .builder()?
        .max_size(SIZE as usize)
        .runtime(deadpool_redis::Runtime::Tokio1)
        .build()?;
    Ok(load::tasks(load, Deadpool(pool)).await)
}

pub(super) async fn bb8(url: &str, load: &Load) -> Result<Sample, Failure> {
    let manager = RedisConnectionManager::new(url)?;
    let pool = bb8_redis::bb8::Pool::builder()
        .max_size(SIZE)
        .build(manager)
        .await?;
    Ok(load::tasks(load, Bb8(pool)).await)
}

pub(super) async fn r2d2(url: &str, load: &Load) -> Result<Sample, Failure> {
    let pool = r2d2::Pool::builder().max_size(SIZE).build(open(url)?)?;
    Ok(load::threads(load, R2d2(pool)).await)
}

#[derive(Clone)]
struct Deadpool(deadpool_redis::Pool);

impl Client for Deadpool {
    async fn send(&mut self, command: Command) {
        let mut connection = self.0.get().await.expect("a connection");
        send(&mut connection, command).await;
    }

    async fn pipeline(&mut self, commands: &[Command]) {
        let mut connection = self.0.get().await.expect("a connection");
        pipeline(&mut connection, commands).await;
    }
}

#[derive(Clone)]
struct Bb8(bb8_redis::bb8::Pool<RedisConnectionManager>);

impl Client for Bb8 {
    async fn send(&mut self, command: Command) {
        let mut connection = self.0.get().await.expect("a connection");
        send(&mut *connection, command).await;
    }

    async fn pipeline(&mut self, commands: &[Command]) {
        let mut connection = self.0.get().await.expect("a connection");
        pipeline(&mut *connection, commands).await;
    }
}

#[derive(Clone)]
struct R2d2(r2d2::Pool<redis::Client>);

impl BlockingClient for R2d2 {
    fn send(&mut self, command: Command) {
        send_blocking(&mut self.0.get().expect("a connection"), command);
    }
}
