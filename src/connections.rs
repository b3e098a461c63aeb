//! The connections of one client, and which of them a command goes to.
//!
//! Nearly everything goes to the one that all callers share. A command that blocks would make all of
//! them wait, so it gets a connection of its own for as long as it takes; a pipeline that holds one
//! goes there whole. What changes the session is refused: it would change it for everybody.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::link::{
    Effect, Limits, Link, Reply, Request, Resend, aborted, arguments, effect, split,
};

/// Connections kept for the next blocking command while none needs them.
const KEPT_IDLE: usize = 16;
/// Between two attempts to connect for a blocking command.
const RETRY: Duration = Duration::from_millis(200);
/// Before a blocking command is written for the second and for the third time.
const PAUSES: [Duration; 2] = [RETRY, Duration::from_secs(1)];

pub(crate) struct Connections {
    shared: Link,
    limits: Limits,
    own: Mutex<Own>,
}

/// Connections of blocking commands.
#[derive(Default)]
struct Own {
    /// Connected, and used by nobody.
    idle: Vec<Arc<Link>>,
    busy: Vec<Arc<Link>>,
}

/// Counts a connection among the busy ones for as long as its command takes.
struct Busy<'a> {
    connections: &'a Connections,
    link: Arc<Link>,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut own = self.connections.own();
        own.busy.retain(|link| !Arc::ptr_eq(link, &self.link));
    }
}

enum Route {
    Shared,
    /// A connection of its own, for a command that may block for so long.
    Own(Duration),
}

impl Connections {
    pub(crate) fn new(config: Config) -> Connections {
        let limits = Limits::from(&config);
        Connections {
            shared: Link::shared(config),
            limits,
            own: Mutex::default(),
        }
    }

    pub(crate) fn shared(&self) -> &Link {
        &self.shared
    }

    pub(crate) fn config(&self) -> &Config {
        self.shared.config()
    }

    pub(crate) async fn send(&self, command: &Cmd, resend: Resend) -> RedisResult<Value> {
        check_command(command)?;
        let route = Route::Shared.with(effect(arguments(command)))?;
        let request = |limits| Request::command(command, limits);
        Ok(one(self.call(route, request, resend).await?))
    }

    pub(crate) async fn send_pipeline(
        &self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
        resend: Resend,
    ) -> RedisResult<Vec<Value>> {
        check_pipeline(pipeline, offset, count)?;
        let mut route = Route::Shared;
        for command in pipeline.cmd_iter() {
            route = route.with(effect(arguments(command)))?;
        }
        let bytes = pipeline.get_packed_pipeline();
        let request = |limits| Request::pipeline(Cow::Borrowed(&bytes), offset, count, limits);
        many(self.call(route, request, resend).await?, pipeline.len()).await
    }

    pub(crate) async fn send_encoded(&self, bytes: &[u8], resend: Resend) -> RedisResult<Value> {
        let commands = split(bytes).unwrap_or_default();
        let [command] = commands.as_slice() else {
            return Err(empty_command());
        };
        let route = Route::Shared.with(effect(command.iter().copied()))?;
        let request = |limits| Request::encoded(bytes, limits);
        Ok(one(self.call(route, request, resend).await?))
    }

    /// As [`send_pipeline`](Connections::send_pipeline); an offset tells a transaction, which comes
    /// with its `MULTI` and `EXEC`.
    pub(crate) async fn send_encoded_pipeline(
        &self,
        bytes: &[u8],
        offset: usize,
        count: usize,
        resend: Resend,
    ) -> RedisResult<Vec<Value>> {
        // One answer more or less than expected, and every later one would be somebody else's.
        let commands = split(bytes).unwrap_or_default();
        if commands.is_empty() || commands.len() != offset + count {
            return Err(empty_command());
        }
        let frame = usize::from(offset > 0);
        let within = &commands[frame..commands.len() - frame];
        let mut route = Route::Shared;
        for command in within {
            route = route.with(effect(command.iter().copied()))?;
        }
        let request = |limits| Request::pipeline(Cow::Borrowed(bytes), offset, count, limits);
        many(self.call(route, request, resend).await?, within.len()).await
    }

    pub(crate) async fn close(&self, grace: Duration) {
        self.shared.close(grace).await;
        let Own { idle, busy } = std::mem::take(&mut *self.own());
        drop(idle);
        for link in busy {
            link.shut_down();
        }
    }

