//! The options of a TCP socket: small writes leave at once, and a server that is gone is noticed.
//!
//! A connection works without them. Where a system or a sandbox does not know one of them, the log says
//! so once, and the connection is used as it is.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use log::Level;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::runtime::log;

/// Time between two keepalive probes that have no answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// Number of keepalive probes without an answer that end a connection.
#[cfg(not(windows))]
const KEEPALIVE_PROBES: u32 = 2;
/// How long sent data may stay unacknowledged. Keepalive probes are sent only while no data is in flight,
/// and this limit counts only while some is: a connection needs both.
#[cfg(any(target_os = "linux", target_os = "android"))]
const USER_TIMEOUT: Duration = Duration::from_secs(5);

/// Sets the options of `socket`, and warns once in the life of the process of each that cannot be set.
pub(super) fn set_options(socket: &TcpStream, keepalive: Duration) {
    static REFUSED: RefusedOptions = RefusedOptions(Mutex::new(Vec::new()));
    for warning in REFUSED.set_all(socket, keepalive) {
        log(Level::Warn, || warning);
    }
}

/// The operating system's side of the options, so that a test can refuse them.
trait SocketOptions {
    fn set_no_delay(&self) -> io::Result<()>;
    fn set_keepalive(&self, idle: Duration) -> io::Result<()>;
    fn set_user_timeout(&self) -> io::Result<()>;
}

impl SocketOptions for TcpStream {
    fn set_no_delay(&self) -> io::Result<()> {
        self.set_nodelay(true)
    }

    fn set_keepalive(&self, idle: Duration) -> io::Result<()> {
        let keepalive = TcpKeepalive::new()
            .with_time(idle)
            .with_interval(KEEPALIVE_INTERVAL);
        #[cfg(not(windows))]
        let keepalive = keepalive.with_retries(KEEPALIVE_PROBES);
        SockRef::from(self).set_tcp_keepalive(&keepalive)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn set_user_timeout(&self) -> io::Result<()> {
        SockRef::from(self).set_tcp_user_timeout(Some(USER_TIMEOUT))
    }

    /// Other systems have no such option.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn set_user_timeout(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The options that could not be set so far.
struct RefusedOptions(Mutex<Vec<&'static str>>);

impl RefusedOptions {
    /// Sets all options, and returns a warning for each that is refused for the first time.
    fn set_all(&self, socket: &impl SocketOptions, keepalive: Duration) -> Vec<String> {
        let late = "a server that is gone may be noticed late";
        let outcomes = [
            (
                "TCP_NODELAY",
                socket.set_no_delay(),
                "small commands may be delayed",
            ),
            ("SO_KEEPALIVE", socket.set_keepalive(keepalive), late),
            ("TCP_USER_TIMEOUT", socket.set_user_timeout(), late),
        ];
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut warnings = Vec::new();
        for (option, outcome, consequence) in outcomes {
            if let Err(error) = outcome
                && !refused.contains(&option)
            {
                refused.push(option);
                let warning = format!("cannot set `{option}`: {error}; {consequence}");
                warnings.push(warning);
            }
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A system that knows no option.
    #[derive(Default)]
    struct Refusing {
        calls: Cell<u32>,
    }

    impl Refusing {
        fn refuse(&self) -> io::Result<()> {
            self.calls.set(self.calls.get() + 1);
            Err(io::Error::new(io::ErrorKind::Unsupported, "unknown option"))
        }
    }

    impl SocketOptions for Refusing {
        fn set_no_delay(&self) -> io::Result<()> {
            self.refuse()
        }

        fn set_keepalive(&self, _idle: Duration) -> io::Result<()> {
            self.refuse()
        }

        fn set_user_timeout(&self) -> io::Result<()> {
            self.refuse()
        }
    }

    #[test]
    fn an_option_that_cannot_be_set_is_warned_of_once_and_the_others_are_set() {
        let refused = RefusedOptions(Mutex::new(Vec::new()));
        let socket = Refusing::default();
        assert_eq!(
            refused.set_all(&socket, Duration::from_secs(6)),
            [
                "cannot set `TCP_NODELAY`: unknown option; small commands may be delayed",
                "cannot set `SO_KEEPALIVE`: unknown option; a server that is gone may be noticed late",
                "cannot set `TCP_USER_TIMEOUT`: unknown option; a server that is gone may be noticed late",
            ]
        );
        assert_eq!(socket.calls.get(), 3);
        let again = refused.set_all(&socket, Duration::from_secs(6));
        assert_eq!(again, Vec::<String>::new());
        assert_eq!(socket.calls.get(), 6);
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn the_options_of_a_socket_are_set() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let socket = TcpStream::connect(address).await.expect("it listens");
        let refused = RefusedOptions(Mutex::new(Vec::new()));
        let warnings = refused.set_all(&socket, Duration::from_secs(6));
        assert_eq!(warnings, Vec::<String>::new());
        assert!(socket.nodelay().expect("a socket"));
        let socket = SockRef::from(&socket);
        assert!(socket.keepalive().expect("a socket"));
        let keepalive_time = socket.tcp_keepalive_time().expect("a socket");
        assert_eq!(keepalive_time, Duration::from_secs(6));
        let user_timeout = socket.tcp_user_timeout().expect("a socket");
        assert_eq!(user_timeout, Some(USER_TIMEOUT));
    }
}
