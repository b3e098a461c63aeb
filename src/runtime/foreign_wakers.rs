//! Wakers of unknown kinds are called and dropped on threads of their own.
//!
//! Each kind, by its table of functions, has its own queue and its own threads, so that a kind that blocks
//! does not hold up the others. Usually one thread serves a kind. While it has not proven that it returns
//! quickly, or has just been slow, it gets up to four, so that one waker that does not return does
//! not hold up the next. A thread ends when it has been idle for a while.
//!
//! The way over another thread has a price. Processor time for one command in µs, woken on the I/O thread
//! and this way, `GET` of a small value with 64 in flight on two cores that were busy with other work,
//! medians of 9 interleaved pairs: `buffer_unordered` in tokio 1.9 and 2.3 (with 16: 2.0 and 2.8), in
//! `block_on` of `futures` 1.7 and 4.6, tasks of smol 1.1 and 1.9. Throughput of `buffer_unordered` in a
//! multi-threaded tokio was 0.87 and 0.99 of the old way in two runs with 64, 0.88 and 1.28 with 16, which
//! is within the noise of that machine; tasks of smol with 64 had 0.58 and 0.81. Tasks of tokio pay nothing.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::threads;

/// Kinds with a queue of their own; any more share these.
const MAX_KINDS: usize = 64;
/// Threads that serve one kind.
const MAX_THREADS: usize = 4;
/// A waker that takes longer is slow. Most take a microsecond; a thread that has lost its processor is back
/// sooner.
const MAX_QUICK_TIME: Duration = Duration::from_millis(10);
/// Number of consecutive quick wakers after which one thread is enough.
const QUICK_WAKES_FOR_ONE_THREAD: u32 = 100;
/// Time without work after which a thread ends.
const IDLE_TIME: Duration = Duration::from_secs(5);

static KINDS: Mutex<Option<HashMap<usize, Arc<Kind>>>> = Mutex::new(None);

/// What to do with a waker.
enum Job {
    Wake(Waker),
    Drop(Waker),
}

impl Job {
    fn kind(&self) -> usize {
        let (Job::Wake(waker) | Job::Drop(waker)) = self;
        std::ptr::from_ref(waker.vtable()).addr()
    }

    fn run(self) {
        // The panic hook has reported the panic already.
        let _ = catch_unwind(AssertUnwindSafe(|| match self {
            Job::Wake(waker) => waker.wake(),
            Job::Drop(waker) => drop(waker),
        }));
    }
}

/// The wakers of one kind that wait for a thread.
#[derive(Default)]
struct Kind {
    work: Mutex<Work>,
    more: Condvar,
}

#[derive(Default)]
struct Work {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    /// How many have returned quickly since the last one that was slow.
    quick: u32,
    /// When a thread has taken a job the last time.
    last_taken: Option<Instant>,
    /// The process in which the threads run.
    process: u32,
}

/// Wakes `wakers` on other threads.
pub(super) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    let mut jobs = wakers.into_iter().map(Job::Wake).peekable();
    while let Some(first) = jobs.next() {
        let key = first.kind();
        // Mostly all are of one kind, and one lock does for all of them.
        let others = std::iter::from_fn(|| jobs.next_if(|next| next.kind() == key));
        kind(key).push(std::iter::once(first).chain(others));
    }
}

/// Drops `waker` on another thread.
pub(super) fn discard(waker: Waker) {
    let job = Job::Drop(waker);
    kind(job.kind()).push([job]);
}

/// Returns the kind with this key.
fn kind(key: usize) -> Arc<Kind> {
    let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
    let kinds = kinds.get_or_insert_default();
    if kinds.len() >= MAX_KINDS && !kinds.contains_key(&key) {
        // Tables of functions are aligned: the lowest bits are the same for all.
        let shared = kinds.values().nth((key >> 4) % MAX_KINDS);
        return Arc::clone(shared.expect("there are as many"));
    }
    Arc::clone(kinds.entry(key).or_default())
}

impl Kind {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self: &Arc<Kind>, jobs: impl IntoIterator<Item = Job>) {
        let mut work = self.lock();
        let process = std::process::id();
        if work.process != process {
            // In a forked child the callers of its parent are not there, nor are the threads. Their wakers are
            // not the child's to drop.
            std::mem::forget(std::mem::take(&mut *work));
            work.process = process;
        }
        work.jobs.extend(jobs);
        if work.idle > 0 {
            self.more.notify_one();
        }
        let wanted = work.wanted();
        for _ in work.threads..wanted {
            let kind = Arc::clone(self);
            if threads::start("redis-ready-wake", move || kind.serve()).is_err() {
                break;
            }
            work.threads += 1;
        }
        if work.threads == 0 {
            // A caller that is woken here is better than one that waits for ever.
            let jobs = std::mem::take(&mut work.jobs);
            drop(work);
            jobs.into_iter().for_each(Job::run);
        }
    }

    /// Runs jobs until there is none for a while.
    fn serve(&self) {
        while let Some(job) = self.next_job() {
            let start = Instant::now();
            job.run();
            let mut work = self.lock();
            work.quick = if start.elapsed() < MAX_QUICK_TIME {
                work.quick.saturating_add(1)
            } else {
                0
            };
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut work = self.lock();
        loop {
            if let Some(job) = work.jobs.pop_front() {
                work.last_taken = Some(Instant::now());
                return Some(job);
            }
            work.idle += 1;
            let waited = self.more.wait_timeout(work, IDLE_TIME);
            let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
            work = guard;
            work.idle -= 1;
            if result.timed_out() && work.jobs.is_empty() {
                work.threads -= 1;
                return None;
            }
        }
    }
}

impl Work {
    /// Returns how many threads there should be.
    fn wanted(&self) -> usize {
        let is_stuck = || {
            self.last_taken
                .is_some_and(|last| last.elapsed() >= MAX_QUICK_TIME)
        };
        let busy = self.threads - self.idle;
        let most = if self.quick >= QUICK_WAKES_FOR_ONE_THREAD && (busy == 0 || !is_stuck()) {
            1
        } else {
            MAX_THREADS
        };
        most.min(busy + self.jobs.len())
    }
}
