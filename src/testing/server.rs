//! [`Server`]: a real server for one test.

use std::io;
use std::net::TcpListener;
use std::path::Path;

use redis::{Connection, RedisResult};

use super::ask::{PATIENCE, is_synchronized, wait_until};
use super::builder::{ServerBuilder, Transport};
use super::certificate::Certificate;
use super::process::Process;
use crate::client::Client;

/// Attempts to start with another port after another process took the one that was chosen.
const PORT_ATTEMPTS: u32 = 10;

/// Runs a real server for one test, and stops it when dropped.
///
/// It listens on a Unix socket, or on a free port of 127.0.0.1 on systems without them, and saves
/// nothing. On Unix the server also ends when the test process dies before the drop.
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

impl Server {
    /// Starts a server without a password, on a Unix socket or, on systems without them, on a free port.
    ///
    /// Returns when the server accepts commands.
    ///
    /// # Errors
    ///
    /// `NotFound` if no server is installed, with the command that installs one. Errors of other kinds
    /// have the server's log.
    pub fn start() -> io::Result<Server> {
        Server::builder().start()
    }

    /// Returns the settings of [`Server::start`], to change them before the server is started.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Returns the URL of this server: a `REDIS_URL` with everything that a client needs, except a
    /// certificate of the client.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens a client for this server, without connecting.
    ///
    /// # Panics
    ///
    /// For a TLS server in a build without the feature `tls`.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::open(&self.url).expect("our own URL is valid")
    }

    /// Opens a connection of redis-rs as the default user, over the Unix socket that every server has on
    /// Unix: to look at the server beside the client under test. It waits 90 s for a reply.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use redis_ready::redis::{self, Commands};
    /// # let server = redis_ready::testing::Server::start()?;
    /// let mut connection = server.connect()?;
    /// let () = connection.set("seen", 1)?;
    /// let () = redis::cmd("CONFIG").arg("RESETSTAT").query(&mut connection)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the server does not run, or is paused. On systems other than Unix also for a TLS server, unless
    /// redis-rs has TLS.
    pub fn connect(&self) -> RedisResult<Connection> {
        let url = self.settings.control_url(self.port, self.directory());
        let connection = redis::Client::open(url)?.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    /// Starts a replica of this server with the same settings, and returns when it has the data.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if this server has no port, and those of [`Server::start`].
    pub fn start_replica(&self) -> io::Result<Server> {
        let Some(port) = self.port else {
            let message =
                "a server on a Unix socket cannot have replicas\n  help: Server::builder().tcp()";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let mut settings = self.settings.clone();
        settings.primary = Some(port);
        settings.start()
    }

    /// Returns whether the server runs, as far as its fate lies in this handle: it was neither stopped nor
    /// killed nor paused.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Returns the id of the server's process, unless it was stopped or killed by this handle.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
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
    ///
    /// If the process cannot be signalled.
    pub fn stop(&mut self) -> io::Result<()> {
        self.process.stop()
    }

    /// Kills the server at once, as a crash does. Does nothing if it is not running.
    ///
    /// # Errors
    ///
    /// If the process cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Starts the server again at the same address, after stopping it if it runs.
    ///
    /// Afterwards the database is empty, and settings that `CONFIG SET` changed are as they were at first.
    ///
    /// # Errors
    ///
    /// Those of [`Server::start`].
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop()?;
        self.process
            .spawn(&self.settings.directives(self.port), &self.settings)?;
        self.process.wait_until_ready(self.port)?;
        self.wait_for_primary()
    }

    fn wait_for_primary(&self) -> io::Result<()> {
        if self.settings.primary.is_none() {
            return Ok(());
        }
        let mut connection = self.connect().map_err(io::Error::other)?;
        wait_until("the replica has the data of its primary", || {
            is_synchronized(&mut connection)
        })
    }

    pub(super) fn settings(&self) -> &ServerBuilder {
        &self.settings
    }

    /// Freezes the server: connections stay open and nothing answers, until [`Server::resume`].
    ///
    /// # Errors
    ///
    /// If the process cannot be signalled, and always on systems other than Unix.
    pub fn pause(&self) -> io::Result<()> {
        self.process.pause()
    }

    /// Lets a frozen server go on.
    ///
    /// # Errors
    ///
    /// If the process cannot be signalled, and always on systems other than Unix.
    pub fn resume(&self) -> io::Result<()> {
        self.process.resume()
    }
}

impl ServerBuilder {
    /// Starts the server and returns when it accepts commands.
    ///
    /// # Errors
    ///
    /// `NotFound` if no server is installed, with the command that installs one. Errors of other kinds
    /// have the server's log.
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
            Transport::Tcp | Transport::Tls { .. } | Transport::SelfSigned(_) => Some(free_port()?),
        };
        let mut process = Process::new()?;
        if let Transport::SelfSigned(certificate) = &self.transport {
            let directory = process.directory();
            let certificate = certificate.get_or_try_init(|| Certificate::make(directory))?;
            certificate.write(directory)?;
        }
        process.spawn(&self.directives(port), self)?;
        process.wait_until_ready(port)?;
        let server = Server {
            url: self.url(port, process.directory()),
            settings: self.clone(),
            port,
            process,
        };
        server.wait_for_primary()?;
        Ok(server)
    }
}

/// Returns a port that was free a moment ago.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

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
