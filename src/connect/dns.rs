//! [`Resolver`]: looks up the addresses of a host.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::address::Address;

/// What a look-up has found.
type Found = Result<Vec<SocketAddr>, Arc<io::Error>>;
/// The look-ups that run, each with the process that has started it: a forked child has this map, but
/// not the threads.
type LookUps = BTreeMap<(u32, Address), watch::Receiver<Option<Found>>>;

static RUNNING: Mutex<LookUps> = Mutex::new(BTreeMap::new());

fn running() -> MutexGuard<'static, LookUps> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks up hosts, anew for every attempt to connect.
///
/// A look-up takes a thread, and cannot be cancelled: with a name server that is silent it goes on for
/// many seconds. So there is one at a time for each host in the process, and every attempt that needs
/// the same addresses meanwhile waits for that one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver {
    look_up: fn(&Address) -> io::Result<Vec<SocketAddr>>,
}

impl Default for Resolver {
    fn default() -> Resolver {
        Resolver {
            look_up: |Address { host, port }| {
                Ok((host.as_str(), *port).to_socket_addrs()?.collect())
            },
        }
    }
}

impl Resolver {
    /// Returns the addresses of a host, at least one, in the order of the system.
    pub(super) async fn resolve(self, address: &Address) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = address.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, address.port)]);
        }
        let mut found = self.find(address);
        let found = found.wait_for(Option::is_some).await;
        // Fails only if the look-up has panicked.
        match found.map_err(io::Error::other)?.as_ref() {
            Some(Ok(addresses)) if !addresses.is_empty() => Ok(addresses.clone()),
            Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            _ => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the name has no address",
            )),
        }
    }

    /// Returns what the look-up of `address` finds, which is started unless it runs.
    fn find(self, address: &Address) -> watch::Receiver<Option<Found>> {
        let key = (std::process::id(), address.clone());
        let mut running = running();
        if let Some(found) = running.get(&key) {
            return found.clone();
        }
        let (done, found) = watch::channel(None);
        running.insert(key.clone(), found.clone());
        drop(running);
        let running = Running { key };
        let look_up = self.look_up;
        tokio::task::spawn_blocking(move || {
            let found = look_up(&running.key.1).map_err(Arc::new);
            // The next attempt looks the name up anew.
            drop(running);
            done.send_replace(Some(found));
        });
        found
    }

    /// Returns a resolver that looks up hosts by `look_up`.
    #[cfg(test)]
    pub(super) fn by(look_up: fn(&Address) -> io::Result<Vec<SocketAddr>>) -> Resolver {
        Resolver { look_up }
    }
}

/// Lives as long as a look-up, even if that panics.
struct Running {
    key: (u32, Address),
}

impl Drop for Running {
    fn drop(&mut self) {
        running().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn all_attempts_that_need_a_name_wait_for_one_look_up() {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        static IS_ANSWERED: AtomicBool = AtomicBool::new(false);
        let silent = Resolver::by(|address| {
            STARTED.fetch_add(1, Ordering::SeqCst);
            while !IS_ANSWERED.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(vec![SocketAddr::new([127, 0, 0, 1].into(), address.port)])
        });
        let name = Address::new("silent.invalid", 7);
        for _ in 0..20 {
            // An attempt that gives up, as one whose time is up does.
            let limit = Duration::from_millis(5);
            let found = tokio::time::timeout(limit, silent.resolve(&name)).await;
            assert!(found.is_err(), "{found:?}");
        }
        let mut waiting = std::pin::pin!(silent.resolve(&name));
        assert!(futures::poll!(&mut waiting).is_pending());
        IS_ANSWERED.store(true, Ordering::SeqCst);
        let found = waiting.await.expect("it is answered now");
        assert_eq!(found, ["127.0.0.1:7".parse().expect("valid")]);
        assert_eq!(STARTED.load(Ordering::SeqCst), 1);
        silent.resolve(&name).await.expect("it is answered again");
        assert_eq!(STARTED.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_look_up_that_finds_nothing_or_panics_is_an_error_and_is_repeated() {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let resolver = Resolver::by(|_| match STARTED.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(Vec::new()),
            1 => Err(io::Error::other("the name server is ill")),
            _ => panic!("on purpose"),
        });
        let name = Address::new("empty.invalid", 7);
        for expected in ["the name has no address", "the name server is ill", ""] {
            let error = resolver.resolve(&name).await.expect_err("there is none");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
