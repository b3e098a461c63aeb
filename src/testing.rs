//! A throw-away real server for tests: [`Server`].
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use redis_ready::testing::Server;
//!
//! let server = Server::start()?;
//! println!("REDIS_URL={}", server.url());
//! // Dropped here: the process and its directory are gone.
//! # Ok(())
//! # }
//! ```
//!
//! The binary is the `redis-server` or `valkey-server` of `PATH`, or what the variable
//! `REDIS_READY_SERVER` names. Each server is a process of its own with an empty database in a
//! private directory, so that tests run side by side.

mod arguments;
mod process;

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use self::process::Process;
use crate::Client;

/// How often a start is tried with another port when somebody took the one chosen.
const PORT_ATTEMPTS: u32 = 10;

/// A real server of one test, gone when dropped.
///
/// It listens on a Unix socket, where there are any, or on a free port of 127.0.0.1, and saves
/// nothing. When the test process dies before the drop, the server goes too (on Unix).
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use redis_ready::testing::Server;
///
/// let mut server = Server::builder().tcp().password("s3cret").start()?;
/// assert!(server.url().starts_with("redis://:s3cret@127.0.0.1:"));
///
/// server.kill()?; // as a crash: open connections are reset
/// server.restart()?; // at the same address, empty
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    settings: ServerBuilder,
    port: Option<u16>,
    url: String,
    process: Process,
}

/// What a [`Server`] is started with; made by [`Server::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct ServerBuilder {
    transport: Transport,
    password: Option<String>,
    arguments: Vec<String>,
}

#[derive(Debug, Clone)]
enum Transport {
    Unix,
    Tcp,
    Tls {
        certificate: PathBuf,
        key: PathBuf,
        authority: PathBuf,
        clients_need_certificates: bool,
    },
}

impl Server {
    /// Starts a server without password, on a Unix socket where there are any, else on a free port.
    ///
    /// Returns when it accepts commands.
    ///
    /// # Errors
    /// `NotFound` where no server is installed, with the line that installs one; any other kind
    /// carries the server's log.
    pub fn start() -> io::Result<Server> {
        Server::builder().start()
    }

    /// Starts from the same settings as [`Server::start`], to change them first.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            transport: if cfg!(unix) {
                Transport::Unix
            } else {
                Transport::Tcp
            },
            password: None,
            arguments: Vec::new(),
        }
    }

    /// Returns the URL of this server: a `REDIS_URL` with everything a client needs but its own
    /// certificate.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens a client for this server, without connecting.
    ///
    /// # Panics
    /// For a TLS server in a build without the feature `tls`.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::open(&self.url).expect("our own URL is valid")
    }

    /// Returns the port on 127.0.0.1, unless the server listens on a Unix socket.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns the private directory: the server's working directory, with its socket and its log.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.process.directory()
    }

    /// Returns what the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Stops the server as an operator does: it ends its connections and exits. Does nothing if it
    /// is not running.
    ///
    /// # Errors
    /// When the process cannot be signalled.
    pub fn stop(&mut self) -> io::Result<()> {
        self.process.stop()
    }

    /// Kills the server at once, as a crash does. Does nothing if it is not running.
    ///
    /// # Errors
    /// When the process cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Starts the server again at the same address, after stopping it if it runs.
    ///
    /// The database is empty afterwards, and what `CONFIG SET` changed is as it was at the start.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop()?;
        self.process
            .spawn(&self.settings.directives(self.port), &self.settings)?;
        self.process.wait_until_ready(self.port)
    }

    /// Freezes the server: connections stay open and nothing answers, until [`Server::resume`].
    ///
    /// # Errors
    /// When the process cannot be signalled, and outside Unix.
    pub fn pause(&self) -> io::Result<()> {
        self.process.signal("STOP")
    }

    /// Lets a frozen server go on.
    ///
    /// # Errors
    /// When the process cannot be signalled, and outside Unix.
    pub fn resume(&self) -> io::Result<()> {
        self.process.signal("CONT")
    }
}

impl ServerBuilder {
    /// Listens on a free port of 127.0.0.1 instead of a Unix socket.
    pub fn tcp(mut self) -> ServerBuilder {
        self.transport = Transport::Tcp;
        self
    }

