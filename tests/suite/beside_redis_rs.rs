//! Connections of redis-rs itself to the server of a client, for what a shared connection cannot do.

use redis_ready::redis::{self, Commands, IntoConnectionInfo};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::{kind, ok, ours};
use crate::support::{open, start};

#[test]
fn redis_rs_subscribes_with_the_login_and_the_database_of_a_client() {
    for (builder, protocol) in [
        (Server::builder(), "protocol=2"),
        (Server::builder().tcp(), "protocol=3"),
    ] {
        let server = start(builder.password("c4nary"));
        let client = open(server.url(), &format!("db=3&{protocol}"));
        let theirs = ok(redis::Client::open(&client));
        let mut connection = ok(theirs.get_connection());
        let mut subscription = connection.as_pubsub();
        ok(subscription.subscribe("news"));
        let () = ok(client.blocking().publish("news", "hello"));
        let message = ok(subscription.get_message());
        assert_eq!(ok(message.get_payload::<String>()), "hello");

        let () = ok(client.blocking().set("key", 3));
        assert_eq!(ok(theirs.get_connection()).get("key"), Ok(3));
    }
}

#[test]
fn what_redis_rs_cannot_be_told_is_refused_with_the_way_out() {
    for (url, way_out) in [
        ("redis-cluster://h1,h2", "ClusterClient"),
        ("redis-sentinel://h1,h2/name", "SentinelClient"),
        #[cfg(feature = "tls")]
        ("rediss://h?tls_ca=/ca.pem", "build_with_tls"),
        #[cfg(feature = "tls")]
        ("rediss://h?tls_verify=ca", "build_with_tls"),
    ] {
        let client = Client::open(url).expect(url);
        let error = client.into_connection_info().expect_err(url);
        assert_eq!(kind(&error), Some(ErrorKind::Unsupported));
        let help = ours(&error).help().unwrap_or_default().to_owned();
        assert!(help.contains(way_out), "{url}: {help}");
    }
    #[cfg(feature = "tls")]
    for url in ["rediss://:c4nary@h", "rediss://h?tls_verify=none"] {
        let client = Client::open(url).expect(url);
        let info = ok(client.into_connection_info());
        assert_eq!(info.addr().to_string(), "h:6379");
    }
}

/// What redis-rs makes of the exposed URL is what it is told of the client itself.
#[track_caller]
fn check_exposed(url: &str, exposed: &str) {
    let client = Client::open(url).expect(url);
    let shown = client.expose_url().expect(url);
    assert_eq!(shown, exposed);
    assert_eq!(
        Client::open(&shown).expect(&shown).expose_url().expect(url),
        shown,
        "this crate reads it in the same way"
    );
    // This build of redis-rs reads no URL with TLS: `tests/doors` does.
    if shown.starts_with("rediss") {
        return;
    }
    let theirs = ok(shown.as_str().into_connection_info());
    let ours = ok(client.into_connection_info());
    assert_eq!(theirs.addr(), ours.addr(), "{url}");
    let (theirs, ours) = (theirs.redis_settings(), ours.redis_settings());
    assert_eq!(theirs.db(), ours.db(), "{url}");
    assert_eq!(theirs.username(), ours.username(), "{url}");
    assert_eq!(theirs.password(), ours.password(), "{url}");
}

#[test]
fn an_exposed_url_leads_redis_rs_to_the_same_server() {
    check_exposed("redis://cache", "redis://cache:6379/0");
    check_exposed("valkey://cache:1/7?deadline=5s", "redis://cache:1/7");
    check_exposed("redis://[::1]:6380/1", "redis://[::1]:6380/1");
    check_exposed("redis://:pw@h", "redis://:pw@h:6379/0");
    check_exposed("redis://app:pw@h?db=3", "redis://app:pw@h:6379/3");
    check_exposed(
        "redis://a%40b:%3A%2F%3F%23%25%20%2B%C3%BC@h",
        "redis://a%40b:%3A%2F%3F%23%25%20%2B%C3%BC@h:6379/0",
    );
    #[cfg(unix)]
    {
        check_exposed("unix:///run/redis.sock", "unix:///run/redis.sock?db=0");
        check_exposed(
            "unix:///run/my%20redis/a%23.sock?db=2&user=app&pass=a%2Bb%26c",
            "unix:///run/my%20redis/a%23.sock?db=2&user=app&pass=a%2Bb%26c",
        );
    }
    #[cfg(feature = "tls")]
    {
        check_exposed("rediss://app:pw@h/1", "rediss://app:pw@h:6379/1");
        check_exposed("rediss://h?tls_verify=none", "rediss://h:6379/0#insecure");
    }
}

#[test]
fn an_exposed_url_works() {
    for builder in [Server::builder(), Server::builder().tcp()] {
        let server = start(builder.password("c4nary @#%+"));
        let client = open(server.url(), "db=3");
        let url = client.expose_url().expect("a server of its own has a URL");
        let () = ok(client.blocking().set("key", 3));
        let mut theirs = ok(ok(redis::Client::open(url)).get_connection());
        assert_eq!(theirs.get("key"), Ok(3));
    }
}

#[test]
fn what_a_url_of_redis_rs_cannot_say_is_not_exposed() {
    for (url, why) in [
        ("redis-cluster://h1,h2", "a cluster has several"),
        ("redis-sentinel://h1,h2/name", "after a failover"),
        #[cfg(feature = "tls")]
        ("rediss://h?tls_ca=/ca.pem", "TLS parameters"),
        #[cfg(feature = "tls")]
        ("rediss://h?tls_verify=ca", "TLS parameters"),
    ] {
        let error = Client::open(url).expect(url).expose_url().expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(why), "{url}: {error}");
        assert!(
            error
                .help()
                .is_some_and(|help| help.contains("`ConnectionLike`"))
        );
    }
}
