//! Checks of more than one step: scripts, scan iterators, WATCH, many callers at once.

use std::collections::{BTreeSet, HashMap};

use redis::{RedisResult, ScanOptions, Script, Value, cmd, pipe};

use super::outcomes::Outcomes;

const ECHO: &str = "return {KEYS[1], ARGV[1], ARGV[2]}";

pub(crate) async fn run<C>(c: &mut C) -> Outcomes
where
    C: redis::aio::ConnectionLike + Send + Sync,
{
    let mut out = Outcomes::default();
    scripts(c, &mut out).await;
    scans(c, &mut out).await;
    out
}

async fn scripts<C>(c: &mut C, out: &mut Outcomes)
where
    C: redis::aio::ConnectionLike + Send + Sync,
{
    let script = Script::new(ECHO);
    // The first call finds no script, loads it and tries again; the second finds it.
    for round in ["loads", "is loaded"] {
        let reply: RedisResult<(String, i64, String)> =
            script.key("k").arg(7).arg("x").invoke_async(c).await;
        out.push(format!("script {round}"), reply);
    }
    out.push("load", script.load_async(c).await);
    let failing = Script::new("return redis.call('INCR', KEYS[1], 'too many')");
    let reply: RedisResult<Value> = failing.key("k").invoke_async(c).await;
    out.push("failing script", reply);
    let reply: RedisResult<Value> = cmd("EVALSHA")
        .arg("0".repeat(40))
        .arg(0)
        .query_async(c)
        .await;
    out.push("unknown script", reply);
    let mut pipeline = pipe();
    pipeline.load_script(&script).ignore();
    pipeline.invoke_script(script.key("k").arg(1).arg(2));
    let reply: RedisResult<Value> = pipeline.query_async(c).await;
    out.push("script in a pipeline", reply);
}

async fn scans<C>(c: &mut C, out: &mut Outcomes)
where
    C: redis::aio::ConnectionLike + Send + Sync,
{
    use redis::AsyncCommands as _;

    let mut fill = pipe();
    for i in 0..300 {
        fill.set(format!("scan:{i}"), i).ignore();
        fill.hset("scan-h", i, i).ignore();
        fill.sadd("scan-s", format!("member {i}")).ignore();
        fill.zadd("scan-z", i, i).ignore();
    }
    out.push("fill", fill.exec_async(c).await);

    macro_rules! collect {
        ($type:ty, $call:expr) => {{
            let mut found = BTreeSet::new();
            let mut iterator = $call.await.expect("the first page comes");
            while let Some(item) = iterator.next_item().await {
                let item: $type = item.expect("an item is of its type");
                found.insert(item);
            }
            out.note(stringify!($call), found);
        }};
    }
    collect!(String, c.scan::<String>());
    collect!(String, c.scan_match::<_, String>("scan:1*"));
    collect!(
        String,
        c.scan_options::<String>(ScanOptions::default().with_count(7).with_type("hash"))
    );
    collect!((String, i64), c.hscan::<_, (String, i64)>("scan-h"));
    collect!(
        (String, i64),
        c.hscan_match::<_, _, (String, i64)>("scan-h", "1*")
    );
    collect!(String, c.sscan::<_, String>("scan-s"));
    collect!(String, c.sscan_match::<_, _, String>("scan-s", "*9"));
    collect!((String, i64), c.zscan::<_, (String, i64)>("scan-z"));
    collect!(
        (String, i64),
        c.zscan_match::<_, _, (String, i64)>("scan-z", "2*")
    );

    let wrong: RedisResult<HashMap<String, i64>> = c.hgetall("scan-s").await;
    out.push("hgetall of a set", wrong);
    let wrong: RedisResult<i64> = c.get("scan:missing").await;
    out.push("nil as a number", wrong);
}

pub(crate) fn run_blocking<C: redis::ConnectionLike>(c: &mut C) -> Outcomes {
    use redis::Commands as _;

    let mut out = Outcomes::default();
    let script = Script::new(ECHO);
    for round in ["loads", "is loaded"] {
        let reply: RedisResult<(String, i64, String)> = script.key("k").arg(7).arg("x").invoke(c);
        out.push(format!("script {round}"), reply);
    }
    out.push("load", script.load(c));
    let fill: RedisResult<()> = c.sadd("scan-s", (0..300).collect::<Vec<_>>());
    out.push("fill", fill);
    let found: BTreeSet<String> = c
        .sscan("scan-s")
        .expect("the first page comes")
        .map(|item| item.expect("an item is a string"))
        .collect();
    out.note("sscan", found);
    let keys: BTreeSet<String> = c
        .scan_options(ScanOptions::default().with_count(1))
        .expect("the first page comes")
        .map(|item| item.expect("an item is a string"))
        .collect();
    out.note("scan", keys);
    out.note("open", c.is_open());
    out.note("alive", c.check_connection());
    out
}

/// WATCH with and without another client's write, on a connection that is not shared.
pub(crate) async fn watch<C, D>(c: &mut C, another: &mut D) -> Outcomes
where
    C: redis::aio::ConnectionLike + Send + Sync,
    D: redis::aio::ConnectionLike + Send + Sync,
{
    let mut out = Outcomes::default();
    for writes in [false, true] {
        let reply: RedisResult<Value> = cmd("WATCH").arg("watched").query_async(c).await;
        out.push("watch", reply);
        if writes {
            let write = cmd("SET").arg("watched").arg("theirs").to_owned();
            out.push("write", write.exec_async(another).await);
        }
        let mut transaction = pipe();
        transaction.atomic().set("watched", "ours").get("watched");
        let reply: RedisResult<Option<(String, String)>> = transaction.query_async(c).await;
        out.push(format!("written by another: {writes}"), reply);
        let reply: RedisResult<String> = cmd("GET").arg("watched").query_async(c).await;
        out.push("after", reply);
    }
    let reply: RedisResult<Value> = cmd("UNWATCH").query_async(c).await;
    out.push("unwatch", reply);
    // A transaction by hand, as only a dedicated connection allows.
    for words in [
        &["MULTI"][..],
        &["SET", "t", "1"],
        &["DISCARD"],
        &["GET", "t"],
        &["MULTI"],
        &["SET", "t", "1"],
        &["EXEC"],
        &["EXEC"],
        &["SELECT", "1"],
        &["GET", "t"],
        &["SELECT", "0"],
    ] {
        let reply: RedisResult<Value> = cmd(words[0]).arg(&words[1..]).query_async(c).await;
        out.push(words.join(" "), reply);
    }
    out
}
