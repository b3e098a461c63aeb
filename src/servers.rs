//! What a client talks to: one server, or a cluster of them.

use std::time::Duration;

use redis::{Cmd, Pipeline, RedisResult, Value};

use crate::cluster::Cluster;
use crate::config::Config;
use crate::connections::{Connections, Sending, SendingOne, one};
use crate::error::{Error, ErrorKind};
use crate::link::{Limits, Reply, Request, Resend, split};
use crate::route::{Route, empty_command};

pub(crate) enum Servers {
    /// One, or the primary that Sentinels name.
    One(Connections),
    Cluster(Cluster),
}

impl Servers {
    pub(crate) fn new(config: Config) -> Servers {
        if config.seeds().is_empty() {
            Servers::One(Connections::new(config))
        } else {
            Servers::Cluster(Cluster::new(config))
        }
    }

    pub(crate) fn config(&self) -> &Config {
        match self {
            Servers::One(connections) => connections.config(),
            Servers::Cluster(cluster) => cluster.config(),
        }
    }

    #[inline]
    pub(crate) fn send<'a>(&'a self, command: &'a Cmd, resend: Resend) -> SendingOne<'a> {
        match self {
            Servers::One(connections) => connections.send(command, resend),
            Servers::Cluster(cluster) => SendingOne::new(match Route::of(command) {
                Ok(route) => Sending::Alone(Box::pin(cluster.send(command, route, resend))),
                Err(error) => Sending::Refused(Some(error)),
            }),
        }
    }

    pub(crate) async fn send_pipeline(
        &self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
        resend: Resend,
    ) -> RedisResult<Vec<Value>> {
        match self {
            Servers::One(connections) => {
                connections
                    .send_pipeline(pipeline, offset, count, resend)
                    .await
            }
            Servers::Cluster(cluster) => {
                Route::of_pipeline(pipeline, offset, count)?;
                let commands: Vec<&Cmd> = pipeline.cmd_iter().collect();
                if pipeline.is_transaction() {
                    let packed = pipeline.get_packed_pipeline();
                    cluster.send_transaction(&commands, packed, resend).await
                } else {
                    Ok(cluster.send_pipeline(&commands, resend).await?)
                }
            }
        }
    }

    /// As [`send`](Servers::send), for an encoded command.
    pub(crate) async fn send_encoded(&self, bytes: &[u8], resend: Resend) -> RedisResult<Value> {
        match self {
            Servers::One(connections) => connections.send_encoded(bytes, resend).await,
            Servers::Cluster(cluster) => {
                let commands = commands(bytes)?;
                let [command] = commands.as_slice() else {
                    return Err(empty_command());
                };
                let reply = cluster.send(command, Route::of(command)?, resend).await?;
                Ok(one(reply))
            }
        }
    }

    /// As [`send_pipeline`](Servers::send_pipeline), for encoded commands.
    pub(crate) async fn send_encoded_pipeline(
        &self,
        bytes: &[u8],
        offset: usize,
        count: usize,
        resend: Resend,
    ) -> RedisResult<Vec<Value>> {
        match self {
            Servers::One(connections) => {
                connections
                    .send_encoded_pipeline(bytes, offset, count, resend)
                    .await
            }
            Servers::Cluster(cluster) => {
                let commands = commands(bytes)?;
                let frame = usize::from(offset > 0);
                if commands.len() != offset + count || commands.len() < 1 + frame {
                    return Err(empty_command());
                }
                let within: Vec<&Cmd> = commands[frame..commands.len() - frame].iter().collect();
                for command in &within {
                    Route::of(command)?;
                }
                if offset > 0 {
                    cluster
                        .send_transaction(&within, bytes.to_vec(), resend)
                        .await
                } else {
                    Ok(cluster.send_pipeline(&within, resend).await?)
                }
            }
        }
    }

    /// Sends `PING` to the server, or to every primary of the cluster.
    pub(crate) async fn ping(&self, limits: Limits) -> Result<(), Error> {
        let connections = match self {
            Servers::One(connections) => connections,
            Servers::Cluster(cluster) => return cluster.ping(limits).await,
        };
        let ping = redis::cmd("PING");
        let request = Request::command(&ping, limits).with_resend(Resend::Idempotent);
        match connections.shared().call(request).await? {
            Reply::One(Value::ServerError(error)) => {
                let message = format!("`{}` is not ready", self.config().peer());
                Err(Error::new(ErrorKind::NotReady, message).caused_by(error))
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn close(&self, grace: Duration) {
        match self {
            Servers::One(connections) => connections.close(grace).await,
            Servers::Cluster(cluster) => cluster.close(grace).await,
        }
    }
}

/// Decodes encoded commands.
fn commands(bytes: &[u8]) -> RedisResult<Vec<Cmd>> {
    let command = |arguments: Vec<&[u8]>| {
        let mut command = Cmd::new();
        command.arg(arguments);
        command
    };
    let commands = split(bytes).ok_or_else(empty_command)?;
    Ok(commands.into_iter().map(command).collect())
}
