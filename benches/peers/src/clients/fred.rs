//! fred, one client that tasks share.

use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::Builder;
use fred::types::config::Config;

use crate::Failure;
use crate::load::{self, Client, Command, Load};
use crate::sample::Sample;

pub(super) async fn measure(url: &str, load: &Load) -> Result<Sample, Failure> {
    let client = Builder::from_config(Config::from_url(url)?).build()?;
    client.init().await?;
    Ok(load::tasks(load, Fred(client)).await)
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
