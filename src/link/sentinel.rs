//! Sentinels: who is the primary now, and word of its replacement.
//!
//! As Redis' guidelines for Sentinel clients ask: the Sentinels are asked before every attempt to
//! connect, the role of the server that they name is verified, and after a switch all connections to the
//! old primary are closed. All Sentinels are asked at once, so that one that hangs costs nothing while
//! the others agree; where they do not, the server that most of them name is tried first.

use std::collections::HashSet;
use std::fmt::{self, Write};
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, ServerError, Value, cmd};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connect::{Connected, Connector};
use super::decode::Decoder;
use super::handshake;
use crate::config::{Config, Endpoint, Sentinels};
use crate::error::{Error, ErrorKind};
use crate::url::ReadFrom;

/// So long a Sentinel has for its answer, connecting included.
const LIMIT: Duration = Duration::from_millis(300);
/// Before a Sentinel that does not answer is listened to again: at first, and at most.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

const CHANNEL: &[u8] = b"+switch-master";

type Address = (String, u16);

/// A server that the Sentinels name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) address: Address,
    pub(super) role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Primary,
    Replica,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate {
            address: (host, port),
            role,
        } = self;
        let role = match role {
            Role::Primary => "primary",
            Role::Replica => "replica",
        };
        write!(f, "the {role} `{host}:{port}`")
    }
}

/// What one Sentinel says of the service.
struct Answer {
    primary: Address,
    replicas: Vec<Address>,
}

/// Returns the servers to try, the best one first.
///
/// # Errors
/// Why no Sentinel names any.
pub(super) async fn candidates(
    config: &Config,
    sentinels: &Sentinels,
) -> Result<Vec<Candidate>, Error> {
    let mut asked = JoinSet::new();
    for (host, port) in &sentinels.hosts {
        let config = config.at_sentinel(host, *port, sentinels);
        let service = sentinels.service.clone();
        let with_replicas = config.read_from() != ReadFrom::Primary;
        asked.spawn(async move {
            let peer = config.peer();
            let answer = ask(&config, &service, with_replicas).await;
            answer.map_err(|error| (peer, error))
        });
    }
    let mut answers: Vec<Answer> = Vec::new();
    let mut failures = Vec::new();
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(answer)) => answers.push(answer),
            Ok(Err(failure)) => failures.push(failure),
            Err(_) => {}
        }
        let named = |answer: &Answer| votes(&answers, &answer.primary);
        if answers
            .iter()
            .any(|answer| named(answer) * 2 > sentinels.hosts.len())
        {
            break;
        }
    }
    if answers.is_empty() {
        return Err(nobody(&sentinels.service, &mut failures));
    }
    let candidates = ranked(&answers, config.read_from());
    if candidates.is_empty() {
        let message = format!("no replica of `{}` is up", sentinels.service);
        return Err(Error::new(ErrorKind::NotReady, message)
            .with_help("with `?read_from=prefer_replica` the primary serves reads then"));
    }
    Ok(candidates)
}

fn votes(answers: &[Answer], address: &Address) -> usize {
    answers
        .iter()
        .filter(|answer| answer.primary == *address)
        .count()
}

/// Puts the servers into the order in which to try them.
fn ranked(answers: &[Answer], read_from: ReadFrom) -> Vec<Candidate> {
    let mut seen = HashSet::new();
    let mut primaries: Vec<&Answer> = answers.iter().collect();
    primaries.sort_by_key(|answer| std::cmp::Reverse(votes(answers, &answer.primary)));
    let role = |role| {
        move |address: &Address| Candidate {
            address: address.clone(),
            role,
        }
    };
    let mut replicas: Vec<&Address> = primaries
        .first()
        .map(|answer| answer.replicas.iter().collect())
        .unwrap_or_default();
    if !replicas.is_empty() {
        // So that not all clients read from the same one.
        let first = super::backoff::random_below(replicas.len());
        replicas.rotate_left(first);
    }
    let replicas = replicas.into_iter().map(role(Role::Replica));
    let primaries = primaries
        .iter()
        .map(|answer| &answer.primary)
        .map(role(Role::Primary));
    let candidates: Vec<Candidate> = match read_from {
        ReadFrom::Primary => primaries.collect(),
        ReadFrom::Replica => replicas.collect(),
        ReadFrom::PreferReplica => replicas.chain(primaries).collect(),
    };
    let is_new = |candidate: &Candidate| seen.insert(candidate.address.clone());
    candidates.into_iter().filter(is_new).collect()
}

