//! The cache of profiles.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mailer::directory::{Directory, Profile};
use mailer::handles::Handles;
use mailer::profiles::Profiles;
use redis_ready::redis::AsyncCommands;
use redis_ready::{Client, Config};

use crate::support::server;

/// Much longer than a request waits for the cache.
const LONG: Duration = Duration::from_secs(20);

fn profile() -> Profile {
    Profile {
        sender: "Test <test@mailer.example>".to_owned(),
        mails_per_minute: 60,
        burst: 10,
    }
}

/// Profiles of a process, and the directory that it reads from, in 50 ms. However busy the machine is, the cache has
/// the time to answer.
fn process(client: &Client) -> (Arc<Profiles<Client>>, Arc<Directory>) {
    process_with(&Handles::all(client))
}

fn process_with(handles: &Handles<Client>) -> (Arc<Profiles<Client>>, Arc<Directory>) {
    let directory = Directory::new(Duration::from_millis(50)).with_tenant("acme", profile());
    let directory = Arc::new(directory);
    let nearby = Duration::from_secs(1);
    let profiles = Profiles::new(handles, Arc::clone(&directory), nearby);
    (Arc::new(profiles), directory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_read_a_profile_once() {
    let server = server();
    let (profiles, directory) = process(&server.client());
    let callers = (0..50).map(|_| {
        let profiles = Arc::clone(&profiles);
        tokio::spawn(async move { profiles.get("acme").await })
    });
    for caller in callers.collect::<Vec<_>>() {
        let found = caller.await.expect("it ends");
        assert_eq!(found.as_deref(), Some(&profile()));
    }
    assert_eq!(directory.reads(), 1);
}

#[tokio::test]
async fn another_process_finds_it_in_redis_until_it_expires() {
    let server = server();
    let (profiles, _) = process(&server.client());
    profiles.get("acme").await;
    let (profiles, directory) = process(&server.client());
    assert_eq!(profiles.get("acme").await.as_deref(), Some(&profile()));
    assert_eq!(directory.reads(), 0);

    let mut client = server.client();
    let lifetime: u64 = client.ttl("profile:acme").await.expect("it has one");
    assert!((299..=360).contains(&lifetime), "{lifetime} s");
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_has_none() {
    let server = server();
    let (profiles, _) = process(&server.client());
    assert_eq!(profiles.get("initech").await, None);
}

#[tokio::test]
async fn what_cannot_be_read_from_the_cache_is_read_anew() {
    let server = server();
    let mut client = server.client();
    let () = client.set("profile:acme", "{}").await.expect("set");
    let (profiles, directory) = process(&client);
    assert_eq!(profiles.get("acme").await.as_deref(), Some(&profile()));
    assert_eq!(directory.reads(), 1);
}

#[tokio::test]
async fn without_the_cache_it_is_read_from_the_directory() {
    let mut server = server();
    let config: Config = server.url().parse().expect("it is valid");
    let patient = config.with_response_timeout(LONG).with_deadline(LONG);
    let client = Client::with_config(patient);
    client.ping().await.expect("it answers");
    server.pause().expect("it can be paused");
    let (profiles, directory) = process_with(&Handles::of(&client));
    let start = Instant::now();
    assert_eq!(profiles.get("acme").await.as_deref(), Some(&profile()));
    let silent = start.elapsed();
    server.kill().expect("it can be killed");

    let (profiles, _) = process_with(&Handles::of(&client));
    assert_eq!(profiles.get("acme").await.as_deref(), Some(&profile()));
    assert_eq!(directory.reads(), 1);
    assert!(silent < LONG / 2, "{silent:?}");
}
