//! [`DedicatedConnection`]: a session of one's own.

use std::fmt;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::config::Config;
use crate::connections::{send_on, send_pipeline_on};
use crate::error::Error;
use crate::link::{Limits, Link, Reply, Request};

/// A connection that nobody else uses: for `WATCH` and for everything else that changes the session.
///
/// It is never made anew, for the session would be gone: after a lost connection every command fails
/// with [`ErrorKind::Closed`](crate::ErrorKind::Closed). Dropping it closes the connection.
///
/// ```no_run
/// use redis_ready::redis::{self, AsyncCommands};
///
/// # async fn example(client: redis_ready::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let mut connection = client.dedicated_connection().await?;
/// redis::cmd("WATCH").arg("stock").exec_async(&mut connection).await?;
/// let stock: i64 = connection.get("stock").await?;
/// // `None`: somebody has changed `stock` meanwhile, and nothing was executed.
/// let sold: Option<(i64,)> =
///     redis::pipe().atomic().set("stock", stock - 1).ignore().get("stock").query_async(&mut connection).await?;
/// # Ok(())
/// # }
/// ```
pub struct DedicatedConnection {
    link: Link,
    limits: Limits,
}

impl DedicatedConnection {
    /// Connects; nothing but `PING` has been sent then.
    pub(crate) async fn open(config: Config) -> Result<DedicatedConnection, Error> {
        let limits = Limits::from(&config);
        let patience = Limits {
            deadline: config.connect_timeout() + limits.response_timeout,
            ..limits
        };
        let link = Link::exclusive(config);
        let ping = redis::cmd("PING");
        let _: Reply = link.call(Request::command(&ping, patience)).await?;
        Ok(DedicatedConnection { link, limits })
    }
}

impl fmt::Debug for DedicatedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DedicatedConnection { link, limits: _ } = self;
        f.debug_struct("DedicatedConnection")
            .field("config", link.config())
            .finish_non_exhaustive()
    }
}

impl ConnectionLike for DedicatedConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(send_on(&self.link, command, self.limits))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(send_pipeline_on(
            &self.link,
            pipeline,
            offset,
            count,
            self.limits,
        ))
    }

    fn get_db(&self) -> i64 {
        self.link.config().database().into()
    }
}
