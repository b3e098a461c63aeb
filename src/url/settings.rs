//! The values of parameters: protocol, time-outs, TLS.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::error::Fault;
use super::parameter_table::Key;
use super::parameters::{Pair, Parameters};
use super::scheme::UrlKind;
use super::warning::UrlWarning;
use super::{duration, hosts, path};

/// Names a version of the Redis protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RESP2.
    Resp2,
    /// RESP3.
    Resp3,
}

/// Says what of the server's certificate is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsVerify {
    /// The chain up to a trusted authority, and the host name.
    #[default]
    Full,
    /// The chain, not the host name.
    Ca,
    /// Nothing: anyone in between can read and change everything.
    None,
}

/// Says which node reads are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadFrom {
    /// The primary.
    Primary,
    /// A replica.
    Replica,
    /// A replica, the primary where there is none.
    PreferReplica,
}

/// The typed parameters a client takes its configuration from.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) protocol: Option<Protocol>,
    pub(super) client_name: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) response_timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) keepalive: Option<Duration>,
    pub(super) max_in_flight: Option<NonZeroUsize>,
    pub(super) tls_ca: Option<PathBuf>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) tls_verify: TlsVerify,
    pub(super) tls_server_name: Option<String>,
    pub(super) sentinel_username: Option<String>,
    pub(super) sentinel_password: Option<String>,
    pub(super) read_from: Option<ReadFrom>,
}

/// Sets one parameter of ours.
pub(super) fn set<'a>(
    kind: UrlKind,
    key: Key,
    pair: &Pair<'a>,
    text: String,
    parameters: &mut Parameters<'a>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<(), Fault> {
    let settings = &mut parameters.settings;
    let read_duration = || duration::read(pair.name, &text, pair.value).map(Some);
    match key {
        Key::Protocol => settings.protocol = Some(protocol(pair, &text)?),
        Key::ClientName => settings.client_name = Some(client_name(pair, text)?),
        Key::ConnectTimeout => settings.connect_timeout = read_duration()?,
        Key::ResponseTimeout => settings.response_timeout = read_duration()?,
        Key::Deadline => settings.deadline = read_duration()?,
        Key::Keepalive => settings.keepalive = read_duration()?,
        Key::MaxInFlight => {
            let number = text
                .parse()
                .ok()
                .filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
            settings.max_in_flight =
                Some(number.ok_or_else(|| invalid(pair, "a number from 1 on"))?);
        }
        Key::TlsCa => settings.tls_ca = Some(PathBuf::from(text)),
        Key::TlsCert => settings.tls_cert = Some(PathBuf::from(text)),
        Key::TlsPrivate => settings.tls_key = Some(PathBuf::from(text)),
        Key::TlsVerify => {
            let verify = match text.as_str() {
                "full" => TlsVerify::Full,
                "ca" => TlsVerify::Ca,
                "none" => TlsVerify::None,
                _ => return Err(invalid(pair, "`full`, `ca` or `none`")),
            };
            verify_with(verify, settings, warnings);
        }
        Key::TlsServerName => {
            hosts::read_host(pair.value).map_err(|_| invalid(pair, "a host name"))?;
            settings.tls_server_name = Some(text);
        }
        Key::ReadFrom => {
            settings.read_from = Some(match text.as_str() {
                "primary" => ReadFrom::Primary,
                "replica" => ReadFrom::Replica,
                "prefer_replica" => ReadFrom::PreferReplica,
                _ => return Err(invalid(pair, "`primary`, `replica` or `prefer_replica`")),
            });
        }
        Key::Username => parameters.username = Some((text, pair.value)),
        Key::Password => {
            if kind != UrlKind::Unix {
                warn_password(warnings);
            }
            parameters.password = Some((text, pair.value));
        }
        Key::SentinelUsername => settings.sentinel_username = Some(text),
        Key::SentinelPassword => {
            warn_password(warnings);
            settings.sentinel_password = Some(text);
        }
        Key::ServiceName => {
            if !path::is_service_name(&text) {
                return Err(invalid(pair, "letters, digits, `.`, `-` and `_`"));
            }
            parameters.service_name = Some(text);
        }
        Key::Database
        | Key::Node
        | Key::CertReqs
        | Key::CheckHostname
        | Key::SkipVerify
        | Key::VerifyPeer
        | Key::Ssl => {}
    }
    Ok(())
}

