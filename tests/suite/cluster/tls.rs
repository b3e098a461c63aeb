//! The nodes of a cluster go by addresses, and their certificates by the name in the URL.

use std::time::Duration;

use redis::AsyncCommands;
use redis_ready::ErrorKind;

use crate::support::certificates::{Authority, Validity};
use crate::support::cluster::{Cluster, tag};
use crate::support::errors::report;
use crate::support::not_run::without_tls;
use crate::support::{open, run};

#[test]
fn every_node_is_verified_against_the_name_in_the_url() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let identity = authority.server(&["localhost"], Validity::Now);
    let cluster = Cluster::tls(3, &authority, &identity);
    run(async {
        // From one seed, too: the other nodes are known by their addresses alone.
        for url in [cluster.url(), cluster.url_of([1], "")] {
            let mut client = open(&url, "");
            for slot in [0, 8_000, 16_000] {
                let key = format!("{{{}}}key", tag(slot));
                let count: redis::RedisResult<u64> = client.incr(key, 1).await;
                count.unwrap_or_else(|error| panic!("{url}: {}", report(&error)));
            }
        }

        let by_address = cluster.url().replace("localhost", "127.0.0.1");
        fails(&by_address).await;
        let other = Authority::new();
        let (ours, theirs) = (authority.certificate(), other.certificate());
        let [ours, theirs] = [ours, theirs].map(|path| path.display().to_string());
        fails(&cluster.url().replace(&ours, &theirs)).await;
    });
}

async fn fails(url: &str) {
    let error = open(url, "").ready(Duration::from_secs(5)).await;
    let error = error.expect_err("the certificate is not for that");
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
}
