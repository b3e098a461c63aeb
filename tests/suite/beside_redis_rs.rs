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
