//! R18: clients that lose their server together do not come back together, and an outage is cheap.
//!
//! A hundred clients in one process, each with a caller that always wants something. The server is a
//! listener of our own that writes down who comes when; each client knows it by an address of its
//! own. Without jitter all of a herd is in one bucket of 100 ms: the control is such a herd.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::{LevelFilter, Log, Metadata, Record};
use redis_ready::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::measure::best_of;
use crate::support::{child, open, run};

const CLIENTS: usize = 100;
const BUCKET: Duration = Duration::from_millis(100);
/// The most that may come back in one bucket, in percent.
const SHARE: usize = 45;
const SHORT_OUTAGE: Duration = Duration::from_secs(3);
const LONG_OUTAGE: Duration = Duration::from_secs(10);
const MEAN_ATTEMPTS: usize = 25;
const MAX_ATTEMPTS: usize = 40;
/// A hundred times a hundredth of a core.
const PROCESSOR: Duration = LONG_OUTAGE;
const LINES_PER_SECOND: u64 = 1;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    /// Answers every command with `+OK`.
    Serving,
    /// Ends each connection at its first command, as a proxy does whose server is away.
    HangingUp,
    /// Does not listen.
    Away,
}

/// A client says `HELLO` once in every attempt.
struct Arrival {
    when: Instant,
    client: IpAddr,
}

/// A server that is there or not, as it is told. A new mood resets every connection.
struct Herded {
    port: u16,
    mood: watch::Sender<Mood>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

impl Herded {
    fn start() -> Herded {
        let listener = bind(0);
        let port = listener.local_addr().expect("it is bound").port();
        let (mood, moods) = watch::channel(Mood::Serving);
        let arrivals = Arc::new(Mutex::default());
        tokio::spawn(attend(listener, moods, Arc::clone(&arrivals)));
        Herded {
            port,
            mood,
            arrivals,
        }
    }

    fn change(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    fn arrivals(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.arrivals
            .lock()
            .expect("no thread panics with the lock held")
    }

    async fn until_all_have_come(&self) {
        while self.arrivals().len() < CLIENTS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until all have come for the first time, and are in use.
    async fn settle(&self) {
        self.until_all_have_come().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.arrivals().clear();
    }

    /// How all of them come back after `since`.
    async fn herd(&self, since: Instant) -> Herd {
        self.until_all_have_come().await;
        let mut buckets = BTreeMap::new();
        for Arrival { when, .. } in self.arrivals().iter().take(CLIENTS) {
            let bucket = when.duration_since(since).as_millis() / BUCKET.as_millis();
            *buckets.entry(bucket).or_insert(0) += 1;
        }
        Herd(buckets.into_values().collect())
    }

    /// All connections are reset at once, and the server goes on.
    async fn reset(&self) -> Herd {
        self.settle().await;
        let reset = Instant::now();
        self.change(Mood::Serving);
        self.herd(reset).await
    }

    /// All connections are reset at once, and for a while the server does not listen.
    async fn outage(&self) -> Herd {
        self.settle().await;
        self.change(Mood::Away);
        tokio::time::sleep(SHORT_OUTAGE).await;
        let back = Instant::now();
        self.change(Mood::Serving);
        self.herd(back).await
    }
}

fn bind(port: u16) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("there is IPv4");
    socket.set_reuseaddr(true).expect("a socket can");
    socket
        .bind(([0, 0, 0, 0], port).into())
        .expect("the port is free");
    socket.listen(1_024).expect("it is bound")
}

async fn attend(
    listener: TcpListener,
    mut moods: watch::Receiver<Mood>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
) {
    let port = listener.local_addr().expect("it is bound").port();
    let mut listener = Some(listener);
    loop {
        let accept = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = accept => if let Ok((stream, _)) = accepted {
                tokio::spawn(serve(stream, moods.clone(), Arc::clone(&arrivals)));
            },
            changed = moods.changed() => {
                if changed.is_err() {
                    return;
                }
                match *moods.borrow_and_update() {
                    Mood::Away => listener = None,
                    Mood::Serving | Mood::HangingUp => {
                        listener.get_or_insert_with(|| bind(port));
                    }
                }
            }
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    mut moods: watch::Receiver<Mood>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
) {
    let mood = *moods.borrow_and_update();
    tokio::select! {
        // A client may go away at any time.
        _ = converse(&mut stream, mood, &arrivals) => {}
        _ = moods.changed() => {}
    }
    let _ = stream.set_zero_linger();
}

async fn converse(
    stream: &mut TcpStream,
    mood: Mood,
    arrivals: &Mutex<Vec<Arrival>>,
) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        // All that a client says here arrives in one piece: it is small, and one write.
        let text = String::from_utf8_lossy(&buffer[..length]);
        if text.contains("HELLO") {
            let (when, client) = (Instant::now(), stream.local_addr()?.ip());
            let mut arrivals = arrivals
                .lock()
                .expect("no thread panics with the lock held");
            arrivals.push(Arrival { when, client });
        }
        if mood != Mood::Serving {
            return Ok(());
        }
        let commands = text.lines().filter(|line| line.starts_with('*')).count();
        stream
            .write_all("+OK\r\n".repeat(commands).as_bytes())
            .await?;
    }
}

/// How many came back in each bucket in which any did.
struct Herd(Vec<usize>);

impl Herd {
    fn worst(&self) -> usize {
        let worst = self.0.iter().max().expect("they have come back");
        worst * 100 / CLIENTS
    }

