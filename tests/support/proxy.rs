//! A proxy that breaks connections on purpose, by a script for each connection and direction.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::sleep;

use redis_ready::testing::Server;

use super::ports::listener;

/// What happens to the bytes of one direction. When the steps are over, everything passes.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Passes this many bytes on.
    Pass(usize),
    /// Waits once; what arrives meanwhile waits too.
    Delay(Duration),
    /// From here on, each piece waits up to this long, chosen at random.
    Jitter(Duration),
    /// From here on, at most so many bytes at a time, with a pause after each.
    Drip { bytes: usize, every: Duration },
    /// Drops this many bytes.
    Drop(usize),
    /// Flips every bit of this many bytes.
    Corrupt(usize),
    /// Sends bytes that the other side has not sent.
    Inject(Vec<u8>),
    /// From here on, nothing passes and nothing ends.
    Stall,
    /// Ends this direction in good order.
    Fin,
    /// Resets the connection on both sides.
    Reset,
}

/// The steps of both directions of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) to_server: Vec<Step>,
    pub(crate) to_client: Vec<Step>,
}

impl Script {
    pub(crate) fn to_server(steps: impl Into<Vec<Step>>) -> Script {
        Script {
            to_server: steps.into(),
            to_client: Vec::new(),
        }
    }

    pub(crate) fn to_client(steps: impl Into<Vec<Step>>) -> Script {
        Script {
            to_server: Vec::new(),
            to_client: steps.into(),
        }
    }

    pub(crate) fn both(steps: impl Into<Vec<Step>>) -> Script {
        let steps = steps.into();
        Script {
            to_server: steps.clone(),
            to_client: steps,
        }
    }
}

#[derive(Debug, Clone)]
enum Upstream {
    Unix(PathBuf),
    Tcp(u16),
    /// The port that each connection leads to is looked up when it is made, as a name is.
    Moving(Arc<AtomicU16>),
}

/// A listener on a port of 127.0.0.1 in front of a server, on a thread of its own.
pub(crate) struct Proxy {
    port: u16,
    accepted: Arc<AtomicUsize>,
    resets: watch::Sender<usize>,
    thread: Option<thread::JoinHandle<()>>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.port)
    }
}

/// Sent in place of a number of resets: the end.
const STOP: usize = usize::MAX;

