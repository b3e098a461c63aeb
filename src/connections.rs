//! The connections of one client, and which of them a command goes to.
//!
//! Nearly everything goes to the one that all callers share. A command that blocks would make all of
//! them wait, so it gets a connection of its own for as long as it takes; a pipeline that holds one
//! goes there whole. What changes the session is refused: it would change it for everybody.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::Notify;

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::link::{Call, Limits, Link, Reply, Request, Resend, Service, aborted, sleep, split};
use crate::route::{Route, empty_command, limits_alone, limits_of_pipeline_alone};

/// Connections kept for the next blocking command while none needs them.
const KEPT_IDLE: usize = 16;
/// Between two attempts to connect for a blocking command.
const RETRY: Duration = Duration::from_millis(200);
/// Before a blocking command is written for the second and for the third time.
const PAUSES: [Duration; 2] = [RETRY, Duration::from_secs(1)];

pub(crate) struct Connections {
    shared: Link,
    limits: Limits,
    service: Arc<Service>,
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

/// Commands on their way. By far the most are of the first kind, and nothing but their [`Call`]: an
/// `async fn` around it would cost each command a tenth more instructions.
pub(crate) enum Sending<'a> {
    Shared(Call<'a>),
    Alone(Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send + 'a>>),
    Refused(Option<RedisError>),
}

impl Future for Sending<'_> {
    type Output = RedisResult<Reply>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RedisResult<Reply>> {
        let reply = match &mut *self {
            Sending::Shared(call) => ready!(Pin::new(call).poll(cx)),
            Sending::Alone(call) => ready!(call.as_mut().poll(cx)),
            Sending::Refused(error) => {
                return Poll::Ready(Err(error.take().unwrap_or_else(empty_command)));
            }
        };
        Poll::Ready(reply.map_err(RedisError::from))
    }
}

/// A single command on its way.
pub(crate) struct SendingOne<'a>(Sending<'a>);

impl<'a> SendingOne<'a> {
    pub(crate) fn new(sending: Sending<'a>) -> SendingOne<'a> {
        SendingOne(sending)
    }
}

impl Future for SendingOne<'_> {
    type Output = RedisResult<Value>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RedisResult<Value>> {
        Pin::new(&mut self.0).poll(cx).map_ok(one)
    }
}

impl Connections {
    pub(crate) fn new(config: Config) -> Connections {
        Connections::with_trouble(config, None)
    }

    /// The connections to a node of a cluster; `trouble` is notified when the shared one is lost, or
    /// cannot be made.
    pub(crate) fn of_node(config: Config, trouble: Arc<Notify>) -> Connections {
        Connections::with_trouble(config, Some(trouble))
    }

    fn with_trouble(config: Config, trouble: Option<Arc<Notify>>) -> Connections {
        let limits = Limits::from(&config);
        let service = Arc::default();
        Connections {
            shared: Link::shared(config, Arc::clone(&service), trouble),
            service,
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

    /// Returns a link for one caller's session.
    pub(crate) fn exclusive(&self) -> Link {
        Link::exclusive(self.config().clone(), Arc::clone(&self.service))
    }

    pub(crate) fn send<'a>(&'a self, command: &'a Cmd, resend: Resend) -> SendingOne<'a> {
        SendingOne(match Route::of(command) {
            Ok(route) => self.call(route, |limits| Request::command(command, limits), resend),
            Err(error) => Sending::Refused(Some(error)),
        })
    }

    pub(crate) async fn send_pipeline(
        &self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
        resend: Resend,
    ) -> RedisResult<Vec<Value>> {
        let route = Route::of_pipeline(pipeline, offset, count)?;
        let bytes = pipeline.get_packed_pipeline();
        let request = |limits| Request::pipeline(Cow::Borrowed(&bytes), offset, count, limits);
        many(self.call(route, request, resend).await?, pipeline.len()).await
    }

    pub(crate) async fn send_encoded(&self, bytes: &[u8], resend: Resend) -> RedisResult<Value> {
        let commands = split(bytes).unwrap_or_default();
        if commands.len() != 1 {
            return Err(empty_command());
        }
        let route = Route::of_parted(&commands)?;
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
        let frame = usize::from(offset > 0);
        if commands.len() != offset + count || commands.len() < 1 + frame {
            return Err(empty_command());
        }
        let within = &commands[frame..commands.len() - frame];
        let route = Route::of_parted(within)?;
        let request = |limits| Request::pipeline(Cow::Borrowed(bytes), offset, count, limits);
        many(self.call(route, request, resend).await?, within.len()).await
    }

    /// Sends `request` by its route, and counts in `writes` how often it was written without an answer.
    pub(crate) async fn run(
        &self,
        route: Route,
        request: Request<'_>,
        writes: &mut u8,
    ) -> Result<Reply, Error> {
        match route {
            Route::Shared => {
                let mut call = self.shared.call(request).after_writes(*writes);
                let result = (&mut call).await;
                *writes = call.writes();
                result
            }
            Route::Own(_) => {
                let result = self.call_alone(request).await;
                let lost = result.as_ref().is_err_and(Error::may_have_run);
                *writes += u8::from(lost);
                result
            }
        }
    }

    /// Closes at once; what is in flight fails.
    pub(crate) fn shut_down(&self) {
        self.shared.shut_down();
        let Own { idle, busy } = std::mem::take(&mut *self.own());
        drop(idle);
        for link in busy {
            link.shut_down();
        }
    }

    pub(crate) async fn close(&self, grace: Duration) {
        self.shared.close(grace).await;
        self.shut_down();
    }

    fn call<'a>(
        &'a self,
        route: Route,
        request: impl FnOnce(Limits) -> Request<'a>,
        resend: Resend,
    ) -> Sending<'a> {
        match route {
            Route::Shared => {
                let request = request(self.limits).with_resend(resend);
                Sending::Shared(self.shared.call(request))
            }
            Route::Own(block) => {
                let request = request(self.limits.extended_by(block)).with_resend(resend);
                Sending::Alone(Box::pin(self.call_alone(request)))
            }
        }
    }

    /// Runs a command on a connection of its own, and waits for one within its deadline. Dropping the
    /// future closes that connection, so that nothing is taken from a list for a caller that has gone.
    async fn call_alone(&self, request: Request<'_>) -> Result<Reply, Error> {
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
            let once = once.after_waiting(start.elapsed());
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
                    ErrorKind::Unreachable | ErrorKind::NotReady => Some(RETRY),
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
                    sleep(pause).await;
                }
                _ => return result.map_err(|error| error.after_loss(lost)),
            }
        }
    }

    fn take_own(&self) -> Result<Busy<'_>, Error> {
        let mut own = self.own();
        // Under this lock: who closes looks for busy ones afterwards.
        self.shared.check_open()?;
        let new = || Arc::new(self.exclusive());
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

/// Sends `command` on a connection of one's own.
pub(crate) async fn send_on(link: &Link, command: &Cmd, limits: Limits) -> RedisResult<Value> {
    let limits = limits_alone(command, limits)?;
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
    let limits = limits_of_pipeline_alone(pipeline, offset, count, limits)?;
    let bytes = Cow::Owned(pipeline.get_packed_pipeline());
    let reply = link
        .call(Request::pipeline(bytes, offset, count, limits))
        .await?;
    many(reply, pipeline.len()).await
}

/// The reply of a single command, which is one value.
pub(crate) fn one(reply: Reply) -> Value {
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
