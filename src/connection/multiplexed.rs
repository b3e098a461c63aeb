//! [`MultiplexedConnection`]: one connection that every task and thread shares, and that reconnects by
//! itself.
//!
//! A caller encodes its command straight into one shared buffer ([`queue`](super::queue)) and waits for the
//! [`driver`](super::driver) to write it and to hand over the reply. Between two connections the
//! [`supervisor`](super::supervisor) connects again, for ever.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::Cmd;
use tokio::sync::Notify;

use super::attempts::Attempts;
use super::call::Call;
use super::call_options::CallOptions;
use super::reply::Reply;
use super::request::{Request, own_request};
use super::state::{Purpose, State};
use crate::config::Target;
use crate::error::Error;
use crate::observe::{NodeHealth, Tally};
use crate::runtime::{relayed, spawn};
use crate::sentinel::SentinelWatch;

/// A connection to a server, and the one that replaces it after a loss. Dropping the handle closes it.
pub(crate) struct MultiplexedConnection {
    state: Arc<State>,
}

impl MultiplexedConnection {
    /// A connection that all callers share: it connects when it is first needed, and again whenever it
    /// has to. `trouble` is notified whenever it is lost, or cannot be made.
    pub(crate) fn shared(
        target: Target,
        watch: Arc<SentinelWatch>,
        tally: Arc<Tally>,
        trouble: Option<Arc<Notify>>,
    ) -> MultiplexedConnection {
        MultiplexedConnection::of(State::new(target, Purpose::Shared, watch, tally, trouble))
    }

    /// A connection that connects once, for the `purpose` of one caller at a time.
    pub(super) fn dedicated(
        target: Target,
        purpose: Purpose,
        watch: Arc<SentinelWatch>,
        tally: Arc<Tally>,
    ) -> MultiplexedConnection {
        MultiplexedConnection::of(State::new(target, purpose, watch, tally, None))
    }

    fn of(state: State) -> MultiplexedConnection {
        let state = Arc::new(state);
        let source: Weak<State> = Arc::downgrade(&state);
        state.tally.add_source(source);
        MultiplexedConnection { state }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Returns how the connection is.
    pub(crate) fn health(&self) -> NodeHealth {
        self.state.health()
    }

    pub(crate) fn target(&self) -> &Target {
        &self.state.target
    }

    /// Returns what all connections of the client have heard of the service that Sentinels watch.
    pub(crate) fn watch(&self) -> &Arc<SentinelWatch> {
        &self.state.watch
    }

    /// Returns what tells others what becomes of the connection.
    pub(crate) fn attempts(&self) -> Attempts {
        Attempts::of(&self.state)
    }

    /// Sends `request` once it is polled. Cancel safe: when the call is dropped, the reply is read and
    /// discarded in its turn.
    #[inline]
    pub(crate) fn call<'a>(&'a self, request: Request<'a>) -> Call<'a> {
        Call::new(&self.state, request)
    }

    /// Sends a command of this crate's own, from a task that may outlive its caller.
    pub(super) fn ask(
        &self,
        command: Cmd,
        options: CallOptions,
    ) -> impl Future<Output = Result<Reply, Error>> + use<> {
        let state = Arc::clone(&self.state);
        async move {
            let request = own_request(&command, options);
            Call::new(&state, request).reply().await
        }
    }

    /// Returns how many connections have been made so far: the number of the current one.
    pub(super) fn number(&self) -> u64 {
        self.state.number()
    }

    /// Returns what [`number`](MultiplexedConnection::number) returns, for a task that may outlive its
    /// caller.
    pub(super) fn numbering(&self) -> impl Fn() -> u64 + Clone + use<> {
        let state = Arc::clone(&self.state);
        move || state.number()
    }

    /// Returns why the connection is down, if it was lost or could not be made.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.state.lock().failure()
    }

    /// Returns the error of a command that must not wait for the connection, if it would have to and no attempt
    /// to connect is the first one.
    pub(crate) fn hindrance(&self) -> Option<Error> {
        let hindrance = self.state.lock().hindrance();
        let is_own = !self.state.is_forked();
        Some(hindrance.filter(|_| is_own)?.into_error(&self.state.peer))
    }

    /// Returns whether the connection is closed, was lost or could not be made.
    pub(crate) fn has_ended(&self) -> bool {
        let queue = self.state.lock();
        queue.is_closed() || queue.failure().is_some()
    }

    /// Returns whether there is a connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.state.lock().is_up()
    }

    /// Makes the next attempt to connect now, if there is no connection.
    pub(crate) fn reconnect_now(&self) {
        self.state.reconnect_now();
    }

    /// Returns whether there is a connection to a server that serves.
    pub(crate) fn serves(&self) -> bool {
        self.state.lock().serves()
    }

    /// Returns whether callers wait for a connection that was lost or could not be made, or for a
    /// server that does not serve.
    pub(crate) fn is_troubled(&self) -> bool {
        self.state.lock().is_troubled()
    }

    /// Waits until there is a connection to a server that serves, or until an attempt to make it has
    /// failed. Does not connect by itself.
    pub(crate) async fn until_settled(&self) {
        self.state.until_settled().await;
    }

    /// Records that the server is not the right one: the next connection to its name begins with another
    /// of its addresses, if it has several.
    pub(crate) fn leave(&self) {
        self.state.lock().leave(Duration::ZERO);
    }

    /// Closes at once; what is in flight fails.
    pub(crate) fn shut_down(&self) {
        self.state.shut_down();
    }

    /// Refuses new commands; those that wait go on.
    pub(crate) fn start_closing(&self) {
        self.state.lock().start_closing();
    }

    /// Refuses new commands, waits at most `grace` for those in flight, then closes.
    pub(crate) async fn close(&self, grace: Duration) {
        self.start_closing();
        let (done, finished) = tokio::sync::oneshot::channel();
        let state = Arc::clone(&self.state);
        let drain = async move {
            let drained = poll_fn(|cx| state.lock().poll_drained(cx));
            // Whether it is drained or the grace is over, what follows is the same.
            let _ = tokio::time::timeout(grace, drained).await;
            state.shut_down();
            let _ = done.send(());
        };
        if spawn(drain).is_ok() {
            // Fails only if the I/O thread has ended, and all connections with it.
            let _ = relayed(finished).await;
        }
    }
}

impl Drop for MultiplexedConnection {
    fn drop(&mut self) {
        self.state.shut_down();
    }
}
