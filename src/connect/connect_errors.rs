//! The reports about an attempt that ended before the server was asked to let us in.

use std::io;
use std::net::{IpAddr, SocketAddr};

use redis::Cmd;

#[cfg(feature = "tls")]
use super::tls_errors::ENDED_HELP;
use crate::config::{Announced, Announcer, Endpoint, ServerConfig};
use crate::error::{Error, ErrorKind};
use crate::runtime::{exhaustion, limit_help};
use crate::url::Protocol;

/// The most causes, and addresses of each, that an error tells: a name can have hundreds of addresses.
const MAX_TOLD: usize = 4;

/// The part of an attempt that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    Resolving,
    Connecting,
    #[cfg(feature = "tls")]
    Certificates,
    #[cfg(feature = "tls")]
    Tls,
    Handshake,
    Question,
}

/// Returns the server as reports name it: if the URL does not, with what has announced its address.
fn named(config: &ServerConfig) -> String {
    let name = format!("`{config}`");
    let Some(Announced { address, by }) = config.origin() else {
        return name;
    };
    let announced = format!("`{address}`");
    let mapped = if announced == name {
        String::new()
    } else {
        format!(", the mapped address of {announced}")
    };
    match by {
        Announcer::Node(asked) => {
            format!("{name}{mapped}, which is what the cluster announces (asked: `{asked}`)")
        }
        Announcer::Sentinel(asked) => {
            format!("{name}{mapped}, which is what the Sentinel at `{asked}` names")
        }
    }
}

/// Returns the server as the subject of a sentence.
fn subject(config: &ServerConfig) -> String {
    let comma = if config.origin().is_some() { "," } else { "" };
    named(config) + comma
}

/// Returns what to do about an announced address that does not lead to the server.
fn announced_help(config: &ServerConfig) -> Option<&'static str> {
    Some(match config.origin()?.by {
        Announcer::Node(_) => {
            "start the server; if this machine cannot reach that address, set `cluster-announce-ip` or \
             `cluster-announce-hostname` of the nodes, run inside their network, or map the address with \
             `Config::with_address_map`"
        }
        Announcer::Sentinel(_) => {
            "start the server; if this machine cannot reach that address, correct `sentinel monitor` and \
             `replica-announce-ip` (names need `sentinel resolve-hostnames` and `sentinel \
             announce-hostnames`), run inside its network, or map the address with \
             `Config::with_address_map`"
        }
    })
}

/// Reports that the look-up of a host has failed.
pub(super) fn unresolved(config: &ServerConfig, error: io::Error) -> Error {
    let what = match (config.endpoint(), config.origin()) {
        (Endpoint::Tcp(address), None) => format!("`{}`", address.host),
        _ => named(config),
    };
    // A resolver that cannot open a file or a socket says that the name is unknown.
    let error = exhaustion().unwrap_or(error);
    let help = limit_help(&error).or(announced_help(config));
    Error::new(
        ErrorKind::Unreachable,
        format!("cannot find the address of {what}"),
    )
    .caused_by(error)
    .with_help(help.unwrap_or("correct the host"))
}

/// Reports that no socket could be opened.
pub(super) fn unreachable(config: &ServerConfig, error: io::Error) -> Error {
    let help = match (config.endpoint(), error.kind()) {
        (_, io::ErrorKind::ConnectionRefused) => Some("start the server, or correct host and port"),
        (Endpoint::Unix(_), io::ErrorKind::NotFound) => {
            Some("start the server, or correct the path")
        }
        _ => None,
    };
    let report = Error::new(
        ErrorKind::Unreachable,
        format!("cannot reach {}", named(config)),
    );
    let report = match error.kind() {
        kind @ (io::ErrorKind::ConnectionRefused
        | io::ErrorKind::NotFound
        | io::ErrorKind::TimedOut) => report.with_io_kind(kind),
        _ => report,
    };
    let help = limit_help(&error).or(announced_help(config)).or(help);
    report.caused_by(error).with_help_if(help)
}

/// Reports that the connection ended, or was no longer RESP, during the handshake of Redis.
pub(super) fn broken(config: &ServerConfig, error: &io::Error) -> Error {
    let cause = io::Error::new(error.kind(), error.to_string());
    if error.kind() == io::ErrorKind::InvalidData {
        let message = format!("`{config}` did not answer as a Redis server does");
        Error::new(ErrorKind::Protocol, message)
            .caused_by(cause)
            .with_help("correct host and port")
    } else {
        let message = format!("`{config}` ended the connection before it was ready");
        #[cfg(feature = "tls")]
        if config.tls().is_some() {
            return Error::new(ErrorKind::Unreachable, message)
                .caused_by(cause)
                .with_help(ENDED_HELP);
        }
        Error::new(ErrorKind::Unreachable, message)
            .caused_by(cause)
            .with_help("read the log of the server, or correct host and port")
    }
}

