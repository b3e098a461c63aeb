//! [`State`]: what callers, residents and the I/O thread share of one connection.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::errors::{closed, connection_lost};
use super::hosting::Residence;
use super::queue::{CommandQueue, Condition};
use crate::config::Target;
use crate::error::Error;
use crate::observe::{ConnectionState, Figures, NodeHealth, Role, Source, Tally, Use};
use crate::runtime::Wakers;
use crate::sentinel::SentinelWatch;

#[cold]
fn superseded(peer: &str) -> Error {
    connection_lost(peer, &io::Error::other("it has ended"))
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is the multiplexed one, which reconnects by itself.
    Shared,
    /// It holds the session of one caller and does not reconnect: the state of the session would be gone.
    Session,
    /// It runs one blocking command at a time and does not reconnect either: its pool makes another one.
    Blocking,
}

/// What callers and the I/O thread share of one connection.
pub(super) struct State {
    queue: Mutex<CommandQueue>,
    /// The process whose I/O thread runs the supervisor.
    process: AtomicU32,
    pub(super) target: Target,
    /// The target as messages name it.
    pub(super) peer: String,
    pub(super) purpose: Purpose,
    /// Notified whenever the connection is lost, or cannot be made.
    pub(super) trouble: Option<Arc<Notify>>,
    /// Notified whenever a connection is made or lost, or cannot be made.
    changed: Notify,
    /// Notified when the next attempt to connect is worth being made at once.
    reconnect: Notify,
    /// How many connections have been made so far.
    connections: AtomicU64,
    /// Where the current connection may be driven.
    residence: Mutex<Option<Arc<Residence>>>,
    /// What all connections of a client have heard of the service that Sentinels watch.
    pub(super) watch: Arc<SentinelWatch>,
    /// What all connections of a client count together.
    pub(super) tally: Arc<Tally>,
}

impl State {
    pub(super) fn new(
        target: Target,
        purpose: Purpose,
        watch: Arc<SentinelWatch>,
        tally: Arc<Tally>,
        trouble: Option<Arc<Notify>>,
    ) -> State {
        let client = target.client();
        let queue = CommandQueue::new(client.max_in_flight().get(), client.response_timeout());
        State {
            queue: Mutex::new(queue),
            process: AtomicU32::new(0),
            peer: target.to_string(),
            target,
            purpose,
            trouble,
            changed: Notify::new(),
            reconnect: Notify::new(),
            connections: AtomicU64::new(0),
            residence: Mutex::new(None),
            watch,
            tally,
        }
    }

    /// Returns whether it ends with its first loss instead of reconnecting.
    pub(super) fn is_dedicated(&self) -> bool {
        self.purpose != Purpose::Shared
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, CommandQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the queue for the driver of the connection `number`.
    ///
    /// # Errors
    /// That connection has ended: the queue is about another one.
    #[inline]
    pub(super) fn lock_for(&self, number: u64) -> Result<MutexGuard<'_, CommandQueue>, Error> {
        let queue = self.lock();
        if queue.number() == number {
            Ok(queue)
        } else {
            Err(superseded(&self.peer))
        }
    }

    /// There is another connection, which may be driven there.
    pub(super) fn set_residence(&self, residence: &Arc<Residence>) {
        let new = Some(Arc::clone(residence));
        let old = {
            let mut current = self.lock_residence();
            std::mem::replace(&mut *current, new)
        };
        drop(old);
    }

    /// Returns where the current connection, or the last one, may be driven.
    pub(super) fn residence(&self) -> Option<Arc<Residence>> {
        self.lock_residence().clone()
    }

    fn lock_residence(&self) -> MutexGuard<'_, Option<Arc<Residence>>> {
        self.residence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// This process runs the supervisor from now on.
    pub(super) fn claim(&self) {
        self.process.store(std::process::id(), Ordering::Relaxed);
    }

    /// Returns whether this process is a child of the one that runs the supervisor: it has the memory
    /// of that one, but not its I/O thread, and a socket that is not its own.
    pub(super) fn is_forked(&self) -> bool {
        self.process.load(Ordering::Relaxed) != std::process::id()
    }

    /// Ends the connection for good: callers that wait and callers that come get `error`.
    pub(super) fn close(&self, error: &Error) {
        let mut wakers = Wakers::default();
        {
            let mut queue = self.lock();
            if self.is_forked() {
                // They run in the parent.
                queue.forget_parties();
            }
            queue.close(error, &mut wakers);
        }
        wakers.wake_all();
        self.changed.notify_waiters();
    }

    /// Closes the connection of a client that is closed.
    pub(super) fn shut_down(&self) {
        self.close(&closed());
    }

    /// Returns how many connections have been made so far.
    pub(super) fn number(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts the connection that was made, and wakes tasks that wait for a change.
    pub(super) fn notify_connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// Wakes tasks that wait for a change: the connection was lost, or could not be made.
    pub(super) fn notify_trouble(&self) {
        self.changed.notify_waiters();
        if let Some(trouble) = &self.trouble {
            trouble.notify_one();
        }
    }

    /// Ends the wait before the next attempt to connect.
    pub(super) fn reconnect_now(&self) {
        self.reconnect.notify_waiters();
    }

    /// Waits until the next attempt to connect is worth being made at once.
    pub(super) async fn until_reconnect(&self) {
        self.reconnect.notified().await;
    }

    /// Waits until a connection is made or lost, or cannot be made.
    pub(super) async fn until_changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until there is a connection, or until an attempt to make it has failed.
    pub(super) async fn until_settled(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let queue = self.lock();
                if queue.serves() || queue.is_closed() || queue.failure().is_some() {
                    return;
                }
            }
            changed.await;
        }
    }
}

impl State {
    /// Returns how the connection is. In a forked child it is not the one of its parent.
    pub(super) fn health(&self) -> NodeHealth {
        let Condition {
            state,
            since,
            failure,
            greeting,
            server,
        } = self.lock().condition();
        let is_of_parent = self.is_forked() && !matches!(state, ConnectionState::Closed);
        let (last_error, last_error_at) = failure.unzip();
        NodeHealth {
            address: server.unwrap_or_else(|| self.peer.clone()),
            state: if is_of_parent {
                ConnectionState::Idle
            } else {
                state
            },
            since,
            last_error,
            last_error_at,
            server_version: greeting.version,
            role: greeting.is_replica.map(|is_replica| {
                if is_replica {
                    Role::Replica
                } else {
                    Role::Primary
                }
            }),
        }
    }
}

impl Source for State {
    fn figures(&self) -> Figures {
        let queue = self.lock();
        let (submitted, replies) = queue.counts();
        let (in_flight, in_line, unsent_bytes) = queue.backlog();
        Figures {
            purpose: match self.purpose {
                Purpose::Shared => Use::Shared,
                Purpose::Session => Use::Session,
                Purpose::Blocking => Use::Blocking,
            },
            is_up: queue.is_up(),
            submitted,
            replies,
            in_flight,
            in_line,
            unsent_bytes,
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.tally.keep(&self.figures());
    }
}
