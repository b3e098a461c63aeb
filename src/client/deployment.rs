//! [`Deployment`]: the server or the cluster that a client sends its commands to.

use std::future::{Future, ready};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use redis::{Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value};

use super::described;
use crate::cluster::Cluster;
use crate::config::{Config, ServerConfig, ServerRole, Servers, Target};
use crate::connection::{
    CallOptions, MultiplexedConnection, NodeConnections, Packed, PlainPipeline, Reply,
};
use crate::error::Error;
use crate::observe::{
    Answer, ConnectionState, Health, Observer, Statistics, SubscriptionCounts, Tally, aggregate,
};
use crate::runtime::{check_may_wait, flush_log};
use crate::subscription::{ChannelNames, Kind, Source, Subscription, Subscriptions};

/// One server or a cluster, and the configuration of the client.
pub(super) struct Deployment {
    config: Arc<Config>,
    servers: Connected,
    observer: Observer,
    /// What all connections of the client count together.
    tally: Arc<Tally>,
    closed_at: OnceLock<Instant>,
    /// Made by the first subscription.
    subscriptions: OnceLock<Subscriptions>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a client has one of them, and each command would pay for a box"
)]
enum Connected {
    /// One server, or the one that Sentinels name.
    Standalone(NodeConnections),
    Cluster(Arc<Cluster>),
}

impl Deployment {
    pub(super) fn new(config: Config) -> Deployment {
        let config = Arc::new(config);
        let mut tally = Arc::default();
        let standalone = |target| {
            let node = NodeConnections::new(target, Arc::clone(&tally), None);
            Connected::Standalone(node)
        };
        let servers = match config.servers() {
            Servers::Standalone(endpoint) => {
                let (config, endpoint) = (Arc::clone(&config), endpoint.clone());
                let server = ServerConfig::new(config, endpoint, ServerRole::Standalone);
                standalone(Target::Server(server))
            }
            Servers::Sentinel(sentinels) => {
                standalone(Target::Sentinel(Arc::clone(&config), sentinels.clone()))
            }
            Servers::Cluster(seeds) => {
                let cluster = Cluster::new(Arc::clone(&config), seeds.clone());
                Connected::Cluster(Arc::new(cluster))
            }
        };
        if let Connected::Cluster(cluster) = &servers {
            tally = Arc::clone(cluster.tally());
        }
        Deployment {
            observer: Observer::new(&config),
            config,
            servers,
            tally,
            closed_at: OnceLock::new(),
            subscriptions: OnceLock::new(),
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Sends one command.
    #[inline]
    pub(super) fn send<'a>(
        &'a self,
        command: &'a Cmd,
        options: CallOptions,
    ) -> RedisFuture<'a, Value> {
        if let Err(error) = check_may_wait() {
            return Box::pin(ready(Err(RedisError::from(error))));
        }
        let reply = match &self.servers {
            Connected::Standalone(node) => node.send(command, options),
            Connected::Cluster(cluster) => cluster.send(command, options),
        };
        self.observer.observe(|| described::command(command), reply)
    }

    /// Sends packed commands.
    pub(super) async fn send_packed(
        &self,
        packed: Packed<'_>,
        options: CallOptions,
    ) -> RedisResult<Reply> {
        check_may_wait()?;
        let reply = self.run_packed(packed.borrowed(), options);
        self.observe_packed(&packed, reply).await
    }

    async fn run_packed(&self, packed: Packed<'_>, options: CallOptions) -> RedisResult<Reply> {
        match &self.servers {
            Connected::Standalone(node) => node.send_packed(packed, options).await,
            Connected::Cluster(cluster) => cluster.send_packed(packed, options).await,
        }
    }

