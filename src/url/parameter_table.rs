//! Every query parameter that is known, ours and those of other clients.

/// What a parameter is to us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It configures this client.
    Ours(Key),
    /// It means TLS to another client, and can be honoured.
    ForeignTls(Key),
    /// It means TLS to another client, and cannot.
    RefusedTls,
    /// It would change which server is meant.
    Topology,
    /// It would change who logs in.
    Auth,
    /// It is harmless to leave aside; the value must still be of its kind.
    Ignored(Value),
}

/// What a parameter sets; spellings of one key count as the same parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Protocol,
    Database,
    ClientName,
    ConnectTimeout,
    ResponseTimeout,
    Deadline,
    Keepalive,
    MaxInFlight,
    TlsCa,
    TlsCert,
    TlsPrivate,
    TlsVerify,
    TlsServerName,
    ReadFrom,
    Username,
    Password,
    SentinelUsername,
    SentinelPassword,
    ServiceName,
    Node,
    CertReqs,
    CheckHostname,
    SkipVerify,
    VerifyPeer,
    Ssl,
}

impl Key {
    pub(super) fn is_tls(self) -> bool {
        matches!(
            self,
            Key::TlsCa | Key::TlsCert | Key::TlsPrivate | Key::TlsVerify | Key::TlsServerName
        )
    }

    pub(super) fn is_sentinel(self) -> bool {
        matches!(
            self,
            Key::SentinelUsername | Key::SentinelPassword | Key::ServiceName
        )
    }
}

/// The kind of value a foreign parameter has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Any,
    Integer,
    Flag,
    /// A number, with or without a unit.
    Duration,
}

use Role::{Auth, ForeignTls, Ignored, Ours, RefusedTls, Topology};
use Value::{Any, Duration, Flag, Integer};

/// The parameters of the documentation, in its order.
pub(super) const DOCUMENTED: [(&str, Role); 17] = [
    ("protocol", Ours(Key::Protocol)),
    ("db", Ours(Key::Database)),
    ("client_name", Ours(Key::ClientName)),
    ("connect_timeout", Ours(Key::ConnectTimeout)),
    ("response_timeout", Ours(Key::ResponseTimeout)),
    ("deadline", Ours(Key::Deadline)),
    ("keepalive", Ours(Key::Keepalive)),
    ("max_in_flight", Ours(Key::MaxInFlight)),
    ("tls_ca", Ours(Key::TlsCa)),
    ("tls_cert", Ours(Key::TlsCert)),
    ("tls_key", Ours(Key::TlsPrivate)),
    ("tls_verify", Ours(Key::TlsVerify)),
    ("tls_server_name", Ours(Key::TlsServerName)),
    ("sentinel_username", Ours(Key::SentinelUsername)),
    ("sentinel_password", Ours(Key::SentinelPassword)),
    ("read_from", Ours(Key::ReadFrom)),
    ("timeout", Ours(Key::ResponseTimeout)),
];

