//! A listener that answers as it is told: old servers, silent ones, hostile ones.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::ports::listener;

/// The reply to `HELLO 3` in which a server agrees to RESP3.
pub(crate) const HELLO: &[u8] = b"%1\r\n$5\r\nproto\r\n:3\r\n";

/// The refusal of a server that reads its data from the disk.
pub(crate) const LOADING: &str = "-LOADING Redis is loading the dataset in memory";

/// What a fake server does with a command.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Says nothing and keeps the connection.
    Silence,
    /// Ends the connection.
    Close,
    /// Sends these bytes and ends its own side of the connection, in good order.
    Last(Vec<u8>),
}

impl Answer {
    pub(crate) fn line(line: &str) -> Answer {
        Answer::Send(format!("{line}\r\n").into_bytes())
    }

    pub(crate) fn ok() -> Answer {
        Answer::line("+OK")
    }

    pub(crate) fn hello() -> Answer {
        Answer::Send(HELLO.to_vec())
    }
}

/// A server that understands commands and answers by a function.
pub(crate) struct FakeServer {
    port: u16,
    seen: Arc<Mutex<Vec<Vec<String>>>>,
    accepted: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    said_last: Arc<AtomicUsize>,
}

impl FakeServer {
    /// Answers each command, given as words (the first in upper case), with what `answer` returns.
    pub(crate) fn start(
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> FakeServer {
        FakeServer::start_on(listener(), answer)
    }

    /// Agrees to RESP3, and answers each other command with what `answer` returns, or `+OK` where it
    /// returns nothing.
    pub(crate) fn resp3(
        answer: impl Fn(&[String]) -> Option<Answer> + Send + Sync + 'static,
    ) -> FakeServer {
        FakeServer::start(move |words| match words[0].as_str() {
            "HELLO" => Answer::hello(),
            _ => answer(words).unwrap_or_else(Answer::ok),
        })
    }

    /// Accepts, and never answers.
    pub(crate) fn silent() -> FakeServer {
        FakeServer::start(|_| Answer::Silence)
    }

    /// As [`start`](FakeServer::start), on an address of the caller's choice.
    pub(crate) fn start_on(
        listener: TcpListener,
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> FakeServer {
        let [accepted, ended, said_last] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let counts = [&accepted, &ended, &said_last].map(Arc::clone);
        let port = listen_on(listener, move |stream| {
            counts[0].fetch_add(1, Ordering::SeqCst);
            // A client may go away at any time.
            let _ = converse(&stream, &answer, &log, &counts[2]);
            counts[1].fetch_add(1, Ordering::SeqCst);
        });
        FakeServer {
            port,
            seen,
            accepted,
            ended,
            said_last,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many connections were accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// How many connections have ended so far, by either side.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    /// How many connections it has ended with [`Answer::Last`] so far.
    pub(crate) fn said_last(&self) -> usize {
        self.said_last.load(Ordering::SeqCst)
    }

    /// How often it has seen the command `name`, in upper case.
    pub(crate) fn count(&self, name: &str) -> usize {
        let seen = self
            .seen
            .lock()
            .expect("no thread panics with the lock held");
        seen.iter().filter(|command| command[0] == name).count()
    }

    /// Every command seen so far, on all connections.
    pub(crate) fn seen(&self) -> Vec<Vec<String>> {
        self.seen
            .lock()
            .expect("no thread panics with the lock held")
            .clone()
    }
}

fn converse(
    stream: &TcpStream,
    answer: &dyn Fn(&[String]) -> Answer,
    log: &Mutex<Vec<Vec<String>>>,
    said_last: &AtomicUsize,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(command) = read_command(&mut reader)? {
        log.lock()
            .expect("no thread panics with the lock held")
            .push(command.clone());
        match answer(&command) {
            Answer::Send(bytes) => writer.write_all(&bytes)?,
            Answer::Silence => {}
            Answer::Close => return stream.shutdown(Shutdown::Both),
            Answer::Last(bytes) => {
                writer.write_all(&bytes)?;
                stream.shutdown(Shutdown::Write)?;
                said_last.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    Ok(())
}

/// Reads one command as words, the first in upper case; `None` at the end of the stream.
pub(crate) fn read_command(reader: &mut impl BufRead) -> io::Result<Option<Vec<String>>> {
    let Some(count) = read_number(reader, '*')? else {
        return Ok(None);
    };
    let mut words = Vec::new();
    for _ in 0..count {
        let Some(length) = read_number(reader, '$')? else {
            return Ok(None);
        };
        let mut word = vec![0; length + 2];
        reader.read_exact(&mut word)?;
        words.push(String::from_utf8_lossy(&word[..length]).into_owned());
    }
    if let Some(name) = words.first_mut() {
        name.make_ascii_uppercase();
    }
    Ok(Some(words))
}

fn read_number(reader: &mut impl BufRead, mark: char) -> io::Result<Option<usize>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let number = line.trim_end().strip_prefix(mark);
    let number = number.and_then(|number| number.parse().ok());
    number.map(Some).ok_or(io::ErrorKind::InvalidData.into())
}

/// A listener that keeps the bytes it is sent and answers each connection with `greeting`.
pub(crate) struct Recorder {
    port: u16,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// Sends `greeting` as soon as the first byte has come, then only listens.
    pub(crate) fn start(greeting: &'static [u8]) -> Recorder {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let port = listen(move |mut stream| {
            let mut buffer = [0; 4096];
            let mut greeted = false;
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                kept.lock()
                    .expect("no thread panics with the lock held")
                    .extend(&buffer[..length]);
                if !greeted {
                    greeted = stream.write_all(greeting).is_ok();
                }
            }
        });
        Recorder { port, bytes }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes
            .lock()
            .expect("no thread panics with the lock held")
            .clone()
    }
}

/// Accepts on a free port, each connection on a thread of its own, until the process ends.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    listen_on(listener(), serve)
}

fn listen_on(listener: TcpListener, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let port = listener.local_addr().expect("it is bound").port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
            thread::spawn(move || serve(stream));
        }
    });
    port
}
