//! Health and statistics as JSON.

use redis::Commands;
use redis_ready::testing::Server;
use serde_json::{Value, to_value};

use crate::support::errors::ok;
use crate::support::{address, open, start};

#[test]
fn health_and_statistics_are_maps_with_units_in_their_names() {
    let server = start(Server::builder().tcp());
    let client = server.client();
    ok(client.blocking().set::<_, _, ()>("key", "value"));
    let health = to_value(client.health()).expect("it is serialised");
    assert_eq!(health["state"], "connected");
    assert_eq!(health["role"], "primary");
    assert_eq!(health["address"], address(&server));
    assert!(health["for_seconds"].is_f64());
    assert_eq!(health["last_error"], Value::Null);
    let statistics = to_value(client.statistics()).expect("it is serialised");
    assert_eq!(statistics["commands"], 1);
    assert_eq!(statistics["timeouts"]["no_reply"], 0);
}

#[test]
fn an_error_is_its_kind_and_its_message_without_a_secret() {
    let server = start(Server::builder().tcp().password("right-secret"));
    let url = format!("redis://:wrong-secret@{}", address(&server));
    let client = open(&url, "");
    let refused = client.blocking().set::<_, _, ()>("key", "value");
    refused.expect_err("the password is wrong");
    let health = to_value(client.health()).expect("it is serialised");
    assert_eq!(health["last_error"]["kind"], "Authentication");
    assert!(health["last_error_seconds_ago"].is_f64());
    assert!(!health.to_string().contains("secret"), "{health}");
}
