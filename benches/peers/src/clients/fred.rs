//! fred, one client that tasks share.

use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::Builder;
use fred::types::config::{Config, TlsConnector};

use super::tls;
use crate::Failure;
use crate::load::{self, Client, Command, Load};
use crate::sample::Sample;

pub(super) async fn measure(url: &str, load: &Load) -> Result<Sample, Failure> {
    let client = Builder::from_config(config(url)?).build()?;
    client.init().await?;
    Ok(load::tasks(load, Fred(client)).await)
}

/// Its own names of schemes, and its own way to an authority.
fn config(url: &str) -> Result<Config, Failure> {
    let (url, authority) = tls::split(url)?;
    if let Some((first, _)) = url.split_once(',') {
        // The others are found through the first.
        return Ok(Config::from_url(first)?);
    }
    let Some(authority) = authority else {
        return Ok(Config::from_url(&url.replacen("unix:", "redis+unix:", 1))?);
    };
    let mut config = Config::from_url(&url.replacen("rediss:", "redis:", 1))?;
    config.tls = Some(TlsConnector::from(tls::config(&authority)?).into());
    Ok(config)
}

#[derive(Clone)]
struct Fred(fred::clients::Client);

impl Client for Fred {
    async fn send(&mut self, command: Command) {
        match command.value {
            Some(value) => {
                let set = self
                    .0
                    .set::<(), _, _>(command.key, value, None, None, false);
                set.await.expect("it is set");
            }
            None => {
                let _: Option<String> = self.0.get(command.key).await.expect("it is got");
            }
        }
    }

    async fn pipeline(&mut self, commands: &[Command]) {
        let pipeline = self.0.pipeline();
        for command in commands {
            let queued: Result<(), _> = match command.value {
                Some(value) => {
                    let set = pipeline.set(command.key, value, None, None, false);
                    set.await
                }
                None => pipeline.get(command.key).await,
            };
            queued.expect("it is queued");
        }
        let replies: Vec<fred::types::Value> = pipeline.all().await.expect("all are answered");
        assert_eq!(replies.len(), commands.len());
    }
}