fn protocol(pair: &Pair<'_>, text: &str) -> Result<Protocol, Fault> {
    match text {
        "2" | "resp2" => Ok(Protocol::Resp2),
        "3" | "resp3" => Ok(Protocol::Resp3),
        _ => Err(invalid(pair, "`2`, `3`, `resp2` or `resp3`").help("write `protocol=3`")),
    }
}

fn client_name(pair: &Pair<'_>, text: String) -> Result<String, Fault> {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(text);
    }
    Err(invalid(
        pair,
        "printable ASCII without spaces, as `CLIENT SETNAME` does",
    ))
}

fn warn_password(warnings: &mut Vec<UrlWarning>) {
    warnings.push(UrlWarning::new(
        "password_in_query",
        "a password in the query ends up in logs: it belongs before the `@`, or into a secret file",
    ));
}

/// Weakens the verification; of two parameters the weaker one holds.
pub(super) fn verify_with(
    verify: TlsVerify,
    settings: &mut Settings,
    warnings: &mut Vec<UrlWarning>,
) {
    match verify {
        TlsVerify::Full => return,
        TlsVerify::Ca => warnings.push(UrlWarning::new(
            "tls_hostname_off",
            "the host name in the server's certificate is not verified",
        )),
        TlsVerify::None => warnings.push(UrlWarning::new(
            "tls_verify_off",
            "the server's certificate is not verified: anyone in between can read the password",
        )),
    }
    if settings.tls_verify != TlsVerify::None {
        settings.tls_verify = verify;
    }
}

/// Honours a TLS parameter of another client.
pub(super) fn translate_tls(
    kind: UrlKind,
    key: Key,
    pair: &Pair<'_>,
    text: String,
    settings: &mut Settings,
    warnings: &mut Vec<UrlWarning>,
) -> Result<(), Fault> {
    let lower = text.to_ascii_lowercase();
    let flag = || flag(&lower).ok_or_else(|| invalid(pair, "`true` or `false`"));
    let verify = match key {
        Key::CertReqs => match lower.strip_prefix("cert_").unwrap_or(&lower) {
            "none" | "0" => TlsVerify::None,
            "optional" | "required" | "1" | "2" => TlsVerify::Full,
            _ => return Err(invalid(pair, "`none`, `optional` or `required`")),
        },
        Key::VerifyPeer => match lower.as_str() {
            "none" | "false" => TlsVerify::None,
            "ca" => TlsVerify::Ca,
            "full" | "true" => TlsVerify::Full,
            _ => return Err(invalid(pair, "`FULL`, `CA` or `NONE`")),
        },
        Key::CheckHostname => {
            if flag()? {
                TlsVerify::Full
            } else {
                TlsVerify::Ca
            }
        }
        Key::SkipVerify => {
            if flag()? {
                TlsVerify::None
            } else {
                TlsVerify::Full
            }
        }
        Key::Ssl => {
            if !flag()? {
                let message = format!("parameter `{}` contradicts the scheme of {{}}", pair.name);
                return Err(Fault::new("foreign_tls_param", pair.value.span(), message)
                    .help("write `redis://` for no TLS"));
            }
            TlsVerify::Full
        }
        key => {
            let mut parameters = Parameters {
                settings: std::mem::take(settings),
                ..Parameters::default()
            };
            let set = set(kind, key, pair, text, &mut parameters, warnings);
            *settings = parameters.settings;
            set?;
            TlsVerify::Full
        }
    };
    if verify == TlsVerify::Full {
        let message = "TLS parameter of another client, honoured here: the parameters are `tls_ca`, `tls_cert`, `tls_key` and `tls_verify`";
        warnings.push(UrlWarning::new("foreign_tls_param", message));
    }
    verify_with(verify, settings, warnings);
    Ok(())
}

pub(super) fn invalid(pair: &Pair<'_>, expected: &str) -> Fault {
    let message = format!(
        "invalid value of parameter `{}` in {{}}: expected {expected}",
        pair.name
    );
    Fault::new("invalid_param", pair.value.span(), message)
}

/// Reads a flag as the clients that have flags do.
pub(super) fn flag(lower: &str) -> Option<bool> {
    match lower {
        "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}
