//! One closed loop: so many tasks, each with one command, or one pipeline, in flight.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::cpu;
use crate::histogram::Histogram;
use crate::length::Length;
use crate::sample::Sample;
use crate::work::Work;

const KEYS: usize = 10_000;
const LONGEST_VALUE: usize = 16 * 1024;
const WARM_UP: Duration = Duration::from_millis(300);

/// What to send to the server, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Concurrent callers.
    pub(crate) tasks: usize,
    /// Commands that a caller has in flight.
    pub(crate) pipeline: usize,
    /// Bytes of a value.
    pub(crate) value: usize,
    /// Microseconds of CPU work that a caller does between its commands.
    pub(crate) work: u32,
    pub(crate) length: Length,
    /// The server's process, to ask for its CPU time.
    pub(crate) server: u32,
}

/// A command to send: GET without a value, SET with one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command {
    pub(crate) key: &'static str,
    pub(crate) value: Option<&'static str>,
}

/// A client as one task holds it.
pub(crate) trait Client: Clone + Send + 'static {
    fn send(&mut self, command: Command) -> impl Future<Output = ()> + Send;

    fn pipeline(&mut self, commands: &[Command]) -> impl Future<Output = ()> + Send;
}

/// A client as one thread holds it.
pub(crate) trait BlockingClient: Clone + Send + 'static {
    fn send(&mut self, command: Command);
}

/// The commands of one task: the same ones in every run.
pub(crate) struct Commands {
    random: fastrand::Rng,
    keys: &'static [String],
    value: &'static str,
}

impl Commands {
    pub(crate) fn new(task: usize, load: &Load) -> Commands {
        Commands {
            random: fastrand::Rng::with_seed(task as u64),
            keys: keys(),
            value: value(load.value),
        }
    }

    pub(crate) fn next(&mut self) -> Command {
        Command {
            key: &self.keys[self.random.usize(..KEYS)],
            value: self.random.bool().then_some(self.value),
        }
    }
}

pub(crate) fn keys() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| (0..KEYS).map(|key| format!("key:{key}")).collect())
}

/// A value of so many bytes.
pub(crate) fn value(length: usize) -> &'static str {
    static LONGEST: OnceLock<String> = OnceLock::new();
    let longest =
        LONGEST.get_or_init(|| "0123456789".chars().cycle().take(LONGEST_VALUE).collect());
    &longest[..length]
}

/// When to measure and when to stop, for all tasks of the process.
pub(crate) struct Progress {
    counting: AtomicBool,
    over: AtomicBool,
}

static PROGRESS: Progress = Progress {
    counting: AtomicBool::new(false),
    over: AtomicBool::new(false),
};

/// The share of one task.
pub(crate) struct Share {
    left: Option<usize>,
    pub(crate) latencies: Histogram,
}

impl Share {
    pub(crate) fn new(load: &Load, tasks: usize) -> Share {
        Share {
            left: match load.length {
                Length::Seconds(_) => None,
                Length::Commands(commands) => Some(commands / load.pipeline / tasks),
            },
            latencies: Histogram::new(),
        }
    }

    /// When the next round starts; `None` after the last one.
    pub(crate) fn start(&mut self) -> Option<Instant> {
        match &mut self.left {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None if PROGRESS.over.load(Ordering::Relaxed) => return None,
            None => {}
        }
        Some(Instant::now())
    }

    pub(crate) fn end(&mut self, start: Instant) {
        if PROGRESS.counting.load(Ordering::Relaxed) {
            self.latencies.add(start.elapsed());
        }
    }
}

/// Runs `load.tasks` tasks with clones of `client`.
pub(crate) async fn tasks(load: &Load, client: impl Client) -> Sample {
    let work = Work::of(load.work);
    let running: Vec<_> = (0..load.tasks)
        .map(|task| tokio::spawn(one_task(load.clone(), task, work, client.clone())))
        .collect();
    let pause = async |wait| tokio::time::sleep(wait).await;
    let cpu = measure(load, pause).await;
    let mut latencies = Histogram::new();
    for task in running {
        latencies.merge(&task.await.expect("a task does not panic").latencies);
    }
    Sample::new(&latencies, load.pipeline, load.length, cpu)
}

async fn one_task(load: Load, task: usize, work: Work, mut client: impl Client) -> Share {
    let mut commands = Commands::new(task, &load);
    let mut share = Share::new(&load, load.tasks);
    let mut batch = Vec::with_capacity(load.pipeline);
    while let Some(start) = share.start() {
        if load.pipeline == 1 {
            client.send(commands.next()).await;
        } else {
            batch.clear();
            batch.extend((0..load.pipeline).map(|_| commands.next()));
            client.pipeline(&batch).await;
        }
        share.end(start);
        work.run();
    }
    share
}

/// Runs `load.tasks` threads with clones of `client`.
pub(crate) async fn threads(load: &Load, client: impl BlockingClient) -> Sample {
    let work = Work::of(load.work);
    let running: Vec<_> = (0..load.tasks)
        .map(|thread| {
            let (load, client) = (load.clone(), client.clone());
            std::thread::spawn(move || one_thread(&load, thread, work, client))
        })
        .collect();
    let pause = async |wait| std::thread::sleep(wait);
    let cpu = measure(load, pause).await;
    let mut latencies = Histogram::new();
    for thread in running {
        latencies.merge(&thread.join().expect("a thread does not panic").latencies);
    }
    Sample::new(&latencies, 1, load.length, cpu)
}

fn one_thread(load: &Load, thread: usize, work: Work, mut client: impl BlockingClient) -> Share {
    let mut commands = Commands::new(thread, load);
    let mut share = Share::new(load, load.tasks);
    while let Some(start) = share.start() {
        client.send(commands.next());
        share.end(start);
        work.run();
    }
    share
}

/// Lets the tasks warm up, then counts until the time is over.
pub(crate) async fn measure(load: &Load, pause: impl AsyncFn(Duration)) -> cpu::Spent {
    let Length::Seconds(seconds) = load.length else {
        return cpu::Spent::default();
    };
    pause(WARM_UP).await;
    let before = cpu::Spent::now(load.server);
    PROGRESS.counting.store(true, Ordering::Relaxed);
    pause(Duration::from_secs_f64(seconds)).await;
    let after = cpu::Spent::now(load.server);
    PROGRESS.over.store(true, Ordering::Relaxed);
    after.since(before)
}
