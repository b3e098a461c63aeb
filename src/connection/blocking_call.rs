//! [`BlockingCall`]: one command that blocks, on a connection of its own, until it has its reply.

use std::slice;
use std::time::{Duration, Instant};

use super::blocking_pool::{BlockingPool, Lease};
use super::reply::Reply;
use super::request::{Request, own_request};
use super::retry::MAX_WRITES;
use super::timeouts::Timeouts;
use crate::error::{Error, ErrorKind};
use crate::observe::count_retry;
use crate::resp::Refusal;
use crate::runtime::sleep;

/// Delay between two attempts to connect for a blocking command.
const CONNECT_RETRY_DELAY: Duration = Duration::from_millis(200);
/// Delays before a blocking command is written for the second and for the third time.
const WRITE_RETRY_DELAYS: [Duration; 2] = [CONNECT_RETRY_DELAY, Duration::from_secs(1)];

/// One command that blocks, on its way over as many connections as it takes.
pub(super) struct BlockingCall<'a> {
    pool: &'a BlockingPool,
    request: Request<'a>,
    start: Instant,
    /// Longest time until there is a connection to a server that serves.
    deadline: Duration,
    write_retries: slice::Iter<'static, Duration>,
    /// The server has said that it cannot serve for now.
    is_unavailable: bool,
    /// Why it is not known whether it has run.
    lost: Option<Error>,
}

impl<'a> BlockingCall<'a> {
    pub(super) fn new(
        pool: &'a BlockingPool,
        request: Request<'a>,
        deadline: Duration,
    ) -> BlockingCall<'a> {
        BlockingCall {
            pool,
            request,
            start: Instant::now(),
            deadline,
            write_retries: WRITE_RETRY_DELAYS.iter(),
            is_unavailable: false,
            lost: None,
        }
    }

    /// Sends the command until it is answered. Keeps its connection for others if `is_kept`. Dropping the
    /// future closes the connection, so that no element is popped from a list for a caller that is gone.
    pub(super) async fn reply(mut self, is_kept: bool) -> Result<Reply, Error> {
        let result = self.send_until_answered(is_kept).await;
        result.map_err(|error| error.after_loss(self.lost.take()))
    }

    async fn send_until_answered(&mut self, is_kept: bool) -> Result<Reply, Error> {
        loop {
            let lease = self.pool.check_out()?;
            self.until_ready(&lease).await?;
            let once = self.request.clone().once();
            let once = once.after_waiting(self.start.elapsed());
            let mut call = lease.connection.call(once);
            let result = call.reply().await;
            let is_cut_off = call.writes() >= MAX_WRITES;
            drop(call);
            let delay = match &result {
                Ok(reply) => {
                    let is_left = reply.is_by_a_replica() && self.pool.leave_replica();
                    if is_left {
                        lease.connection.leave();
                    }
                    let Some(refusal) = self.request.refusal(reply) else {
                        if is_kept && !is_left {
                            self.pool.put_back(&lease);
                        }
                        return result;
                    };
                    self.delay_after_refusal(&refusal)
                }
                Err(error) => self.delay_after_error(error, is_cut_off),
            };
            drop(lease);
            let delay = delay.filter(|delay| self.start.elapsed() + *delay < self.deadline);
            let Some(delay) = delay else {
                return result;
            };
            if let Err(error) = result {
                self.lost = Some(error.after_loss(self.lost.take()));
            }
            sleep(delay).await;
            count_retry();
        }
    }

    /// Waits until a server that could not serve does, or until the deadline.
    async fn until_ready(&mut self, lease: &Lease<'_>) -> Result<(), Error> {
        if !std::mem::take(&mut self.is_unavailable) {
            return Ok(());
        }
        let target = self.pool.target();
        let timeouts = Timeouts::from(target.client()).with_deadline(self.deadline);
        let options = self.request.options.with_timeouts(timeouts).idempotent();
        let command = target.probe_command();
        let request = own_request(&command, options);
        let mut call = lease.connection.call(request).since(self.start);
        match call.reply().await {
            Err(error) if error.kind() == ErrorKind::NotReady => Err(error),
            // What else there is, the command itself finds out.
            _ => Ok(()),
        }
    }

    fn waits(&self) -> bool {
        !self.request.options.fail_fast
    }

    /// Returns after which delay the command is sent again that the server has refused, if it is.
    fn delay_after_refusal(&mut self, refusal: &Refusal) -> Option<Duration> {
        self.is_unavailable =
            matches!(refusal, Refusal::Unavailable(_)) && !refusal.is_by_a_replica();
        let delay = self.write_retries.next().copied();
        delay.filter(|_| self.waits())
    }

    /// Returns after which delay the command is sent again after `error`, if it is.
    fn delay_after_error(&mut self, error: &Error, is_cut_off: bool) -> Option<Duration> {
        match error.kind() {
            // It had ended while it was idle: nothing has been sent on it.
            ErrorKind::Closed if !error.may_have_run() => {
                (!self.pool.is_closing()).then_some(Duration::ZERO)
            }
            ErrorKind::Unreachable | ErrorKind::NotReady => {
                self.waits().then_some(CONNECT_RETRY_DELAY)
            }
            ErrorKind::ConnectionLost if self.request.is_repeatable() && !is_cut_off => {
                self.write_retries.next().copied()
            }
            _ => None,
        }
    }
}
