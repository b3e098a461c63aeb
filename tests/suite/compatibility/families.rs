//! The command lists, expanded for each of redis-rs's four command traits.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use redis::acl::Rule;
use redis::geo::{RadiusOptions, RadiusOrder, Unit};
use redis::streams::{
    StreamAddOptions, StreamAutoClaimOptions, StreamClaimOptions, StreamMaxlen, StreamReadOptions,
    StreamTrimOptions, StreamTrimmingMode,
};
use redis::{
    CopyOptions, Direction, ExistenceCheck, ExpireOption, Expiry, FlushAllOptions, LposOptions,
    RedisResult, SetOptions, SortedSetAddOptions, Value,
};

use super::outcomes::{Outcomes, Sorted};

macro_rules! with_await {
    ($out:ident, plain $call:expr) => {
        with_await!($out, generic $call)
    };
    ($out:ident, sorted $call:expr) => {{
        let reply: RedisResult<Value> = $call.await;
        $out.push(stringify!($call), reply.map(Sorted::sorted));
    }};
    ($out:ident, generic $call:expr) => {{
        let reply: RedisResult<Value> = $call.await;
        $out.push(stringify!($call), reply);
    }};
}

macro_rules! typed_with_await {
    ($out:ident, plain $call:expr) => {
        $out.push(stringify!($call), $call.await)
    };
    ($out:ident, sorted $call:expr) => {
        $out.push(stringify!($call), $call.await.map(Sorted::sorted))
    };
    ($out:ident, generic $call:expr) => {
        with_await!($out, generic $call)
    };
}

macro_rules! blocking {
    ($out:ident, plain $call:expr) => {
        blocking!($out, generic $call)
    };
    ($out:ident, sorted $call:expr) => {{
        let reply: RedisResult<Value> = $call;
        $out.push(stringify!($call), reply.map(Sorted::sorted));
    }};
    ($out:ident, generic $call:expr) => {{
        let reply: RedisResult<Value> = $call;
        $out.push(stringify!($call), reply);
    }};
}

macro_rules! typed_blocking {
    ($out:ident, plain $call:expr) => {
        $out.push(stringify!($call), $call)
    };
    ($out:ident, sorted $call:expr) => {
        $out.push(stringify!($call), $call.map(Sorted::sorted))
    };
    ($out:ident, generic $call:expr) => {
        blocking!($out, generic $call)
    };
}

pub(crate) async fn untyped<C>(c: &mut C) -> Outcomes
where
    C: redis::aio::ConnectionLike + Send + Sync,
{
    use redis::AsyncCommands as _;
    let mut out = Outcomes::default();
    every_command!(with_await, out, c);
    out
}

pub(crate) async fn typed<C>(c: &mut C) -> Outcomes
where
    C: redis::aio::ConnectionLike + Send + Sync,
{
    use redis::AsyncTypedCommands as _;
    let mut out = Outcomes::default();
    every_command!(typed_with_await, out, c);
    out
}

pub(crate) fn untyped_blocking<C: redis::ConnectionLike>(c: &mut C) -> Outcomes {
    use redis::Commands as _;
    let mut out = Outcomes::default();
    every_command!(blocking, out, c);
    out
}

pub(crate) fn typed_blocking<C: redis::ConnectionLike>(c: &mut C) -> Outcomes {
    use redis::TypedCommands as _;
    let mut out = Outcomes::default();
    every_command!(typed_blocking, out, c);
    out
}