/// Asks one Sentinel.
async fn ask(config: &Config, service: &str, with_replicas: bool) -> Result<Answer, Error> {
    let peer = config.peer();
    let mut connector = Connector::new(config);
    let asked = async {
        let connected = connector.connect_within().await;
        let mut connected = connected.map_err(about_sentinels)?;
        let primary = sentinel(&["get-master-addr-by-name", service]);
        let mut questions = vec![primary];
        if with_replicas {
            questions.push(sentinel(&["replicas", service]));
        }
        let broken = |error: io::Error| {
            let message = format!("`{peer}` did not say who is the primary");
            Error::new(ErrorKind::Unreachable, message).caused_by(error)
        };
        let replies = handshake::ask(&mut connected, &questions).await;
        let replies = replies.map_err(broken)?;
        let primary = match &replies[0] {
            Value::Nil => return Err(unknown(&peer, service)),
            Value::ServerError(error) => return Err(refused(&peer, error)),
            reply => <(String, u16)>::from_redis_value_ref(reply)
                .map_err(|error| broken(io::Error::other(error)))?,
        };
        let replicas = replies.get(1).map(replicas).unwrap_or_default();
        Ok(Answer { primary, replicas })
    };
    let answer = tokio::time::timeout(LIMIT, asked).await;
    answer.unwrap_or_else(|_| {
        let message = format!("`{peer}` did not answer within {LIMIT:?}");
        Err(Error::new(ErrorKind::Unreachable, message))
    })
}

/// The password of the servers is not that of the Sentinels.
fn about_sentinels(error: Error) -> Error {
    if error.kind() == ErrorKind::Authentication {
        error.with_help("write the Sentinels' password as `?sentinel_password=<password>`")
    } else {
        error
    }
}

fn sentinel(arguments: &[&str]) -> Cmd {
    let mut command = cmd("SENTINEL");
    command.arg(arguments);
    command
}

fn refused(peer: &str, error: &ServerError) -> Error {
    match error.code() {
        "NOPERM" | "NOAUTH" => {
            let message = format!("`{peer}` does not permit to ask who is the primary");
            Error::new(ErrorKind::Authentication, message)
                .with_help("allow the user `+sentinel` with ACL SETUSER")
        }
        _ => Error::new(ErrorKind::InvalidUrl, format!("`{peer}` is no Sentinel"))
            .with_help("write the address of a Sentinel, port 26379 by default"),
    }
}

/// The replicas that a Sentinel takes for usable.
fn replicas(reply: &Value) -> Vec<Address> {
    let Ok(replicas) =
        Vec::<std::collections::HashMap<String, String>>::from_redis_value_ref(reply)
    else {
        return Vec::new();
    };
    let usable = |replica: &std::collections::HashMap<String, String>| {
        let flags = replica.get("flags")?;
        let is_down = |flag: &str| matches!(flag, "s_down" | "o_down" | "disconnected");
        if flags.split(',').any(is_down) {
            return None;
        }
        Some((
            replica.get("ip")?.clone(),
            replica.get("port")?.parse().ok()?,
        ))
    };
    replicas.iter().filter_map(usable).collect()
}

fn unknown(peer: &str, service: &str) -> Error {
    let message = format!("`{peer}` knows no service `{service}`");
    Error::new(ErrorKind::InvalidUrl, message)
        .with_help("correct the service name: `SENTINEL MASTERS` lists those there are")
}

/// The report about Sentinels none of which names a server.
fn nobody(service: &str, failures: &mut [(String, Error)]) -> Error {
    failures.sort_by(|one, other| one.0.cmp(&other.0));
    let lasting = |(_, error): &&(String, Error)| super::is_lasting(error.kind());
    let Some((_, first)) = failures.iter().find(lasting).or(failures.first()) else {
        let message = format!("no Sentinel names the primary of `{service}`");
        return Error::new(ErrorKind::Unreachable, message);
    };
    if failures.len() == 1 {
        return first.clone();
    }
    let mut message = format!("no Sentinel names the primary of `{service}`");
    for (at, (_, error)) in failures.iter().enumerate() {
        let separator = if at == 0 { ':' } else { ';' };
        // Writing to a string cannot fail.
        let _ = write!(message, "{separator} {error:#}");
    }
    // What lasts is told at once: a password that is refused, a service that nobody knows.
    let error = Error::new(first.kind(), message);
    match first.help() {
        Some(help) => error.with_help(help),
        None => error,
    }
}