    async fn call<'a>(
        &'a self,
        route: Route,
        request: impl Fn(Limits) -> Request<'a>,
        resend: Resend,
    ) -> Result<Reply, Error> {
        match route {
            Route::Shared => {
                let request = request(self.limits).with_resend(resend);
                self.shared.call(request).await
            }
            Route::Own(block) => {
                let request = request(self.limits.extended_by(block)).with_resend(resend);
                self.call_alone(&request).await
            }
        }
    }

    /// Runs a command on a connection of its own, and waits for one within its deadline. Dropping the
    /// future closes that connection, so that nothing is taken from a list for a caller that has gone.
    async fn call_alone(&self, request: &Request<'_>) -> Result<Reply, Error> {
        let start = Instant::now();
        let mut pauses = PAUSES.iter();
        // Why it is not known whether it has run.
        let mut lost: Option<Error> = None;
        loop {
            let busy = match self.take_own() {
                Ok(busy) => busy,
                Err(error) => return Err(error.after_loss(lost)),
            };
            let once = request.clone().with_resend(Resend::Never);
            let result = busy.link.call(once).await;
            let pause = match &result {
                Ok(reply) if request.refusal(reply).is_none() => {
                    self.put_back(&busy);
                    return result;
                }
                Ok(_) => pauses.next().copied(),
                Err(error) => match error.kind() {
                    // It had ended while nobody used it: nothing has been sent on it.
                    ErrorKind::Closed if !error.may_have_run() => {
                        self.shared.check_open().is_ok().then_some(Duration::ZERO)
                    }
                    ErrorKind::Unreachable => Some(RETRY),
                    ErrorKind::ConnectionLost if request.is_repeatable() => pauses.next().copied(),
                    _ => None,
                },
            };
            drop(busy);
            match pause {
                Some(pause) if start.elapsed() + pause < self.limits.deadline => {
                    if let Err(error) = result {
                        lost = Some(error.after_loss(lost));
                    }
                    self.shared.sleep(pause).await;
                }
                _ => return result.map_err(|error| error.after_loss(lost)),
            }
        }
    }

    fn take_own(&self) -> Result<Busy<'_>, Error> {
        let mut own = self.own();
        // Under this lock: who closes looks for busy ones afterwards.
        self.shared.check_open()?;
        let new = || Arc::new(Link::exclusive(self.config().clone()));
        let link = own.idle.pop().unwrap_or_else(new);
        own.busy.push(Arc::clone(&link));
        Ok(Busy {
            connections: self,
            link,
        })
    }

    fn put_back(&self, busy: &Busy<'_>) {
        let mut own = self.own();
        if own.idle.len() < KEPT_IDLE && self.shared.check_open().is_ok() {
            own.idle.push(Arc::clone(&busy.link));
        }
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Route {
    /// The route of what was routed so far and one more command.
    fn with(self, effect: Effect) -> Result<Route, Error> {
        match (self, effect) {
            (route, Effect::None) => Ok(route),
            (Route::Shared, Effect::Blocks(block)) => Ok(Route::Own(block)),
            (Route::Own(so_far), Effect::Blocks(block)) => {
                Ok(Route::Own(so_far.saturating_add(block)))
            }
            (_, Effect::ChangesSession(help) | Effect::NoSingleReply(help)) => Err(refused(help)),
        }
    }
}

/// Sends `command` on a connection of one's own.
pub(crate) async fn send_on(link: &Link, command: &Cmd, limits: Limits) -> RedisResult<Value> {
    check_command(command)?;
    let limits = alone(limits, effect(arguments(command)))?;
    Ok(one(link.call(Request::command(command, limits)).await?))
}

/// Sends `pipeline` on a connection of one's own.
pub(crate) async fn send_pipeline_on(
    link: &Link,
    pipeline: &Pipeline,
    offset: usize,
    count: usize,
    limits: Limits,
) -> RedisResult<Vec<Value>> {
    check_pipeline(pipeline, offset, count)?;
    let mut limits = limits;
    for command in pipeline.cmd_iter() {
        limits = alone(limits, effect(arguments(command)))?;
    }
    let bytes = Cow::Owned(pipeline.get_packed_pipeline());
    let reply = link
        .call(Request::pipeline(bytes, offset, count, limits))
        .await?;
    many(reply, pipeline.len()).await
}

/// The limits of what was limited so far and one more command, on a connection of one's own.
fn alone(limits: Limits, effect: Effect) -> Result<Limits, Error> {
    match effect {
        Effect::None | Effect::ChangesSession(_) => Ok(limits),
        Effect::Blocks(block) => Ok(limits.extended_by(block)),
        Effect::NoSingleReply(help) => Err(refused(help)),
    }
}

fn refused(help: &str) -> Error {
    let message = "a command that changes how the connection answers, or for whom, is refused";
    Error::new(ErrorKind::InvalidCommand, message).with_help(help)
}

/// An empty command would be written as `*0`, which no server answers: every later reply would go to
/// the wrong caller.
fn check_command(command: &Cmd) -> RedisResult<()> {
    if command.args_iter().len() == 0 {
        Err(empty_command())
    } else {
        Ok(())
    }
}

/// One reply more or less than there are commands would be the next caller's, too.
fn check_pipeline(pipeline: &Pipeline, offset: usize, count: usize) -> RedisResult<()> {
    let expected = if pipeline.is_transaction() {
        (pipeline.len() + 1, 1)
    } else {
        (0, pipeline.len())
    };
    if (offset, count) != expected || count == 0 {
        return Err(empty_command());
    }
    pipeline.cmd_iter().try_for_each(check_command)
}

/// The error that redis-rs has for it.
fn empty_command() -> RedisError {
    (redis::ErrorKind::Client, "empty command").into()
}

/// The reply of a single command, which is one value.
fn one(reply: Reply) -> Value {
    match reply {
        Reply::One(value) => value,
        Reply::Many(values) => Value::Array(values),
        Reply::Aborted(_) => Value::Nil,
    }
}

async fn many(reply: Reply, commands: usize) -> RedisResult<Vec<Value>> {
    match reply {
        Reply::Many(values) => Ok(values),
        Reply::One(value) => Ok(vec![value]),
        Reply::Aborted(refused) => Err(aborted(commands, &refused).await),
    }
}
