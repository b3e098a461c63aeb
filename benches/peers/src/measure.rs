//! One closed loop: so many callers, each with one command in flight.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const KEYS: usize = 10_000;
const WARM_UP: Duration = Duration::from_millis(300);

/// What one measurement gives.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// Commands per second.
    pub(crate) rate: f64,
    /// Latency in microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample { rate, p50, p99 } = self;
        write!(f, "{rate:.0} {p50:.1} {p99:.1}")
    }
}

impl FromStr for Sample {
    type Err = Box<dyn std::error::Error>;

    fn from_str(line: &str) -> Result<Sample, Self::Err> {
        let numbers: Vec<f64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        match numbers[..] {
            [rate, p50, p99] => Ok(Sample { rate, p50, p99 }),
            _ => Err(format!("not a measurement: {line}").into()),
        }
    }
}

static COUNTING: AtomicBool = AtomicBool::new(false);
static OVER: AtomicBool = AtomicBool::new(false);

/// A command to send: GET without a value, SET with one.
pub(crate) struct Command {
    pub(crate) key: String,
    pub(crate) value: Option<&'static str>,
}

fn next() -> Command {
    const VALUE: &str = "0123456789012345678901234567890123456789012345678901234567890123456789\
                         012345678901234567890123456789";
    Command {
        key: format!("key:{}", fastrand::usize(..KEYS)),
        value: fastrand::bool().then_some(VALUE),
    }
}

/// Runs `tasks` tasks, each with what `caller` makes.
pub(crate) async fn tasks<C, F>(tasks: usize, seconds: f64, mut caller: impl FnMut() -> C) -> Sample
where
    C: FnMut(Command) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let mut call = caller();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while !OVER.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    call(next()).await;
                    if COUNTING.load(Ordering::Relaxed) {
                        latencies.push(start.elapsed());
                    }
                }
                latencies
            })
        })
        .collect();
    tokio::time::sleep(WARM_UP).await;
    COUNTING.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    OVER.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for task in running {
        latencies.extend(task.await.expect("a caller does not panic"));
    }
    sample(latencies, seconds)
}

/// Runs `threads` threads, each with what `caller` makes.
pub(crate) fn threads<C>(threads: usize, seconds: f64, mut caller: impl FnMut() -> C) -> Sample
where
    C: FnMut(Command) + Send + 'static,
{
    let running: Vec<_> = (0..threads)
        .map(|_| {
            let mut call = caller();
            std::thread::spawn(move || {
                let mut latencies = Vec::new();
                while !OVER.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    call(next());
                    if COUNTING.load(Ordering::Relaxed) {
                        latencies.push(start.elapsed());
                    }
                }
                latencies
            })
        })
        .collect();
    std::thread::sleep(WARM_UP);
    COUNTING.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_secs_f64(seconds));
    OVER.store(true, Ordering::Relaxed);
    let latencies = running
        .into_iter()
        .flat_map(|thread| thread.join().expect("a caller does not panic"));
    sample(latencies.collect(), seconds)
}

fn sample(mut latencies: Vec<Duration>, seconds: f64) -> Sample {
    latencies.sort_unstable();
    let at = |share: f64| {
        let place = (latencies.len() as f64 * share) as usize;
        latencies
            .get(place)
            .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
    };
    Sample {
        rate: latencies.len() as f64 / seconds,
        p50: at(0.5),
        p99: at(0.99),
    }
}