/// Makes sure that the server at the other end has the role that it is wanted for. One that does not
/// let us ask is believed.
pub(super) async fn verify(
    connected: &mut Connected,
    candidate: &Candidate,
    config: &Config,
) -> Result<(), Error> {
    let replies = handshake::ask(connected, &[cmd("ROLE")]).await;
    let peer = config.peer();
    let replies = replies.map_err(|error| {
        let message = format!("`{peer}` did not say what its role is");
        Error::new(ErrorKind::Unreachable, message).caused_by(error)
    })?;
    let Value::Array(role) = &replies[0] else {
        return Ok(());
    };
    let (expected, name) = match candidate.role {
        Role::Primary => ("master", "primary"),
        Role::Replica => ("slave", "replica"),
    };
    match role.first() {
        Some(Value::BulkString(role)) if role == expected.as_bytes() => Ok(()),
        _ => {
            let message = format!("`{peer}` is not the {name} that the Sentinels take it for");
            Err(Error::new(ErrorKind::NotReady, message))
        }
    }
}

/// What the links of a client have heard of their service.
#[derive(Debug, Default)]
pub(crate) struct Service {
    /// The primary that a Sentinel has named last.
    primary: watch::Sender<Option<Address>>,
    /// Held by the supervisors of all links, in the process that they run in.
    listener: Mutex<(u32, Weak<Listener>)>,
}

impl Service {
    /// Returns what tells of every other primary from now on.
    pub(super) fn subscribe(&self) -> News {
        News(self.primary.subscribe())
    }

