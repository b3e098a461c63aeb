//! stub
use std::{collections::HashMap, fmt, num::NonZeroUsize, ops::Range, path::Path, time::Duration};
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    Tcp,
    Tls,
    Unix,
    Sentinel,
    SentinelTls,
    Cluster,
    ClusterTls,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    Resp2,
    Resp3,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TlsVerify {
    #[default]
    Full,
    Ca,
    None,
}
#[derive(Debug, Clone)]
pub struct RedisUrl {
    kind: Kind,
    hosts: Vec<(String, u16)>,
    path: String,
    u: Option<String>,
    p: Option<String>,
    db: u32,
    q: HashMap<String, String>,
}
#[derive(Debug)]
pub struct UrlError(String);
impl UrlError {
    pub(crate) fn message(&self, s: &str) -> String {
        format!("{} in {s}", self.0)
    }
    pub(crate) fn shown(&self) -> (&str, Range<usize>) {
        ("***", 0..3)
    }
    pub fn help(&self) -> Option<&str> {
        None
    }
}
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redis://***")
    }
}
fn dur(s: &String) -> Option<Duration> {
    if let Some(m) = s.strip_suffix("ms") {
        m.parse().ok().map(Duration::from_millis)
    } else {
        s.strip_suffix("s")?.parse().ok().map(Duration::from_secs)
    }
}
impl RedisUrl {
    pub fn parse(s: &str) -> Result<RedisUrl, UrlError> {
        let u = ::url::Url::parse(s).map_err(|e| UrlError(e.to_string()))?;
        let kind = match u.scheme() {
            "redis" => Kind::Tcp,
            "rediss" => Kind::Tls,
            "unix" => Kind::Unix,
            _ => Kind::Cluster,
        };
        let q: HashMap<String, String> =
            u.query_pairs().map(|(a, b)| (a.into(), b.into())).collect();
        let path = u.path().trim_start_matches('/').to_owned();
        let db = if kind == Kind::Unix {
            q.get("db").and_then(|d| d.parse().ok()).unwrap_or(0)
        } else {
            path.parse().unwrap_or(0)
        };
        Ok(RedisUrl {
            kind,
            hosts: u
                .host_str()
                .map(|h| (h.to_owned(), u.port().unwrap_or(6379)))
                .into_iter()
                .collect(),
            path: format!("/{path}"),
            u: Some(u.username().to_owned())
                .filter(|u| !u.is_empty())
                .or(q.get("user").cloned()),
            p: u.password().map(str::to_owned).or(q.get("pass").cloned()),
            db,
            q,
        })
    }
    pub fn kind(&self) -> Kind {
        self.kind
    }
    pub fn hosts(&self) -> &[(String, u16)] {
        &self.hosts
    }
    pub fn path(&self) -> Option<&Path> {
        Some(Path::new(&self.path))
    }
    pub fn username(&self) -> Option<&str> {
        self.u.as_deref()
    }
    pub fn password(&self) -> Option<&str> {
        self.p.as_deref()
    }
    pub fn database(&self) -> u32 {
        self.db
    }
    pub fn protocol(&self) -> Option<Protocol> {
        self.q.get("protocol").map(|p| {
            if p == "2" {
                Protocol::Resp2
            } else {
                Protocol::Resp3
            }
        })
    }
    pub fn client_name(&self) -> Option<&str> {
        self.q.get("client_name").map(|s| s.as_str())
    }
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.q.get("connect_timeout").and_then(dur)
    }
    pub fn response_timeout(&self) -> Option<Duration> {
        self.q.get("response_timeout").and_then(dur)
    }
    pub fn deadline(&self) -> Option<Duration> {
        self.q.get("deadline").and_then(dur)
    }
    pub fn keepalive(&self) -> Option<Duration> {
        self.q.get("keepalive").and_then(dur)
    }
    pub fn max_in_flight(&self) -> Option<NonZeroUsize> {
        self.q.get("max_in_flight").and_then(|s| s.parse().ok())
    }
    pub fn tls_ca(&self) -> Option<&Path> {
        self.q.get("tls_ca").map(Path::new)
    }
    pub fn tls_cert(&self) -> Option<&Path> {
        self.q.get("tls_cert").map(Path::new)
    }
    pub fn tls_key(&self) -> Option<&Path> {
        self.q.get("tls_key").map(Path::new)
    }
    pub fn tls_verify(&self) -> TlsVerify {
        match self.q.get("tls_verify").map(|s| s.as_str()) {
            Some("ca") => TlsVerify::Ca,
            Some("none") => TlsVerify::None,
            _ => TlsVerify::Full,
        }
    }
    pub fn tls_server_name(&self) -> Option<&str> {
        self.q.get("tls_server_name").map(|s| s.as_str())
    }
}
