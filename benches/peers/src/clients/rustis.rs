//! rustis, one client that tasks share.

use rustis::client::BatchPreparedCommand;
use rustis::commands::StringCommands;

use crate::Failure;
use crate::load::{self, Client, Command, Load};
use crate::sample::Sample;

pub(super) async fn measure(url: &str, load: &Load) -> Result<Sample, Failure> {
    let client = rustis::client::Client::connect(url).await?;
    Ok(load::tasks(load, Rustis(client)).await)
}

#[derive(Clone)]
struct Rustis(rustis::client::Client);

impl Client for Rustis {
    async fn send(&mut self, command: Command) {
        match command.value {
            Some(value) => self.0.set(command.key, value).await.expect("it is set"),
            None => {
                let _: Option<String> = self.0.get(command.key).await.expect("it is got");
            }
        }
    }

    async fn pipeline(&mut self, commands: &[Command]) {
        let mut pipeline = self.0.create_pipeline();
        for command in commands {
            match command.value {
                Some(value) => pipeline.set(command.key, value).queue(),
                None => pipeline.get::<Option<String>>(command.key).queue(),
            }
        }
        let replies: Vec<Option<String>> = pipeline.execute().await.expect("all are answered");
        assert_eq!(replies.len(), commands.len());
    }
}
