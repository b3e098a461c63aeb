//! [`Workers`]: processes that deliver mails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mailer::consumer::Consumer;
use mailer::outbox::Outbox;
use mailer::worker::Worker;
use redis_ready::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Result;
use crate::child::{Child, stopped};

/// Mails that one process delivers at the same time.
const WORKERS: usize = 8;
/// A worker that holds a mail for so long has died.
const ABANDONED_AFTER: Duration = Duration::from_secs(3);
const GRACE: Duration = Duration::from_secs(2);

/// Two processes at any time.
pub struct Workers {
    url: String,
    directory: PathBuf,
    processes: Vec<Child>,
    started: usize,
}

impl Workers {
    pub async fn start(url: String, directory: PathBuf) -> Result<Workers> {
        let mut workers = Workers {
            url,
            directory,
            processes: Vec::new(),
            started: 0,
        };
        workers.start_one().await?;
        workers.start_one().await?;
        Ok(workers)
    }

    async fn start_one(&mut self) -> Result<()> {
        self.started += 1;
        let name = format!("worker-{}", self.started);
        let log = File::create(self.log(self.started))?;
        let outbox = outbox(&self.directory);
        let outbox = outbox.to_str().expect("a temporary directory is UTF-8");
        let mut process = Child::start(&["work", &name, &self.url, outbox], log.into())?;
        process.line().await?;
        self.processes.push(process);
        Ok(())
    }

    fn log(&self, number: usize) -> PathBuf {
        self.directory.join(format!("worker-{number}.log"))
    }

    /// Kills the oldest process, and starts one with another name: what the first one holds is taken over.
    pub async fn kill_one(&mut self) -> Result<String> {
        self.processes.remove(0).kill().await?;
        let killed = self.started - 1;
        self.start_one().await?;
        Ok(format!(
            "process worker-{killed} killed, worker-{} started",
            self.started
        ))
    }

    /// Lets all of them stop, and returns what they have logged.
    pub async fn stop(self) -> Result<Vec<String>> {
        let logs: Vec<_> = (1..=self.started).map(|it| self.log(it)).collect();
        for process in self.processes {
            process.stop().await?;
        }
        let logs = logs.into_iter().map(std::fs::read_to_string);
        Ok(logs.collect::<std::io::Result<_>>()?)
    }
}

/// Where mails are delivered to.
pub fn outbox(directory: &Path) -> PathBuf {
    directory.join("outbox")
}

/// The process of a worker: delivers until [`stopped`].
pub async fn work(name: String, url: &str, outbox: PathBuf) -> Result<()> {
    let log = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(log).init();
    let client = Client::open(url)?;
    let outbox = Outbox::open(outbox)?;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    for number in 1..=WORKERS {
        let consumer = Consumer::new(&client, format!("{name}-{number}"));
        let worker = Worker::new(consumer, outbox.clone(), ABANDONED_AFTER);
        tasks.spawn(worker.run(stop.clone()));
    }
    println!("{name}");
    stopped().await;
    stop.cancel();
    tasks.join_all().await;
    client.close(GRACE).await;
    Ok(())
}
