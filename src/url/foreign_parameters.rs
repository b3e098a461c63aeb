//! The parameters of other clients: honoured where they are about TLS, refused where they would change
//! the server or the login, ignored where that is harmless.

use super::codes;
use super::diagnostic::Parsed;
use super::parameters::{Parameter, Parameters, Scope, Set, Value, store};
use super::settings::TlsVerify;

use Scope::{Ignored, Refused, Tls};
use TlsVerify::{Ca, Full};

/// A flag as the clients that have flags write it, in lower case.
const TRUE: &str = "true 1 yes on t y";
const FALSE: &str = "false 0 no off f n";
const FLAG: &str = "`true` or `false`";

const TLS: Scope = Tls(codes::FOREIGN_TLS_PARAM_WITHOUT_TLS);

/// Makes a row that is not documented.
const fn row(names: &'static str, scope: Scope, values: &'static str, set: Set) -> Parameter {
    Parameter {
        names,
        scope,
        values,
        set,
        default: "",
        meaning: "",
    }
}

#[rustfmt::skip]
pub(super) const FOREIGN: [Parameter; 15] = [
    row("ssl_cert_reqs", TLS, "`none`, `optional` or `required`",
        |p, v| verify_by(p, v, &[("required optional 1 2 cert_required cert_optional cert_1 cert_2", Full),
            ("none 0 cert_none cert_0", TlsVerify::None)])),
    row("verifyPeer", TLS, "`FULL`, `CA` or `NONE`", |p, v| verify_by(p, v, &[("full true", Full), ("ca", Ca), ("none false", TlsVerify::None)])),
    row("ssl_check_hostname", TLS, FLAG, |p, v| verify_by(p, v, &[(TRUE, Full), (FALSE, Ca)])),
    row("skip_verify insecure tls_insecure", TLS, FLAG, |p, v| verify_by(p, v, &[(FALSE, Full), (TRUE, TlsVerify::None)])),
    row("tls_ca ssl_ca_certs", TLS, "a path", |p, v| { honour(p, Full); store(&mut p.settings.tls_ca, v.path()) }),
    row("tls_cert ssl_certfile TLSCertPEMFile", TLS, "a path", |p, v| { honour(p, Full); store(&mut p.settings.tls_cert, v.path()) }),
    row("tls_key ssl_keyfile TLSKeyPEMFile", TLS, "a path", |p, v| { honour(p, Full); store(&mut p.settings.tls_key, v.path()) }),
    row("ssl tls", TLS, FLAG, use_tls),
    row("sslmode ssl_ca_path ssl_ca_data ssl_password ssl_keyfile_password ssl_min_version ssl_ciphers ssl_validate_ocsp \
        ssl_validate_ocsp_stapled ssl_context ssl_include_verify_flags ssl_exclude_verify_flags startTls sentinel_ssl cacert rejectUnauthorized \
        checkServerIdentity enableTLSForSentinelMode sentinelTLS sslHost sslProtocols checkCertificateRevocation", Refused(codes::FOREIGN_TLS_PARAM), "", |_, _| Ok(())),
    row("addr host port path network unix_socket_path nodes cluster redis_cluster sentinel sentinels redis_sentinel sentinel_master replication \
        client_type slave name role preferredSlaves natMap serviceName masterName master_set proxy tunnel", Refused(codes::FOREIGN_TOPOLOGY), "", |_, _| Ok(())),
    row("auth credential_provider credentials_provider auth_token iam sentinelUser sentinel_kwargs", Refused(codes::FOREIGN_AUTH), "", |_, _| Ok(())),
    // What these clients read as a number or a flag, and then names of any value, by client.
    row("dial_timeout read_timeout write_timeout pool_timeout idle_timeout idle_check_frequency max_conn_age conn_max_idle_time conn_max_lifetime \
        min_retry_backoff max_retry_backoff health_check_interval socket_timeout socket_connect_timeout sentinel_socket_timeout visibility_timeout", Ignored, "a number, with or without a unit", |p, v| ignore(p, v, is_duration)),
    row("context_timeout_enabled pool_fifo route_by_latency route_randomly read_only decode_responses socket_keepalive retry_on_timeout \
        single_connection_client noDelay lazyConnect enableReadyCheck enableOfflineQueue autoResubscribe tcp_nodelay lazy auto_resubscribe auto_remonitor \
        no_delay", Ignored, FLAG, |p, v| ignore(p, v, is_flag)),
    row("idle_timeout_seconds pool_size min_idle_conns max_idle_conns max_active_conns max_retries max_redirects socket_read_size max_connections \
        wait_between_failures max_command_attempts resp reconnect_attempts", Ignored, "a whole number", |p, v| ignore(p, v, |text| text.parse::<i64>().is_ok())),
    row(include_str!("harmless_parameters.txt"), Ignored, "text", |p, v| ignore(p, v, |_| true)),
];

/// Verifies as one of the lists of words says, which are in lower case.
fn verify_by(
    parameters: &mut Parameters<'_>,
    value: Value<'_>,
    values: &[(&str, TlsVerify)],
) -> Parsed<()> {
    let text = value.text()?.to_ascii_lowercase();
    let found = values.iter().find(|(words, _)| is_word(words, &text));
    let (_, verify) = found.ok_or_else(|| value.error(codes::INVALID_VALUE))?;
    honour(parameters, *verify);
    Ok(())
}

/// The scheme says whether TLS is used, and this parameter may not say otherwise.
fn use_tls<'a>(parameters: &mut Parameters<'a>, value: Value<'a>) -> Parsed<()> {
    let text = value.text_if(is_flag)?;
    if is_word(FALSE, &text.to_ascii_lowercase()) {
        return Err(value.error(codes::TLS_CONTRADICTION));
    }
    honour(parameters, Full);
    Ok(())
}

fn honour(parameters: &mut Parameters<'_>, verify: TlsVerify) {
    parameters
        .warnings
        .extend((verify == Full).then_some(codes::HONOURED_TLS_PARAM));
    parameters.verify(verify);
}

/// A value that is nonsense to its own client is a mistake here too; none at all says nothing.
fn ignore(
    parameters: &mut Parameters<'_>,
    value: Value<'_>,
    is_valid: fn(&str) -> bool,
) -> Parsed<()> {
    value.text_if(|text| text.is_empty() || is_valid(text))?;
    parameters.ignored.push(value.known.name);
    Ok(())
}

fn is_flag(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    is_word(TRUE, &lower) || is_word(FALSE, &lower)
}

fn is_word(words: &str, text: &str) -> bool {
    !text.is_empty() && words.split(' ').any(|word| word == text)
}

fn is_duration(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
}
