//! `IntoConnectionInfo` for [`Client`]: where redis-rs itself finds the same server.

use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisResult,
};

use super::async_client::Client;
use crate::config::{Config, Endpoint, Standalone, Transport};
use crate::login::Credentials;
use crate::url::Protocol;

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
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for Sentinels, for a cluster, and for TLS with
/// parameters other than `tls_verify=none`: redis-rs has other types for these. As well for a client whose
/// credentials change, before it has connected; after that the login is the one that was used last.
impl IntoConnectionInfo for &Client {
    fn into_connection_info(self) -> RedisResult<ConnectionInfo> {
        let config = self.config();
        let server = config.standalone("a `ConnectionInfo` of redis-rs")?;
        let address = address(&server).into_connection_info()?;
        Ok(address.set_redis_settings(settings(config, &server.login.credentials)))
    }
}

fn address(server: &Standalone<'_>) -> ConnectionAddr {
    match server.endpoint {
        Endpoint::Unix(path) => ConnectionAddr::Unix(path.clone()),
        Endpoint::Tcp(address) if server.transport == Transport::Plain => {
            ConnectionAddr::Tcp(address.host.clone(), address.port)
        }
        Endpoint::Tcp(address) => ConnectionAddr::TcpTls {
            host: address.host.clone(),
            port: address.port,
            insecure: server.transport == Transport::TlsUnverified,
            tls_params: None,
        },
    }
}

fn settings(config: &Config, credentials: &Credentials) -> RedisConnectionInfo {
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
    settings
}
