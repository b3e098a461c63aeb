//! The link: one connection that every task and thread shares, and that heals by itself.
//!
//! A caller encodes its command straight into one shared buffer ([`queue`]) and waits in a slot
//! ([`slots`]) for the I/O thread ([`io_thread`]) to write it and to hand over the reply
//! ([`driver`]). Between two connections the supervisor below connects again ([`connect`],
//! [`backoff`]), for ever.

mod backoff;
mod call;
mod commands;
mod connect;
mod decode;
mod delivery;
mod driver;
mod encode;
mod handshake;
mod io_thread;
mod probe;
mod queue;
mod read_only;
mod request;
mod resolve;
mod sentinel;
mod slots;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod transaction;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use self::backoff::Backoff;
use self::connect::Connector;
use self::driver::{Driver, Timer};
use self::queue::{Late, Queue};
use self::sentinel::{Candidate, News};
use crate::config::Config;
use crate::error::{Error, ErrorKind};

pub(crate) use self::call::{Call, Reply};
pub(crate) use self::commands::{Effect, arguments, effect, encoded_commands, split};
pub(crate) use self::delivery::{MAX_WRITES, Resend, is_left_behind, is_refused_whole};
pub(crate) use self::io_thread::spawn;
pub(crate) use self::queue::Limits;
pub(crate) use self::read_only::is_read_only;
pub(crate) use self::request::Request;
pub(crate) use self::sentinel::Service;
pub(crate) use self::transaction::aborted;

/// A lost connection that had been idle for so long is made anew when it is needed, not before, so
/// that clients whose idle connections are closed together do not all come back together.
const IDLE: Duration = Duration::from_secs(1);

/// A connection to the server, or the next one: the last handle that goes closes it.
pub(crate) struct Link {
    shared: Arc<Shared>,
}

/// What callers and the I/O thread share.
struct Shared {
    queue: Mutex<Queue>,
    /// The process whose I/O thread runs the supervisor.
    process: AtomicU32,
    config: Config,
    peer: String,
    /// One caller's own session: it is never made anew, for what it was is gone with it.
    exclusive: bool,
    /// Whom to tell that the connection was lost, or could not be made.
    trouble: Option<Arc<Notify>>,
    /// What all links of a client know of the service that Sentinels watch.
    service: Arc<Service>,
}

impl Link {
    /// A link that connects when it is first needed, and again whenever it has to.
    /// `trouble` is notified whenever that connection is lost, or cannot be made.
    pub(crate) fn shared(
        config: Config,
        service: Arc<Service>,
        trouble: Option<Arc<Notify>>,
    ) -> Link {
        Link::new(config, false, service, trouble)
    }

    /// A link for one caller's session: connects once.
    pub(crate) fn exclusive(config: Config, service: Arc<Service>) -> Link {
        Link::new(config, true, service, None)
    }

    fn new(
        config: Config,
        exclusive: bool,
        service: Arc<Service>,
        trouble: Option<Arc<Notify>>,
    ) -> Link {
        let queue = Mutex::new(Queue::new(config.max_in_flight().get()));
        let peer = config.peer();
        Link {
            shared: Arc::new(Shared {
                queue,
                process: AtomicU32::new(0),
                config,
                peer,
                exclusive,
                trouble,
                service,
            }),
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Fails once the link has been closed.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        self.shared.lock().check_open()
    }

    /// Why there is no connection, if one was lost or could not be made.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.shared.lock().failure()
    }

    /// Whether there is a connection to a server that serves.
    pub(crate) fn serves(&self) -> bool {
        self.shared.lock().serves()
    }

    /// Whether somebody waits for a connection that was lost or could not be made, or for a server
    /// that does not serve.
    pub(crate) fn is_troubled(&self) -> bool {
        self.shared.lock().is_troubled()
    }

    /// Closes at once; what is in flight fails.
    pub(crate) fn shut_down(&self) {
        self.shared.close(&closed());
    }

    /// Refuses new commands, waits at most `grace` for those in flight, then closes.
    pub(crate) async fn close(&self, grace: Duration) {
        self.shared.lock().start_closing();
        let (done, finished) = tokio::sync::oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let drain = async move {
            let drained = std::future::poll_fn(|cx| shared.lock().poll_drained(cx));
            // Whether it is drained or the grace is over, what follows is the same.
            let _ = tokio::time::timeout(grace, drained).await;
            shared.close(&closed());
            let _ = done.send(());
        };
        if io_thread::spawn(drain).is_ok() {
            // Fails only if the I/O thread has ended, and all connections with it.
            let _ = finished.await;
        }
    }

