//! What other clients and providers write and offer, as data.

use super::codes::{self, Warnings};
use super::kind::UrlKind;

/// Well-known schemes that are not ours: of other clients, misspelt, of other products.
const SCHEMES: &str = "http https tcp tls ssl redis+tls redis-ssl redis-tls socket reddis reids redi edis rediscache rediscaches ioredis sentinel \
    redis+srv rediss+srv file unixs redis-uds redis-unix rediss+unix rediss+socket postgres postgresql mysql mongodb mongodb+srv \
    amqp amqps memcached memcache nats kafka sqlite";

/// Finds a well-known scheme by its name in any case.
pub(super) fn scheme(name: &str) -> Option<&'static str> {
    let mut known = SCHEMES.split(' ');
    known.find(|known| known.eq_ignore_ascii_case(name))
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
    let is_single = kind.is_single();
    let is_cluster = is_single && is_cluster_endpoint(host);
    let is_remote = host != "localhost" && host != "::1" && !host.starts_with("127.");
    let is_memorystore = port == 6378 && is_remote; // the one with TLS; its hosts are addresses
    let is_plain = !kind.is_tls() && (is_memorystore || is_tls_only(host));
    warnings.extend(is_plain.then_some(codes::PLAINTEXT_TO_TLS_ONLY));
    warnings.extend(is_cluster.then_some(codes::CLUSTER_ENDPOINT));
    warnings.extend((is_single && port == 26379).then_some(codes::SENTINEL_PORT));
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