    /// Listens on a free port with TLS: the PEM files of the server's certificate (for
    /// `localhost`), its key, and the authority that signed it.
    ///
    /// The URL names the authority as `tls_ca`.
    pub fn tls(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        authority: impl Into<PathBuf>,
    ) -> ServerBuilder {
        self.transport = Transport::Tls {
            certificate: certificate.into(),
            key: key.into(),
            authority: authority.into(),
            clients_need_certificates: false,
        };
        self
    }

    /// Refuses clients without a certificate signed by the authority given to
    /// [`tls`](ServerBuilder::tls).
    ///
    /// # Panics
    /// When called before `tls`.
    pub fn client_certificates(mut self) -> ServerBuilder {
        match &mut self.transport {
            Transport::Tls {
                clients_need_certificates,
                ..
            } => *clients_need_certificates = true,
            Transport::Unix | Transport::Tcp => panic!("`client_certificates` needs `tls` first"),
        }
        self
    }

    /// Asks clients for this password; the URL holds it. Without it, anyone may connect.
    pub fn password(mut self, password: impl Into<String>) -> ServerBuilder {
        self.password = Some(password.into());
        self
    }

    /// Adds an argument of the command line, such as `--maxclients` and, in a second call, `10`.
    pub fn arg(mut self, argument: impl Into<String>) -> ServerBuilder {
        self.arguments.push(argument.into());
        self
    }

    /// Starts the server and returns when it accepts commands.
    ///
    /// # Errors
    /// `NotFound` where no server is installed, with the line that installs one; any other kind
    /// carries the server's log.
    pub fn start(self) -> io::Result<Server> {
        let mut attempt = 1;
        loop {
            match self.start_once() {
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse && attempt < PORT_ATTEMPTS =>
                {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn start_once(&self) -> io::Result<Server> {
        let port = match self.transport {
            Transport::Unix => None,
            Transport::Tcp | Transport::Tls { .. } => Some(free_port()?),
        };
        let mut process = Process::new()?;
        process.spawn(&self.directives(port), self)?;
        process.wait_until_ready(port)?;
        Ok(Server {
            url: self.url(port, process.directory()),
            settings: self.clone(),
            port,
            process,
        })
    }
}

/// A port that was free a moment ago.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_has_everything_but_a_client_certificate() {
        let directory = Path::new("/tmp/dir");
        let url = |builder: ServerBuilder, port| builder.url(port, directory);
        assert_eq!(
            url(Server::builder().tcp(), Some(7000)),
            "redis://127.0.0.1:7000"
        );
        assert_eq!(
            url(Server::builder().tcp().password("a@b/ü"), Some(7000)),
            "redis://:a%40b%2F%C3%BC@127.0.0.1:7000"
        );
        assert_eq!(
            url(Server::builder().tls("c", "k", "/tmp/c a.pem"), Some(7000)),
            "rediss://localhost:7000?tls_ca=/tmp/c%20a.pem"
        );
        if cfg!(unix) {
            assert_eq!(
                url(Server::builder().password("a+b"), None),
                "unix:///tmp/dir/redis.sock?pass=a%2Bb"
            );
        }
    }

    #[test]
    fn a_start_that_fails_shows_the_log_of_the_server() {
        let error = Server::builder()
            .arg("--no-such-directive")
            .arg("1")
            .start()
            .expect_err("the server refuses unknown directives");
        assert!(error.to_string().contains("no-such-directive"), "{error}");
    }

    #[test]
    fn nothing_is_left_after_a_drop() {
        let server = Server::start().unwrap();
        let directory = server.directory().to_owned();
        assert!(directory.exists());
        drop(server);
        assert!(!directory.exists());
    }

    #[test]
    fn a_restarted_server_has_the_same_address() {
        let mut server = Server::builder().tcp().password("s3cret").start().unwrap();
        let address = ("127.0.0.1", server.port().unwrap());
        server.kill().unwrap();
        assert!(std::net::TcpStream::connect(address).is_err());
        server.restart().unwrap();
        assert!(std::net::TcpStream::connect(address).is_ok());
        server.stop().unwrap();
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
