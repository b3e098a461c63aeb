//! The connections to one server: the multiplexed one, which reconnects by itself, and dedicated ones for
//! blocking commands and for callers who change the session.

mod attempts;
mod blocking_call;
mod blocking_pool;
mod call;
mod call_options;
mod connection_log;
mod driver;
mod errors;
mod hosting;
mod last_words;
mod late;
mod learned_commands;
mod multiplexed;
mod node;
mod packed;
mod plain_pipeline;
mod queue;
mod renewal;
mod reply;
mod request;
mod retry;
mod route;
mod single_reply;
mod state;
mod supervisor;
mod timeouts;
mod timer;

pub(crate) use self::attempts::Attempts;
pub(crate) use self::call_options::{CallOptions, LimitedBy};
pub(crate) use self::connection_log::ConnectionLog;
pub(crate) use self::errors::{closed, connection_lost, connection_lost_after, protocol_error};
pub(crate) use self::last_words::unasked;
pub(crate) use self::learned_commands::LearnedCommands;
pub(crate) use self::multiplexed::MultiplexedConnection;
pub(crate) use self::node::NodeConnections;
pub(crate) use self::packed::{Packed, check_not_empty, empty_command};
pub(crate) use self::plain_pipeline::PlainPipeline;
pub(crate) use self::reply::{ExpectedReplies, Reply};
pub(crate) use self::request::{Request, own_request};
pub(crate) use self::retry::{MAX_WRITES, Resend};
pub(crate) use self::route::{
    Route, blocking_time, blocking_time_of, check_wait, dedicated_options,
};
