//! [`Pool`]: a pool of deadpool-redis as one connection, which takes one of the pool for each command.

use deadpool_redis::{Connection, PoolError};
use futures_util::FutureExt;
use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, Value};

#[derive(Clone)]
pub struct Pool(pub deadpool_redis::Pool);

impl Pool {
    async fn connection(&self) -> RedisResult<Connection> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            error => {
                let cause = error.to_string();
                RedisError::from((ErrorKind::Io, "the pool has no connection", cause))
            }
        })
    }
}

impl ConnectionLike for Pool {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let reply = async move {
            let mut connection = self.connection().await?;
            connection.req_packed_command(command).await
        };
        reply.boxed()
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let replies = async move {
            let mut connection = self.connection().await?;
            let replies = connection.req_packed_commands(pipeline, offset, count);
            replies.await
        };
        replies.boxed()
    }

    fn get_db(&self) -> i64 {
        0
    }
}
