//! Over TLS, Sentinels and servers are verified alike.

use std::time::Duration;

use redis::AsyncCommands;
use redis_ready::ErrorKind;

use crate::support::certificates::{Authority, Validity};
use crate::support::not_run::without_tls;
use crate::support::sentinel::Sentinels;
use crate::support::{open, run};

#[test]
fn sentinels_and_servers_are_verified_and_a_switch_is_followed() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let identity = authority.server(&["127.0.0.1"], Validity::Now);
    let sentinels = Sentinels::tls(&authority, &identity);
    run(async {
        let mut client = sentinels.client("deadline=10s");
        let () = client.set("key", 1).await.expect("the primary is verified");
        let switches = sentinels.switches();
        let old = sentinels.primary();
        sentinels.failover();
        switches.wait_for(0, sentinels.port(old));
        let () = client.set("key", 2).await.expect("the new one, too");
        assert_ne!(sentinels.primary(), old);

        let other = Authority::new();
        let [ours, theirs] = [&authority, &other].map(|it| it.certificate().display().to_string());
        let url = sentinels.url().replace(&ours, &theirs);
        let error = open(&url, "").ready(Duration::from_secs(5)).await;
        let error = error.expect_err("their authority is not trusted");
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    });
}
