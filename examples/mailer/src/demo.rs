//! The demonstration: a Redis server of its own, which the enter key stops and starts.

use std::error::Error;
use std::io;

use redis_ready::testing::{Overrides, Server};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::block_in_place;

/// Runs the application on a server that ends with it, and what it holds with it.
pub async fn run(
    application: impl Future<Output = Result<(), Box<dyn Error>>>,
) -> Result<(), Box<dyn Error>> {
    // It writes down what it has acknowledged, and has it again when it is started again.
    let mut server = Server::builder().arg("--appendonly").arg("yes").start()?;
    let overrides = Overrides::new().set("REDIS_URL", server.url());
    tokio::select! {
        result = overrides.scope(application) => result,
        result = toggle(&mut server, enter_key()) => Ok(result?),
    }
}

/// Stops the server, starts it again, and so on; without a keyboard it does nothing.
async fn toggle(server: &mut Server, mut enter_key: Receiver<()>) -> io::Result<()> {
    println!("The enter key stops Redis, and starts it again.");
    while enter_key.recv().await.is_some() {
        if server.is_running() {
            block_in_place(|| server.kill())?;
            log::info!("Redis is gone");
        } else {
            block_in_place(|| server.restart())?;
            log::info!("Redis is back");
        }
    }
    std::future::pending().await
}

/// Reads on a thread of its own, which does not keep the program from ending.
fn enter_key() -> Receiver<()> {
    let (sender, receiver) = channel(1);
    std::thread::spawn(move || {
        for _line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(()).is_err() {
                break;
            }
        }
    });
    receiver
}
