//! [`DedicatedConnection`]: the session of one caller.

use std::fmt;
use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, RedisResult, Value};

use super::deployment::Deployment;
use crate::command::{CommandInfo, arguments};
use crate::connection::{
    MultiplexedConnection, Packed, Request, Timeouts, check_not_empty, dedicated_timeouts,
    own_request,
};
use crate::error::Error;

/// Holds a connection for one caller, for `WATCH` and other commands that change the session.
///
/// It does not reconnect, because the state of the session would be gone: after the connection is lost,
/// every command fails with [`ErrorKind::Closed`](crate::ErrorKind::Closed). Dropping it closes the
/// connection; [`Client::close`](crate::Client::close) does not.
///
/// ```no_run
/// use redis_ready::redis::{self, AsyncCommands};
///
/// # async fn example(client: redis_ready::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let mut connection = client.dedicated_connection().await?;
/// redis::cmd("WATCH").arg("stock").exec_async(&mut connection).await?;
/// let stock: i64 = connection.get("stock").await?;
/// // `None`: another client has changed `stock` meanwhile, and nothing was executed.
/// let sold: Option<(i64,)> =
///     redis::pipe().atomic().set("stock", stock - 1).ignore().get("stock").query_async(&mut connection).await?;
/// # Ok(())
/// # }
/// ```
pub struct DedicatedConnection {
    connection: MultiplexedConnection,
    timeouts: Timeouts,
    /// The cluster, until the first command with a key decides on which of its nodes the session is.
    unpinned: Option<Arc<Deployment>>,
}

impl DedicatedConnection {
    /// Opens a connection on which nothing but the handshake and `PING` has been sent.
    pub(super) async fn open(deployment: Arc<Deployment>) -> Result<DedicatedConnection, Error> {
        let connection = deployment.dedicated().await?;
        connect(&connection).await?;
        Ok(DedicatedConnection {
            connection,
            timeouts: Timeouts::from(deployment.config()),
            unpinned: deployment.cluster().is_some().then_some(deployment),
        })
    }

    /// Moves to the node that the first command with a key needs, in a cluster.
    async fn pin(&mut self, commands: impl Iterator<Item = &Cmd>) -> Result<(), Error> {
        let Some(deployment) = &self.unpinned else {
            return Ok(());
        };
        let Some(cluster) = deployment.cluster() else {
            return Ok(());
        };
        for command in commands {
            if let Some(connection) = cluster.dedicated_for(command).await? {
                if connection.target().to_string() != self.connection.target().to_string() {
                    connect(&connection).await?;
                    self.connection = connection;
                }
                self.unpinned = None;
                return Ok(());
            }
        }
        Ok(())
    }

    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        check_not_empty(command)?;
        let timeouts = dedicated_timeouts(arguments(command), self.timeouts)?;
        let request = Request::command(command, CommandInfo::of(arguments(command)), timeouts);
        Ok(self.connection.call(request).reply().await?.single())
    }

    async fn send_pipeline(
        &self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let packed = Packed::of_pipeline(pipeline, offset, count)?;
        let mut timeouts = self.timeouts;
        for command in pipeline.cmd_iter() {
            timeouts = dedicated_timeouts(arguments(command), timeouts)?;
        }
        let request = Request::packed(packed, timeouts);
        let reply = self.connection.call(request).reply().await?;
        reply.many(pipeline.len()).await
    }
}

/// Connects and sends `PING`, within the connect timeout and the response timeout together.
async fn connect(connection: &MultiplexedConnection) -> Result<(), Error> {
    let config = connection.target().client();
    let timeouts = Timeouts::from(config);
    let limit = config.connect_timeout();
    let timeouts = timeouts.with_deadline(limit.saturating_add(timeouts.response_timeout));
    let ping = redis::cmd("PING");
    connection
        .call(own_request(&ping, timeouts))
        .reply()
        .await?;
    Ok(())
}

impl fmt::Debug for DedicatedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DedicatedConnection {
            connection,
            timeouts: _,
            unpinned: _,
        } = self;
        f.debug_struct("DedicatedConnection")
            .field("config", connection.target().client())
            .finish_non_exhaustive()
    }
}

impl ConnectionLike for DedicatedConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            self.pin(std::iter::once(command)).await?;
            self.send(command).await
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            self.pin(pipeline.cmd_iter()).await?;
            self.send_pipeline(pipeline, offset, count).await
        })
    }

    fn get_db(&self) -> i64 {
        self.connection.target().client().database().into()
    }
}
