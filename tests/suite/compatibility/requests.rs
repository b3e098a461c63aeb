//! Commands and pipelines that no command trait has, as data.

use redis::{Cmd, Pipeline, cmd, pipe};

const MEBIBYTE: usize = 1024 * 1024;

/// Single commands, in an order that makes sense.
pub(crate) fn commands() -> Vec<(String, Cmd)> {
    let mut list = Vec::new();
    add_values(&mut list);
    add_types_and_scripts(&mut list);
    add_errors(&mut list);
    add_the_rest(&mut list);
    list
}

fn adder(list: &mut Vec<(String, Cmd)>) -> impl FnMut(&str, &mut Cmd) {
    |name, command| list.push((name.to_owned(), std::mem::take(command)))
}

fn add_values(list: &mut Vec<(String, Cmd)>) {
    let mut add = adder(list);

    add("no arguments at all", &mut Cmd::new());
    add("after no arguments", cmd("ECHO").arg("still here"));

    for length in [0, 1, 16 * 1024, 8 * MEBIBYTE] {
        let value = vec![b'v'; length];
        add(
            &format!("set {length} bytes"),
            cmd("SET").arg("big").arg(value),
        );
        add(&format!("get {length} bytes"), cmd("GET").arg("big"));
    }
    let every_byte: Vec<u8> = (0..=255).collect();
    add(
        "binary key, set",
        cmd("SET").arg(&every_byte).arg(&every_byte),
    );
    add("binary key, get", cmd("GET").arg(&every_byte));
    add("empty key, set", cmd("SET").arg("").arg(""));
    add("empty key, get", cmd("GET").arg(""));
    add("line ends", cmd("ECHO").arg("a\r\n+OK\r\n$-1\r\n"));
}

fn add_types_and_scripts(list: &mut Vec<(String, Cmd)>) {
    let mut add = adder(list);
    for kind in [
        "string", "integer", "double", "null", "array", "set", "map", "attrib", "verbatim", "true",
        "false", "bignum",
    ] {
        // `push` is left out: it does not answer a command.
        add(
            &format!("protocol {kind}"),
            cmd("DEBUG").arg("PROTOCOL").arg(kind),
        );
    }
    add(
        "protocol unknown",
        cmd("DEBUG").arg("PROTOCOL").arg("nothing"),
    );

    for (name, script) in [
        ("nested", "return {1, {2, {3, {4, {5, {}}}}}, 'x', false}"),
        ("status", "return redis.status_reply('FINE')"),
        ("error", "return redis.error_reply('MY error')"),
        ("error without code", "return redis.error_reply('-')"),
        (
            "nested error",
            "return {1, redis.error_reply('ERR inside'), 2}",
        ),
        ("resp3 map", "redis.setresp(3); return {map={a=1}}"),
        ("resp3 double", "redis.setresp(3); return {double=1.5}"),
        ("resp3 infinite", "redis.setresp(3); return {double=1/0}"),
        ("resp3 boolean", "redis.setresp(3); return true"),
        ("resp3 null", "redis.setresp(3); return nil"),
        ("no return", "local x = 1"),
        ("negative", "return -9007199254740992"),
        ("runtime error", "return redis.call('NOSUCH')"),
        ("syntax error", "return ("),
    ] {
        add(&format!("script {name}"), cmd("EVAL").arg(script).arg(0));
    }
    let deep = format!(
        "local t = {{}}; for i = 1, {} do t = {{t}} end; return t",
        60
    );
    add("script deep", cmd("EVAL").arg(deep).arg(0));
}

fn add_errors(list: &mut Vec<(String, Cmd)>) {
    let mut add = adder(list);
    // Not those after which a client of ours tries again, such as READONLY.
    for line in [
        "ERR plain",
        "MYCODE",
        "MYCODE with words",
        "lowercase error",
        "ERR  two spaces",
        "NOPERM no",
        "WRONGTYPE no",
        "OOM no",
        "MISCONF no",
        "BUSYGROUP no",
        "CROSSSLOT no",
        "NOSCRIPT no",
        "EXECABORT no",
        "",
    ] {
        add(
            &format!("error `{line}`"),
            cmd("DEBUG").arg("ERROR").arg(line),
        );
    }
    add("after the errors", cmd("ECHO").arg("still here"));
}

