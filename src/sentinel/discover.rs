//! Asks all Sentinels at once which server is the primary, so that one that does not answer costs no
//! time while the others agree. If no majority agrees, the server that most of them name is tried first.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::{Cmd, ServerError, cmd};
use tokio::time::{Instant, timeout};

use super::answers::{NoPrimary, primary, replicas};
use crate::address::Address;
use crate::config::{Config, Sentinels, ServerConfig};
use crate::connect::{Connector, random_below};
use crate::error::{Error, ErrorKind};
use crate::url::ReadFrom;

/// Time from the question for which slower Sentinels are waited for, once one has answered.
const SLOWER_SENTINELS_TIMEOUT: Duration = Duration::from_millis(300);

/// A server that the Sentinels name, and the role that they say it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) role: Role,
    /// The Sentinel that has named it.
    pub(crate) named_by: Address,
    /// A majority of the Sentinels names another primary.
    pub(crate) is_outvoted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    Replica,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Server { address, role, .. } = self;
        write!(f, "the {role} `{address}`")
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Primary => "primary",
            Role::Replica => "replica",
        })
    }
}

/// What one Sentinel says of the service.
struct Answer {
    sentinel: Address,
    primary: Address,
    replicas: Vec<Address>,
}

/// The Sentinels of one service, which are asked before each connection.
pub(super) struct Discovery {
    service: String,
    read_from: ReadFrom,
    sentinels: Vec<Sentinel>,
}

/// One of the Sentinels.
struct Sentinel {
    address: Address,
    connector: Connector,
}

impl Discovery {
    pub(super) fn new(config: &Arc<Config>, sentinels: &Sentinels) -> Discovery {
        let sentinel = |address: &Address| {
            let server = ServerConfig::of_sentinel(Arc::clone(config), address.clone(), sentinels);
            Sentinel {
                address: address.clone(),
                connector: Connector::new(server),
            }
        };
        Discovery {
            service: sentinels.service.clone(),
            read_from: config.read_from(),
            sentinels: sentinels.addresses.iter().map(sentinel).collect(),
        }
    }

    /// Returns the servers to try, the best one first; at least one.
    ///
    /// The time for a Sentinel is the connect timeout: it may be far away. The slower ones are only
    /// waited for as long as none has answered, or for a moment.
    ///
    /// # Errors
    /// Why no Sentinel has named one.
    pub(super) async fn discover(&mut self) -> Result<Vec<Server>, Error> {
        let (service, read_from) = (self.service.as_str(), self.read_from);
        let count = self.sentinels.len();
        let asked = self.sentinels.iter_mut();
        let mut asked: FuturesUnordered<_> = asked
            .map(|sentinel| sentinel.ask(service, read_from))
            .collect();
        let begin = Instant::now();
        let mut answers: Vec<Answer> = Vec::new();
        let mut failures = Vec::new();
        while !is_majority(&answers, count) {
            let limit = if answers.is_empty() {
                Duration::MAX
            } else {
                SLOWER_SENTINELS_TIMEOUT.saturating_sub(begin.elapsed())
            };
            match timeout(limit, asked.next()).await {
                Ok(Some(Ok(answer))) => answers.push(answer),
                Ok(Some(Err(failure))) => failures.push(failure),
                // All have answered, or the others have taken too long.
                Ok(None) | Err(_) => break,
            }
        }
        if answers.is_empty() {
            return Err(none_answered(service, &mut failures));
        }
        let servers = ranked(&answers, count, read_from);
        if servers.is_empty() {
            let message = format!("no replica of `{service}` is up");
            return Err(Error::new(ErrorKind::NotReady, message)
                .with_help("with `?read_from=prefer_replica` the primary serves reads then"));
        }
        Ok(servers)
    }
}

/// Returns whether more than half of `sentinels` name the same primary.
fn is_majority(answers: &[Answer], sentinels: usize) -> bool {
    answers
        .iter()
        .any(|answer| is_agreed(answers, &answer.primary, sentinels))
}

/// Returns whether more than half of `sentinels` name this primary.
fn is_agreed(answers: &[Answer], primary: &Address, sentinels: usize) -> bool {
    votes(answers, primary) * 2 > sentinels
}

