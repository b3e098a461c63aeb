//! Libraries of the ecosystem on our client, each with a real server: `cargo test` in this folder.
//!
//! Each file shows one door: what an application writes, and that it works.

#![cfg(test)]

mod actix_app;
mod actix_store;
mod apalis_jobs;
mod axum_app;
mod caches;
mod http;
mod loco_cache;
mod lossy;
mod own_connections;
mod sidekiq_jobs;
mod sign_ins;
mod socketio;
mod tls;
mod tower_store;

use redis_ready::redis::{Cmd, FromRedisValue};
use redis_ready::testing::{Server, ServerBuilder};
use redis_ready::{Client, redis};

/// A server with a login, for what has to be told of it.
fn server() -> Server {
    start(Server::builder().tcp().password("s3cret @#%+"))
}

/// A client of `server`, in a database of its own.
fn client(server: &Server) -> Client {
    Client::open(&format!("{}/5", server.url())).expect("the URL is valid")
}

fn start(builder: ServerBuilder) -> Server {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

async fn ask<T: FromRedisValue>(client: &Client, command: &mut Cmd) -> T {
    let reply = command.query_async(&mut client.clone()).await;
    reply.unwrap_or_else(|error| panic!("{error}"))
}

/// How many commands the server has run for `client` so far, without those that ask for it.
async fn commands_run(client: &Client) -> usize {
    let statistics: String = ask(client, redis::cmd("INFO").arg("commandstats")).await;
    let calls = statistics.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let of_clients = ["set", "get", "del", "pexpire"].contains(&name);
        of_clients.then(|| rest.split(',').next()?.parse::<usize>().ok())?
    });
    calls.sum()
}
