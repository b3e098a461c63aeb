//! Three things that applications keep in Redis: sessions, a rate limit and a queue of mails.
//!
//! Copy `.env.example` to `.env`, start a Redis server, and:
//!
//! ```sh
//! cargo run
//! ```

use std::error::Error;
use std::time::Duration;

use redis_ready::redis::{self, AsyncCommands, RedisResult};
use redis_ready::{Client, redis_client};

/// How long a log-in lasts, in seconds.
const SESSION_SECONDS: u64 = 3600;
/// How many requests a user may make in a window of [`WINDOW_SECONDS`].
const REQUESTS_PER_WINDOW: u64 = 5;
/// Length of the window of the rate limit, in seconds.
const WINDOW_SECONDS: u64 = 60;

/// Returns every error: `main` then prints it, and this crate's errors print as a report.
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Reads `REDIS_URL` from the environment or from `.env`. A mistake in it is an error here.
    let client = redis_client!()?;
    // Optional: stops here, with the cause, if the server cannot be reached within ten seconds.
    client.ready(Duration::from_secs(10)).await?;
    serve(client).await?;
    Ok(())
}

/// Does what the handlers of a web server do. A clone is cheap: all clones share one connection.
async fn serve(client: Client) -> RedisResult<()> {
    log_in(client.clone(), "token-1", "ada").await?;
    match user_of(client.clone(), "token-1").await? {
        Some(user) => println!("session: {user}"),
        None => println!("session: not logged in"),
    }

    for request in 1..=REQUESTS_PER_WINDOW + 1 {
        let answer = if is_allowed(client.clone(), "ada").await? {
            "200 OK"
        } else {
            "429 Too Many Requests"
        };
        println!("request {request}: {answer}");
    }

    queue_mail(client.clone(), "ada@example.org").await?;
    queue_mail(client.clone(), "grace@example.org").await?;
    while let Some(address) = next_mail(client.clone()).await? {
        println!("mail to {address}");
    }
    Ok(())
}

/// Stores the session of `user`. Redis deletes it when its time is up.
async fn log_in(mut client: Client, token: &str, user: &str) -> RedisResult<()> {
    let key = format!("app:session:{token}");
    client.set_ex(key, user, SESSION_SECONDS).await
}

/// Returns the user whose session has `token`, or `None` if there is none.
async fn user_of(mut client: Client, token: &str) -> RedisResult<Option<String>> {
    client.get(format!("app:session:{token}")).await
}

/// Counts a request of `user` and returns whether it is within the limit.
///
/// The first request of a window creates the counter, and Redis deletes it at the end of the window.
/// Both commands run in one transaction (`MULTI` and `EXEC`), so the counter always has an end.
async fn is_allowed(mut client: Client, user: &str) -> RedisResult<bool> {
    let key = format!("app:requests:{user}");
    let (requests,): (u64,) = redis::pipe()
        .atomic()
        .cmd("SET")
        .arg(&key)
        .arg(0)
        .arg("EX")
        .arg(WINDOW_SECONDS)
        .arg("NX")
        .ignore()
        .incr(&key, 1)
        .query_async(&mut client)
        .await?;
    Ok(requests <= REQUESTS_PER_WINDOW)
}

/// Puts a mail at the end of the queue.
async fn queue_mail(mut client: Client, address: &str) -> RedisResult<()> {
    client.lpush("app:mails", address).await
}

/// Takes the oldest mail from the queue; `None` if the queue is empty.
async fn next_mail(mut client: Client) -> RedisResult<Option<String>> {
    client.rpop("app:mails", None).await
}