    /// Starts the supervisor.
    fn start(&self) {
        self.shared
            .process
            .store(std::process::id(), Ordering::Relaxed);
        let supervision = Supervision(Arc::clone(&self.shared));
        if let Err(error) = io_thread::spawn(async move { supervision.0.supervise().await }) {
            let wakers = self.shared.lock().abandoned_by_supervisor(&error);
            wake(wakers);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.close(&closed());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process is a child of the one that runs the supervisor: it has the memory of that,
    /// but not the I/O thread, and a socket that is not its own.
    fn is_forked(&self) -> bool {
        self.process.load(Ordering::Relaxed) != std::process::id()
    }

    /// Ends the link for good; whoever waits, and whoever comes, is told `error`.
    fn close(&self, error: &Error) {
        let wakers = self.lock().close(error);
        wake(wakers);
    }

    /// Connects, drives the connection until it ends, and again, until the link is closed.
    async fn supervise(&self) {
        let mut connector = Connector::new(&self.config);
        let mut news = self.service.subscribe();
        let _listener = self.service.listener(&self.config);
        loop {
            let Some(connected) = self.connect(&mut connector, &mut news).await else {
                return;
            };
            let error = self.drive(connected, connector.server(), &mut news).await;
            if self.lock().is_closed() {
                return;
            }
            if self.exclusive {
                self.close(&self.session_ended(&error));
                return;
            }
            self.tell_of_trouble();
            log::warn!(target: "redis_ready", "{error:#}; reconnecting");
            let (idle, leaving) = {
                let queue = self.lock();
                (
                    queue.has_been_idle_for(Instant::now(), IDLE),
                    queue.is_leaving(),
                )
            };
            let resumed = if leaving {
                // Left on purpose, and rarely: by its name another server may be found at once.
                Some(())
            } else if idle {
                self.meanwhile(std::future::poll_fn(|_| self.lock().poll_demand()))
                    .await
            } else {
                let delay = Backoff::new(Instant::now()).next(Instant::now());
                self.meanwhile(tokio::time::sleep(delay)).await
            };
            if resumed.is_none() {
                return;
            }
        }
    }

    /// Drives the connection until it ends. It is left when Sentinels say that `server` is not any more
    /// what it was.
    async fn drive(
        &self,
        connected: connect::Connected,
        server: Option<&Candidate>,
        news: &mut News,
    ) -> Error {
        let mut driver = pin!(Driver::new(self, connected));
        let Some(server) = server else {
            return driver.await;
        };
        let mut leaves = pin!(async {
            loop {
                news.is_outdated(server).await;
                self.lock().leave(self.config.response_timeout());
            }
        });
        std::future::poll_fn(|cx| {
            // First, so that the driver sees what it does.
            let _: Poll<()> = leaves.as_mut().poll(cx);
            driver.as_mut().poll(cx)
        })
        .await
    }

    /// Attempts to connect until one attempt succeeds; `None` once the link is closed.
    async fn connect(
        &self,
        connector: &mut Connector<'_>,
        news: &mut News,
    ) -> Option<connect::Connected> {
        let mut backoff = Backoff::new(Instant::now());
        loop {
            // What has been heard before the Sentinels are asked is in their answer.
            news.forget();
            let error = match self.meanwhile(connector.connect()).await? {
                Ok(connected) => {
                    match connector.server() {
                        Some(server) => {
                            log::info!(target: "redis_ready", "connected to {server} of `{}`", self.peer);
                        }
                        None => log::info!(target: "redis_ready", "connected to `{}`", self.peer),
                    }
                    return Some(connected);
                }
                Err(error) => error,
            };
            if self.exclusive {
                self.close(&error);
                return None;
            }
            if backoff.is_first() {
                log::warn!(target: "redis_ready", "{error:#}; trying again until it works");
            }
            let wakers = self.lock().unreachable(&error, is_lasting(error.kind()));
            wake(wakers);
            self.tell_of_trouble();
            let delay = backoff.next(Instant::now());
            // A switch is worth an attempt at once.
            let _ = self
                .meanwhile(tokio::time::timeout(delay, news.heard()))
                .await?;
        }
    }

    fn tell_of_trouble(&self) {
        if let Some(trouble) = &self.trouble {
            trouble.notify_one();
        }
    }

    /// Runs `work` while there is no connection, and fails the callers whose time is up meanwhile.
    /// `None` once the link is closed.
    async fn meanwhile<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        Meanwhile {
            shared: self,
            timer: Timer::default(),
            work: pin!(work),
        }
        .await
    }

    fn expire(&self, now: Instant, wakers: &mut Vec<Waker>) -> Option<Instant> {
        self.lock().expire(now, |late| self.late(&late), wakers)
    }

    fn late(&self, late: &Late<'_>) -> Error {
        let peer = &self.peer;
        match late {
            Late::Response(limit) => Error::new(
                ErrorKind::TimedOut,
                format!("no reply from `{peer}` within {limit:?}"),
            )
            .after_writing(),
            Late::Admission => Error::new(
                ErrorKind::QueueFull,
                format!("too many commands in flight to `{peer}`"),
            ),
            Late::Disconnected(limit, cause) => {
                let limit = Duration::from_millis(limit.as_millis().try_into().unwrap_or(u64::MAX));
                let message = format!("no connection to `{peer}` within {limit:?}");
                match cause {
                    None => Error::new(ErrorKind::Unreachable, message)
                        .with_help("allow more time with `?deadline=5s`"),
                    // redis-rs shows one line of an error, so the cause stands in it.
                    Some(cause) => {
                        let kind = match cause.kind() {
                            // The last connection was lost; this command was never on it.
                            ErrorKind::ConnectionLost => ErrorKind::Unreachable,
                            kind => kind,
                        };
                        let error = Error::new(kind, format!("{message}: {cause:#}"));
                        match cause.help() {
                            Some(help) => error.with_help(help),
                            None => error,
                        }
                    }
                }
                .note("the command has not run")
            }
        }
    }

    fn connection_lost(&self, cause: &std::io::Error) -> Error {
        let message = format!("connection to `{}` lost: {cause}", self.peer);
        Error::new(ErrorKind::ConnectionLost, message)
    }

    fn protocol_error(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Protocol,
            format!("`{}` sent what is not RESP: {what}", self.peer),
        )
        .note("the connection is closed and made anew")
    }