    /// Returns what listens to the Sentinels as long as somebody holds it; `None` where there are none.
    pub(super) fn listener(self: &Arc<Service>, config: &Config) -> Option<Arc<Listener>> {
        let Endpoint::Sentinel(sentinels) = &config.endpoint else {
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

    /// A Sentinel says who is the primary. Each of them says so after a switch: the first one counts.
    fn heard_of(&self, primary: Address) {
        self.primary.send_if_modified(|known| {
            let is_other = known.as_ref() != Some(&primary);
            *known = Some(primary);
            is_other
        });
    }
}

/// Word of other primaries.
pub(super) struct News(watch::Receiver<Option<Address>>);

impl News {
    /// Takes as known what has been heard so far: the Sentinels are about to be asked.
    pub(super) fn forget(&mut self) {
        self.0.mark_unchanged();
    }

    /// Waits for another primary; for ever, if there are no Sentinels.
    pub(super) async fn heard(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until `server` is not any more what it was connected to for.
    pub(super) async fn is_outdated(&mut self, server: &Candidate) {
        loop {
            self.heard().await;
            let is_primary = self.0.borrow().as_ref() == Some(&server.address);
            if is_primary != (server.role == Role::Primary) {
                return;
            }
        }
    }
}

/// Listens to all Sentinels; dropped, it ends.
#[derive(Debug)]
pub(super) struct Listener {
    _tasks: JoinSet<()>,
}

impl Listener {
    fn start(config: &Config, sentinels: &Sentinels, service: &Arc<Service>) -> Listener {
        let mut tasks = JoinSet::new();
        for (host, port) in &sentinels.hosts {
            let config = config.at_sentinel(host, *port, sentinels);
            let name = sentinels.service.clone();
            let service = Arc::clone(service);
            tasks.spawn(async move { listen(&config, &name, &service).await });
        }
        Listener { _tasks: tasks }
    }
}

/// Listens to one Sentinel, for ever.
async fn listen(config: &Config, name: &str, service: &Service) {
    let mut pause = PAUSE;
    loop {
        let mut connector = Connector::new(config);
        if let Ok(connected) = connector.connect_within().await {
            pause = PAUSE;
            // However it ends, it begins again.
            let _ = hear(connected, name, service).await;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Hears of switches until the connection ends.
async fn hear(mut connected: Connected, name: &str, service: &Service) -> io::Result<()> {
    // What happened before the subscription would be missed.
    let questions = [
        cmd("SUBSCRIBE").arg(CHANNEL).to_owned(),
        sentinel(&["get-master-addr-by-name", name]),
    ];
    let mut output = Vec::new();
    for question in &questions {
        question.write_packed_command(&mut output);
    }
    connected.stream.write_all(&output).await?;
    let mut decoder = Decoder::default();
    loop {
        let (length, reply) = decoder
            .decode(&connected.input)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        connected.input.drain(..length);
        match reply {
            Some(reply) => note(&reply, name, service),
            None => connected.read_more().await?,
        }
    }
}

/// Takes note of one message.
fn note(message: &Value, name: &str, service: &Service) {
    let primary = match message {
        // Behind the channel.
        Value::Push { data: words, .. } | Value::Array(words) => match words.as_slice() {
            [.., Value::BulkString(channel), Value::BulkString(text)] if channel == CHANNEL => {
                switched_to(text, name)
            }
            _ => <(String, u16)>::from_redis_value_ref(message).ok(),
        },
        _ => None,
    };
    if let Some(primary) = primary {
        service.heard_of(primary);
    }
}

/// Reads `<service> <old host> <old port> <new host> <new port>`.
fn switched_to(text: &[u8], name: &str) -> Option<Address> {
    let mut words = std::str::from_utf8(text).ok()?.split(' ');
    (words.next()? == name).then_some(())?;
    let (host, port) = (words.nth(2)?, words.next()?);
    Some((host.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use redis::PushKind;

    use super::*;

    fn address(port: u16) -> Address {
        ("10.0.0.1".to_owned(), port)
    }

    fn answer(primary: u16, replicas: &[u16]) -> Answer {
        Answer {
            primary: address(primary),
            replicas: replicas.iter().copied().map(address).collect(),
        }
    }

    fn check(answers: &[Answer], read_from: ReadFrom, expected: &[(u16, Role)]) {
        let mut ports: Vec<_> = ranked(answers, read_from)
            .into_iter()
            .map(|candidate| (candidate.address.1, candidate.role))
            .collect();
        if read_from != ReadFrom::Primary {
            ports.sort_by_key(|(port, role)| (*role == Role::Primary, *port));
        }
        assert_eq!(ports, expected, "{read_from:?}");
    }

    #[test]
    fn the_server_that_most_sentinels_name_is_tried_first() {
        use Role::{Primary, Replica};
        let answers = [answer(1, &[2, 3]), answer(2, &[3]), answer(2, &[3])];
        check(&answers, ReadFrom::Primary, &[(2, Primary), (1, Primary)]);
        check(&answers, ReadFrom::Replica, &[(3, Replica)]);
        check(
            &answers,
            ReadFrom::PreferReplica,
            &[(3, Replica), (1, Primary), (2, Primary)],
        );
        check(&[answer(1, &[])], ReadFrom::Replica, &[]);
    }

    #[test]
    fn a_replica_that_is_down_is_none() {
        let replica = |port: &str, flags: &str| {
            let words = ["ip", "10.0.0.1", "port", port, "flags", flags];
            Value::Array(words.map(|word| Value::BulkString(word.into())).to_vec())
        };
        let reply = Value::Array(vec![
            replica("1", "s_down,slave,disconnected"),
            replica("2", "slave"),
            replica("3", "slave,o_down"),
        ]);
        assert_eq!(replicas(&reply), [address(2)]);
    }

    #[test]
    fn a_switch_of_this_service_is_heard_and_no_other() {
        let service = Arc::new(Service::default());
        let heard = |text: &str| {
            let news = service.subscribe();
            let words = ["+switch-master", text];
            let data = words.map(|word| Value::BulkString(word.into())).to_vec();
            let kind = PushKind::Message;
            note(&Value::Push { kind, data }, "main", &service);
            news.0.has_changed().expect("the service is there")
        };
        assert!(heard("main 10.0.0.1 1 10.0.0.1 2"));
        // Another Sentinel has said so already.
        assert!(!heard("main 10.0.0.1 1 10.0.0.1 2"));
        assert!(heard("main 10.0.0.1 2 10.0.0.1 1"));
        assert!(!heard("main2 10.0.0.1 1 10.0.0.1 2"));
        assert!(!heard("main"));
    }
}
