//! [`DedicatedConnection`]: a session of one's own.

use std::fmt;
use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::connections::{send_on, send_pipeline_on};
use crate::error::Error;
use crate::link::{Limits, Link, Reply, Request};
use crate::servers::Servers;

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
    /// The cluster in which no command with a key has said yet which node it is for.
    homeless: Option<Arc<Servers>>,
}

impl DedicatedConnection {
    /// Connects; nothing but `PING` has been sent then.
    pub(crate) async fn open(servers: Arc<Servers>) -> Result<DedicatedConnection, Error> {
        let link = match &*servers {
            Servers::One(connections) => connections.exclusive(),
            Servers::Cluster(cluster) => cluster.anywhere().await?,
        };
        let limits = Limits::from(link.config());
        connect(&link).await?;
        let is_cluster = matches!(&*servers, Servers::Cluster(_));
        Ok(DedicatedConnection {
            link,
            limits,
            homeless: is_cluster.then_some(servers),
        })
    }

    /// In a cluster the first command with a key decides which node the session is on.
    async fn settle(&mut self, commands: impl Iterator<Item = &Cmd>) -> Result<(), Error> {
        let Some(servers) = &self.homeless else {
            return Ok(());
        };
        let Servers::Cluster(cluster) = &**servers else {
            return Ok(());
        };
        for command in commands {
            if let Some(link) = cluster.home_of(command).await? {
                if link.config().peer() != self.link.config().peer() {
                    connect(&link).await?;
                    self.link = link;
                }
                self.homeless = None;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Connects; `PING` is all that has been sent then.
async fn connect(link: &Link) -> Result<(), Error> {
    let config = link.config();
    let limits = Limits::from(config);
    let patience = Limits {
        deadline: config.connect_timeout() + limits.response_timeout,
        ..limits
    };
    let ping = redis::cmd("PING");
    let _: Reply = link.call(Request::command(&ping, patience)).await?;
    Ok(())
}

impl fmt::Debug for DedicatedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DedicatedConnection {
            link,
            limits: _,
            homeless: _,
        } = self;
        f.debug_struct("DedicatedConnection")
            .field("config", link.config())
            .finish_non_exhaustive()
    }
}

impl ConnectionLike for DedicatedConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            self.settle(std::iter::once(command)).await?;
            send_on(&self.link, command, self.limits).await
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            self.settle(pipeline.cmd_iter()).await?;
            send_pipeline_on(&self.link, pipeline, offset, count, self.limits).await
        })
    }

    fn get_db(&self) -> i64 {
        self.link.config().database().into()
    }
}
