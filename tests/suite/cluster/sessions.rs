//! A dedicated connection in a cluster is to the node of its first key.

use redis::{AsyncCommands, RedisResult};

use crate::support::cluster::{Cluster, tag};
use crate::support::run;

#[test]
fn a_dedicated_connection_is_to_the_node_of_its_first_key() {
    let cluster = Cluster::steady(3, 0);
    let client = cluster.client("");
    run(async {
        for slot in [0, 5_461, 10_922, 16_383] {
            let key = format!("{{{}}}stock", tag(slot));
            let mut connection = client
                .dedicated_connection()
                .await
                .expect("there are nodes");
            let watch = redis::cmd("WATCH")
                .arg(&key)
                .exec_async(&mut connection)
                .await;
            watch.expect("the node has the key");
            let sold: RedisResult<Option<(u32,)>> = redis::pipe()
                .atomic()
                .incr(&key, 1)
                .query_async(&mut connection)
                .await;
            assert_eq!(sold, Ok(Some((1,))), "slot {slot}");

            let watch = redis::cmd("WATCH")
                .arg(&key)
                .exec_async(&mut connection)
                .await;
            watch.expect("the node has the key");
            let () = client.clone().set(&key, 7).await.expect("it is written");
            let sold: RedisResult<Option<(u32,)>> = redis::pipe()
                .atomic()
                .incr(&key, 1)
                .query_async(&mut connection)
                .await;
            assert_eq!(sold, Ok(None), "another client has changed it");
        }
    });
}
