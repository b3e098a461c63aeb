//! [`NodeConnections`]: the connections to one server, and which of them a command goes to.
//!
//! Nearly every command goes to the connection that all callers share. A command that blocks would
//! make all of them wait, so it gets a connection of its own for as long as it takes; a pipeline that
//! holds one goes there whole. A command that changes the session is refused: it would change it for
//! every caller. A command that the table lacks waits until the server has said what it is.

use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Cmd, RedisError, RedisFuture, RedisResult, Value};
use tokio::sync::Notify;

use super::blocking_call::BlockingCall;
use super::blocking_pool::BlockingPool;
use super::call_options::CallOptions;
use super::errors::{not_authenticated, not_ready};
use super::learned_commands::LearnedCommands;
use super::multiplexed::MultiplexedConnection;
use super::packed::{Packed, check_not_empty};
use super::plain_pipeline::PlainPipeline;
use super::reply::Reply;
use super::request::{Request, own_request};
use super::route::Route;
use super::single_reply::SingleReply;
use crate::command::{CommandInfo, arguments};
use crate::config::Target;
use crate::error::{Error, ErrorKind};
use crate::observe::Tally;
use crate::resp::Refusal;

/// The connections to one server.
pub(crate) struct NodeConnections {
    shared: MultiplexedConnection,
    blocking: BlockingPool,
    /// Connections that do not select the database of the URL, if there is one to select.
    rescue: Option<BlockingPool>,
    learned: LearnedCommands,
}

impl NodeConnections {
    /// The connections to `target`, which count in `tally`. `trouble` is notified when the shared one is
    /// lost, or cannot be made.
    pub(crate) fn new(
        target: Target,
        tally: Arc<Tally>,
        trouble: Option<Arc<Notify>>,
    ) -> NodeConnections {
        let watch = Arc::default();
        let blocking = BlockingPool::new(target.clone(), Arc::clone(&watch), Arc::clone(&tally));
        let has_database = target.client().database() != 0;
        NodeConnections {
            rescue: has_database.then(|| blocking.without_database()),
            blocking,
            learned: LearnedCommands::default(),
            shared: MultiplexedConnection::shared(target, watch, tally, trouble),
        }
    }

    pub(crate) fn shared(&self) -> &MultiplexedConnection {
        &self.shared
    }

    /// Returns a new connection for the session of one caller.
    pub(crate) fn dedicated(&self) -> MultiplexedConnection {
        self.blocking.dedicated()
    }

