//! A cluster of throw-away servers.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use redis_ready::testing::Server;

use crate::Failure;

const SLOTS: usize = 16_384;
/// Longer than any cluster takes to form.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a cluster of `count` primaries, and returns when all of it serves.
pub(super) fn start(count: usize) -> Result<Vec<Server>, Failure> {
    let mut nodes = Vec::new();
    let mut buses = Vec::new();
    for number in 0..count {
        let bus = free_port()?;
        let node = Server::builder()
            .tcp()
            .arg("--cluster-enabled")
            .arg("yes")
            .arg("--cluster-port")
            .arg(bus.to_string())
            .start()?;
        let (first, end) = (SLOTS * number / count, SLOTS * (number + 1) / count);
        ask::<()>(
            &node,
            &["ADDSLOTSRANGE", &first.to_string(), &(end - 1).to_string()],
        )?;
        nodes.push(node);
        buses.push(bus.to_string());
    }
    for (node, bus) in nodes.iter().zip(&buses).skip(1) {
        let port = node.port().ok_or("the node has no port")?.to_string();
        ask::<()>(&nodes[0], &["MEET", "127.0.0.1", &port, bus])?;
    }
    let start = Instant::now();
    while !all_know_all(&nodes)? {
        if start.elapsed() > PATIENCE {
            return Err("the cluster does not form".into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(nodes)
}

fn all_know_all(nodes: &[Server]) -> Result<bool, Failure> {
    for node in nodes {
        let info: String = ask(node, &["INFO"])?;
        let known = format!("cluster_known_nodes:{}\r", nodes.len());
        if !info.contains("cluster_state:ok") || !info.contains(&known) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn ask<T: redis::FromRedisValue>(node: &Server, words: &[&str]) -> Result<T, Failure> {
    let mut command = redis::cmd("CLUSTER");
    Ok(command.arg(words).query(&mut node.client().blocking())?)
}

/// A port that was free a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
