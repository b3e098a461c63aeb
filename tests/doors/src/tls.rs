//! A server with TLS: redis-rs gets there by `&client` and by the exposed URL.

use std::{fs, process};

use bb8_redis::RedisConnectionManager;
use bb8_redis::bb8::Pool;
use redis_ready::Client;
use redis_ready::redis::{self, AsyncCommands, IntoConnectionInfo, cmd};
use redis_ready::testing::Server;

use crate::{ask, start};

/// A server with a certificate that no authority has signed.
fn server() -> Server {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let certified = certified.expect("a certificate can be made");
    let directory = std::env::temp_dir().join(format!("redis-ready-doors-{}", process::id()));
    fs::create_dir_all(&directory).expect("a directory can be made");
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| directory.join(name));
    fs::write(&certificate, certified.cert.pem()).expect("it can be written");
    fs::write(&key, certified.signing_key.serialize_pem()).expect("it can be written");
    let builder = Server::builder().tls(&certificate, &key, &certificate);
    let server = start(builder.password("s3cret"));
    fs::remove_dir_all(directory).expect("the server has read them");
    server
}

#[tokio::test]
async fn connections_with_tls_lead_to_the_server_of_a_client() {
    let server = server();
    let port = server.port().expect("it listens on TCP");
    let url = format!("rediss://:s3cret@localhost:{port}/5?tls_verify=none");
    let client = Client::open(&url).expect("the URL is valid");
    let () = ask(&client, cmd("SET").arg("key").arg("ours")).await;

    let manager = RedisConnectionManager::new(&client).expect("it has one server");
    let pool = Pool::builder().build(manager).await.expect("a pool");
    let mut connection = pool.get().await.expect("a connection");
    let value: String = connection.get("key").await.expect("it can read");
    assert_eq!(value, "ours");

    let exposed = client.expose_url().expect("it has one server");
    let theirs = redis::Client::open(exposed).expect("redis-rs reads it");
    let connection = theirs.get_multiplexed_async_connection().await;
    let value: String = connection
        .expect("connected")
        .get("key")
        .await
        .expect("it can read");
    assert_eq!(value, "ours");
}

#[test]
fn redis_rs_reads_an_exposed_url_with_tls_as_it_is_told_of_the_client() {
    for url in ["rediss://app:pw@h/1", "rediss://[::1]:1?tls_verify=none"] {
        let client = Client::open(url).expect(url);
        let exposed = client.expose_url().expect(url);
        let theirs = exposed.as_str().into_connection_info().expect(&exposed);
        let ours = client.into_connection_info().expect(url);
        assert_eq!(theirs.addr(), ours.addr());
        assert_eq!(
            theirs.redis_settings().password(),
            ours.redis_settings().password()
        );
    }
}