/// Returns how many answers name this primary.
fn votes(answers: &[Answer], primary: &Address) -> usize {
    answers
        .iter()
        .filter(|answer| answer.primary == *primary)
        .count()
}

/// Returns the servers in the order in which to try them. Where more than half of `sentinels` agree, what
/// the others say is most likely out of date.
fn ranked(answers: &[Answer], sentinels: usize, read_from: ReadFrom) -> Vec<Server> {
    let mut by_votes: Vec<&Answer> = answers.iter().collect();
    by_votes.sort_by_key(|answer| Reverse(votes(answers, &answer.primary)));
    let agree = is_majority(answers, sentinels);
    let server = |answer: &Answer, address: &Address, role| Server {
        address: address.clone(),
        role,
        named_by: answer.sentinel.clone(),
        is_outvoted: agree && !is_agreed(answers, &answer.primary, sentinels),
    };
    let primary = |answer: &&Answer| server(answer, &answer.primary, Role::Primary);
    let primaries = by_votes.iter().map(primary);
    let mut replicas: Vec<Server> = Vec::new();
    if let Some(first) = by_votes.first() {
        let addresses = first.replicas.iter();
        replicas.extend(addresses.map(|address| server(first, address, Role::Replica)));
    }
    if !replicas.is_empty() {
        // So that not all clients read from the same one.
        let first = random_below(replicas.len());
        replicas.rotate_left(first);
    }
    let mut servers: Vec<Server> = match read_from {
        ReadFrom::Primary => primaries.collect(),
        ReadFrom::Replica => replicas,
        ReadFrom::PreferReplica => replicas.into_iter().chain(primaries).collect(),
    };
    let mut seen = HashSet::new();
    servers.retain(|server| seen.insert(server.address.clone()));
    servers
}

impl Sentinel {
    /// Asks for the primary and, if reads go to them, for the replicas.
    async fn ask(
        &mut self,
        service: &str,
        read_from: ReadFrom,
    ) -> Result<Answer, (Address, Error)> {
        let mut questions = vec![sentinel_command(&["get-master-addr-by-name", service])];
        if read_from != ReadFrom::Primary {
            questions.push(sentinel_command(&["replicas", service]));
        }
        let asked = self.connector.connect_and_ask(&questions).await;
        let answer = asked.map_err(about_sentinels).and_then(|(_, answers)| {
            let primary =
                primary(&answers[0]).map_err(|why| no_primary(&self.address, service, why))?;
            Ok(Answer {
                sentinel: self.address.clone(),
                primary,
                replicas: answers.get(1).map(replicas).unwrap_or_default(),
            })
        });
        answer.map_err(|error| (self.address.clone(), error))
    }
}

/// Reports why the answer of `sentinel` names no primary.
fn no_primary(sentinel: &Address, service: &str, why: NoPrimary) -> Error {
    match why {
        NoPrimary::UnknownService => unknown_service(sentinel, service),
        NoPrimary::Refused(error) => refused(sentinel, &error),
        NoPrimary::Unreadable(error) => {
            let message = format!("`{sentinel}` did not say which server is the primary");
            Error::new(ErrorKind::Unreachable, message).caused_by(error)
        }
    }
}

/// Corrects the help of a refused login: Sentinels have a password of their own.
fn about_sentinels(error: Error) -> Error {
    if error.kind() == ErrorKind::Authentication {
        error.with_help("write the Sentinels' password as `?sentinel_password=<password>`")
    } else {
        error
    }
}

/// Returns the command `SENTINEL` with `arguments`.
pub(super) fn sentinel_command(arguments: &[&str]) -> Cmd {
    let mut command = cmd("SENTINEL");
    command.arg(arguments);
    command
}

fn refused(sentinel: &Address, error: &ServerError) -> Error {
    match error.code() {
        "NOPERM" | "NOAUTH" => {
            let message =
                format!("`{sentinel}` does not permit the question which server is the primary");
            Error::new(ErrorKind::Authentication, message)
                .with_help("allow the user `+sentinel` with ACL SETUSER")
        }
        _ => {
            let message = format!("`{sentinel}` did not answer as a Sentinel does");
            Error::new(ErrorKind::InvalidUrl, message)
                .with_help("write the address of a Sentinel, port 26379 by default")
        }
    }
}

