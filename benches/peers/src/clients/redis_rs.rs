//! What speaks redis-rs's commands: redis-rs and ourselves.

use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::io::tcp::TcpSettings;
use redis::{AsyncCommands, Commands, IntoConnectionInfo, Pipeline, TlsCertificates, Value};

use super::tls;
use crate::Failure;
use crate::load::{self, BlockingClient, Client, Command, Load};
use crate::sample::Sample;

/// Longer than any measurement takes.
const HANGS: Duration = Duration::from_secs(60);

/// A connection that tasks share.
#[derive(Clone)]
pub(super) struct Shared<C>(pub(super) C);

/// A client that threads share.
#[derive(Clone)]
pub(super) struct Blocking<C>(pub(super) C);

pub(super) fn open(url: &str) -> Result<redis::Client, Failure> {
    let (url, authority) = tls::split(url)?;
    let Some(authority) = authority else {
        return Ok(redis::Client::open(url)?);
    };
    tls::install_provider();
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(authority),
    };
    Ok(redis::Client::build_with_tls(url, certificates)?)
}

/// A client that sends every command at once, although the reply to the one before is missing.
pub(super) fn open_without_delay(url: &str) -> Result<redis::Client, Failure> {
    let settings = TcpSettings::default().set_nodelay(true);
    let info = url.into_connection_info()?.set_tcp_settings(settings);
    Ok(redis::Client::open(info)?)
}

/// Measures redis-rs's own cluster client.
pub(super) async fn cluster(url: &str, load: &Load) -> Result<Sample, Failure> {
    let nodes = url.trim_start_matches("redis-cluster://").split(',');
    let nodes = nodes.map(|node| format!("redis://{node}"));
    let client = redis::cluster::ClusterClient::new(nodes)?;
    let connection = client.get_async_connection().await?;
    let load = load::tasks(load, Shared(connection));
    // With tokio 1.54 a single redirection can end it for good.
    Ok(tokio::time::timeout(HANGS, load).await?)
}

impl<C> Client for Shared<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    async fn send(&mut self, command: Command) {
        send(&mut self.0, command).await;
    }

    async fn pipeline(&mut self, commands: &[Command]) {
        pipeline(&mut self.0, commands).await;
    }
}

pub(super) async fn send(connection: &mut (impl AsyncCommands + Sync), command: Command) {
    match command.value {
        Some(value) => {
            let () = connection.set(command.key, value).await.expect("it is set");
        }
        None => {
            let _: Option<String> = connection.get(command.key).await.expect("it is got");
        }
    }
}

pub(super) async fn pipeline(connection: &mut (impl ConnectionLike + Send), commands: &[Command]) {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    for command in commands {
        match command.value {
            Some(value) => pipeline.set(command.key, value),
            None => pipeline.get(command.key),
        };
    }
    let replies: Vec<Value> = pipeline
        .query_async(connection)
        .await
        .expect("all are answered");
    assert_eq!(replies.len(), commands.len());
}

impl<C: redis::ConnectionLike + Clone + Send + 'static> BlockingClient for Blocking<C> {
    fn send(&mut self, command: Command) {
        send_blocking(&mut self.0, command);
    }
}

pub(super) fn send_blocking(connection: &mut impl redis::ConnectionLike, command: Command) {
    match command.value {
        Some(value) => {
            let () = connection.set(command.key, value).expect("it is set");
        }
        None => {
            let _: Option<String> = connection.get(command.key).expect("it is got");
        }
    }
}
