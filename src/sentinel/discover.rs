//! Asks all Sentinels at once which server is the primary, so that one that does not answer costs no
//! time while the others agree. If they disagree, the server that most of them name is tried first.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, ServerError, Value, cmd};
use tokio::task::JoinSet;

use crate::address::Address;
use crate::config::{Config, Sentinels, ServerConfig};
use crate::connect::{Connector, ask, random_below};
use crate::error::{Error, ErrorKind};
use crate::url::ReadFrom;

/// Time limit of one Sentinel's answer, connecting included.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(300);

/// A server that the Sentinels name, and the role that they say it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    Replica,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Server { address, role } = self;
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
    primary: Address,
    replicas: Vec<Address>,
}

/// Returns the servers to try, the best one first; at least one.
///
/// # Errors
/// Why no Sentinel has named one.
pub(super) async fn discover(
    config: &Arc<Config>,
    sentinels: &Sentinels,
) -> Result<Vec<Server>, Error> {
    let mut asked = ask_all(config, sentinels);
    let mut answers: Vec<Answer> = Vec::new();
    let mut failures = Vec::new();
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(answer)) => answers.push(answer),
            Ok(Err(failure)) => failures.push(failure),
            // The task has panicked: one answer less.
            Err(_) => {}
        }
        if is_majority(&answers, sentinels.addresses.len()) {
            break;
        }
    }
    if answers.is_empty() {
        return Err(none_answered(&sentinels.service, &mut failures));
    }
    let servers = ranked(&answers, config.read_from());
    if servers.is_empty() {
        let message = format!("no replica of `{}` is up", sentinels.service);
        return Err(Error::new(ErrorKind::NotReady, message)
            .with_help("with `?read_from=prefer_replica` the primary serves reads then"));
    }
    Ok(servers)
}

/// Asks every Sentinel in a task of its own.
fn ask_all(
    config: &Arc<Config>,
    sentinels: &Sentinels,
) -> JoinSet<Result<Answer, (Address, Error)>> {
    let with_replicas = config.read_from() != ReadFrom::Primary;
    let mut asked = JoinSet::new();
    for address in &sentinels.addresses {
        let address = address.clone();
        let server = ServerConfig::of_sentinel(Arc::clone(config), address.clone(), sentinels);
        let service = sentinels.service.clone();
        asked.spawn(async move {
            let answer = ask_one(server, &service, with_replicas).await;
            answer.map_err(|error| (address, error))
        });
    }
    asked
}

/// Returns whether more than half of `sentinels` name the same primary.
fn is_majority(answers: &[Answer], sentinels: usize) -> bool {
    answers
        .iter()
        .any(|answer| votes(answers, &answer.primary) * 2 > sentinels)
}

/// Returns how many answers name this primary.
fn votes(answers: &[Answer], primary: &Address) -> usize {
    answers
        .iter()
        .filter(|answer| answer.primary == *primary)
        .count()
}

/// Returns the servers in the order in which to try them.
fn ranked(answers: &[Answer], read_from: ReadFrom) -> Vec<Server> {
    let mut by_votes: Vec<&Answer> = answers.iter().collect();
    by_votes.sort_by_key(|answer| Reverse(votes(answers, &answer.primary)));
    let primaries = by_votes.iter().map(|answer| Server {
        address: answer.primary.clone(),
        role: Role::Primary,
    });
    let mut replicas: Vec<Server> = by_votes
        .first()
        .into_iter()
        .flat_map(|answer| &answer.replicas)
        .map(|address| Server {
            address: address.clone(),
            role: Role::Replica,
        })
        .collect();
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

/// Asks one Sentinel, within [`ANSWER_TIMEOUT`].
async fn ask_one(
    sentinel: ServerConfig,
    service: &str,
    with_replicas: bool,
) -> Result<Answer, Error> {
    let answer = connect_and_ask(&sentinel, service, with_replicas);
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, answer).await;
    answer.unwrap_or_else(|_| {
        let message = format!("`{sentinel}` did not answer within {ANSWER_TIMEOUT:?}");
        Err(Error::new(ErrorKind::Unreachable, message).with_io_kind(io::ErrorKind::TimedOut))
    })
}

async fn connect_and_ask(
    sentinel: &ServerConfig,
    service: &str,
    with_replicas: bool,
) -> Result<Answer, Error> {
    let connected = Connector::new(sentinel.clone()).connect().await;
    let mut connected = connected.map_err(about_sentinels)?;
    let mut commands = vec![sentinel_command(&["get-master-addr-by-name", service])];
    if with_replicas {
        commands.push(sentinel_command(&["replicas", service]));
    }
    let no_answer = |error: io::Error| {
        let message = format!("`{sentinel}` did not say which server is the primary");
        Error::new(ErrorKind::Unreachable, message).caused_by(error)
    };
    let replies = ask(&mut connected, &commands).await.map_err(no_answer)?;
    let (host, port) = match &replies[0] {
        Value::Nil => return Err(unknown_service(sentinel, service)),
        Value::ServerError(error) => return Err(refused(sentinel, error)),
        reply => <(String, u16)>::from_redis_value_ref(reply)
            .map_err(|error| no_answer(io::Error::other(error)))?,
    };
    let not_a_host = || no_answer(io::Error::other("its answer does not hold a host name"));
    Ok(Answer {
        primary: Address::announced(&host, port).ok_or_else(not_a_host)?,
        replicas: replies.get(1).map(replicas).unwrap_or_default(),
    })
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

fn refused(sentinel: &ServerConfig, error: &ServerError) -> Error {
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

/// Returns the replicas that a Sentinel does not report as down.
fn replicas(reply: &Value) -> Vec<Address> {
    let Ok(replicas) = Vec::<HashMap<String, String>>::from_redis_value_ref(reply) else {
        return Vec::new();
    };
    let usable = |replica: &HashMap<String, String>| {
        let flags = replica.get("flags")?;
        let is_down = |flag: &str| matches!(flag, "s_down" | "o_down" | "disconnected");
        if flags.split(',').any(is_down) {
            return None;
        }
        let port = replica.get("port")?.parse().ok()?;
        Address::announced(replica.get("ip")?, port)
    };
    replicas.iter().filter_map(usable).collect()
}

fn unknown_service(sentinel: &ServerConfig, service: &str) -> Error {
    let message = format!("`{sentinel}` does not know the service `{service}`");
    Error::new(ErrorKind::InvalidUrl, message)
        .with_help("correct the service name; `SENTINEL MASTERS` lists those that exist")
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
            primary: address(primary),
            replicas: replicas.iter().copied().map(address).collect(),
        }
    }

    fn check(answers: &[Answer], read_from: ReadFrom, expected: &[(u16, Role)]) {
        let mut ports: Vec<_> = ranked(answers, read_from)
            .into_iter()
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

    #[tokio::test]
    async fn an_ipv6_sentinel_is_named_in_brackets() {
        let url = "redis-sentinel://[::1]:1/main";
        let config: Config = url.parse().expect("valid");
        let Servers::Sentinel(sentinels) = config.servers().clone() else {
            panic!("the URL is one of Sentinels");
        };
        let error = discover(&Arc::new(config), &sentinels).await;
        let error = error.expect_err("nothing listens there");
        assert_eq!(error.to_string(), "cannot reach `[::1]:1`");
        let server = Server {
            address: Address::new("::1", 6379),
            role: Role::Primary,
        };
        assert_eq!(server.to_string(), "the primary `[::1]:6379`");
        assert_eq!(sentinels.to_string(), "main of [::1]:1");
    }
}
