//! A cache in this process that keyspace notifications keep up to date, as the documentation shows it.

use std::collections::HashMap;

use redis::AsyncCommands;
use redis_ready::subscription::Event;
use redis_ready::testing::Server;
use redis_ready::{Client, Subscription};

use crate::support::errors::ok;
use crate::support::subscriber::{connect, kill, next};
use crate::support::{run, start};

/// Values of the server that are known to be those of now.
struct Cache {
    client: Client,
    changes: Subscription,
    known: HashMap<String, Option<String>>,
    is_fresh: bool,
}

impl Cache {
    async fn open(client: Client) -> Cache {
        let changes = client.psubscribe("__keyspace@0__:user:*").await;
        Cache {
            client,
            changes: changes.expect("allowed"),
            known: HashMap::new(),
            is_fresh: true,
        }
    }

    async fn get(&mut self, key: &str) -> Option<String> {
        if let Some(value) = self.known.get(key) {
            return value.clone();
        }
        let value: Option<String> = ok(self.client.get(key).await);
        if self.is_fresh {
            self.known.insert(key.to_owned(), value.clone());
        }
        value
    }

    /// Forgets what one event says is out of date.
    async fn follow(&mut self) {
        let event = next(&mut self.changes).await;
        match event {
            Event::Message(message) => {
                if let Some((_, key)) = message.channel().split_once(':') {
                    self.known.remove(key);
                }
            }
            Event::Lost(_) => {
                self.known.clear();
                self.is_fresh = false;
            }
            Event::Gap(_) => {
                self.known.clear();
                self.is_fresh = !self.changes.is_interrupted();
            }
        }
    }
}

#[test]
fn a_cache_forgets_what_has_changed_and_knows_nothing_while_it_hears_nothing() {
    let server = start(Server::builder().arg("--notify-keyspace-events").arg("KA"));
    let mut admin = connect(&server);
    let mut set = |value: &str| {
        let mut set = redis::cmd("SET");
        ok(set.arg("user:1").arg(value).exec(&mut admin));
    };
    run(async {
        let mut cache = Cache::open(server.client()).await;
        assert_eq!(cache.get("user:1").await, None);
        set("a");
        assert_eq!(cache.get("user:1").await, None, "it has not looked");
        cache.follow().await;
        assert_eq!(cache.get("user:1").await.as_deref(), Some("a"));
        kill(&mut connect(&server));
        cache.follow().await;
        assert!(!cache.is_fresh && cache.known.is_empty());
        set("b");
        assert_eq!(cache.get("user:1").await.as_deref(), Some("b"));
        cache.follow().await;
        assert!(cache.is_fresh && cache.known.is_empty());
        assert_eq!(cache.get("user:1").await.as_deref(), Some("b"));
        assert_eq!(cache.known.len(), 1);
    });
}