fn unknown_service(sentinel: &Address, service: &str) -> Error {
    // At the start of a deployment the Sentinels run before they are told of it.
    let message = format!("`{sentinel}` does not know the service `{service}`");
    Error::new(ErrorKind::NotReady, message).with_help(
        "correct the service name, or tell the Sentinels of it with `SENTINEL MONITOR`; \
         `SENTINEL MASTERS` lists those that they know",
    )
}

/// Reports that no Sentinel has named a primary, and why each of them has not.
fn none_answered(service: &str, failures: &mut [(Address, Error)]) -> Error {
    failures.sort_by(|one, other| one.0.cmp(&other.0));
    let mut message = format!("no Sentinel named the primary of `{service}`");
    // A cause that lasts, such as a refused password, decides the kind, so that callers do not wait.
    let lasting = |(_, error): &&(Address, Error)| error.is_lasting();
    let decisive = failures.iter().find(lasting).or(failures.first());
    let Some((_, decisive)) = decisive else {
        return Error::new(ErrorKind::Unreachable, message);
    };
    if failures.len() == 1 {
        return decisive.clone();
    }
    for (at, (_, error)) in failures.iter().enumerate() {
        let separator = if at == 0 { ':' } else { ';' };
        // Writing to a string cannot fail.
        let _ = write!(message, "{separator} {error:#}");
    }
    Error::new(decisive.kind(), message)
        .with_io_kind_of(decisive)
        .with_help_if(decisive.help())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Servers;

    fn address(port: u16) -> Address {
        Address::new("10.0.0.1", port)
    }

    fn answer(primary: u16, replicas: &[u16]) -> Answer {
        Answer {
            sentinel: Address::new("s", 26379),
            primary: address(primary),
            replicas: replicas.iter().copied().map(address).collect(),
        }
    }

    fn check(answers: &[Answer], sentinels: usize, read_from: ReadFrom, expected: &[(u16, Role)]) {
        let mut ports: Vec<_> = ranked(answers, sentinels, read_from)
            .into_iter()
            .filter(|server| !server.is_outvoted)
            .map(|server| (server.address.port, server.role))
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
        // Two Sentinels of five have not answered, and may agree with either.
        let both = [(2, Primary), (1, Primary)];
        check(&answers, 5, ReadFrom::Primary, &both);
        check(&answers, 5, ReadFrom::Replica, &[(3, Replica)]);
        check(
            &answers,
            5,
            ReadFrom::PreferReplica,
            &[(3, Replica), (1, Primary), (2, Primary)],
        );
        check(&[answer(1, &[])], 1, ReadFrom::Replica, &[]);
    }

    #[test]
    fn a_primary_that_a_minority_names_is_outvoted_while_a_majority_agrees() {
        use Role::{Primary, Replica};
        let answers = [answer(1, &[2, 3]), answer(2, &[3]), answer(2, &[3])];
        check(&answers, 3, ReadFrom::Primary, &[(2, Primary)]);
        check(
            &answers,
            3,
            ReadFrom::PreferReplica,
            &[(3, Replica), (2, Primary)],
        );
    }

    #[tokio::test]
    async fn an_ipv6_sentinel_is_named_in_brackets() {
        let url = "redis-sentinel://[::1]:1/main";
        let config: Config = url.parse().expect("valid");
        let Servers::Sentinel(sentinels) = config.servers().clone() else {
            panic!("the URL is one of Sentinels");
        };
        let error = Discovery::new(&Arc::new(config), &sentinels)
            .discover()
            .await;
        let error = error.expect_err("nothing listens there");
        assert_eq!(error.to_string(), "cannot reach `[::1]:1`");
        let server = Server {
            address: Address::new("::1", 6379),
            role: Role::Primary,
            named_by: Address::new("::1", 1),
            is_outvoted: false,
        };
        assert_eq!(server.to_string(), "the primary `[::1]:6379`");
        assert_eq!(sentinels.to_string(), "main of [::1]:1");
    }
}
