//! Row 30 of the faults: a server that does not read while its replies are not read, 64 MiB of
//! writes and as much of replies do not make the two wait for each other.

use std::io::{self, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use redis::{RedisResult, cmd};

use crate::support::fake_server::{HELLO, listen, read_command};
use crate::support::proxy::{Proxy, Script, Step};
use crate::support::{open, run};

const PAIRS: usize = 1_024;
/// Of each value written, and of each reply: 64 MiB in each direction.
const SIZE: usize = 64 * 1024;
/// Twenty times what it takes at the pace of the proxy: a deadlock takes for ever.
const LIMIT: Duration = Duration::from_secs(100);

/// A server with one thread for a connection: while it cannot write, it does not read.
fn single_minded() -> u16 {
    let values = [format!("*1\r\n${SIZE}\r\n"), "v".repeat(SIZE)].concat() + "\r\n";
    listen(move |stream| {
        let _ = serve(&stream, values.as_bytes());
    })
}

fn serve(mut stream: &TcpStream, values: &[u8]) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(command) = read_command(&mut reader)? {
        match command[0].as_str() {
            "HELLO" => stream.write_all(HELLO)?,
            "MGET" => stream.write_all(values)?,
            _ => stream.write_all(b"+OK\r\n")?,
        }
    }
    Ok(())
}

/// A small window, and a slow one: 64 KiB at a time, with a pause.
fn slow(port: u16) -> Proxy {
    Proxy::before_port(port, |_| {
        Script::both([Step::Drip {
            bytes: SIZE,
            every: Duration::from_millis(1),
        }])
    })
}

#[test]
fn writes_and_replies_that_block_each_other_end() {
    let proxy = slow(single_minded());
    let client = open(&proxy.url(), "response_timeout=120s&deadline=120s");
    let value = "x".repeat(SIZE);
    let (right, took) = run(async {
        client.ping().await.expect("it answers");
        let start = Instant::now();
        let calls = (0..PAIRS).map(|pair| {
            let mut client = client.clone();
            let value = &value;
            async move {
                let mut get = cmd("MGET").arg(pair).to_owned();
                if pair % 2 == 0 {
                    // Its caller goes away, and this reply comes all the same.
                    let mut other = client.clone();
                    let mut unread = Box::pin(get.query_async::<Vec<String>>(&mut other));
                    assert!((&mut unread).now_or_never().is_none());
                }
                let get = get.arg("again").to_owned();
                let set = cmd("SET").arg(pair).arg(value).to_owned();
                let mut other = client.clone();
                let (set, get): (RedisResult<()>, RedisResult<Vec<String>>) =
                    futures::join!(set.query_async(&mut client), get.query_async(&mut other));
                set.expect("it is answered");
                get.expect("it is answered")[0].len() == SIZE
            }
        });
        let right = futures::future::join_all(calls).await;
        (
            right.into_iter().filter(|right| *right).count(),
            start.elapsed(),
        )
    });
    println!("{PAIRS} SETs and as many MGETs of {SIZE} bytes in {took:?}");
    assert_eq!(right, PAIRS);
    assert_eq!(proxy.accepted(), 1, "the connection was replaced");
    assert!(took < LIMIT, "{took:?}");
}

#[test]
fn the_check_notices_a_client_that_writes_before_it_reads() {
    let proxy = slow(single_minded());
    let mut socket = TcpStream::connect(("127.0.0.1", proxy.port())).expect("it accepts");
    let stuck = Duration::from_secs(2);
    socket
        .set_write_timeout(Some(stuck))
        .expect("a socket has one");
    let value = "x".repeat(SIZE);
    let written = (0..PAIRS).try_for_each(|pair| {
        let set = cmd("SET").arg(pair).arg(&value).get_packed_command();
        let get = cmd("MGET").arg(pair).get_packed_command();
        socket.write_all(&[set, get].concat())
    });
    let error = written.expect_err("the server reads no more");
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
}
