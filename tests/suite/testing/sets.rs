//! Sentinels and clusters that fail over where a test says so, and end with it.

use std::fs;
use std::path::{Path, PathBuf};

use redis::Commands;
use redis_ready::Client;
use redis_ready::testing::{Cluster, Sentinels, Server};

use crate::support::errors::ok;
use crate::support::not_run::without_tls;

fn must<T>(result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// A client that waits for a failover.
fn patient(url: &str) -> Client {
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}deadline=60s");
    Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"))
}

/// How many processes run in one of these directories, or did until it was removed.
#[cfg(target_os = "linux")]
fn processes_in(directories: &[PathBuf]) -> usize {
    let processes = fs::read_dir("/proc").expect("Linux has it").flatten();
    let at = processes.filter_map(|it| fs::read_link(it.path().join("cwd")).ok());
    let at = at.map(|it| it.to_string_lossy().replace(" (deleted)", ""));
    at.filter(|at| directories.iter().any(|it| it == Path::new(at)))
        .count()
}

/// Drops `set`, whose running servers have these directories, and looks for what is left of it.
fn leaves_nothing<T>(set: T, directories: &[PathBuf]) {
    assert!(directories.iter().all(|it| it.exists()));
    #[cfg(target_os = "linux")]
    assert_eq!(processes_in(directories), directories.len());
    drop(set);
    for directory in directories {
        assert!(!directory.exists(), "{}", directory.display());
    }
    #[cfg(target_os = "linux")]
    assert_eq!(processes_in(directories), 0);
}

fn directories<'a>(servers: impl IntoIterator<Item = &'a Server>) -> Vec<PathBuf> {
    let running = servers.into_iter().filter(|it| it.is_running());
    running.map(|it| it.directory().to_owned()).collect()
}

#[test]
fn sentinels_fail_over_when_asked_and_when_the_primary_is_killed() {
    let servers = Server::builder()
        .password("server's")
        .user("app", "app's", "~* &* +@all");
    let builder = Sentinels::builder().servers(servers);
    let mut sentinels = must(builder.sentinel_password("sentinel's").start());
    let mut client = patient(&sentinels.url()).blocking();
    let () = ok(client.set("key", 1));
    assert_eq!(must(sentinels.primary()), 0);

    assert_eq!(must(sentinels.failover()), 1);
    assert_eq!(must(sentinels.primary()), 1);
    let () = ok(client.set("key", 2));
    // `WAIT` is answered by the replica that has it.
    let mut primary = ok(sentinels.servers()[1].connect());
    let replicas: u64 = ok(redis::cmd("WAIT").arg(1).arg(10_000).query(&mut primary));
    assert_eq!(replicas, 1);

    assert_eq!(must(sentinels.kill_primary()), 1);
    assert!(!sentinels.servers()[1].is_running());
    assert_eq!(must(sentinels.primary()), 0);
    assert_eq!(client.get("key"), Ok(2));
    must(sentinels.restart(1));
    must(sentinels.wait_until_ready());
    assert_eq!(ok(sentinels.servers()[1].connect()).get("key"), Ok(2));

    let all = sentinels.servers().iter().chain(sentinels.sentinels());
    let all = directories(all);
    assert_eq!(all.len(), 5);
    leaves_nothing(sentinels, &all);
}

#[test]
fn a_cluster_fails_over_when_asked_and_when_a_primary_is_killed() {
    let nodes = Server::builder()
        .password("node's")
        .user("app", "app's", "~* &* +@all");
    let builder = Cluster::builder().replicas_per_primary(1).nodes(nodes);
    let mut cluster = must(builder.start());
    assert_eq!(cluster.node_count(), 6);
    assert_eq!(must(cluster.primaries()), [0, 1, 2]);
    let mut client = patient(&cluster.url()).blocking();
    for number in 0..100 {
        let () = ok(client.set(format!("key:{number}"), number));
    }
    let primary = must(cluster.primary_of("key:7"));
    assert!(primary < 3);

    let replica = must(cluster.failover(primary));
    assert_eq!(replica, primary + 3);
    assert_eq!(must(cluster.primary_of("key:7")), replica);
    assert!(!must(cluster.primaries()).contains(&primary));
    let () = ok(client.set("key:7", 7));

    assert_eq!(must(cluster.kill_primary(replica)), primary);
    assert!(!cluster.node(replica).is_running());
    assert_eq!(must(cluster.primary_of("key:7")), primary);
    for number in 0..100 {
        assert_eq!(client.get(format!("key:{number}")), Ok(number));
    }
    let error = cluster
        .kill_primary(primary)
        .expect_err("no replica is left");
    assert!(error.to_string().contains("no replica"), "{error}");
    must(cluster.node_mut(replica).restart());
    must(cluster.wait_until_ready());
    assert_eq!(must(cluster.failover(primary)), replica);

    let all = directories((0..6).map(|it| cluster.node(it)));
    assert_eq!(all.len(), 6);
    leaves_nothing(cluster, &all);
}

#[test]
fn sets_over_tls_need_no_files() {
    if without_tls() {
        return;
    }
    let tls = Server::builder().tls_self_signed();
    let cluster = must(Cluster::builder().nodes(tls.clone()).start());
    let mut client = cluster.client().blocking();
    for key in ["a", "b", "c", "d"] {
        let () = ok(client.set(key, 1));
    }
    let sentinels = Sentinels::builder().sentinels(1).servers(tls);
    let mut sentinels = must(sentinels.start());
    let mut client = patient(&sentinels.url()).blocking();
    let () = ok(client.set("key", 1));
    assert_eq!(must(sentinels.failover()), 1);
    assert_eq!(client.get("key"), Ok(1));
}

#[test]
fn a_failover_without_replicas_is_an_error() {
    let mut sentinels = must(Sentinels::builder().replicas(0).sentinels(1).start());
    let error = sentinels.failover().expect_err("no replica");
    assert!(error.to_string().contains("NOGOODSLAVE"), "{error}");
    let mut cluster = must(Cluster::builder().primaries(1).start());
    let error = cluster.failover(0).expect_err("no replica");
    assert!(error.to_string().contains("no replica"), "{error}");
}
