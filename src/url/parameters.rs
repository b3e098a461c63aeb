//! The parameters of this client: one row each.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::authority;
use super::diagnostic::{Diagnostic, Parsed};
use super::duration;
use super::kind::UrlKind;
use super::path;
use super::percent::{Plus, decode};
use super::settings::{Protocol, ReadFrom, Settings, TlsVerify};
use super::spanned::Spanned;
use super::warning::Warnings;

/// A parameter of this client.
///
/// To add one, write its row in [`PARAMETERS`], its field in [`Settings`], and its line in the
/// getters of `RedisUrl`; `UPDATE_EXPECT=1 cargo test --lib url` then writes `parameters.md`.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// Other spellings of the same parameter.
    pub(super) aliases: &'static [&'static str],
    pub(super) scope: Scope,
    /// Reads the value and stores it.
    pub(super) set: for<'a> fn(&mut Parameters<'a>, Value<'a>) -> Parsed<()>,
    /// The values and their unit, for the documentation and after `expected` in an error.
    pub(super) values: &'static str,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a test documents it in `parameters.md`")
    )]
    pub(super) default: &'static str,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a test documents it in `parameters.md`")
    )]
    pub(super) meaning: &'static str,
}

/// The URLs that a parameter has a meaning in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Any,
    Tls,
    Sentinel,
    /// Sentinel and Cluster.
    List,
}

const DURATION: &str = "`500ms`, `2s`, `1.5m`; units from `ns` to `d`";

/// The parameters that we advise, in the order of the documentation.
#[rustfmt::skip]
pub(super) const PARAMETERS: [Parameter; 16] = [
    Parameter { name: "protocol", aliases: &[], scope: Scope::Any,
        values: "`2`, `3`, `resp2` or `resp3`", default: "`3`",
        meaning: "version of RESP that is asked for first",
        set: |p, value| { p.settings.protocol = Some(value.one_of(&[
            ("2", Protocol::Resp2), ("resp2", Protocol::Resp2), ("3", Protocol::Resp3), ("resp3", Protocol::Resp3),
        ])?); Ok(()) } },
    Parameter { name: "db", aliases: &["database", "dbindex", "virtual_host"], scope: Scope::Any,
        values: "a number from 0 on", default: "`0`",
        meaning: "database, where the path does not name one; a cluster has database 0 alone",
        set: |p, value| { p.database = Some((path::database(value.raw)?, value.raw)); Ok(()) } },
    Parameter { name: "client_name", aliases: &[], scope: Scope::Any,
        values: "printable ASCII without spaces, as `CLIENT SETNAME` does", default: "the package's name with `redis_client!`, else none",
        meaning: "name of the connections in `CLIENT LIST`",
        set: |p, value| { p.settings.client_name = Some(value.client_name()?); Ok(()) } },
    Parameter { name: "connect_timeout", aliases: &[], scope: Scope::Any,
        values: DURATION, default: "`2s`",
        meaning: "time limit of one attempt to connect, from the name look-up to the answer to `HELLO`",
        set: |p, value| { p.settings.connect_timeout = Some(value.duration()?); Ok(()) } },
    Parameter { name: "response_timeout", aliases: &["timeout"], scope: Scope::Any,
        values: DURATION, default: "`1s`",
        meaning: "time limit of one reply on a live connection",
        set: |p, value| { p.settings.response_timeout = Some(value.duration()?); Ok(()) } },
    Parameter { name: "deadline", aliases: &[], scope: Scope::Any,
        values: DURATION, default: "`3s`",
        meaning: "time limit of one command in all, waiting for a connection included",
        set: |p, value| { p.settings.deadline = Some(value.duration()?); Ok(()) } },
    Parameter { name: "keepalive", aliases: &[], scope: Scope::Any,
        values: DURATION, default: "`6s`",
        meaning: "silence after which the system probes whether the peer is still there",
        set: |p, value| { p.settings.keepalive = Some(value.duration()?); Ok(()) } },
    Parameter { name: "max_in_flight", aliases: &[], scope: Scope::Any,
        values: "a number from 1 on", default: "`10000`",
        meaning: "commands in flight at once; further callers wait within their deadline",
        set: |p, value| { p.settings.max_in_flight = Some(value.number()?); Ok(()) } },
    Parameter { name: "tls_ca", aliases: &[], scope: Scope::Tls,
        values: "a path", default: "none",
        meaning: "PEM file of certificates to trust besides the system's",
        set: |p, value| { p.settings.tls_ca = Some(value.path()?); Ok(()) } },
    Parameter { name: "tls_cert", aliases: &[], scope: Scope::Tls,
        values: "a path", default: "none",
        meaning: "PEM file of the client's certificate",
        set: |p, value| { p.settings.tls_cert = Some(value.path()?); Ok(()) } },
    Parameter { name: "tls_key", aliases: &[], scope: Scope::Tls,
        values: "a path", default: "none",
        meaning: "PEM file of the client's private key",
        set: |p, value| { p.settings.tls_key = Some(value.path()?); Ok(()) } },
    Parameter { name: "tls_verify", aliases: &[], scope: Scope::Tls,
        values: "`full`, `ca` or `none`", default: "`full`",
        meaning: "what of the server's certificate is verified: chain and name, the chain, nothing",
        set: |p, value| { p.settings.verify_with(value.one_of(&[
            ("full", TlsVerify::Full), ("ca", TlsVerify::Ca), ("none", TlsVerify::None),
        ])?, &mut p.warnings); Ok(()) } },
    Parameter { name: "tls_server_name", aliases: &[], scope: Scope::Tls,
        values: "a host name", default: "the host of the URL",
        meaning: "name to send and to verify in TLS",
        set: |p, value| { p.settings.tls_server_name = Some(value.host_name()?); Ok(()) } },
    Parameter { name: "sentinel_username", aliases: &["sentinelUsername"], scope: Scope::Sentinel,
        values: "text", default: "none",
        meaning: "user name at the Sentinels; the one before the `@` is the server's",
        set: |p, value| { p.settings.sentinel_username = Some(value.text()?); Ok(()) } },
    Parameter { name: "sentinel_password", aliases: &["sentinelPassword"], scope: Scope::Sentinel,
        values: "text", default: "none",
        meaning: "password at the Sentinels",
        set: |p, value| { p.settings.sentinel_password = Some(value.text()?); p.warn_about_password(); Ok(()) } },
    Parameter { name: "read_from", aliases: &[], scope: Scope::Any,
        values: "`primary`, `replica` or `prefer_replica`", default: "`primary`",
        meaning: "which node serves commands that only read, with Sentinel and Cluster",
        set: |p, value| { p.settings.read_from = Some(value.one_of(&[
            ("primary", ReadFrom::Primary), ("replica", ReadFrom::Replica), ("prefer_replica", ReadFrom::PreferReplica),
        ])?); Ok(()) } },
];

