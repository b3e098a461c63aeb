//! One program, wherever `REDIS_URL` leads: standalone, over TLS, over a Unix socket, to a cluster, to
//! Sentinels. It is this test binary in a process of its own, and nothing but that variable differs.

use std::time::Duration;

use redis::{AsyncCommands, RedisResult, Script, cmd, pipe};
use redis_ready::testing::Server;
use redis_ready::{Client, redis_client};

use crate::support::certificates::{Authority, Validity};
use crate::support::cluster::Cluster;
use crate::support::not_run::without_tls;
use crate::support::sentinel::Sentinels;
use crate::support::{child, run, start};

#[test]
#[ignore = "runs in child processes of the other test"]
fn program() {
    let client = redis_client!().unwrap_or_else(|error| panic!("{error:?}"));
    run(async {
        client
            .ready(Duration::from_secs(60))
            .await
            .expect("it is there");
        use_it(client)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    });
}

/// What an application does, in lines of its standard error.
async fn use_it(mut client: Client) -> RedisResult<()> {
    let () = client.set("greeting", "hello").await?;
    let greeting: String = client.get("greeting").await?;
    eprintln!("greeting: {greeting}");

    for visitor in ["ann", "bob", "ann"] {
        let visits: u64 = client.incr(format!("visits:{visitor}"), 1).await?;
        eprintln!("{visitor}: visit {visits}");
    }
    let () = client.mset(&[("one", 1), ("two", 2), ("three", 3)]).await?;
    let numbers: Vec<Option<u64>> = client.mget(&["three", "two", "none", "one"]).await?;
    eprintln!("numbers: {numbers:?}");

    let mut pipeline = pipe();
    pipeline.get("greeting").incr("one", 10).get("visits:ann");
    pipeline
        .exists("two")
        .hset("user:1", "name", "Ann")
        .ignore()
        .hget("user:1", "name");
    let replies: (String, u64, u64, bool, String) = pipeline.query_async(&mut client).await?;
    eprintln!("pipeline: {replies:?}");

    let mut transaction = pipe();
    transaction.atomic().set("{order}:total", 5).ignore();
    transaction
        .incr("{order}:total", 2)
        .incr("{order}:items", 1);
    let replies: (u64, u64) = transaction.query_async(&mut client).await?;
    eprintln!("transaction: {replies:?}");

    let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    let count: u64 = script
        .key("scripted")
        .arg(7)
        .invoke_async(&mut client)
        .await?;
    eprintln!("script: {count}");

    let mut waiting = client.clone();
    let pop = tokio::spawn(async move {
        let popped: RedisResult<Option<(String, String)>> = waiting.blpop("jobs", 5.0).await;
        popped
    });
    let length: u64 = client.rpush("jobs", "job").await?;
    eprintln!("pushed: {length}");
    let popped = pop.await.expect("it does not panic")?;
    eprintln!("popped: {popped:?}");

    let missing: Option<String> = client.get("missing").await?;
    let wrong: RedisResult<u64> = client.incr("greeting", 1).await;
    let wrong = wrong.expect_err("a greeting is not a number");
    eprintln!("missing: {missing:?}, wrong: {:?}", wrong.code());

    let deleted: u64 = client.del(&["one", "two", "three", "four"]).await?;
    let left: u64 = cmd("DBSIZE").query_async(&mut client).await?;
    eprintln!("deleted: {deleted}, left: {left}");
    Ok(())
}

/// What the program prints with this `REDIS_URL`, and nothing else different.
fn output(name: &str, url: &str) -> String {
    let output = child::ignored_test("topologies::program")
        .env("REDIS_URL", url)
        .output()
        .expect("the child starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{name}: {}:\n{text}",
        output.status
    );
    text
}

#[test]
fn one_program_prints_the_same_wherever_its_variable_leads() {
    let authority = Authority::new();
    let identity = authority.server(&["localhost"], Validity::Now);
    let tcp = start(Server::builder().tcp());
    let tls = (!without_tls()).then(|| start(authority.serve(&identity)));
    let socket = start(Server::builder());
    let cluster = Cluster::steady(3, 0);
    let sentinels = Sentinels::start(1, 1);
    let mut urls = vec![
        ("standalone", tcp.url().to_owned()),
        ("Unix socket", socket.url().to_owned()),
        ("cluster", cluster.url()),
        ("Sentinel", sentinels.url()),
    ];
    urls.extend(tls.as_ref().map(|tls| ("TLS", tls.url().to_owned())));
    let expected = output("standalone", start(Server::builder().tcp()).url());
    assert!(expected.contains("deleted: 3, left: "), "{expected}");
    println!("{expected}");
    for (name, url) in urls {
        assert_eq!(output(name, &url), expected, "{name}");
    }
}
