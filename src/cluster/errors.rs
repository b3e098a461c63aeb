//! The errors of a cluster, in one place so that they are worded alike.

use redis::ServerError;

use super::slot::Slot;
use super::topology::Unannounced;
use crate::address::Address;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::report::printable;

/// Number of unusable entries of a slot table that an error shows.
const MAX_UNANNOUNCED: usize = 3;
/// What servers answer that are not in a cluster, and proxies that do not know it, in lower case.
const NOT_IN_A_CLUSTER: [&str; 4] = [
    "cluster support disabled",
    "cluster is disabled",
    "unknown command",
    "unknown subcommand",
];

/// The keys of `what` are in several slots, and it cannot be split.
pub(super) fn crosses_slots(what: &str) -> Error {
    let message = format!("the keys of {what} are in several slots of the cluster (CROSSSLOT)");
    Error::new(ErrorKind::InvalidCommand, message)
        .with_code("CROSSSLOT")
        .not_run()
        .with_help("give the keys a common hash tag, such as `{user:17}:name` and `{user:17}:cart`")
}

/// The command called `name` has no meaning in a cluster; `instead` says what to do.
pub(super) fn no_meaning(name: &str, instead: &str) -> Error {
    let message = format!("{name} has no meaning in a cluster as a whole: {instead}");
    Error::new(ErrorKind::InvalidCommand, message).with_help(instead)
}

/// Returns the name of a command, and its subcommand if that is what is refused, fit to print.
pub(super) fn quoted_name<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> String {
    let name = arguments.next().unwrap_or_default();
    let subcommand = arguments
        .next()
        .filter(|_| name.eq_ignore_ascii_case(b"CLUSTER"));
    let words = [Some(name), subcommand].into_iter().flatten();
    let words: Vec<_> = words.map(String::from_utf8_lossy).collect();
    format!("`{}`", printable(&words.join(" ")))
}

/// One part has failed with `error`, and others have run.
pub(super) fn partly_run(error: Error) -> Error {
    error
        .after_writing()
        .note("commands for other nodes, or before it, have run")
}

/// A node has left the cluster, and its connections were closed with `error` while a command waited.
/// The client is not closed, as the connection says.
pub(super) fn node_left(error: &Error) -> Error {
    if error.may_have_run() {
        let message = "the node has left the cluster with the command unanswered";
        return Error::new(ErrorKind::ConnectionLost, message).after_writing();
    }
    let message = "the node has left the cluster, and no other took the command in time";
    Error::new(ErrorKind::Unreachable, message).not_run()
}

/// No node serves `slot`, or any slot if it is `None`.
pub(super) fn slot_not_served(slot: Option<Slot>) -> Error {
    let message = match slot {
        Some(slot) => format!("no node of the cluster serves slot {}", slot.number()),
        None => "no node of the cluster serves any slot".to_owned(),
    };
    Error::new(ErrorKind::NotReady, message)
        .with_help("see what `CLUSTER INFO` and `CLUSTER SLOTS` say")
}

/// The nodes that serve some slots announce no address that can be used.
pub(super) fn no_address(unannounced: &[Unannounced]) -> Error {
    let mut slots: Vec<String> = unannounced.iter().map(Unannounced::to_string).collect();
    let others = slots.len().saturating_sub(MAX_UNANNOUNCED);
    slots.truncate(MAX_UNANNOUNCED);
    if others > 0 {
        slots.push(format!("and {others} more"));
    }
    Error::new(ErrorKind::NotReady, slots.join("; ")).with_help(
        "set `cluster-announce-hostname` on these nodes, or `cluster-preferred-endpoint-type ip`",
    )
}

/// None of the nodes that were asked has answered; `seeds` are those that the URL names.
pub(super) fn no_node_answers(seeds: &[Address], failures: &[(Address, Error)]) -> Error {
    let lasting = failures.iter().find(|(_, error)| error.is_lasting());
    let Some((_, first)) = lasting.or(failures.first()) else {
        let seeds: Vec<_> = seeds.iter().map(Address::to_string).collect();
        let message = format!("no node of the cluster at `{}` answers", seeds.join(","));
        return Error::new(ErrorKind::Unreachable, message);
    };
    if let [_] = failures {
        return first.clone();
    }
    // A node that may come back decides: the others may have left the cluster.
    let passing = failures.iter().find(|(_, error)| !error.is_lasting());
    let decisive = passing.map_or(first, |(_, error)| error);
    let each: Vec<_> = failures
        .iter()
        .map(|(address, error)| format!("`{address}`: {error:#}"))
        .collect();
    let message = format!("no node of the cluster answers: {}", each.join("; "));
    Error::new(decisive.kind(), message)
        .with_io_kind_of(decisive)
        .with_help_if(first.help())
}