fn add_the_rest(list: &mut Vec<(String, Cmd)>) {
    let mut add = adder(list);
    add(
        "no response",
        cmd("SET").arg("quiet").arg("1").set_no_response(true),
    );
    add("no response, then its effect", cmd("GET").arg("quiet"));
    add(
        "no response to an error",
        cmd("INCR").arg("big").set_no_response(true),
    );
    add("after an error unseen", cmd("ECHO").arg("still here"));
    add("object help", cmd("OBJECT").arg("HELP"));
    add(
        "scan",
        cmd("SCAN")
            .cursor_arg(0)
            .arg("COUNT")
            .arg(1_000)
            .arg("MATCH")
            .arg("no*"),
    );
    add("command info", cmd("COMMAND").arg("INFO").arg("GET"));
    add(
        "config get",
        cmd("CONFIG").arg("GET").arg("maxmemory-policy"),
    );
}

fn add_basics(list: &mut Vec<(String, Pipeline)>) {
    let mut add = |name: &str, pipeline: &mut Pipeline| {
        list.push((name.to_owned(), std::mem::take(pipeline)));
    };
    add("empty", &mut pipe());
    add("one", pipe().set("p", 1));
    add(
        "plain",
        pipe().set("p", 1).get("p").incr("p", 1).get("missing"),
    );
    add(
        "ignore",
        pipe().set("p", 1).ignore().get("p").incr("p", 1).ignore(),
    );
    add("ignore all", pipe().set("p", 1).ignore());
    add(
        "error in the middle",
        pipe().set("p", "x").incr("p", 1).get("p"),
    );
    add("two errors", pipe().incr("p", 1).cmd("NOSUCH").get("p"));
    add(
        "error ignored by place",
        pipe().incr("p", 1).ignore().get("p"),
    );
    add(
        "ignore errors",
        pipe().incr("p", 1).get("p").ignore_errors(),
    );
    add(
        "ignore errors and replies",
        pipe().incr("p", 1).ignore().get("p").ignore_errors(),
    );
    add(
        "nested replies",
        pipe().rpush("pl", &[1, 2]).lrange("pl", 0, -1).get("p"),
    );
    add(
        "protocol",
        pipe().cmd("DEBUG").arg("PROTOCOL").arg("map").get("p"),
    );
    let mut many = pipe();
    for i in 0..10_000 {
        many.cmd("ECHO").arg(i);
    }
    add("10,000", &mut many);
    add(
        "4 MiB in one",
        pipe().set("p", vec![b'x'; 4 * MEBIBYTE]).get("p").del("p"),
    );
}

fn add_transactions(list: &mut Vec<(String, Pipeline)>) {
    let mut add = |name: &str, pipeline: &mut Pipeline| {
        list.push((format!("atomic {name}"), std::mem::take(pipeline)));
    };
    add("empty", pipe().atomic());
    add("ok", pipe().atomic().set("t", 1).incr("t", 1).get("t"));
    add("ignore", pipe().atomic().set("t", 1).ignore().get("t"));
    add(
        "error inside",
        pipe().atomic().set("t", "x").incr("t", 1).get("t"),
    );
    add(
        "errors ignored",
        pipe().atomic().incr("t", 1).get("t").ignore_errors(),
    );
    add(
        "unknown command",
        pipe().atomic().set("t", 2).cmd("NOSUCH").get("t"),
    );
    add(
        "not queued twice",
        pipe().atomic().cmd("GET").cmd("SET").arg("t").get("t"),
    );
    add(
        "not queued, errors ignored",
        pipe().atomic().cmd("GET").get("t").ignore_errors(),
    );
    add("nothing was set", pipe().get("t"));
    add(
        "nested",
        pipe().atomic().rpush("tl", &[1, 2]).lrange("tl", 0, -1),
    );
    add("map", pipe().atomic().hset("th", "f", 1).hgetall("th"));
    add("nil", pipe().atomic().get("missing"));
    let mut many = pipe();
    many.atomic();
    for i in 0..1_000 {
        many.cmd("ECHO").arg(i);
    }
    add("1,000", &mut many);
}

/// Pipelines and transactions, in an order that makes sense.
pub(crate) fn pipelines() -> Vec<(String, Pipeline)> {
    let mut list = Vec::new();
    add_basics(&mut list);
    add_transactions(&mut list);
    list
}
