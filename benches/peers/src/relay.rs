//! A process between client and server that holds back what they send, as a network does.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write, stdin};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;

/// In each direction: a round trip takes twice as long.
const DELAY: Duration = Duration::from_micros(250);
const CHUNK: usize = 64 * 1024;

/// The process; it ends when this is dropped.
pub(crate) struct Relay {
    process: Child,
    port: u16,
}

impl Relay {
    /// Starts a relay to the server at `port`.
    pub(crate) fn start(port: u16) -> Result<Relay, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["relay", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("the relay has no output")?;
        let mut relay = Relay { process, port: 0 };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        relay.port = line.trim().parse()?;
        Ok(relay)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The relay ends when its input does.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Is the relay: prints its port, and relays until its input ends.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let [port] = words else {
        return Err(crate::USAGE.into());
    };
    let port = port.parse()?;
    // Threads wake up to 50 µs late unless they ask not to; where they cannot ask, they do.
    let _ = fs::write("/proc/self/timerslack_ns", "1");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    thread::spawn(move || accept(&listener, port));
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn accept(listener: &TcpListener, port: u16) {
    for client in listener.incoming() {
        if let Err(error) = client.and_then(|client| relay(client, port)) {
            eprintln!("relay: {error}");
        }
    }
}

fn relay(client: TcpStream, port: u16) -> std::io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    one_direction(client.try_clone()?, server.try_clone()?);
    one_direction(server, client);
    Ok(())
}

/// What came in one piece, and when it has to go on.
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
}

/// Two threads, so that a piece that waits does not keep the next one from being read.
fn one_direction(from: TcpStream, to: TcpStream) {
    let (sender, receiver) = channel();
    thread::spawn(move || receive(from, &sender));
    thread::spawn(move || pass_on(to, &receiver));
}

fn receive(mut from: TcpStream, chunks: &Sender<Chunk>) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let due = Instant::now() + DELAY;
        let bytes = buffer[..length].to_vec();
        if chunks.send(Chunk { due, bytes }).is_err() {
            return;
        }
    }
}

/// At the end, closes the connection in both directions.
fn pass_on(mut to: TcpStream, chunks: &Receiver<Chunk>) {
    for Chunk { due, bytes } in chunks {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    // The other side may have closed it already.
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets, and ends when its only client does.
    fn echo() -> std::io::Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            let (mut socket, _) = listener.accept()?;
            let mut copy = socket.try_clone()?;
            std::io::copy(&mut socket, &mut copy)
        });
        Ok(port)
    }

    #[test]
    fn each_direction_is_delayed_and_the_end_is_passed_on() -> std::io::Result<()> {
        let server = echo()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        relay(listener.accept()?.0, server)?;
        let mut reply = [0; 4];
        let mut round_trip = || {
            let start = Instant::now();
            client.write_all(b"PING")?;
            client.read_exact(&mut reply)?;
            assert_eq!(&reply, b"PING");
            Ok::<_, std::io::Error>(start.elapsed())
        };
        // Other work on the machine delays some of them too, but not all.
        for _ in 0..100 {
            assert!(round_trip()? >= 2 * DELAY);
        }
        client.shutdown(Shutdown::Write)?;
        assert_eq!(client.read(&mut reply)?, 0);
        Ok(())
    }
}
