//! Callers that go on until they are stopped, and what they were told.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, try_join_all};
use redis::RedisResult;
use tokio::task::JoinHandle;

use super::errors::{may_have_run, report};

/// What happened to the calls of a group of callers.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) done: u64,
    /// It may have run.
    pub(crate) unknown: u64,
    /// It has not run.
    pub(crate) not_done: u64,
    pub(crate) slowest: Duration,
    pub(crate) last_failure: Option<Instant>,
    /// Increments of each counter that have surely run, and that may have.
    pub(crate) increments: HashMap<String, (u64, u64)>,
    pub(crate) times: Vec<Duration>,
    /// The first of the errors.
    pub(crate) errors: Vec<String>,
}

impl Told {
    pub(crate) fn failed(&self) -> u64 {
        self.unknown + self.not_done
    }

    /// Adds what was told later.
    pub(crate) fn merge(&mut self, later: Told) {
        self.done += later.done;
        self.unknown += later.unknown;
        self.not_done += later.not_done;
        self.slowest = self.slowest.max(later.slowest);
        self.last_failure = later.last_failure.or(self.last_failure);
        self.times.extend(later.times);
        self.errors.extend(later.errors);
        for (counter, (sure, unsure)) in later.increments {
            let counts = self.increments.entry(counter).or_default();
            counts.0 += sure;
            counts.1 += unsure;
        }
    }

    /// Takes down what was told after `time`, of a call that increments `counter` if it has one.
    pub(crate) fn add<T>(&mut self, reply: &RedisResult<T>, time: Duration, counter: Option<&str>) {
        let (sure, unsure) = match reply {
            Ok(_) => {
                self.done += 1;
                (1, 0)
            }
            Err(error) => {
                self.last_failure = Some(Instant::now());
                if self.errors.len() < 5 {
                    self.errors.push(report(error));
                }
                let unknown = u64::from(may_have_run(error));
                self.unknown += unknown;
                self.not_done += 1 - unknown;
                (0, unknown)
            }
        };
        self.slowest = self.slowest.max(time);
        self.times.push(time);
        if let Some(counter) = counter {
            let counts = self.increments.entry(counter.to_owned()).or_default();
            counts.0 += sure;
            counts.1 += unsure;
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, unknown, not_done) = (self.done, self.unknown, self.not_done);
        let (slowest, errors) = (self.slowest, &self.errors);
        write!(
            f,
            "{done} done, {unknown} unknown, {not_done} not done, at most {slowest:.1?}"
        )?;
        if !errors.is_empty() {
            write!(f, ", {errors:#?}")?;
        }
        Ok(())
    }
}

/// Callers at work. Each stops after a call, never within one.
pub(crate) struct Callers {
    over: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Callers {
    /// Starts `count` callers that call what `call` gives them, with a pause after each call. It is
    /// given the caller's number and that of its call, and says which counter it increments, if any.
    pub(crate) fn start<F>(count: usize, pause: Duration, call: F) -> Callers
    where
        F: Fn(usize, u64) -> Calling + Send + Sync + 'static,
    {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::<Mutex<Told>>::default();
        let call = Arc::new(call);
        let task = |caller| {
            let (over, told, call) = (Arc::clone(&over), Arc::clone(&told), Arc::clone(&call));
            tokio::spawn(async move {
                for number in 0.. {
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                    let Calling { counter, reply } = call(caller, number);
                    let start = Instant::now();
                    let reply = reply.await;
                    lock(&told).add(&reply, start.elapsed(), counter.as_deref());
                    tokio::time::sleep(pause).await;
                }
            })
        };
        let tasks = (0..count).map(task).collect();
        Callers { over, told, tasks }
    }

    /// What they were told since the last time that this was asked.
    pub(crate) fn so_far(&self) -> Told {
        std::mem::take(&mut *lock(&self.told))
    }

    /// Lets each caller finish its call, and returns what they were told since the last time.
    pub(crate) async fn stop(self) -> Told {
        self.over.store(true, Ordering::SeqCst);
        try_join_all(self.tasks).await.expect("no caller panics");
        std::mem::take(&mut *lock(&self.told))
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().expect("no thread panics with the lock held")
}

/// One call on its way.
pub(crate) struct Calling {
    pub(crate) counter: Option<String>,
    pub(crate) reply: BoxFuture<'static, RedisResult<()>>,
}

impl Calling {
    pub(crate) fn new(reply: impl Future<Output = RedisResult<()>> + Send + 'static) -> Calling {
        Calling {
            counter: None,
            reply: Box::pin(reply),
        }
    }

    /// A call that increments `counter` once.
    pub(crate) fn incrementing(
        counter: &str,
        reply: impl Future<Output = RedisResult<()>> + Send + 'static,
    ) -> Calling {
        Calling {
            counter: Some(counter.to_owned()),
            reply: Box::pin(reply),
        }
    }
}