/// Parameters for what has its own place in the URL; read for the URLs of other clients.
#[rustfmt::skip]
pub(super) const TOLERATED: [Parameter; 4] = [
    Parameter { name: "username", aliases: &["user"], scope: Scope::Any,
        values: "text", default: "none",
        meaning: "user name; its place is before the `@`",
        set: |p, value| { p.username = Some((value.text()?, value.raw)); Ok(()) } },
    Parameter { name: "password", aliases: &["pass"], scope: Scope::Any,
        values: "text", default: "none",
        meaning: "password; its place is before the `@`, because queries end up in logs",
        set: |p, value| {
            p.password = Some((value.text()?, value.raw));
            if value.kind != UrlKind::Unix { p.warn_about_password(); }
            Ok(())
        } },
    Parameter { name: "service_name", aliases: &["service", "master_name", "sentinelMasterId", "sentinelServiceName"],
        scope: Scope::Sentinel, values: "letters, digits, `.`, `-` and `_`", default: "none",
        meaning: "name under which the Sentinels know the primary; its place is the path",
        set: |p, value| { p.service_name = Some(value.service_name()?); Ok(()) } },
    Parameter { name: "node", aliases: &[], scope: Scope::List,
        values: "`host` or `host:port`, several times", default: "none",
        meaning: "one more seed node or Sentinel; its place is the list of hosts",
        set: |p, value| { p.nodes.push(value.raw); Ok(()) } },
];

/// What the query has set.
#[derive(Default)]
pub(super) struct Parameters<'a> {
    pub(super) settings: Settings,
    pub(super) database: Option<(u32, Spanned<'a>)>,
    pub(super) username: Option<(String, Spanned<'a>)>,
    pub(super) password: Option<(String, Spanned<'a>)>,
    pub(super) service_name: Option<String>,
    pub(super) nodes: Vec<Spanned<'a>>,
    pub(super) warnings: Warnings,
}

impl Parameters<'_> {
    fn warn_about_password(&mut self) {
        let message = "a password in the query ends up in logs: it belongs before the `@`, or into a secret file";
        self.warnings.add("password_in_query", message);
    }
}

/// A value that a row reads.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) kind: UrlKind,
    /// The parameter as it is spelt in the URL.
    pub(super) name: &'static str,
    pub(super) expected: &'static str,
    pub(super) raw: Spanned<'a>,
}

impl Value<'_> {
    pub(super) fn text(self) -> Parsed<String> {
        decode(self.raw, Plus::Space, "query")
    }

    fn path(self) -> Parsed<PathBuf> {
        self.text().map(PathBuf::from)
    }

    fn duration(self) -> Parsed<Duration> {
        duration::parse(self.name, &self.text()?, self.raw)
    }

    fn number<N: FromStr>(self) -> Parsed<N> {
        let text = self.checked_text(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
        text.parse().map_err(|_| self.invalid())
    }

    fn client_name(self) -> Parsed<String> {
        self.checked_text(|text| text.bytes().all(|b| b.is_ascii_graphic()))
    }

    fn host_name(self) -> Parsed<String> {
        self.checked_text(|_| authority::host(self.raw).is_ok())
    }

    fn service_name(self) -> Parsed<String> {
        self.checked_text(path::is_service_name)
    }

    pub(super) fn checked_text(self, is_valid: impl Fn(&str) -> bool) -> Parsed<String> {
        let text = self.text()?;
        if is_valid(&text) {
            Ok(text)
        } else {
            Err(self.invalid())
        }
    }

    fn one_of<T: Copy>(self, values: &[(&str, T)]) -> Parsed<T> {
        let text = self.text()?;
        let found = values.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| *value).ok_or_else(|| self.invalid())
    }

    pub(super) fn invalid(self) -> Diagnostic {
        let before = format!("invalid value of parameter `{}` in ", self.name);
        let message = (before, format!(": expected {}", self.expected));
        self.raw.error("invalid_param", message, "")
    }
}
