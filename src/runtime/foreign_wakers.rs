//! Wakers of unknown kinds are called and dropped on threads of their own.
//!
//! Each kind, by its table of functions, has its own queue and its own threads, so that a kind that blocks
//! does not hold up the others. Usually one thread serves a kind, and a second one stands by while there is
//! work: it takes over when the first has not come back for a moment. A kind that has not proven that it
//! returns quickly, or has just been slow, gets up to four threads, so that one waker that does not return
//! does not hold up the next. A thread ends when it has been idle for a while.
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

type Kinds = HashMap<usize, Arc<Kind>>;

static KINDS: Mutex<Option<Kinds>> = Mutex::new(None);

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
    /// Threads that wait for work, or stand by.
    idle: usize,
    /// Threads that run a job.
    working: usize,
    /// A thread looks again soon whether the one that works has come back.
    stands_by: bool,
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
    kind_of(kinds.get_or_insert_default(), key)
}

/// Returns the kind with this key, which is that of another key once there are many.
fn kind_of(kinds: &mut Kinds, key: usize) -> Arc<Kind> {
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
        if work.idle > 0 && !(work.working > 0 && work.stands_by) {
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
            work.working -= 1;
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
            let stand_by = work.stand_by_time();
            if stand_by.is_none()
                && let Some(job) = work.jobs.pop_front()
            {
                work.last_taken = Some(Instant::now());
                work.working += 1;
                return Some(job);
            }
            work.idle += 1;
            work.stands_by |= stand_by.is_some();
            let waited = self.more.wait_timeout(work, stand_by.unwrap_or(IDLE_TIME));
            let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
            work = guard;
            work.idle -= 1;
            work.stands_by &= stand_by.is_none();
            if result.timed_out() && stand_by.is_none() && work.jobs.is_empty() {
                work.threads -= 1;
                return None;
            }
        }
    }
}

impl Work {
    /// Returns how many threads there should be.
    fn wanted(&self) -> usize {
        let most = if self.is_quick() { 2 } else { MAX_THREADS };
        let busy = self.threads - self.idle;
        most.min(busy + self.jobs.len())
    }

    /// Returns how long the thread at hand leaves the work to another one, if it does.
    fn stand_by_time(&self) -> Option<Duration> {
        if self.working == 0 || self.jobs.is_empty() || !self.is_quick() {
            return None;
        }
        MAX_QUICK_TIME.checked_sub(self.last_taken?.elapsed())
    }

    /// Returns whether the kind has proven that it returns quickly, and does so at the moment.
    fn is_quick(&self) -> bool {
        let is_stuck = || {
            let last = self.last_taken;
            last.is_some_and(|last| last.elapsed() >= MAX_QUICK_TIME)
        };
        let busy = self.threads - self.idle;
        self.quick >= QUICK_WAKES_FOR_ONE_THREAD && (busy == 0 || !is_stuck())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Wake;

    use super::*;

    /// A waker of a kind of its own, which waits for a word if it is told to.
    struct Waiting {
        word: Option<Mutex<mpsc::Receiver<()>>>,
        woken: mpsc::Sender<bool>,
    }

    impl Wake for Waiting {
        fn wake(self: Arc<Self>) {
            if let Some(word) = &self.word {
                let word = word.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = word.recv();
            }
            let _ = self.woken.send(self.word.is_some());
        }
    }

    #[test]
    fn kinds_beyond_the_limit_share_the_queues_of_others_evenly_and_for_good() {
        let mut kinds = Kinds::new();
        // Addresses as tables of four functions have them.
        let keys = (0..3 * MAX_KINDS).map(|number| 32 * number);
        let found: Vec<_> = keys.clone().map(|key| kind_of(&mut kinds, key)).collect();
        assert_eq!(kinds.len(), MAX_KINDS);
        let (own, shared) = found.split_at(MAX_KINDS);
        let count = |queue| found.iter().filter(|it| Arc::ptr_eq(it, queue)).count();
        assert!(own.iter().all(|queue| count(queue) <= 5));
        let is_own = |queue| own.iter().any(|own| Arc::ptr_eq(own, queue));
        assert!(shared.iter().all(is_own));
        for (key, queue) in keys.zip(&found) {
            assert!(Arc::ptr_eq(&kind_of(&mut kinds, key), queue));
        }
    }

    #[test]
    fn a_waker_that_does_not_return_holds_up_no_other_even_after_many_that_did() {
        let (woken, wakes) = mpsc::channel();
        let quick = || {
            let woken = woken.clone();
            Waker::from(Arc::new(Waiting { word: None, woken }))
        };
        for _ in 0..2 * QUICK_WAKES_FOR_ONE_THREAD {
            wake([quick()]);
            assert_eq!(wakes.recv(), Ok(false));
        }
        let (release, word) = mpsc::channel();
        let stuck = Waker::from(Arc::new(Waiting {
            word: Some(Mutex::new(word)),
            woken: woken.clone(),
        }));
        wake([stuck, quick()]);
        assert_eq!(wakes.recv_timeout(Duration::from_secs(60)), Ok(false));
        release.send(()).expect("it waits");
        assert_eq!(wakes.recv(), Ok(true));
    }
}
