//! What other clients and providers write and offer, as data.

use super::kind::UrlKind;
use super::warning::Warnings;

/// What a parameter of another client is to us.
#[derive(Clone, Copy)]
pub(super) enum Foreign {
    /// It has the meaning of this TLS parameter of ours.
    Tls(&'static str),
    /// Its values, in lower case, verify the certificate in full, without the name, or not at all.
    Verify {
        full: &'static str,
        ca: &'static str,
        none: &'static str,
        expected: &'static str,
    },
    /// It says whether TLS is used, which the scheme says.
    UseTls,
    /// It means TLS in a way that cannot be honoured.
    RefusedTls,
    /// It would change which server is meant.
    Topology,
    /// It would change who logs in.
    Auth,
    /// It is harmless to leave aside; the value must still be of its kind.
    Ignored(ValueKind),
}

/// The kind of value that an ignored parameter has.
#[derive(Clone, Copy)]
pub(super) enum ValueKind {
    Any,
    Integer,
    Flag,
    /// A number, with or without a unit.
    Duration,
}

use Foreign::{Auth, Ignored, RefusedTls, Tls, Topology, UseTls, Verify};
use ValueKind::{Any, Duration, Flag, Integer};

/// A flag as the clients that have flags write it, in lower case.
pub(super) const TRUE: &str = "true 1 yes on t y";
pub(super) const FALSE: &str = "false 0 no off f n";
pub(super) const FLAG: &str = "`true` or `false`";

/// Parameters by their meaning; spellings in one row are the same parameter, except for those
/// that are refused or ignored.
#[rustfmt::skip]
const PARAMETERS: [(Foreign, &str); 17] = [
    (Verify { full: "required optional 1 2 cert_required cert_optional cert_1 cert_2", ca: "",
        none: "none 0 cert_none cert_0", expected: "`none`, `optional` or `required`" }, "ssl_cert_reqs"),
    (Verify { full: "full true", ca: "ca", none: "none false", expected: "`FULL`, `CA` or `NONE`" }, "verifyPeer"),
    (Verify { full: TRUE, ca: FALSE, none: "", expected: FLAG }, "ssl_check_hostname"),
    (Verify { full: FALSE, ca: "", none: TRUE, expected: FLAG }, "skip_verify insecure tls_insecure"),
    (Tls("tls_ca"), "ssl_ca_certs"),
    (Tls("tls_cert"), "ssl_certfile TLSCertPEMFile"),
    (Tls("tls_key"), "ssl_keyfile TLSKeyPEMFile"),
    (UseTls, "ssl tls"),
    (RefusedTls,
        "sslmode ssl_ca_path ssl_ca_data ssl_password ssl_keyfile_password ssl_min_version \
         ssl_ciphers ssl_validate_ocsp ssl_validate_ocsp_stapled startTls sentinel_ssl cacert"),
    (Topology,
        "addr host port path network unix_socket_path nodes cluster redis_cluster sentinel \
         sentinels redis_sentinel sentinel_master replication client_type slave"),
    (Auth,
        "auth credential_provider credentials_provider auth_token iam"),
    // go-redis and its users; redis-py, kombu, django-redis
    (Ignored(Duration),
        "dial_timeout read_timeout write_timeout pool_timeout idle_timeout idle_check_frequency \
         max_conn_age conn_max_idle_time conn_max_lifetime min_retry_backoff max_retry_backoff \
         health_check_interval socket_timeout socket_connect_timeout sentinel_socket_timeout \
         visibility_timeout"),
    (Ignored(Flag),
        "context_timeout_enabled pool_fifo route_by_latency route_randomly read_only \
         decode_responses socket_keepalive retry_on_timeout single_connection_client"),
    (Ignored(Integer),
        "idle_timeout_seconds pool_size min_idle_conns max_idle_conns max_active_conns \
         max_retries max_redirects socket_read_size max_connections wait_between_failures \
         max_command_attempts resp reconnect_attempts"),
    (Ignored(Any),
        "identity_suffix retry_on_error encoding encoding_errors lib_name lib_version \
         client_class parser_class"),
    // ioredis; predis and Symfony; rustis
    (Ignored(Flag),
        "noDelay lazyConnect enableReadyCheck enableOfflineQueue autoResubscribe tcp_nodelay \
         lazy auto_resubscribe auto_remonitor no_delay"),
    // ioredis; lettuce; predis and Symfony; rustis; redis-plus-plus and redis-client
    (Ignored(Any),
        "family connectionName connectTimeout commandTimeout keepAlive maxRetriesPerRequest \
         clientName libraryName libraryVersion persistent persistent_id alias weight \
         read_write_timeout tcp_keepalive retry_interval class command_timeout read_preference \
         connection_name keep_alive keep_alive_s pool_wait_timeout pool_connection_lifetime \
         pool_connection_idle_time"),
];

/// Returns every parameter of other clients, with the name under which its row counts as one.
pub(super) fn parameters() -> impl Iterator<Item = (&'static str, &'static str, Foreign)> {
    PARAMETERS.into_iter().flat_map(|(role, names)| {
        let first = names.split(' ').next().unwrap_or(names);
        names.split(' ').map(move |name| match role {
            Tls(ours) => (name, ours, role),
            Verify { .. } | UseTls => (name, first, role),
            _ => (name, name, role),
        })
    })
}

/// Schemes that are not ours: what they are, the scheme of ours that fits, and their names.
#[rustfmt::skip]
const SCHEMES: [(&str, &str, &str); 22] = [
    ("of a web page", "redis", "http"),
    ("of a web page", "rediss", "https"),
    ("of another client", "redis", "tcp"),
    ("of another client", "rediss", "tls ssl redis+tls redis-ssl redis-tls"),
    ("of another client", "unix", "socket"),
    ("misspelt", "rediss", "rediss"),
    ("misspelt", "redis", "reddis reids redi edis"),
    ("of django-environ", "redis", "rediscache"),
    ("of django-environ", "rediss", "rediscaches"),
    ("of one application", "", "ioredis"),
    ("of Celery", "redis-sentinel", "sentinel"),
    ("not defined for Redis", "", "redis+srv rediss+srv"),
    ("of a file", "unix", "file"),
    ("not defined", "unix", "unixs redis-uds redis-unix rediss+unix rediss+socket"),
    ("of PostgreSQL", "", "postgres postgresql"),
    ("of MySQL", "", "mysql"),
    ("of MongoDB", "", "mongodb mongodb+srv"),
    ("of RabbitMQ", "", "amqp amqps"),
    ("of memcached", "", "memcached memcache"),
    ("of NATS", "", "nats"),
    ("of Kafka", "", "kafka"),
    ("of SQLite", "", "sqlite"),
];

/// Finds a well-known scheme: its name, what it is, and the scheme of ours that fits, if any.
pub(super) fn scheme(name: &str) -> Option<(&'static str, &'static str, &'static str)> {
    SCHEMES.iter().find_map(|&(what, ours, names)| {
        let known = names
            .split(' ')
            .find(|known| known.eq_ignore_ascii_case(name))?;
        Some((known, what, ours))
    })
}

/// Ends of the names of hosts that speak TLS only.
#[rustfmt::skip]
const TLS_ONLY: [&str; 13] = [
    ".upstash.io", ".redis.cache.windows.net", ".redis.cache.chinacloudapi.cn",
    ".redis.cache.usgovcloudapi.net", ".redis.azure.net", ".redisenterprise.cache.azure.net",
    ".kv.vercel-storage.com", ".db.ondigitalocean.com", ".aivencloud.com", "-keyvalue.render.com",
    "-redis.render.com", ".databases.appdomain.cloud", ".database.cloud.ovh.net",
];

/// Warns about what the name and port of a host give away. It may warn, never refuse.
pub(super) fn warn_about_provider(kind: UrlKind, host: &str, port: u16, warnings: &mut Warnings) {
    if !kind.is_tls() && is_tls_only(host) {
        let message = format!("`{host}` speaks TLS only: write `rediss` for `redis` in the scheme");
        warnings.add("plaintext_to_tls_only", message);
    }
    if kind.is_single() && is_cluster_endpoint(host) {
        let ours = kind.canonical();
        let message = format!("`{host}` is the endpoint of a cluster: write `{ours}-cluster://`");
        warnings.add("cluster_endpoint", message);
    }
    if kind.is_single() && port == 26379 {
        let ours = kind.canonical();
        let message = format!(
            "26379 is the port of Sentinel: write `{ours}-sentinel://` and the service name"
        );
        warnings.add("sentinel_port", message);
    }
}

fn is_tls_only(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.ends_with(".upstash.io") && host.starts_with("fly-") {
        return false; // inside Fly's private network
    }
    TLS_ONLY.iter().any(|suffix| host.ends_with(suffix)) || is_secured_aws(host)
}

/// `master.`, `replica.` and `clustercfg.` in front appear only with TLS.
fn is_secured_aws(host: &str) -> bool {
    let prefixes = ["master.", "replica.", "clustercfg."];
    let is_secured = prefixes.iter().any(|prefix| host.starts_with(prefix));
    is_aws(host) && (is_secured || host.contains(".serverless."))
}

fn is_cluster_endpoint(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    is_aws(host) && (host.starts_with("clustercfg.") || host.contains(".clustercfg."))
}

fn is_aws(host: &str) -> bool {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    host.ends_with(".cache.amazonaws.com")
        || host.ends_with(".amazonaws.com") && host.contains(".memorydb.")
}