/// Reports that the server has not answered `questions`.
pub(super) fn unanswered(config: &ServerConfig, questions: &[Cmd], error: io::Error) -> Error {
    let message = format!("`{config}` did not answer {}", quoted(questions));
    Error::new(ErrorKind::Unreachable, message).caused_by(error)
}

/// Returns the first of the questions, without what it is about.
fn quoted(questions: &[Cmd]) -> String {
    let words = questions.iter().flat_map(Cmd::args_iter).take(2);
    let words: Vec<_> = words
        .filter_map(|word| match word {
            redis::Arg::Simple(word) => Some(String::from_utf8_lossy(word)),
            _ => None,
        })
        .collect();
    format!("`{}`", words.join(" "))
}

/// Reports that the connect timeout has passed during `phase`.
pub(super) fn too_late(config: &ServerConfig, phase: Phase, questions: &[Cmd]) -> Error {
    let (limit, server) = (config.client().connect_timeout(), subject(config));
    let what = match phase {
        Phase::Resolving => format!("the address of {server} was not found"),
        Phase::Connecting => format!("{server} did not accept a connection"),
        #[cfg(feature = "tls")]
        Phase::Certificates => return unread(config),
        #[cfg(feature = "tls")]
        Phase::Tls => format!("{server} did not answer the TLS handshake"),
        Phase::Handshake => format!("{server} did not answer the handshake"),
        Phase::Question => format!("{server} did not answer {}", quoted(questions)),
    };
    let help = match (phase, config.client().protocol()) {
        // Some proxies say nothing to what they do not know.
        (Phase::Handshake, Protocol::Resp3) => {
            "check host and port, allow more time with `?connect_timeout=5s`, or write `?protocol=2`"
        }
        _ => "check host and port, or allow more time with `?connect_timeout=5s`",
    };
    Error::new(ErrorKind::Unreachable, format!("{what} within {limit:?}"))
        .with_io_kind(io::ErrorKind::TimedOut)
        .with_help(announced_help(config).unwrap_or(help))
}

/// Reports that a file of certificates, or the disk that it is on, did not answer.
#[cfg(feature = "tls")]
fn unread(config: &ServerConfig) -> Error {
    let limit = config.client().connect_timeout();
    let message = format!("the certificates for `{config}` could not be read within {limit:?}");
    Error::new(ErrorKind::Unreachable, message).with_help(
        "check the disk of `tls_ca`, `tls_cert`, `tls_key` and the system's certificates",
    )
}

/// Reports that no address of a server has served, where one was tried; `failures` are in the order of
/// the attempts. A cause that lasts, such as a refused password, decides, so that callers do not wait.
pub(super) fn all_failed(failures: &[(Option<SocketAddr>, Error)]) -> Option<Error> {
    let lasting = failures.iter().find(|(_, error)| error.is_lasting());
    let (_, decisive) = lasting.or(failures.first())?;
    if failures.len() == 1 {
        return Some(decisive.clone());
    }
    // Addresses that fail alike are told together; the cause that decides goes first.
    let mut causes = vec![(format!("{decisive:#}"), Vec::new())];
    for (address, error) in failures {
        let (address, text) = (address.map(|it| it.ip()), format!("{error:#}"));
        match causes.iter_mut().find(|(cause, _)| *cause == text) {
            Some((_, addresses)) => addresses.extend(address),
            None => causes.push((text, address.into_iter().collect())),
        }
    }
    let more = match causes.len().saturating_sub(MAX_TOLD) {
        0 => String::new(),
        more => format!("; and {more} other causes"),
    };
    let told = causes.iter().take(MAX_TOLD);
    let told: Vec<_> = told
        .map(|(cause, addresses)| format!("{cause} ({})", at(addresses)))
        .collect();
    let message = told.join("; ") + &more;
    Some(Error::new(decisive.kind(), message).with_help_if(decisive.help()))
}

fn at(addresses: &[IpAddr]) -> String {
    let told = addresses.iter().take(MAX_TOLD).map(IpAddr::to_string);
    let told = told.collect::<Vec<_>>().join(", ");
    match addresses.len().saturating_sub(MAX_TOLD) {
        0 => format!("at {told}"),
        more => format!("at {told} and {more} other addresses"),
    }
}
