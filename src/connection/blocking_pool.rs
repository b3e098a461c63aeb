//! [`BlockingPool`]: connections for commands that block, one for each while it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::call_options::CallOptions;
use super::errors::closed;
use super::multiplexed::MultiplexedConnection;
use super::queue::may_leave_replica;
use super::reply::Reply;
use super::request::{Request, own_request};
use super::retry::MAX_WRITES;
use super::state::Purpose;
use super::timeouts::Timeouts;
use crate::config::Target;
use crate::error::{Error, ErrorKind};
use crate::observe::{Tally, count_retry};
use crate::resp::Refusal;
use crate::runtime::{sleep, within};
use crate::sentinel::SentinelWatch;
use crate::url::ReadFrom;

/// Connections that are kept for the next blocking command while none needs them.
const MAX_IDLE: usize = 16;
/// Delay between two attempts to connect for a blocking command.
const CONNECT_RETRY_DELAY: Duration = Duration::from_millis(200);
/// Delays before a blocking command is written for the second and for the third time.
const WRITE_RETRY_DELAYS: [Duration; 2] = [CONNECT_RETRY_DELAY, Duration::from_secs(1)];

/// Connections for commands that block, one for each while it runs.
pub(super) struct BlockingPool {
    target: Target,
    watch: Arc<SentinelWatch>,
    tally: Arc<Tally>,
    connections: Mutex<Connections>,
    /// Notified whenever a lease ends.
    released: Notify,
}

#[derive(Default)]
struct Connections {
    idle: Vec<Arc<MultiplexedConnection>>,
    leased: Vec<Arc<MultiplexedConnection>>,
    is_closing: bool,
    /// When the connections were left the last time because their server is a replica.
    last_left: Option<Instant>,
}

/// A connection that one command uses.
struct Lease<'a> {
    pool: &'a BlockingPool,
    connection: Arc<MultiplexedConnection>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut connections = self.pool.lock();
        let leased = &mut connections.leased;
        leased.retain(|connection| !Arc::ptr_eq(connection, &self.connection));
        drop(connections);
        self.pool.released.notify_waiters();
    }
}

impl BlockingPool {
    pub(super) fn new(
        target: Target,
        watch: Arc<SentinelWatch>,
        tally: Arc<Tally>,
    ) -> BlockingPool {
        BlockingPool {
            target,
            watch,
            tally,
            connections: Mutex::default(),
            released: Notify::new(),
        }
    }

    /// Returns a pool of connections that do not select the database of the URL.
    pub(super) fn without_database(&self) -> BlockingPool {
        let (watch, tally) = (Arc::clone(&self.watch), Arc::clone(&self.tally));
        BlockingPool::new(self.target.without_database(), watch, tally)
    }

    /// Returns a new connection for the session of one caller, which the pool does not keep.
    pub(super) fn dedicated(&self) -> MultiplexedConnection {
        self.connection(Purpose::Session)
    }

    fn connection(&self, purpose: Purpose) -> MultiplexedConnection {
        let (watch, tally) = (Arc::clone(&self.watch), Arc::clone(&self.tally));
        MultiplexedConnection::dedicated(self.target.clone(), purpose, watch, tally)
    }

