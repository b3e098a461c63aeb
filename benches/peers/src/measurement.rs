//! One measurement, and the process of its own that makes it.

use std::process::Command;

use crate::Failure;
use crate::clients::DRIVERS;
use crate::length::Length;
use crate::load::Load;
use crate::node;
use crate::process::printed;
use crate::sample::Sample;

/// What to measure; as words of a command line it goes to the process that does.
#[derive(Debug, Clone)]
pub(crate) struct Measurement {
    pub(crate) client: String,
    pub(crate) url: String,
    /// Whether the tasks run on a runtime of one thread.
    pub(crate) current_thread: bool,
    pub(crate) load: Load,
}

impl Measurement {
    /// Measures in a process of its own.
    pub(crate) fn run(&self) -> Result<Sample, Failure> {
        if node::CLIENTS.contains(&self.client.as_str()) {
            return node::run(&self.words());
        }
        let mut process = Command::new(std::env::current_exe()?);
        process.arg("one").args(self.words());
        printed(process.envs(self.environment()))?.parse()
    }

    /// The variable that tells redis-ready which driver to take, if the client's name does.
    pub(crate) fn environment(&self) -> Option<(&'static str, &'static str)> {
        let (_, driver) = DRIVERS.iter().find(|(client, _)| *client == self.client)?;
        Some(("REDIS_READY_DRIVER", driver))
    }

    pub(crate) fn words(&self) -> Vec<String> {
        let Measurement {
            client,
            url,
            current_thread,
            load,
        } = self;
        let Load {
            tasks,
            pipeline,
            value,
            work,
            length,
            server,
        } = load;
        let length = match length {
            Length::Seconds(seconds) => format!("seconds={seconds}"),
            Length::Commands(commands) => format!("commands={commands}"),
        };
        vec![
            format!("client={client}"),
            format!("url={url}"),
            format!("current_thread={current_thread}"),
            format!("tasks={tasks}"),
            format!("pipeline={pipeline}"),
            format!("value={value}"),
            format!("work={work}"),
            length,
            format!("server={server}"),
        ]
    }

    pub(crate) fn parse(words: &[String]) -> Result<Measurement, Failure> {
        let find = |name: &str| {
            let value = words.iter().find_map(|word| {
                let (found, value) = word.split_once('=')?;
                (found == name).then_some(value)
            });
            value.ok_or_else(|| format!("`{name}=` is missing"))
        };
        let length = match find("commands") {
            Ok(commands) => Length::Commands(commands.parse()?),
            Err(_) => Length::Seconds(find("seconds")?.parse()?),
        };
        Ok(Measurement {
            client: find("client")?.to_owned(),
            url: find("url")?.to_owned(),
            current_thread: find("current_thread")?.parse()?,
            load: Load {
                tasks: find("tasks")?.parse()?,
                pipeline: find("pipeline")?.parse()?,
                value: find("value")?.parse()?,
                work: find("work")?.parse()?,
                length,
                server: find("server")?.parse()?,
            },
        })
    }
}
