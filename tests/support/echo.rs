//! Finds replies that reached the wrong caller: every reply says what it answers.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value, cmd, pipe};

/// Keys whose values name them.
const KEYS: u64 = 1_000;

/// What happened to the calls of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) commands: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) right: AtomicU64,
    pub(crate) wrong: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// The first of the wrong replies and of the failures.
    pub(crate) examples: Mutex<Vec<String>>,
}

impl Tally {
    pub(crate) fn of(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::SeqCst)
    }

    fn count(&self, counter: &AtomicU64, example: impl FnOnce() -> String) {
        if counter.fetch_add(1, Ordering::SeqCst) < 3 {
            let mut examples = self
                .examples
                .lock()
                .expect("no thread panics with the lock held");
            examples.push(example());
        }
    }
}

/// How a run treats its calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Callers at once.
    pub(crate) tasks: u64,
    /// Commands in all.
    pub(crate) commands: u64,
    /// Which part of the calls is given a time to be dropped at ...
    pub(crate) dropped: f64,
    /// ... of up to this.
    pub(crate) drop_within: Duration,
    /// Makes a run repeatable as far as the machine allows.
    pub(crate) seed: u64,
}

/// Sets the keys that the calls read.
pub(crate) async fn fill<C: ConnectionLike>(connection: &mut C) {
    let mut fill = pipe();
    for key in 0..KEYS {
        fill.set(format!("key:{key}"), value(key)).ignore();
    }
    fill.exec_async(connection).await.expect("keys can be set");
}

fn value(key: u64) -> String {
    format!(
        "value of {key}, {:x}",
        key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    )
}

/// Calls from many tasks at once, and compares each reply with what was asked.
pub(crate) async fn run<C>(connection: &C, load: Load) -> Tally
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    let tally = Arc::new(Tally::default());
    let tasks: Vec<_> = (0..load.tasks)
        .map(|task| {
            let mut connection = connection.clone();
            let tally = Arc::clone(&tally);
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(load.seed.wrapping_add(task));
                while Tally::of(&tally.commands) < load.commands {
                    call(&mut connection, &mut random, load, &tally).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a caller never panics");
    }
    Arc::into_inner(tally).expect("the callers are gone")
}

async fn call<C: ConnectionLike + Send>(
    connection: &mut C,
    random: &mut fastrand::Rng,
    load: Load,
    tally: &Tally,
) {
    let question = Question::random(random);
    tally.calls.fetch_add(1, Ordering::SeqCst);
    tally
        .commands
        .fetch_add(question.commands(), Ordering::SeqCst);
    let reply = question.ask(connection);
    let reply = if random.f64() < load.dropped {
        let time = load.drop_within.mul_f64(random.f64());
        if let Ok(reply) = tokio::time::timeout(time, reply).await {
            reply
        } else {
            tally.dropped.fetch_add(1, Ordering::SeqCst);
            return;
        }
    } else {
        reply.await
    };
    match reply {
        Ok(reply) if reply == question.answer() => {
            tally.right.fetch_add(1, Ordering::SeqCst);
        }
        Ok(reply) => tally.count(&tally.wrong, || {
            format!("wrong: {reply:?} for {:?}", question.answer())
        }),
        Err(error) if question.is_refused() && error.to_string().contains("empty command") => {
            tally.right.fetch_add(1, Ordering::SeqCst);
        }
        Err(error) if error.is_timeout() => {
            tally.timed_out.fetch_add(1, Ordering::SeqCst);
        }
        Err(error) => tally.count(&tally.failed, || format!("failed: {error}")),
    }
}

/// A call that has one right answer.
#[derive(Debug, Clone, Copy)]
enum Question {
    Key(u64),
    Nonce(u64),
    Pipeline([u64; 2], u64),
    Transaction([u64; 2], u64),
    /// A command without words, which the server would not answer.
    Empty,
    EmptyInPipeline(u64),
}

impl Question {
    fn random(random: &mut fastrand::Rng) -> Question {
        let keys = [random.u64(0..KEYS), random.u64(0..KEYS)];
        let nonce = random.u64(..);
        match random.u8(0..100) {
            0..=39 => Question::Key(keys[0]),
            40..=79 => Question::Nonce(nonce),
            80..=89 => Question::Pipeline(keys, nonce),
            90..=97 => Question::Transaction(keys, nonce),
            98 => Question::Empty,
            _ => Question::EmptyInPipeline(nonce),
        }
    }

    fn commands(self) -> u64 {
        match self {
            Question::Key(_) | Question::Nonce(_) => 1,
            Question::Pipeline(..) | Question::Transaction(..) => 3,
            Question::Empty | Question::EmptyInPipeline(_) => 0,
        }
    }

    fn is_refused(self) -> bool {
        matches!(self, Question::Empty | Question::EmptyInPipeline(_))
    }

    fn ask<C: ConnectionLike + Send>(
        self,
        connection: &mut C,
    ) -> BoxFuture<'_, RedisResult<Answer>> {
        Box::pin(async move {
            match self {
                Question::Key(key) => {
                    let get = cmd("GET").arg(format!("key:{key}")).to_owned();
                    Ok(vec![get.query_async(connection).await?])
                }
                Question::Nonce(nonce) => {
                    let echo = cmd("ECHO").arg(nonce).to_owned();
                    Ok(vec![echo.query_async(connection).await?])
                }
                Question::Pipeline(keys, nonce) => three(keys, nonce).query_async(connection).await,
                Question::Transaction(keys, nonce) => {
                    three(keys, nonce).atomic().query_async(connection).await
                }
                Question::Empty => Ok(vec![Cmd::new().query_async(connection).await?]),
                Question::EmptyInPipeline(nonce) => {
                    let mut pipeline = pipe();
                    pipeline.cmd("ECHO").arg(nonce).add_command(Cmd::new());
                    pipeline.query_async(connection).await
                }
            }
        })
    }

    fn answer(self) -> Answer {
        match self {
            Question::Key(key) => vec![value(key)],
            Question::Nonce(nonce) => vec![nonce.to_string()],
            Question::Pipeline(keys, nonce) | Question::Transaction(keys, nonce) => {
                vec![value(keys[0]), nonce.to_string(), value(keys[1])]
            }
            Question::Empty | Question::EmptyInPipeline(_) => Vec::new(),
        }
    }
}