    /// Sends `command`. By far the most are answered on the shared connection, by a future that is
    /// nothing but their call: an `async` block around it would cost each a tenth more instructions.
    #[inline]
    pub(crate) fn send<'a>(
        &'a self,
        command: &'a Cmd,
        options: CallOptions,
    ) -> RedisFuture<'a, Value> {
        let info = CommandInfo::of(arguments(command));
        if info.is_plain() {
            self.send_shared(command, info, options)
        } else if info.is_unknown() {
            self.send_unknown(command, options)
        } else {
            self.send_by_route(command, info, options, Duration::ZERO)
        }
    }

    #[inline]
    fn send_shared<'a>(
        &'a self,
        command: &'a Cmd,
        info: CommandInfo,
        options: CallOptions,
    ) -> RedisFuture<'a, Value> {
        let request = Request::command(command, info, options);
        Box::pin(SingleReply(self.shared.call(request)))
    }

    /// Sends a command that the table lacks.
    fn send_unknown<'a>(
        &'a self,
        command: &'a Cmd,
        options: CallOptions,
    ) -> RedisFuture<'a, Value> {
        match self.learned.get(arguments(command), self.shared.number()) {
            Some(info) if info.is_plain() => self.send_shared(command, info, options),
            Some(info) => self.send_by_route(command, info, options, Duration::ZERO),
            None => Box::pin(async move {
                check_not_empty(command)?;
                let start = Instant::now();
                let info = self.look_up(arguments(command), options).await?;
                self.send_by_route(command, info, options, start.elapsed())
                    .await
            }),
        }
    }

    async fn look_up<'a>(
        &self,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
        options: CallOptions,
    ) -> Result<CommandInfo, Error> {
        self.check_hindrance(options)?;
        let (shared, number) = (&self.shared, self.shared.numbering());
        self.learned
            .look_up(arguments, shared, number, options)
            .await
    }

    /// Fails where a command with `options` must not wait and there is no connection to the server.
    pub(crate) fn check_hindrance(&self, options: CallOptions) -> Result<(), Error> {
        let hindrance = options.fail_fast.then(|| self.shared.hindrance());
        hindrance.flatten().map_or(Ok(()), Err)
    }

    /// Sends a command whose caller has already waited for part of its deadline.
    fn send_by_route<'a>(
        &'a self,
        command: &'a Cmd,
        info: CommandInfo,
        options: CallOptions,
        waited: Duration,
    ) -> RedisFuture<'a, Value> {
        let route = || Route::of_single(info, arguments(command)).map_err(RedisError::from);
        match check_not_empty(command).and_then(|()| route()) {
            Ok(Route::Shared) if waited.is_zero() => self.send_shared(command, info, options),
            Ok(route) => {
                let request = Request::command(command, info, route.extend(options).after(waited));
                let deadline = options.after(waited).timeouts.deadline;
                let call = self.run(route, request, 0, deadline);
                Box::pin(async move { Ok(call.await.0?.single()) })
            }
            Err(error) => Box::pin(ready(Err(error))),
        }
    }

    /// Sends a pipeline all commands of which go to the connection that all callers share.
    pub(crate) fn send_pipeline<'a>(
        &'a self,
        pipeline: PlainPipeline<'a>,
        options: CallOptions,
    ) -> RedisFuture<'a, Vec<Value>> {
        let commands = pipeline.count();
        let request = Request::pipeline(pipeline, options);
        let mut call = self.shared.call(request);
        Box::pin(async move { call.reply().await?.many(commands).await })
    }

    /// Sends packed commands.
    pub(crate) async fn send_packed(
        &self,
        packed: Packed<'_>,
        options: CallOptions,
    ) -> RedisResult<Reply> {
        let commands = packed.commands();
        let (infos, waited) = self.infos(&commands, options).await?;
        let route = Route::of_all(&commands, &infos, packed.is_transaction())?;
        let packed = packed.with_infos(infos.into_iter());
        let request = Request::packed(packed, route.extend(options).after(waited));
        let deadline = options.after(waited).timeouts.deadline;
        Ok(self.run(route, request, 0, deadline).await.0?)
    }

    /// Returns what is known about each command; asks the server about those that the table lacks.
    async fn infos(
        &self,
        commands: &[Vec<&[u8]>],
        options: CallOptions,
    ) -> Result<(Vec<CommandInfo>, Duration), Error> {
        let mut waited = Duration::ZERO;
        let mut infos = Vec::with_capacity(commands.len());
        for command in commands {
            let mut info = CommandInfo::of(command.iter().copied());
            if info.is_unknown() {
                let start = Instant::now();
                let left = options.after(waited);
                info = self.look_up(command.iter().copied(), left).await?;
                waited += start.elapsed();
            }
            infos.push(info);
        }
        Ok((infos, waited))
    }

    /// Sends `request` by its route. Returns besides how often it has been written without a reply that
    /// its caller could use, `writes` to other nodes included. Waits for a connection of its own at most
    /// for `deadline`.
    pub(crate) async fn run(
        &self,
        route: Route,
        request: Request<'_>,
        writes: u8,
        deadline: Duration,
    ) -> (Result<Reply, Error>, u8) {
        let result = match (route, self.rescue_pool()) {
            (Route::Rescue { .. }, Some(connections)) => {
                let call = BlockingCall::new(connections, request, deadline);
                let result = call.reply(false).await;
                // Callers that wait for the database do not have to wait for the back-off as well.
                self.shared.reconnect_now();
                result
            }
            (Route::Shared | Route::Rescue { is_alone: false }, _) => {
                let mut call = self.shared.call(request).after_writes(writes);
                let result = call.reply().await;
                return (result, call.writes());
            }
            (route, _) => {
                if let Err(error) = self.check_hindrance(request.options) {
                    return (Err(error), writes);
                }
                let is_kept = matches!(route, Route::Dedicated(_));
                let call = BlockingCall::new(&self.blocking, request, deadline);
                call.reply(is_kept).await
            }
        };
        let lost = result.as_ref().is_err_and(Error::may_have_run);
        (result, writes + u8::from(lost))
    }

    /// Returns the connections without a database, while the shared connection may have to wait until the
    /// server selects its own.
    fn rescue_pool(&self) -> Option<&BlockingPool> {
        self.rescue.as_ref().filter(|_| !self.shared.is_connected())
    }

    /// Sends `PING` on the shared connection, and finds out whether the server serves.
    pub(crate) async fn ping(&self, options: CallOptions) -> Result<(), Error> {
        let start = Instant::now();
        let error = match self
            .ask(&self.shared.target().probe_command(), options)
            .await
        {
            Ok(Reply::One(Value::ServerError(error))) => error,
            Ok(_) => return Ok(()),
            // The server has ended the connection on `PING`.
            Err(error) if error.may_have_run() && self.shared.target().is_oldest() => {
                let probe = self.shared.target().probe_command();
                return self
                    .ask(&probe, options.after(start.elapsed()))
                    .await
                    .map(drop);
            }
            Err(error) => return Err(error),
        };
        let peer = || self.shared.target().to_string();
        match Refusal::of_error(&error) {
            Some(Refusal::Unavailable(_)) => return Err(not_ready(&peer(), error)),
            Some(_) => return Ok(()),
            None if error.code() == "NOAUTH" => return Err(not_authenticated(&peer(), error)),
            None => {}
        }
        // The server looks at permissions and names before it looks whether it is ready, so ask it
        // something that more users may ask. Only the answer that it is not ready counts.
        let options = options.after(start.elapsed());
        match self.ask(&redis::cmd("DBSIZE"), options).await {
            Ok(Reply::One(Value::ServerError(error))) => match Refusal::of_error(&error) {
                Some(Refusal::Unavailable(_)) => Err(not_ready(&peer(), error)),
                _ => Ok(()),
            },
            // It has waited for the server until its time was up.
            Err(error) if error.kind() == ErrorKind::NotReady => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends a command of this crate's own on the shared connection.
    async fn ask(&self, command: &Cmd, options: CallOptions) -> Result<Reply, Error> {
        let request = own_request(command, options.idempotent());
        self.shared.call(request).reply().await
    }

    /// Refuses new commands, waits at most `grace` for those in flight, then closes.
    pub(crate) async fn close(&self, grace: Duration) {
        let start = Instant::now();
        self.own().for_each(BlockingPool::start_closing);
        self.shared.close(grace).await;
        for pool in self.own() {
            pool.drain(grace.saturating_sub(start.elapsed())).await;
        }
        self.shut_down();
    }

    /// Closes at once; what is in flight fails.
    pub(crate) fn shut_down(&self) {
        self.shared.shut_down();
        self.own().for_each(BlockingPool::shut_down);
    }

    /// Returns the pools of connections that one command has for itself.
    fn own(&self) -> impl Iterator<Item = &BlockingPool> {
        std::iter::once(&self.blocking).chain(&self.rescue)
    }
}
