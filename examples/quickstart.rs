//! Sets, gets, counts and runs a pipeline.
//!
//! ```sh
//! cargo run --example quickstart --features testing
//! ```
//!
//! It uses the server of `REDIS_URL`. Without that variable it starts a server of its own, which needs
//! `redis-server` or `valkey-server` on this machine.

use std::process::ExitCode;

use redis_ready::redis::{self, AsyncCommands};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind, redis_client};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // `{:?}` of this crate's errors is a report with the place of the mistake and what to do.
            // Other errors, such as those of a command, read better with `{}`.
            match failure.downcast_ref::<redis_ready::Error>() {
                Some(error) => eprintln!("Error: {error:?}"),
                None => eprintln!("Error: {failure}"),
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    // The throw-away server stops when `_server` is dropped, at the end of this function.
    let (client, _server) = match redis_client!() {
        Ok(client) => {
            println!("using the server of REDIS_URL");
            (client, None)
        }
        Err(error) if error.kind() == ErrorKind::MissingVariable => {
            let server = Server::start()?;
            println!(
                "REDIS_URL is not set: started a throw-away server at {}",
                server.url()
            );
            (Client::open(server.url())?, Some(server))
        }
        Err(error) => return Err(error.into()),
    };
    run_commands(client).await
}

async fn run_commands(mut client: Client) -> Result<(), Failure> {
    println!("PING answered in {:?}", client.ping().await?);

    // 60: Redis deletes the key after 60 seconds.
    let () = client.set_ex("quickstart:greeting", "hello", 60).await?;
    let greeting: String = client.get("quickstart:greeting").await?;
    println!("SET and GET: {greeting}");

    let visits: u64 = client.incr("quickstart:visits", 1).await?;
    println!("INCR: {visits}");

    // A pipeline sends all its commands at once. `ignore` leaves a reply out of the result.
    let (first, total): (String, u64) = redis::pipe()
        .get("quickstart:greeting")
        .incr("quickstart:visits", 2)
        .expire("quickstart:visits", 60)
        .ignore()
        .query_async(&mut client)
        .await?;
    println!("pipeline: {first} and {total}");
    Ok(())
}