    /// Sends a pipeline, whose caller wants `count` replies behind the first `offset`.
    pub(super) fn send_pipeline<'a>(
        &'a self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
        options: CallOptions,
    ) -> RedisFuture<'a, Vec<Value>> {
        if let Connected::Standalone(node) = &self.servers
            && check_may_wait().is_ok()
            && let Some(plain) = PlainPipeline::of(pipeline, offset, count)
        {
            let replies = node.send_pipeline(plain, options);
            let operation = || described::pipeline(pipeline);
            return self.observer.observe(operation, replies);
        }
        let packed = Packed::of_pipeline(pipeline, offset, count);
        Box::pin(async move { self.send_packed_pipeline(packed?, options).await })
    }

    /// Sends packed commands of a pipeline.
    pub(super) async fn send_packed_pipeline(
        &self,
        packed: Packed<'_>,
        options: CallOptions,
    ) -> RedisResult<Vec<Value>> {
        let commands = packed.count();
        self.send_packed(packed, options)
            .await?
            .many(commands)
            .await
    }

    /// Sends `PING` to the server, or to every primary of the cluster.
    pub(super) async fn ping(&self, options: CallOptions) -> Result<(), Error> {
        check_may_wait()?;
        match &self.servers {
            Connected::Standalone(node) => node.ping(options).await,
            Connected::Cluster(cluster) => cluster.ping(options).await,
        }
    }

    /// Returns a new dedicated connection. In a cluster it leads to any primary; the first command with a
    /// key decides on which node the session is.
    pub(super) async fn dedicated(
        &self,
        options: CallOptions,
    ) -> Result<MultiplexedConnection, Error> {
        check_may_wait()?;
        match &self.servers {
            Connected::Standalone(node) => {
                node.check_hindrance(options)?;
                Ok(node.dedicated())
            }
            Connected::Cluster(cluster) => cluster.dedicated_to_any(options).await,
        }
    }

    /// Returns the cluster, if it is one.
    pub(super) fn cluster(&self) -> Option<&Cluster> {
        match &self.servers {
            Connected::Standalone(_) => None,
            Connected::Cluster(cluster) => Some(cluster),
        }
    }

    /// Returns how the client is, without I/O.
    pub(super) fn health(&self) -> Health {
        let cluster = match &self.servers {
            Connected::Standalone(node) => return node.shared().health().into(),
            Connected::Cluster(cluster) => cluster,
        };
        let nodes = cluster.health();
        let seeds = match self.config.servers() {
            Servers::Cluster(seeds) => seeds.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        let address = seeds.join(",");
        let mut health = aggregate(address, nodes, self.tally.made());
        if let Some(closed_at) = self.closed_at.get() {
            health.state = ConnectionState::Closed;
            health.since = *closed_at;
        }
        health
    }

    /// Returns what the client has done since it was made.
    pub(super) fn statistics(&self) -> Statistics {
        Statistics {
            subscriptions: self.subscription_counts(),
            ..self.tally.statistics()
        }
    }

    fn subscription_counts(&self) -> SubscriptionCounts {
        let subscriptions = self.subscriptions.get();
        subscriptions.map_or_else(SubscriptionCounts::default, Subscriptions::counts)
    }

    /// Tells the recorder of metrics what is not told with each operation.
    #[cfg(feature = "metrics")]
    pub(super) fn record_metrics(&self) {
        let subscriptions = self.subscription_counts();
        self.observer
            .measures()
            .report(&self.health(), &self.tally, subscriptions);
    }

    /// Tells spans and metrics of `reply`, the one to `command`.
    pub(super) async fn observe<T: Answer>(
        &self,
        command: &Cmd,
        reply: impl Future<Output = RedisResult<T>> + Send,
    ) -> RedisResult<T> {
        let operation = || described::command(command);
        self.observer.observe_unboxed(operation, reply).await
    }

    /// Tells spans and metrics of `reply`, the one to packed commands.
    pub(super) async fn observe_packed<T: Answer>(
        &self,
        packed: &Packed<'_>,
        reply: impl Future<Output = RedisResult<T>> + Send,
    ) -> RedisResult<T> {
        let operation = || described::packed(packed);
        self.observer.observe_unboxed(operation, reply).await
    }

    /// Returns a subscription to these names, once the server has confirmed it.
    pub(super) async fn subscribe(
        &self,
        kind: Kind,
        names: impl ChannelNames,
    ) -> Result<Subscription, Error> {
        self.subscriptions().open(kind, names).await
    }

    fn subscriptions(&self) -> &Subscriptions {
        self.subscriptions.get_or_init(|| {
            let source = match &self.servers {
                Connected::Standalone(node) => {
                    let shared = node.shared();
                    let watch = Arc::clone(shared.watch());
                    Source::Server(shared.target().clone(), watch, shared.attempts())
                }
                Connected::Cluster(cluster) => Source::Cluster(Arc::clone(cluster)),
            };
            Subscriptions::new(Arc::clone(&self.config), source)
        })
    }

    pub(super) async fn close(&self, grace: Duration) {
        let start = Instant::now();
        let _ = self.closed_at.set(start);
        // A subscription that comes later is refused as well.
        self.subscriptions().close();
        match &self.servers {
            Connected::Standalone(node) => node.close(grace).await,
            Connected::Cluster(cluster) => cluster.close(grace).await,
        }
        flush_log(grace.saturating_sub(start.elapsed())).await;
    }
}