impl Proxy {
    /// Puts a proxy in front of `server`; `script` gives each connection its steps, counted from 0.
    pub(crate) fn start(
        server: &Server,
        script: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Proxy {
        let upstream = match server.port() {
            Some(port) => Upstream::Tcp(port),
            None => Upstream::Unix(server.directory().join("redis.sock")),
        };
        Proxy::before(upstream, script)
    }

    /// Puts a proxy in front of whatever listens on `port` of 127.0.0.1.
    pub(crate) fn before_port(
        port: u16,
        script: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Proxy {
        Proxy::before(Upstream::Tcp(port), script)
    }

    /// Puts a proxy in front of the port of 127.0.0.1 that `port` holds when a connection is made.
    pub(crate) fn before_moving_port(port: Arc<AtomicU16>) -> Proxy {
        Proxy::before(Upstream::Moving(port), |_| Script::default())
    }

    fn before(
        upstream: Upstream,
        script: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Proxy {
        let listener = listener();
        let port = listener.local_addr().expect("it is bound").port();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (resets, mut resets_seen) = watch::channel(0);
        let count = Arc::clone(&accepted);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(async move {
                listener.set_nonblocking(true).expect("a socket can");
                let listener = TcpListener::from_std(listener).expect("a runtime is here");
                let accepting = accept(listener, upstream, script, count, resets_seen.clone());
                let stopped = resets_seen.wait_for(|resets| *resets == STOP);
                tokio::select! {
                    () = accepting => {}
                    _ = stopped => {}
                }
            });
        });
        Proxy {
            port,
            accepted,
            resets,
            thread: Some(thread),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the server behind it, which has no password and speaks no TLS.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// How many connections were accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Resets every open connection, on both sides.
    pub(crate) fn reset_all(&self) {
        self.resets.send_modify(|resets| *resets += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.resets.send_replace(STOP);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: TcpListener,
    upstream: Upstream,
    script: impl Fn(usize) -> Script,
    accepted: Arc<AtomicUsize>,
    resets: watch::Receiver<usize>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let script = script(accepted.fetch_add(1, Ordering::SeqCst));
        let mut resets = resets.clone();
        resets.mark_unchanged();
        let upstream = upstream.clone();
        tokio::spawn(async move {
            let _ = client.set_nodelay(true);
            let upstream = match upstream {
                Upstream::Moving(port) => Upstream::Tcp(port.load(Ordering::SeqCst)),
                upstream => upstream,
            };
            match upstream {
                Upstream::Moving(_) => {}
                Upstream::Tcp(port) => {
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await {
                        let _ = server.set_nodelay(true);
                        serve(client, server, script, resets).await;
                    }
                }
                Upstream::Unix(path) => {
                    if let Ok(server) = UnixStream::connect(path).await {
                        serve(client, server, script, resets).await;
                    }
                }
            }
        });
    }
}

async fn serve(
    mut client: TcpStream,
    server: impl AsyncRead + AsyncWrite,
    script: Script,
    mut resets: watch::Receiver<usize>,
) {
    let reset = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = tokio::io::split(server);
        let up = Direction::new(from_client, to_server).play(script.to_server);
        let down = Direction::new(from_server, to_client).play(script.to_client);
        tokio::select! {
            ends = async { tokio::try_join!(up, down) } => ends.is_err(),
            _ = resets.changed() => true,
        }
    };
    if reset {
        let _ = client.set_zero_linger();
    }
}

struct Direction<R, W> {
    from: R,
    to: W,
    jitter: Option<Duration>,
    drip: Option<(usize, Duration)>,
}

/// The connection is to be reset.
struct Reset;

impl From<io::Error> for Reset {
    fn from(_: io::Error) -> Reset {
        Reset
    }
}

/// How many bytes a step takes where it takes all.
const ALL: usize = usize::MAX;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Direction<R, W> {
    fn new(from: R, to: W) -> Direction<R, W> {
        Direction {
            from,
            to,
            jitter: None,
            drip: None,
        }
    }

    async fn play(mut self, steps: Vec<Step>) -> Result<(), Reset> {
        for step in steps {
            let open = match step {
                Step::Pass(bytes) => self.pass(bytes, |_| true).await?,
                Step::Drop(bytes) => self.pass(bytes, |_| false).await?,
                Step::Corrupt(bytes) => {
                    let flip = |piece: &mut [u8]| {
                        for byte in piece {
                            *byte = !*byte;
                        }
                        true
                    };
                    self.pass(bytes, flip).await?
                }
                Step::Inject(bytes) => {
                    self.to.write_all(&bytes).await?;
                    true
                }
                Step::Delay(time) => {
                    sleep(time).await;
                    true
                }
                Step::Jitter(most) => {
                    self.jitter = Some(most);
                    true
                }
                Step::Drip { bytes, every } => {
                    self.drip = Some((bytes, every));
                    true
                }
                Step::Stall => std::future::pending().await,
                Step::Fin => false,
                Step::Reset => return Err(Reset),
            };
            if !open {
                return self.end().await;
            }
        }
        self.pass(ALL, |_| true).await?;
        self.end().await
    }

    async fn end(&mut self) -> Result<(), Reset> {
        // The other side may be gone already, which does not count as a reset.
        let _ = self.to.shutdown().await;
        Ok(())
    }

    /// Passes up to `bytes` on, where `change` says so; false at the end of the stream.
    async fn pass(
        &mut self,
        mut bytes: usize,
        change: impl Fn(&mut [u8]) -> bool,
    ) -> Result<bool, Reset> {
        let mut buffer = vec![0; 64 * 1024];
        while bytes > 0 {
            let most = self.drip.map_or(buffer.len(), |(piece, _)| piece);
            let most = most.min(bytes).min(buffer.len());
            let length = self.from.read(&mut buffer[..most]).await?;
            if length == 0 {
                return Ok(false);
            }
            if let Some(most) = self.jitter {
                sleep(most.mul_f64(fastrand::f64())).await;
            }
            if change(&mut buffer[..length]) {
                self.to.write_all(&buffer[..length]).await?;
            }
            if let Some((_, every)) = self.drip {
                sleep(every).await;
            }
            if bytes != ALL {
                bytes -= length;
            }
        }
        Ok(true)
    }
}