/// The server at `address` has answered `CLUSTER SLOTS` with `error`.
pub(super) fn no_topology(address: &Address, error: &ServerError, config: &Config) -> Error {
    let text = error.details().unwrap_or_default().to_ascii_lowercase();
    if error.code() == "NOPERM" {
        let issued = config.credentials().last().unwrap_or_default();
        let user = match issued.credentials.username.as_deref() {
            Some(user) if !user.is_empty() => format!("user `{}`", printable(user)),
            _ => "the user `default`".to_owned(),
        };
        let message = format!("`{address}` does not permit {user} to ask for the slots: NOPERM");
        return Error::new(ErrorKind::Authentication, message)
            .with_help("allow the user `+cluster|slots` with ACL SETUSER");
    }
    if NOT_IN_A_CLUSTER.iter().any(|words| text.contains(words)) {
        let scheme = if config.tls().is_some() {
            "rediss"
        } else {
            "redis"
        };
        let message = format!("`{address}` is not a node of a cluster");
        return Error::new(ErrorKind::InvalidUrl, message)
            .with_help(format!("write `{scheme}://{address}`"));
    }
    let text = printable(&error.to_string());
    let message = format!("`{address}` did not return its topology: {text}");
    Error::new(ErrorKind::NotReady, message)
}

/// The node at `address` does not know a node that serves a slot.
pub(super) fn no_slot_assignments(address: &Address) -> Error {
    let message = format!("`{address}` reports no slot assignments");
    Error::new(ErrorKind::NotReady, message)
}

/// The node at `address` has answered `CLUSTER SLOTS` with something else.
pub(super) fn not_a_slot_table(address: &Address) -> Error {
    let message = format!("`{address}` answered `CLUSTER SLOTS` without a slot table");
    Error::new(ErrorKind::Protocol, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(url: &str, answer: &str) -> Error {
        let reply = redis::parse_redis_value(format!("-{answer}\r\n").as_bytes());
        let Ok(redis::Value::ServerError(error)) = reply else {
            panic!("{reply:?}");
        };
        let config: Config = url.parse().expect("valid");
        no_topology(&Address::new("cache", 6379), &error, &config)
    }

    #[test]
    fn a_server_outside_a_cluster_is_told_with_the_scheme_of_the_url() {
        let check = |answer: &str| {
            let error = answered("redis-cluster://h", answer);
            assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{answer}");
            assert_eq!(error.help(), Some("write `redis://cache:6379`"), "{answer}");
        };
        check("ERR This instance has cluster support disabled");
        check("ERR Cluster is disabled. Use --cluster_mode=yes to enable.");
        check("ERR unknown command 'CLUSTER', with args beginning with: 'SLOTS'");
        check("ERR unknown command `CLUSTER`");
        check("ERR Unknown subcommand or wrong number of arguments for 'SLOTS'");
        #[cfg(feature = "tls")]
        assert_eq!(
            answered("rediss-cluster://h", "ERR unknown command").help(),
            Some("write `rediss://cache:6379`")
        );
    }

    #[test]
    fn a_user_who_may_not_ask_is_told_the_permission() {
        let answer = "NOPERM this user has no permissions to run the 'cluster|slots' command";
        let error = answered("redis-cluster://app:c4nary@h", answer);
        assert_eq!(error.kind(), ErrorKind::Authentication);
        let text = "`cache:6379` does not permit user `app` to ask for the slots: NOPERM";
        assert_eq!(error.to_string(), text);
        assert!(error.help().is_some_and(|it| it.contains("+cluster|slots")));
        let waits = answered("redis-cluster://h", "LOADING it loads its data");
        assert_eq!(waits.kind(), ErrorKind::NotReady);
    }

    #[test]
    fn a_node_that_may_come_back_decides_the_kind() {
        let address = |port| Address::new("h", port);
        let tls = (
            address(1),
            Error::new(ErrorKind::Tls, "bad certificate").with_help("x"),
        );
        let gone = (address(2), Error::new(ErrorKind::Unreachable, "refused"));
        let check = |failures: &[_], kind, text: &str| {
            let error = no_node_answers(&[address(1), address(2)], failures);
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
        };
        let both = "no node of the cluster answers: `h:1`: bad certificate; `h:2`: refused";
        check(&[tls.clone(), gone.clone()], ErrorKind::Unreachable, both);
        check(&[tls], ErrorKind::Tls, "bad certificate");
        check(&[gone], ErrorKind::Unreachable, "refused");
        let none = "no node of the cluster at `h:1,h:2` answers";
        check(&[], ErrorKind::Unreachable, none);
    }
}
