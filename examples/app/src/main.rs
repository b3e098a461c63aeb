//! Three things that applications keep in Redis: sessions, a rate limit and a queue of jobs.
//!
//! ```sh
//! REDIS_URL=redis://localhost:6379 cargo run
//! ```

use redis_ready::redis::{AsyncCommands, RedisResult};
use redis_ready::{Client, redis_client};

const SESSION_SECONDS: u64 = 3600;
const REQUESTS_PER_MINUTE: u64 = 5;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = match redis_client!() {
        Ok(client) => client,
        Err(error) => {
            eprintln!("Error: {error:?}");
            std::process::exit(1);
        }
    };
    serve(client).await?;
    Ok(())
}

/// What a web server does in its handlers: each gets a clone, all share one connection.
async fn serve(client: Client) -> RedisResult<()> {
    log_in(client.clone(), "token-1", "ada").await?;
    let user = user_of(client.clone(), "token-1").await?;
    println!("session: {}", user.as_deref().unwrap_or("nobody"));

    for request in 1..=REQUESTS_PER_MINUTE + 1 {
        let answer = match is_allowed(client.clone(), "ada").await? {
            true => "200 OK",
            false => "429 Too Many Requests",
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

async fn log_in(mut client: Client, token: &str, user: &str) -> RedisResult<()> {
    let key = format!("app:session:{token}");
    client.set_ex(key, user, SESSION_SECONDS).await
}

async fn user_of(mut client: Client, token: &str) -> RedisResult<Option<String>> {
    client.get(format!("app:session:{token}")).await
}

/// Counts in a window that starts with the first request and ends a minute later.
async fn is_allowed(mut client: Client, user: &str) -> RedisResult<bool> {
    let key = format!("app:requests:{user}");
    let (requests,): (u64,) = redis_ready::redis::pipe()
        .atomic()
        .cmd("SET")
        .arg(&key)
        .arg(0)
        .arg("EX")
        .arg(60)
        .arg("NX")
        .ignore()
        .incr(&key, 1)
        .query_async(&mut client)
        .await?;
    Ok(requests <= REQUESTS_PER_MINUTE)
}

async fn queue_mail(mut client: Client, address: &str) -> RedisResult<()> {
    client.lpush("app:mails", address).await
}

async fn next_mail(mut client: Client) -> RedisResult<Option<String>> {
    client.rpop("app:mails", None).await
}
