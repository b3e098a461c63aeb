//! `IntoConnectionInfo` for [`Client`]: where redis-rs itself finds the same server.

use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisResult,
};

use super::async_client::Client;
use crate::config::{Config, Endpoint, Servers, TlsConfig};
use crate::error::{Error, ErrorKind};
use crate::url::{Protocol, TlsVerify};

/// Tells redis-rs, and what is built on it, where the server of this client is: for libraries that open
/// connections of their own.
///
/// ```no_run
/// use redis_ready::redis;
///
/// # fn example(client: &redis_ready::Client) -> redis::RedisResult<()> {
/// let mut connection = redis::Client::open(client)?.get_connection()?;
/// redis::cmd("PING").exec(&mut connection)?;
/// # Ok(())
/// # }
/// ```
///
/// Such a connection has server, login, database and `protocol` in common with this client, and none of
/// its promises. For TLS switch on a TLS feature of redis-rs.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] for Sentinels, for a cluster, and for TLS with parameters other than
/// `tls_verify=none`: redis-rs has other types for these. As well for a client whose credentials change, before
/// it has connected; after that the login is the one that was used last.
impl IntoConnectionInfo for &Client {
    fn into_connection_info(self) -> RedisResult<ConnectionInfo> {
        let config = self.config();
        let address = address(config)?.into_connection_info()?;
        Ok(address.set_redis_settings(settings(config)?))
    }
}

fn address(config: &Config) -> Result<ConnectionAddr, Error> {
    let Servers::Standalone(endpoint) = config.servers() else {
        let help = "use `redis::sentinel::SentinelClient` or `redis::cluster::ClusterClient`";
        return Err(unsupported("several servers").with_help(help));
    };
    Ok(match (endpoint, config.tls()) {
        (Endpoint::Unix(path), _) => ConnectionAddr::Unix(path.clone()),
        (Endpoint::Tcp(address), None) => ConnectionAddr::Tcp(address.host.clone(), address.port),
        (Endpoint::Tcp(address), Some(tls)) => ConnectionAddr::TcpTls {
            host: address.host.clone(),
            port: address.port,
            insecure: accepts_any_certificate(tls)?,
            tls_params: None,
        },
    })
}

/// Returns whether the server is not verified; fails where redis-rs would verify it in another way.
fn accepts_any_certificate(tls: &TlsConfig) -> Result<bool, Error> {
    let verify = tls.verify;
    let only_verify = TlsConfig {
        verify,
        ..TlsConfig::default()
    };
    if *tls != only_verify || verify == TlsVerify::Ca {
        let help = "call `redis::Client::build_with_tls` with the same files";
        return Err(unsupported("the parameters of TLS").with_help(help));
    }
    Ok(verify == TlsVerify::None)
}

fn unsupported(what: &str) -> Error {
    let message = format!("a `ConnectionInfo` of redis-rs does not hold {what}");
    Error::new(ErrorKind::Unsupported, message)
}

fn settings(config: &Config) -> Result<RedisConnectionInfo, Error> {
    let Some(issued) = config.credentials().last() else {
        let help = "connect first, as with `Client::ready`";
        return Err(
            unsupported("credentials that change, and were not asked for yet").with_help(help),
        );
    };
    let credentials = &issued.credentials;
    let mut settings = RedisConnectionInfo::default()
        .set_db(config.database().into())
        .set_protocol(match config.protocol() {
            Protocol::Resp2 => ProtocolVersion::RESP2,
            Protocol::Resp3 => ProtocolVersion::RESP3,
        });
    if let Some(username) = &credentials.username {
        settings = settings.set_username(username);
    }
    if let Some(password) = &credentials.password {
        settings = settings.set_password(password);
    }
    Ok(settings)
}
