//! [`BlockingPool`]: connections for commands that block, one for each while it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::errors::closed;
use super::multiplexed::MultiplexedConnection;
use super::queue::may_leave_replica;
use super::state::Purpose;
use crate::config::Target;
use crate::error::Error;
use crate::observe::Tally;
use crate::runtime::within;
use crate::sentinel::SentinelWatch;
use crate::url::ReadFrom;

/// Connections that are kept for the next blocking command while none needs them.
const MAX_IDLE: usize = 16;

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
pub(super) struct Lease<'a> {
    pool: &'a BlockingPool,
    pub(super) connection: Arc<MultiplexedConnection>,
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

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Returns a connection for one command: an idle one, or else a new one.
    pub(super) fn check_out(&self) -> Result<Lease<'_>, Error> {
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
    pub(super) fn leave_replica(&self) -> bool {
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

    /// Keeps the connection of `lease` for the next command.
    pub(super) fn put_back(&self, lease: &Lease<'_>) {
        let mut connections = self.lock();
        if connections.idle.len() < MAX_IDLE && !connections.is_closing {
            connections.idle.push(Arc::clone(&lease.connection));
        }
    }

    /// Returns whether new commands are refused.
    pub(super) fn is_closing(&self) -> bool {
        self.lock().is_closing
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
