//! [`SentinelWatch`]: listens to the Sentinels for another primary, so that all connections to the old
//! one are closed at once.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use redis::{Value, cmd};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::answers::{SWITCH_CHANNEL, announced_primary};
use super::discover::{Role, Server, sentinel_command};
use crate::address::Address;
use crate::config::{Config, Sentinels, ServerConfig, Target};
use crate::connect::{Connected, Connector};
use crate::resp::Decoder;

/// Wait before the second attempt to listen to a Sentinel that does not answer; it doubles each time.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(500);
/// The longest wait before another attempt to listen to a Sentinel.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(5);

/// The primary of one service, as the Sentinels announce it to all connections of a client.
#[derive(Debug, Default)]
pub(crate) struct SentinelWatch {
    /// The primary that a Sentinel has announced last.
    primary: watch::Sender<Option<Address>>,
    /// The process that started the listener, and the listener, which the supervisors of all connections
    /// hold: the child of a `fork` needs one of its own.
    listener: Mutex<(u32, Weak<Listener>)>,
}

impl SentinelWatch {
    /// Returns a receiver of every announcement of a primary from now on.
    pub(crate) fn subscribe(&self) -> Announcements {
        Announcements(self.primary.subscribe())
    }

    /// Returns the listener to the Sentinels of `target`, which listens until it is dropped; `None` where
    /// there are no Sentinels.
    pub(crate) fn listener(self: &Arc<SentinelWatch>, target: &Target) -> Option<Arc<Listener>> {
        let Target::Sentinel(config, sentinels) = target else {
            return None;
        };
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        let known = listener.1.upgrade().filter(|_| listener.0 == process);
        Some(known.unwrap_or_else(|| {
            let new = Arc::new(Listener::start(config, sentinels, self));
            *listener = (process, Arc::downgrade(&new));
            new
        }))
    }

    /// Stores the primary that a Sentinel has announced, and notifies the receivers, also where it is the one
    /// that was announced before: a connection that was made meanwhile, to what a slower Sentinel has named,
    /// is outdated.
    fn announce(&self, primary: Address) {
        self.primary.send_replace(Some(primary));
    }
}

/// Receives what Sentinels announce.
pub(crate) struct Announcements(watch::Receiver<Option<Address>>);

impl Announcements {
    /// Ignores the announcements so far: the Sentinels are about to be asked.
    pub(crate) fn ignore_past(&mut self) {
        self.0.mark_unchanged();
    }

    /// Waits until a Sentinel announces a primary; for ever, if there are no Sentinels.
    pub(crate) async fn announced(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until `server` no longer has the role that it was connected for: a primary was replaced, or
    /// a replica was promoted.
    pub(crate) async fn until_outdated(&mut self, server: &Server) {
        loop {
            self.announced().await;
            let is_primary = self.0.borrow().as_ref() == Some(&server.address);
            if is_primary != (server.role == Role::Primary) {
                return;
            }
        }
    }
}

/// Listens to all Sentinels until it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    _tasks: JoinSet<()>,
}

impl Listener {
    fn start(config: &Arc<Config>, sentinels: &Sentinels, watch: &Arc<SentinelWatch>) -> Listener {
        let mut tasks = JoinSet::new();
        for address in &sentinels.addresses {
            let server = ServerConfig::of_sentinel(Arc::clone(config), address.clone(), sentinels);
            let service = sentinels.service.clone();
            let watch = Arc::clone(watch);
            tasks.spawn(async move { listen(server, &service, &watch).await });
        }
        Listener { _tasks: tasks }
    }
}

