//! Sets, gets, counts and runs a pipeline, on the server of `REDIS_URL` or on one of its own:
//! `cargo run --example quickstart --features testing`.

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
            // The `Debug` of this crate's errors is the report; other errors have a better `Display`.
            match failure.downcast_ref::<redis_ready::Error>() {
                Some(error) => eprintln!("Error: {error:?}"),
                None => eprintln!("Error: {failure}"),
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    // The server lives as long as this handle.
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
    use_it(client).await
}

async fn use_it(mut client: Client) -> Result<(), Failure> {
    println!("PING answered in {:?}", client.ping().await?);

    let () = client.set_ex("quickstart:greeting", "hello", 60).await?;
    let greeting: String = client.get("quickstart:greeting").await?;
    println!("SET and GET: {greeting}");

    let visits: u64 = client.incr("quickstart:visits", 1).await?;
    println!("INCR: {visits}");

    let (first, total): (String, u64) = redis::pipe()
        .get("quickstart:greeting")
        .incr("quickstart:visits", 2)
        .expire("quickstart:visits", 60)
        .ignore()
        .query_async(&mut client)
        .await?;
    println!("pipeline: {first}, {total}");
    Ok(())
}