    fn session_ended(&self, error: &Error) -> Error {
        let message = format!("the dedicated connection to `{}` has ended", self.peer);
        Error::new(ErrorKind::Closed, message)
            .caused_by(error.clone())
            .with_help("ask the client for another dedicated connection")
    }
}

/// Runs `work` for at most `limit`, by the clock of the I/O thread.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut over = pin!(sleep(limit));
    std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => over.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Waits, whatever runtime the caller has.
pub(crate) async fn sleep(wait: Duration) {
    let (mut done, over) = tokio::sync::oneshot::channel();
    let sleep = async move {
        // Ends early where nobody waits any more.
        let _ = tokio::time::timeout(wait, done.closed()).await;
        let _ = done.send(());
    };
    if io_thread::spawn(sleep).is_ok() {
        // Fails only if the I/O thread has ended; then there is no clock left to wait by.
        let _ = over.await;
    }
}

/// Wakes them all: what one makes of it, a panic included, is nothing to the others.
fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        // The panic has been reported by the hook; there is nobody else to tell.
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

/// What callers are told once the client is closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the client is closed")
}

/// Whether the cause will last until somebody changes something, so that callers are told at once.
pub(crate) fn is_lasting(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::Unreachable | ErrorKind::NotReady | ErrorKind::ConnectionLost
    )
}

/// Lives as long as the supervisor; if that ends without the link being closed, by a panic or with
/// the I/O thread, every caller is told and the next one starts another.
struct Supervision(Arc<Shared>);

impl Drop for Supervision {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        if queue.is_closed() {
            return;
        }
        let cause = std::io::Error::other("the I/O thread has ended");
        let wakers = queue.abandoned_by_supervisor(&self.0.connection_lost(&cause));
        drop(queue);
        wake(wakers);
    }
}

struct Meanwhile<'a, W> {
    shared: &'a Shared,
    timer: Timer,
    work: Pin<&'a mut W>,
}

impl<T, W: Future<Output = T>> Future for Meanwhile<'_, W> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let (closed, alarm_is_late) = {
            let mut queue = this.shared.lock();
            queue.arrive(cx.waker());
            queue.sleep();
            (queue.is_closed(), queue.alarm_is_late())
        };
        if closed {
            return Poll::Ready(None);
        }
        if let Poll::Ready(output) = this.work.as_mut().poll(cx) {
            this.shared.lock().arrive(cx.waker());
            return Poll::Ready(Some(output));
        }
        let mut wakers = Vec::new();
        this.timer.poll(this.shared, alarm_is_late, cx, &mut wakers);
        wake(wakers);
        Poll::Pending
    }
}
