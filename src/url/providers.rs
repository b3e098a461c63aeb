//! What host names tell about their provider. It may warn, never refuse.

use super::scheme::UrlKind;
use super::warning::UrlWarning;

/// Hosts that speak TLS only, by suffix.
const TLS_ONLY: [&str; 13] = [
    ".upstash.io",
    ".redis.cache.windows.net",
    ".redis.cache.chinacloudapi.cn",
    ".redis.cache.usgovcloudapi.net",
    ".redis.azure.net",
    ".redisenterprise.cache.azure.net",
    ".kv.vercel-storage.com",
    ".db.ondigitalocean.com",
    ".aivencloud.com",
    "-keyvalue.render.com",
    "-redis.render.com",
    ".databases.appdomain.cloud",
    ".database.cloud.ovh.net",
];

/// Warns about what the name and port of a host give away.
pub(super) fn warn(kind: UrlKind, host: &str, port: u16, warnings: &mut Vec<UrlWarning>) {
    if !kind.is_tls() && kind != UrlKind::Unix && is_tls_only(host) {
        warnings.push(UrlWarning::new(
            "plaintext_to_tls_only",
            format!("`{host}` speaks TLS only: write `rediss` for `redis` in the scheme"),
        ));
    }
    let is_single = matches!(kind, UrlKind::Tcp | UrlKind::Tls);
    if is_single && is_cluster_endpoint(host) {
        warnings.push(UrlWarning::new(
            "cluster_endpoint",
            format!(
                "`{host}` is the endpoint of a cluster: write `{}-cluster://`",
                kind.canonical()
            ),
        ));
    }
    if is_single && port == 26379 {
        warnings.push(UrlWarning::new(
            "sentinel_port",
            format!(
                "26379 is the port of Sentinel: write `{}-sentinel://` and the service name",
                kind.canonical()
            ),
        ));
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
    let secured = ["master.", "replica.", "clustercfg."]
        .iter()
        .any(|prefix| host.starts_with(prefix));
    is_aws(host) && (secured || host.contains(".serverless."))
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
