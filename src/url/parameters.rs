//! The parameters of this client: one row each.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::authority;
use super::codes::{self, Problem, Warnings};
use super::diagnostic::{Diagnostic, Parsed};
use super::duration;
use super::kind::UrlKind;
use super::path;
use super::percent::decode_query;
use super::redis_url::Settings;
use super::settings::{Protocol, ReadFrom, TlsVerify};
use super::spanned::Spanned;

/// A parameter; those of other clients have the same rows, in `foreign_parameters`.
///
/// To add one, write its row in [`PARAMETERS`], its field in [`Settings`], and its line in the
/// getters of `RedisUrl`; `UPDATE_EXPECT=1 cargo test --lib url` then writes `parameters.md`.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "a test writes them to `parameters.md`")
)]
pub(super) struct Parameter {
    /// The name, and other spellings of it.
    pub(super) names: &'static str,
    pub(super) scope: Scope,
    /// Reads the value and stores it.
    pub(super) set: Set,
    /// The values and their unit, for the documentation and for errors.
    pub(super) values: &'static str,
    pub(super) default: &'static str,
    pub(super) meaning: &'static str,
}

pub(super) type Set = for<'a> fn(&mut Parameters<'a>, Value<'a>) -> Parsed<()>;

/// The URLs that a parameter has a meaning in.
#[derive(Clone, Copy)]
pub(super) enum Scope {
    Any,
    /// Those over TLS; it is this problem in the others.
    Tls(Problem),
    Sentinel,
    /// Sentinel and Cluster.
    List,
    /// None: it is another client's, and harmless to leave aside.
    Ignored,
    /// None: it would change the server, the login or TLS.
    Refused(Problem),
}

impl Scope {
    /// Returns why the parameter is refused in a URL of this kind.
    pub(super) fn refusal(self, kind: UrlKind) -> Option<Problem> {
        let (is_accepted, problem) = match self {
            Any | Ignored => return None,
            Tls(problem) => (kind.is_tls(), problem),
            Sentinel => (kind.is_sentinel(), codes::FOREIGN_TOPOLOGY),
            List => (kind.is_list(), codes::FOREIGN_TOPOLOGY),
            Refused(problem) => (false, problem),
        };
        (!is_accepted).then_some(problem)
    }
}

use Protocol::{Resp2, Resp3};
use Scope::{Any, Ignored, List, Refused, Sentinel, Tls};

const OVER_TLS: Scope = Tls(codes::TLS_PARAM_WITHOUT_TLS);

const DURATION: &str = "`500ms`, `2s`, `1.5m`; units from `ns` to `d`";

/// The parameters that we advise, in the order of the documentation.
#[rustfmt::skip]
pub(super) const PARAMETERS: [Parameter; 16] = [
    Parameter { names: "protocol", scope: Any,
        set: |p, v| store(&mut p.settings.protocol, v.one_of(&[("2", Resp2), ("3", Resp3), ("resp2", Resp2), ("resp3", Resp3)])),
        values: "`2`, `3`, `resp2` or `resp3`", default: "`3`", meaning: "version of RESP that is asked for first" },
    Parameter { names: "db database dbindex virtual_host", scope: Any, set: |p, v| store(&mut p.database, path::database(v.raw).map(|number| (number, v.raw))),
        values: "a number from 0 on", default: "`0`", meaning: "database, where the path does not name one; most clusters have database 0 alone" },
    Parameter { names: "client_name", scope: Any, set: |p, v| store(&mut p.settings.client_name, v.text_if(|text| text.bytes().all(|b| b.is_ascii_graphic()))),
        values: "printable ASCII without spaces, as `CLIENT SETNAME` does", default: "the package's name with `redis_client!`, else none", meaning: "name of the connections in `CLIENT LIST`" },
    Parameter { names: "connect_timeout", scope: Any, set: |p, v| store(&mut p.settings.connect_timeout, v.duration()),
        values: DURATION, default: "`2s`", meaning: "time limit of one attempt to connect, from the name look-up to the answer to `HELLO`" },
    Parameter { names: "response_timeout timeout", scope: Any, set: |p, v| store(&mut p.settings.response_timeout, v.duration()),
        values: DURATION, default: "`1s`", meaning: "longest silence of the server while a command waits for its reply" },
    Parameter { names: "deadline", scope: Any, set: |p, v| store(&mut p.settings.deadline, v.duration()),
        values: DURATION, default: "`3s`", meaning: "time limit of one command in all, waiting for a connection included; a pipeline counts as one" },
    Parameter { names: "keepalive", scope: Any, set: |p, v| store(&mut p.settings.keepalive, v.duration()),
        values: DURATION, default: "`6s`", meaning: "silence after which the system probes whether the peer is still there" },
    Parameter { names: "max_in_flight", scope: Any, set: |p, v| store(&mut p.settings.max_in_flight, v.number()),
        values: "a number from 1 on", default: "`10000`", meaning: "commands in flight at once; further callers wait within their deadline" },
    Parameter { names: "tls_ca", scope: OVER_TLS, set: |p, v| store(&mut p.settings.tls_ca, v.path()),
        values: "a path", default: "none", meaning: "PEM file of certificates to trust besides the system's: of authorities, or the server's own" },
    Parameter { names: "tls_cert", scope: OVER_TLS, set: |p, v| store(&mut p.settings.tls_cert, v.path()),
        values: "a path", default: "none", meaning: "PEM file of the client's certificate" },
    Parameter { names: "tls_key", scope: OVER_TLS, set: |p, v| store(&mut p.settings.tls_key, v.path()),
        values: "a path", default: "none", meaning: "PEM file of the client's private key" },
    Parameter { names: "tls_verify", scope: OVER_TLS,
        set: |p, v| { p.verify(v.one_of(&[("full", TlsVerify::Full), ("ca", TlsVerify::Ca), ("none", TlsVerify::None)])?); Ok(()) },
        values: "`full`, `ca` or `none`", default: "`full`", meaning: "what of the server's certificate is verified: chain and name, the chain, nothing but that the server has its key" },
    Parameter { names: "tls_server_name", scope: OVER_TLS, set: |p, v| store(&mut p.settings.tls_server_name, v.text_if(|_| authority::host(v.raw).is_ok())),
        values: "a host name", default: "the host of the URL", meaning: "name to send and to verify in TLS" },
    Parameter { names: "sentinel_username sentinelUsername", scope: Sentinel, set: |p, v| store(&mut p.settings.sentinel_username, v.text()),
        values: "text", default: "none", meaning: "username at the Sentinels; the one before the `@` is the server's" },
    Parameter { names: "sentinel_password sentinelPassword", scope: Sentinel, set: |p, v| store(&mut p.settings.sentinel_password, v.text()),
        values: "text", default: "none", meaning: "password at the Sentinels" },
    Parameter { names: "read_from", scope: Any,
        set: |p, v| store(&mut p.settings.read_from, v.one_of(&[
            ("primary", ReadFrom::Primary), ("replica", ReadFrom::Replica), ("prefer_replica", ReadFrom::PreferReplica)])),
        values: "`primary`, `replica` or `prefer_replica`", default: "`primary`", meaning: "which node serves commands that only read, with Sentinel and Cluster" },
];

