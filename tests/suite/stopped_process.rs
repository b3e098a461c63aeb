//! A process that was stopped, or whose machine was suspended, reads what has come meanwhile before it
//! looks at the clock.
//!
//! Each case stops a process of its own.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Cmd, Commands, RedisResult, cmd};
use redis_ready::ErrorKind;
use redis_ready::testing::{Server, ServerBuilder};

use crate::support::certificates::{Authority, Validity};
use crate::support::errors::{kind_of, ok};
use crate::support::not_run::without_tls;
use crate::support::{child, open, run, start, with_debug};

/// Until the process is stopped.
const BEFORE: Duration = Duration::from_millis(200);
/// Until the server answers: the process is stopped by then.
const ANSWER: &str = "0.6";
/// For so long: longer than the limits of a second.
const STOPPED: Duration = Duration::from_secs(2);
/// Neither of them is the limit of the other cases.
const LONG: &str = "60s";

/// Has a shell run `script`.
fn shell(script: &str) {
    let mut shell = Command::new("bash");
    let shell = shell.args(["-c", script]).spawn();
    let mut shell = shell.expect("there is a shell");
    thread::spawn(move || shell.wait());
}

/// Stops this process some time from now, and lets it go on later.
fn stop_soon() {
    let process = std::process::id();
    let [before, stopped] = [BEFORE, STOPPED].map(|time| time.as_secs_f64());
    shell(&format!(
        "sleep {before}; kill -STOP {process}; sleep {stopped}; kill -CONT {process}"
    ));
}

fn slow_answer() -> Cmd {
    cmd("DEBUG").arg("SLEEP").arg(ANSWER).to_owned()
}

fn timeouts(response_timeout: &str, deadline: &str) -> String {
    format!("response_timeout={response_timeout}&deadline={deadline}")
}

/// Runs `call` while this process is stopped, and checks that it was.
fn while_stopped<T>(call: impl FnOnce() -> T) -> T {
    stop_soon();
    let start = Instant::now();
    let result = call();
    assert!(start.elapsed() >= STOPPED, "the process was not stopped");
    result
}

fn reads_the_answer(server: &Server, parameters: &str) {
    let client = open(server.url(), parameters);
    run(client.ping()).expect("the server answers");
    while_stopped(|| ok(run(slow_answer().query_async::<()>(&mut client.clone()))));
    while_stopped(|| ok(slow_answer().query::<()>(&mut client.blocking())));
    let mut dedicated = run(client.dedicated_connection()).expect("the server answers");
    while_stopped(|| ok(run(slow_answer().query_async::<()>(&mut dedicated))));
}

fn server() -> ServerBuilder {
    with_debug(Server::builder().tcp())
}

#[test]
fn an_answer_that_came_while_the_process_was_stopped_is_no_time_out() {
    child::run("stopped_process::child_reads_before_the_response_timeout");
    child::run("stopped_process::child_reads_before_the_deadline");
}

#[test]
#[ignore = "runs in a child process"]
fn child_reads_before_the_response_timeout() {
    reads_the_answer(&start(server()), &timeouts("1s", LONG));
}

#[test]
#[ignore = "runs in a child process"]
fn child_reads_before_the_deadline() {
    reads_the_answer(&start(server()), &timeouts(LONG, "1s"));
}

#[test]
fn an_answer_over_tls_that_came_while_the_process_was_stopped_is_no_time_out() {
    if without_tls() {
        return;
    }
    child::run("stopped_process::child_reads_tls_before_the_response_timeout");
}

#[test]
#[ignore = "runs in a child process"]
fn child_reads_tls_before_the_response_timeout() {
    let authority = Authority::new();
    let identity = authority.server(&["localhost"], Validity::Now);
    let server = start(with_debug(authority.serve(&identity)));
    reads_the_answer(&server, &timeouts("1s", LONG));
}

#[test]
fn a_blocking_command_gets_the_element_that_came_while_the_process_was_stopped() {
    child::run("stopped_process::child_reads_an_element");
}

#[test]
#[ignore = "runs in a child process"]
fn child_reads_an_element() {
    let server = start(server());
    let client = open(server.url(), &timeouts("500ms", "500ms"));
    let port = server.port().expect("it listens on TCP");
    let push = "printf 'LPUSH jobs 17\\r\\n'; sleep 5";
    shell(&format!("sleep 0.4; ({push}) > /dev/tcp/127.0.0.1/{port}"));
    let element: RedisResult<(String, u32)> =
        while_stopped(|| client.blocking().blpop("jobs", 0.6));
    assert_eq!(ok(element).1, 17);
}

#[test]
fn a_silent_server_times_out_though_the_process_was_stopped() {
    child::run("stopped_process::child_times_out");
}

#[test]
#[ignore = "runs in a child process"]
fn child_times_out() {
    let server = start(server());
    let client = open(server.url(), &timeouts("1s", LONG));
    run(client.ping()).expect("the server answers");
    server.pause().expect("it runs");
    let result: RedisResult<()> = while_stopped(|| client.blocking().set("a", 1));
    assert_eq!(kind_of(result), Some(ErrorKind::TimedOut));
    server.resume().expect("it is stopped");
}

/// The socket is accepted at once by the system, and the server answers once the process runs again.
#[test]
fn an_attempt_to_connect_goes_on_after_the_process_was_stopped() {
    child::run("stopped_process::child_goes_on_connecting");
}

#[test]
#[ignore = "runs in a child process"]
fn child_goes_on_connecting() {
    let server = start(server());
    let info: String = ok(cmd("INFO")
        .arg("server")
        .query(&mut server.client().blocking()));
    let process = info
        .lines()
        .find_map(|line| line.strip_prefix("process_id:"));
    let process = process.expect("every server has one");
    server.pause().expect("it runs");
    shell(&format!("sleep 0.6; kill -CONT {process}"));
    let client = open(server.url(), "connect_timeout=1s&response_timeout=60s");
    let connecting = while_stopped(|| run(client.dedicated_connection()));
    let mut connection = connecting.unwrap_or_else(|error| panic!("{error:?}"));
    ok(run(cmd("PING").query_async::<()>(&mut connection)));
}