/// What other clients write, where its meaning is certain or its harm is.
const OTHERS: &[(&str, Role)] = &[
    ("database", Ours(Key::Database)),
    ("dbindex", Ours(Key::Database)),
    ("virtual_host", Ours(Key::Database)),
    ("user", Ours(Key::Username)),
    ("username", Ours(Key::Username)),
    ("pass", Ours(Key::Password)),
    ("password", Ours(Key::Password)),
    ("node", Ours(Key::Node)),
    ("service", Ours(Key::ServiceName)),
    ("service_name", Ours(Key::ServiceName)),
    ("master_name", Ours(Key::ServiceName)),
    ("sentinelMasterId", Ours(Key::ServiceName)),
    ("sentinelServiceName", Ours(Key::ServiceName)),
    ("sentinelUsername", Ours(Key::SentinelUsername)),
    ("sentinelPassword", Ours(Key::SentinelPassword)),
    // TLS elsewhere
    ("ssl_cert_reqs", ForeignTls(Key::CertReqs)),
    ("ssl_check_hostname", ForeignTls(Key::CheckHostname)),
    ("ssl_ca_certs", ForeignTls(Key::TlsCa)),
    ("ssl_certfile", ForeignTls(Key::TlsCert)),
    ("ssl_keyfile", ForeignTls(Key::TlsPrivate)),
    ("skip_verify", ForeignTls(Key::SkipVerify)),
    ("insecure", ForeignTls(Key::SkipVerify)),
    ("tls_insecure", ForeignTls(Key::SkipVerify)),
    ("verifyPeer", ForeignTls(Key::VerifyPeer)),
    ("ssl", ForeignTls(Key::Ssl)),
    ("tls", ForeignTls(Key::Ssl)),
    ("sslmode", RefusedTls),
    ("ssl_ca_path", RefusedTls),
    ("ssl_ca_data", RefusedTls),
    ("ssl_password", RefusedTls),
    ("ssl_keyfile_password", RefusedTls),
    ("ssl_min_version", RefusedTls),
    ("ssl_ciphers", RefusedTls),
    ("ssl_validate_ocsp", RefusedTls),
    ("ssl_validate_ocsp_stapled", RefusedTls),
    ("TLSCertPEMFile", ForeignTls(Key::TlsCert)),
    ("TLSKeyPEMFile", ForeignTls(Key::TlsPrivate)),
    ("startTls", RefusedTls),
    ("sentinel_ssl", RefusedTls),
    ("cacert", RefusedTls),
    // another server
    ("addr", Topology),
    ("host", Topology),
    ("port", Topology),
    ("path", Topology),
    ("network", Topology),
    ("unix_socket_path", Topology),
    ("nodes", Topology),
    ("cluster", Topology),
    ("redis_cluster", Topology),
    ("sentinel", Topology),
    ("sentinels", Topology),
    ("redis_sentinel", Topology),
    ("sentinel_master", Topology),
    ("replication", Topology),
    ("client_type", Topology),
    ("slave", Topology),
    // another login
    ("auth", Auth),
    ("credential_provider", Auth),
    ("credentials_provider", Auth),
    ("auth_token", Auth),
    ("iam", Auth),
    // harmless: go-redis and its users
    ("dial_timeout", Ignored(Duration)),
    ("read_timeout", Ignored(Duration)),
    ("write_timeout", Ignored(Duration)),
    ("pool_timeout", Ignored(Duration)),
    ("idle_timeout", Ignored(Duration)),
    ("idle_timeout_seconds", Ignored(Integer)),
    ("idle_check_frequency", Ignored(Duration)),
    ("max_conn_age", Ignored(Duration)),
    ("conn_max_idle_time", Ignored(Duration)),
    ("conn_max_lifetime", Ignored(Duration)),
    ("context_timeout_enabled", Ignored(Flag)),
    ("pool_fifo", Ignored(Flag)),
    ("pool_size", Ignored(Integer)),
    ("min_idle_conns", Ignored(Integer)),
    ("max_idle_conns", Ignored(Integer)),
    ("max_active_conns", Ignored(Integer)),
    ("max_retries", Ignored(Integer)),
    ("max_redirects", Ignored(Integer)),
    ("min_retry_backoff", Ignored(Duration)),
    ("max_retry_backoff", Ignored(Duration)),
    ("route_by_latency", Ignored(Flag)),
    ("route_randomly", Ignored(Flag)),
    ("read_only", Ignored(Flag)),
    ("identity_suffix", Ignored(Any)),
    // redis-py, kombu, django-redis
    ("decode_responses", Ignored(Flag)),
    ("health_check_interval", Ignored(Duration)),
    ("socket_timeout", Ignored(Duration)),
    ("socket_connect_timeout", Ignored(Duration)),
    ("sentinel_socket_timeout", Ignored(Duration)),
    ("socket_keepalive", Ignored(Flag)),
    ("socket_read_size", Ignored(Integer)),
    ("retry_on_timeout", Ignored(Flag)),
    ("retry_on_error", Ignored(Any)),
    ("max_connections", Ignored(Integer)),
    ("encoding", Ignored(Any)),
    ("encoding_errors", Ignored(Any)),
    ("single_connection_client", Ignored(Flag)),
    ("lib_name", Ignored(Any)),
    ("lib_version", Ignored(Any)),
    ("client_class", Ignored(Any)),
    ("parser_class", Ignored(Any)),
    ("visibility_timeout", Ignored(Duration)),
    // ioredis
    ("family", Ignored(Any)),
    ("connectionName", Ignored(Any)),
    ("connectTimeout", Ignored(Any)),
    ("commandTimeout", Ignored(Any)),
    ("keepAlive", Ignored(Any)),
    ("noDelay", Ignored(Flag)),
    ("lazyConnect", Ignored(Flag)),
    ("maxRetriesPerRequest", Ignored(Any)),
    ("enableReadyCheck", Ignored(Flag)),
    ("enableOfflineQueue", Ignored(Flag)),
    ("autoResubscribe", Ignored(Flag)),
    // lettuce
    ("clientName", Ignored(Any)),
    ("libraryName", Ignored(Any)),
    ("libraryVersion", Ignored(Any)),
    // predis, Symfony
    ("persistent", Ignored(Any)),
    ("persistent_id", Ignored(Any)),
    ("alias", Ignored(Any)),
    ("weight", Ignored(Any)),
    ("read_write_timeout", Ignored(Any)),
    ("tcp_nodelay", Ignored(Flag)),
    ("tcp_keepalive", Ignored(Any)),
    ("retry_interval", Ignored(Any)),
    ("lazy", Ignored(Flag)),
    ("class", Ignored(Any)),
    // rustis
    ("command_timeout", Ignored(Any)),
    ("wait_between_failures", Ignored(Integer)),
    ("read_preference", Ignored(Any)),
    ("connection_name", Ignored(Any)),
    ("auto_resubscribe", Ignored(Flag)),
    ("auto_remonitor", Ignored(Flag)),
    ("no_delay", Ignored(Flag)),
    ("max_command_attempts", Ignored(Integer)),
    // redis-plus-plus, redis-client
    ("keep_alive", Ignored(Any)),
    ("keep_alive_s", Ignored(Any)),
    ("resp", Ignored(Integer)),
    ("pool_wait_timeout", Ignored(Any)),
    ("pool_connection_lifetime", Ignored(Any)),
    ("pool_connection_idle_time", Ignored(Any)),
    ("reconnect_attempts", Ignored(Integer)),
];

/// Finds a parameter by its exact name.
pub(super) fn find(name: &str) -> Option<(&'static str, Role)> {
    DOCUMENTED
        .iter()
        .chain(OTHERS)
        .find(|(known, _)| *known == name)
        .copied()
}

pub(super) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// Finds the known parameter whose name is the most similar.
pub(super) fn nearest(name: &str) -> Option<(&'static str, Role)> {
    if name.len() > 32 || !name.is_ascii() {
        return None;
    }
    let allowed = (name.len() / 4).clamp(1, 3);
    let lower = name.to_ascii_lowercase();
    DOCUMENTED
        .iter()
        .chain(OTHERS)
        .map(|entry| {
            (
                distance(lower.as_bytes(), entry.0.to_ascii_lowercase().as_bytes()),
                entry,
            )
        })
        .filter(|(distance, (known, _))| *distance <= allowed && *distance < known.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, entry)| *entry)
}

/// The Levenshtein distance of two short texts.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
