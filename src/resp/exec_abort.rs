//! Makes redis-rs's own error for a transaction whose commands were not all queued.
//!
//! `TransactionAborted` cannot be made outside redis-rs, so a connection of redis-rs reads the server's
//! replies again, from memory.

use std::fmt::Write;
use std::future::{Future, poll_fn};
use std::pin::pin;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError, RedisResult, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Returns the error that redis-rs returns for a transaction of `commands` commands. `refused` has the
/// replies to the commands that the server did not queue, by their place from 0.
pub(crate) async fn exec_abort(commands: usize, refused: &[(usize, Value)]) -> RedisError {
    match replay(&frames(commands, refused), commands).await {
        Err(error) => error,
        Ok(_) => (redis::ErrorKind::Client, "transaction aborted").into(),
    }
}

fn frames(commands: usize, refused: &[(usize, Value)]) -> String {
    let mut frames = "+OK\r\n".to_owned();
    for place in 0..commands {
        let refusal = refused.iter().find_map(|(at, value)| match value {
            Value::ServerError(error) if *at == place => Some(error),
            _ => None,
        });
        // Writing to a string cannot fail.
        let _ = match refusal {
            Some(error) => {
                write!(
                    frames,
                    "-{} {}\r\n",
                    error.code(),
                    error.details().unwrap_or_default()
                )
            }
            None => write!(frames, "+QUEUED\r\n"),
        };
    }
    frames + "-EXECABORT Transaction discarded because of previous errors.\r\n"
}

async fn replay(frames: &str, commands: usize) -> RedisResult<Vec<Value>> {
    let mut pipeline = redis::pipe();
    pipeline.atomic().cmd("PING");
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let (mut connection, driver) =
        MultiplexedConnection::new_with_config(&info, ours, config).await?;
    // A reply that arrives before the request would be discarded.
    let mut server = pin!(async {
        theirs.read_u8().await?;
        theirs.write_all(frames.as_bytes()).await?;
        std::future::pending::<std::io::Result<()>>().await
    });
    let mut driver = pin!(driver);
    let mut request = pin!(connection.send_packed_commands(&pipeline, commands + 1, 1));
    poll_fn(|cx| {
        // If one of the two ends before a reply has arrived, the request ends with an error.
        let _ = driver.as_mut().poll(cx);
        let _ = server.as_mut().poll(cx);
        request.as_mut().poll(cx)
    })
    .await
}