/// Listens to one Sentinel, for ever.
async fn listen(sentinel: ServerConfig, service: &str, watch: &SentinelWatch) {
    let mut connector = Connector::new(sentinel);
    let mut delay = FIRST_RETRY_DELAY;
    loop {
        if let Ok(connected) = connector.connect().await {
            delay = FIRST_RETRY_DELAY;
            // Whatever has ended it, the next connection begins anew.
            let _ = read_messages(connected, service, watch).await;
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(MAX_RETRY_DELAY);
    }
}

/// Reads what a Sentinel announces until the connection ends.
async fn read_messages(
    mut connected: Connected,
    service: &str,
    watch: &SentinelWatch,
) -> io::Result<()> {
    // The subscription does not announce what happened before it, so the primary is asked for as well.
    let commands = [
        cmd("SUBSCRIBE").arg(SWITCH_CHANNEL).to_owned(),
        sentinel_command(&["get-master-addr-by-name", service]),
    ];
    let mut output = Vec::new();
    for command in &commands {
        command.write_packed_command(&mut output);
    }
    connected.stream.write_all(&output).await?;
    let mut decoder = Decoder::default();
    loop {
        let (length, message) = decoder
            .decode(&connected.input)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        connected.input.drain(..length);
        match message {
            Some(Ok(message)) => apply_message(&message, service, watch),
            // Whatever it is, it is not the name of a primary.
            Some(Err(_)) => {}
            None => connected.read_more().await?,
        }
    }
}

/// Announces the primary that `message` names, if it names one.
fn apply_message(message: &Value, service: &str, watch: &SentinelWatch) {
    if let Some(primary) = announced_primary(message, service) {
        watch.announce(primary);
    }
}

#[cfg(test)]
mod tests {
    use redis::PushKind;

    use super::*;

    #[test]
    fn a_switch_of_this_service_is_announced_and_no_other() {
        let watch = Arc::new(SentinelWatch::default());
        let is_announced = |text: &str| {
            let changes = watch.subscribe();
            let words = ["+switch-master", text];
            let data = words.map(|word| Value::BulkString(word.into())).to_vec();
            let kind = PushKind::Message;
            apply_message(&Value::Push { kind, data }, "main", &watch);
            changes.0.has_changed().expect("the watch is there")
        };
        assert!(is_announced("main 10.0.0.1 1 10.0.0.1 2"));
        // Another Sentinel announces it as well.
        assert!(is_announced("main 10.0.0.1 1 10.0.0.1 2"));
        assert!(is_announced("main 10.0.0.1 2 10.0.0.1 1"));
        assert!(!is_announced("main2 10.0.0.1 1 10.0.0.1 2"));
        assert!(!is_announced("main"));
        assert!(!is_announced("main 10.0.0.1 1 10.0.0.1\u{1b}[2J 3"));
    }

    #[tokio::test]
    async fn a_replaced_primary_and_a_promoted_replica_are_outdated() {
        let (one, other) = (Address::new("10.0.0.1", 1), Address::new("10.0.0.1", 2));
        for (role, announced, expected) in [
            (Role::Primary, &other, true),
            (Role::Primary, &one, false),
            (Role::Replica, &one, true),
            (Role::Replica, &other, false),
        ] {
            let watch = SentinelWatch::default();
            let mut changes = watch.subscribe();
            watch.announce(announced.clone());
            let address = one.clone();
            let server = Server {
                address,
                role,
                named_by: Address::new("s", 26379),
                is_outvoted: false,
            };
            let outdated = std::pin::pin!(changes.until_outdated(&server));
            let found = futures::poll!(outdated).is_ready();
            assert_eq!(found, expected, "{role} with {announced} as the primary");
        }
    }

    #[tokio::test]
    async fn a_connection_that_went_back_to_the_old_primary_is_outdated_with_the_next_sentinel() {
        let (old, new) = (Address::new("10.0.0.1", 1), Address::new("10.0.0.1", 2));
        let watch = SentinelWatch::default();
        let mut announcements = watch.subscribe();
        watch.announce(new.clone());
        // A slower Sentinel still names the old one.
        announcements.ignore_past();
        let server = Server {
            address: old,
            role: Role::Primary,
            named_by: Address::new("s", 26379),
            is_outvoted: false,
        };
        let mut outdated = std::pin::pin!(announcements.until_outdated(&server));
        assert!(futures::poll!(outdated.as_mut()).is_pending());
        watch.announce(new);
        assert!(futures::poll!(outdated).is_ready());
    }
}