/// Parameters for what has its own place in the URL; read for the URLs of other clients.
#[rustfmt::skip]
pub(super) const TOLERATED: [Parameter; 4] = [
    Parameter { names: "username user", scope: Any, set: |p, v| store(&mut p.username, v.text().map(|text| (text, v.raw))),
        values: "text", default: "none", meaning: "username; its place is before the `@`" },
    Parameter { names: "password pass", scope: Any, set: |p, v| store(&mut p.password, v.text().map(|text| (text, v.raw))),
        values: "text", default: "none", meaning: "password; its place is before the `@`, because queries end up in logs" },
    Parameter { names: "service_name service master_name sentinelMasterId sentinelServiceName", scope: Sentinel, set: |p, v| store(&mut p.service_name, v.text_if(path::is_service_name)),
        values: "letters, digits, `.`, `-` and `_`", default: "none", meaning: "name under which the Sentinels know the primary; its place is the path" },
    Parameter { names: "node", scope: List, set: |p, v| { p.nodes.push(v.raw); Ok(()) },
        values: "`host` or `host:port`, several times", default: "none", meaning: "one more seed node or Sentinel; its place is the list of hosts" },
];

/// What the query has set; a value that may conflict with another one comes with its place.
#[derive(Default)]
pub(super) struct Parameters<'a> {
    pub(super) settings: Settings,
    pub(super) database: Option<(u32, Spanned<'a>)>,
    pub(super) username: Option<(String, Spanned<'a>)>,
    pub(super) password: Option<(String, Spanned<'a>)>,
    pub(super) service_name: Option<String>,
    pub(super) nodes: Vec<Spanned<'a>>,
    pub(super) warnings: Warnings,
    /// Names of the parameters of other clients that have no effect.
    pub(super) ignored: Vec<&'static str>,
}

impl Parameters<'_> {
    /// Weakens the verification; of two parameters the weaker one holds.
    pub(super) fn verify(&mut self, verify: TlsVerify) {
        match verify {
            TlsVerify::Full => return,
            TlsVerify::Ca => self.warnings.push(codes::TLS_HOSTNAME_OFF),
            TlsVerify::None => self.warnings.push(codes::TLS_VERIFY_OFF),
        }
        if self.settings.tls_verify != TlsVerify::None {
            self.settings.tls_verify = verify;
        }
    }
}

/// Sets a field to a value that can be read.
pub(super) fn store<T>(field: &mut Option<T>, value: Parsed<T>) -> Parsed<()> {
    *field = Some(value?);
    Ok(())
}

/// A known name of a parameter.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) row: &'static Parameter,
}

/// A value that a row reads.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) known: Known,
    pub(super) raw: Spanned<'a>,
}

impl Value<'_> {
    pub(super) fn text(self) -> Parsed<String> {
        decode_query(self.raw)
    }

    pub(super) fn text_if(self, is_valid: impl Fn(&str) -> bool) -> Parsed<String> {
        let text = self.text()?;
        let valid = Some(text).filter(|text| is_valid(text));
        valid.ok_or_else(|| self.error(codes::INVALID_VALUE))
    }

    pub(super) fn path(self) -> Parsed<PathBuf> {
        self.text().map(PathBuf::from)
    }

    fn number<N: FromStr>(self) -> Parsed<N> {
        let text = self.text_if(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
        text.parse().map_err(|_| self.error(codes::INVALID_VALUE))
    }

    fn duration(self) -> Parsed<Duration> {
        let text = self.text()?;
        if duration::is_unitless(&text) {
            return Err(self.error(codes::UNITLESS_DURATION));
        }
        duration::parse(&text).ok_or_else(|| self.error(codes::INVALID_VALUE))
    }

    fn one_of<T: Copy>(self, values: &[(&str, T)]) -> Parsed<T> {
        let text = self.text()?;
        let found = values.iter().find(|(name, _)| *name == text);
        let (_, value) = found.ok_or_else(|| self.error(codes::INVALID_VALUE))?;
        Ok(*value)
    }

    pub(super) fn error(self, problem: Problem) -> Diagnostic {
        let Known { name, row } = self.known;
        self.raw.error(problem).about(name).suggest(row.values)
    }
}