    fn is_spread(&self) -> bool {
        self.worst() <= SHARE
    }
}

impl fmt::Display for Herd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worst bucket {} % of {:?}", self.worst(), self.0)
    }
}

fn addresses() -> impl Iterator<Item = IpAddr> {
    (1..=CLIENTS).map(|number| {
        let number = u8::try_from(number).expect("there are few");
        IpAddr::from([127, 0, 0, number])
    })
}

/// A hundred clients, each with a caller who asks 20 times a second.
fn clients(port: u16) -> JoinSet<()> {
    let callers = addresses().map(|address| async move {
        let url = format!("redis://{address}:{port}");
        let client = open(&url, "");
        loop {
            if let Err(error) = client.ping().await {
                let expected = [ErrorKind::ConnectionLost, ErrorKind::Unreachable];
                assert!(expected.contains(&error.kind()), "{error:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    callers.collect()
}

/// A hundred clients that always wait for the same time before they connect again.
fn clients_without_jitter(port: u16) -> JoinSet<()> {
    let callers = addresses().map(|address| async move {
        loop {
            if let Ok(mut stream) = TcpStream::connect((address, port)).await {
                let _ = stream.write_all(b"*1\r\n$5\r\nHELLO\r\n").await;
                // Until the end of the connection.
                while let Ok(1..) = stream.read(&mut [0; 64]).await {}
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    callers.collect()
}

#[test]
fn clients_that_are_reset_together_come_back_one_after_the_other() {
    let measure = || {
        run(async {
            let herded = Herded::start();
            let _clients = clients(herded.port);
            herded.reset().await
        })
    };
    best_of(measure, |herd, _| herd.is_spread());
}

#[test]
fn clients_come_back_one_after_the_other_when_their_server_does() {
    let measure = || {
        run(async {
            let herded = Herded::start();
            let _clients = clients(herded.port);
            herded.outage().await
        })
    };
    best_of(measure, |herd, _| herd.is_spread());
}

#[test]
fn the_check_notices_clients_without_jitter() {
    let (reset, outage) = run(async {
        let (one, other) = (Herded::start(), Herded::start());
        let _clients = clients_without_jitter(one.port);
        let _others = clients_without_jitter(other.port);
        tokio::join!(one.reset(), other.outage())
    });
    println!("without jitter: reset, {reset}; outage, {outage}");
    assert!(!reset.is_spread(), "{reset}");
    assert!(!outage.is_spread(), "{outage}");
}

/// How many lines were logged about each server.
static LINES: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

struct Count;

impl Log for Count {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // mio has lines, too, where a feature of another crate asks for them.
        if record.target() != "redis_ready" {
            return;
        }
        let line = record.args().to_string();
        let server = line.split('`').find(|word| word.starts_with("127."));
        let server = server.unwrap_or("another").to_owned();
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        *lines.entry(server).or_default() += 1;
    }

    fn flush(&self) {}
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn a_long_outage() {
    log::set_logger(&Count).expect("each child has one logger");
    log::set_max_level(LevelFilter::Trace);
    let (attempts, processor) = run(async {
        let herded = Herded::start();
        let _clients = clients(herded.port);
        herded.settle().await;
        LINES
            .lock()
            .expect("no thread panics with the lock held")
            .clear();
        let before = child::processor_time();
        herded.change(Mood::HangingUp);
        tokio::time::sleep(LONG_OUTAGE).await;
        let processor = child::processor_time().saturating_sub(before);
        let mut attempts = BTreeMap::new();
        for Arrival { client, .. } in herded.arrivals().iter() {
            *attempts.entry(*client).or_insert(0) += 1;
        }
        (attempts, processor)
    });
    let all: usize = attempts.values().sum();
    let most = attempts.values().max().expect("all have tried");
    let lines = LINES
        .lock()
        .expect("no thread panics with the lock held")
        .clone();
    let most_lines = *lines.values().max().expect("an outage is logged");
    println!("{LONG_OUTAGE:?} without a server: {all} attempts, at most {most} of one client");
    println!("  {processor:?} of processor time, at most {most_lines} lines about one server");
    assert_eq!(attempts.len(), CLIENTS);
    assert!(all <= MEAN_ATTEMPTS * CLIENTS);
    assert!(*most <= MAX_ATTEMPTS);
    assert!(processor <= PROCESSOR);
    assert_eq!(lines.get("another"), None, "{lines:?}");
    assert!(most_lines <= LINES_PER_SECOND * LONG_OUTAGE.as_secs());
}

#[test]
fn an_outage_is_cheap() {
    child::run("herds::a_long_outage");
}