type Answer = Vec<String>;

fn three(keys: [u64; 2], nonce: u64) -> Pipeline {
    let mut pipeline = pipe();
    pipeline.get(format!("key:{}", keys[0]));
    pipeline.cmd("ECHO").arg(nonce);
    pipeline.get(format!("key:{}", keys[1]));
    pipeline
}

/// A connection with the defect that all of this looks for: after a call was dropped or timed out,
/// its reply is given to the next caller, whose reply goes to the one after.
#[derive(Debug, Clone)]
pub(crate) struct Broken<C> {
    inner: C,
    off_by_one: Arc<AtomicBool>,
    held: Arc<Mutex<Value>>,
}

impl<C> Broken<C> {
    pub(crate) fn new(inner: C) -> Broken<C> {
        Broken {
            inner,
            off_by_one: Arc::new(AtomicBool::new(false)),
            held: Arc::new(Mutex::new(Value::Nil)),
        }
    }

    fn swap(&self, reply: Value) -> Value {
        if !self.off_by_one.load(Ordering::SeqCst) {
            return reply;
        }
        std::mem::replace(
            &mut *self
                .held
                .lock()
                .expect("no thread panics with the lock held"),
            reply,
        )
    }

    fn watch<T>(&self) -> Unanswered<T> {
        Unanswered {
            off_by_one: Arc::clone(&self.off_by_one),
            answered: false,
            reply: std::marker::PhantomData,
        }
    }
}

/// Notices that a call ended without a reply.
struct Unanswered<T> {
    off_by_one: Arc<AtomicBool>,
    answered: bool,
    reply: std::marker::PhantomData<fn() -> T>,
}

impl<T> Unanswered<T> {
    fn see(mut self, result: &RedisResult<T>) {
        self.answered = !result.as_ref().is_err_and(RedisError::is_timeout);
    }
}

impl<T> Drop for Unanswered<T> {
    fn drop(&mut self) {
        if !self.answered {
            self.off_by_one.store(true, Ordering::SeqCst);
        }
    }
}

impl<C: ConnectionLike + Send> ConnectionLike for Broken<C>
where
    C: Sync,
{
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let unanswered = self.watch();
            let reply = self.inner.req_packed_command(cmd).await;
            unanswered.see(&reply);
            reply.map(|reply| self.swap(reply))
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> Pin<Box<dyn Future<Output = RedisResult<Vec<Value>>> + Send + 'a>> {
        Box::pin(async move {
            let unanswered = self.watch();
            let request = self.inner.req_packed_commands(pipeline, offset, count);
            let replies = request.await;
            unanswered.see(&replies);
            let replies = replies?.into_iter().map(|reply| self.swap(reply));
            Ok(replies.collect())
        })
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}