    /// Runs a command on a connection of its own, which is kept for others if `is_kept`, and waits for one
    /// at most for `deadline`. Dropping the future closes that connection, so that no element is popped from
    /// a list for a caller that is gone.
    pub(super) async fn call(
        &self,
        request: Request<'_>,
        is_kept: bool,
        deadline: Duration,
    ) -> Result<Reply, Error> {
        let start = Instant::now();
        let waits = !request.options.fail_fast;
        let mut write_retries = WRITE_RETRY_DELAYS.iter();
        // The server has said that it cannot serve for now.
        let mut is_unavailable = false;
        // Why it is not known whether it has run.
        let mut lost: Option<Error> = None;
        loop {
            let lease = match self.check_out() {
                Ok(lease) => lease,
                Err(error) => return Err(error.after_loss(lost)),
            };
            if is_unavailable {
                let ready = self.until_ready(&lease, request.options, start, deadline);
                match ready.await {
                    Err(error) if error.kind() == ErrorKind::NotReady => {
                        return Err(error.after_loss(lost));
                    }
                    // What else there is, the command finds out.
                    _ => is_unavailable = false,
                }
            }
            let once = request.clone().once();
            let once = once.after_waiting(start.elapsed());
            let mut call = lease.connection.call(once);
            let result = call.reply().await;
            let is_cut_off = call.writes() >= MAX_WRITES;
            drop(call);
            let delay = match &result {
                Ok(reply) => {
                    let is_left = reply.is_by_a_replica() && self.leave_replica();
                    if is_left {
                        lease.connection.leave();
                    }
                    let Some(refusal) = request.refusal(reply) else {
                        if is_kept && !is_left {
                            self.put_back(&lease);
                        }
                        return result;
                    };
                    is_unavailable =
                        matches!(refusal, Refusal::Unavailable(_)) && !refusal.is_by_a_replica();
                    write_retries.next().copied().filter(|_| waits)
                }
                Err(error) => match error.kind() {
                    // It had ended while it was idle: nothing has been sent on it.
                    ErrorKind::Closed if !error.may_have_run() => {
                        (!self.lock().is_closing).then_some(Duration::ZERO)
                    }
                    ErrorKind::Unreachable | ErrorKind::NotReady => {
                        waits.then_some(CONNECT_RETRY_DELAY)
                    }
                    ErrorKind::ConnectionLost if request.is_repeatable() && !is_cut_off => {
                        write_retries.next().copied()
                    }
                    _ => None,
                },
            };
            drop(lease);
            match delay {
                Some(delay) if start.elapsed() + delay < deadline => {
                    if let Err(error) = result {
                        lost = Some(error.after_loss(lost));
                    }
                    sleep(delay).await;
                    count_retry();
                }
                _ => return result.map_err(|error| error.after_loss(lost)),
            }
        }
    }

    /// Waits until the server serves, until `deadline` has passed since `start`.
    async fn until_ready(
        &self,
        lease: &Lease<'_>,
        options: CallOptions,
        start: Instant,
        deadline: Duration,
    ) -> Result<(), Error> {
        let timeouts = Timeouts::from(self.target.client()).with_deadline(deadline);
        let command = self.target.probe_command();
        let request = own_request(&command, options.with_timeouts(timeouts).idempotent());
        let mut call = lease.connection.call(request).since(start);
        call.reply().await.map(drop)
    }

    fn check_out(&self) -> Result<Lease<'_>, Error> {
        let mut connections = self.lock();
        if connections.is_closing {
            return Err(closed());
        }
        let idle = connections.idle.pop();
        let connection = idle.unwrap_or_else(|| Arc::new(self.connection(Purpose::Blocking)));
        connections.leased.push(Arc::clone(&connection));
        Ok(Lease {
            pool: self,
            connection,
        })
    }

    /// Leaves the server that has turned out to be a replica, at most once a second: those that are idle
    /// lead there too, and by the same name another one may be found. Returns whether it is left.
    fn leave_replica(&self) -> bool {
        let client = self.target.client();
        if client.read_from() != ReadFrom::Primary || self.target.is_cluster_node() {
            return false;
        }
        let mut connections = self.lock();
        let now = Instant::now();
        if !may_leave_replica(connections.last_left, now) {
            return false;
        }
        connections.last_left = Some(now);
        let idle = std::mem::take(&mut connections.idle);
        drop(connections);
        drop(idle);
        true
    }

    fn put_back(&self, lease: &Lease<'_>) {
        let mut connections = self.lock();
        if connections.idle.len() < MAX_IDLE && !connections.is_closing {
            connections.idle.push(Arc::clone(&lease.connection));
        }
    }

    /// Refuses new commands; those that run go on.
    pub(super) fn start_closing(&self) {
        self.lock().is_closing = true;
    }

    /// Waits at most `grace` for the commands that run.
    pub(super) async fn drain(&self, grace: Duration) {
        let drained = async {
            loop {
                let mut released = std::pin::pin!(self.released.notified());
                // From here on no lease ends without notice.
                released.as_mut().enable();
                if self.lock().leased.is_empty() {
                    return;
                }
                released.await;
            }
        };
        // Whether all have ended or the grace is over, what follows is the same.
        let _ = within(grace, drained).await;
    }

    /// Closes at once; commands that run fail.
    pub(super) fn shut_down(&self) {
        self.start_closing();
        let (idle, leased) = {
            let mut connections = self.lock();
            (
                std::mem::take(&mut connections.idle),
                std::mem::take(&mut connections.leased),
            )
        };
        drop(idle);
        for connection in leased {
            connection.shut_down();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
