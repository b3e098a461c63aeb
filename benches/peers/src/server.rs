//! The server, or the cluster, that is measured against.

mod cluster;

use redis_ready::testing::{Server as Throwaway, ServerBuilder};

use crate::Failure;
use crate::certificates::Certificates;
use crate::load;
use crate::relay::Relay;

/// A throw-away server, and which process it is.
pub(crate) struct Server {
    /// The first is the one whose processor time is measured.
    servers: Vec<Throwaway>,
    url: String,
    process: u32,
    /// They go when it goes.
    _certificates: Option<Certificates>,
    _relay: Option<Relay>,
}

impl Server {
    pub(crate) fn tcp() -> Result<Server, Failure> {
        Server::start(Throwaway::builder().tcp(), None)
    }

    /// A server behind a relay that delays what it passes on.
    pub(crate) fn delayed() -> Result<Server, Failure> {
        let mut server = Server::tcp()?;
        let port = server.servers[0].port().ok_or("the server has no port")?;
        let relay = Relay::start(port)?;
        server.url = format!("redis://127.0.0.1:{}", relay.port());
        server._relay = Some(relay);
        Ok(server)
    }

    pub(crate) fn unix() -> Result<Server, Failure> {
        Server::start(Throwaway::builder(), None)
    }

    pub(crate) fn tls() -> Result<Server, Failure> {
        let certificates = Certificates::new()?;
        let builder = Throwaway::builder().tls(
            certificates.server(),
            certificates.key(),
            certificates.authority(),
        );
        Server::start(builder, Some(certificates))
    }

    fn start(
        builder: ServerBuilder,
        certificates: Option<Certificates>,
    ) -> Result<Server, Failure> {
        let server = builder.start()?;
        let url = server.url().to_owned();
        Server::of(vec![server], url, certificates)
    }

    /// A cluster of so many primaries, without replicas.
    pub(crate) fn cluster(nodes: usize) -> Result<Server, Failure> {
        let nodes = cluster::start(nodes)?;
        let addresses: Vec<_> = nodes
            .iter()
            .filter_map(|node| node.url().strip_prefix("redis://"))
            .collect();
        let url = format!("redis-cluster://{}", addresses.join(","));
        Server::of(nodes, url, None)
    }

    fn of(
        servers: Vec<Throwaway>,
        url: String,
        certificates: Option<Certificates>,
    ) -> Result<Server, Failure> {
        let info: redis::InfoDict = redis::cmd("INFO")
            .arg("server")
            .query(&mut servers[0].client().blocking())?;
        let process = info.get("process_id").ok_or("the server has no process")?;
        Ok(Server {
            servers,
            url,
            process,
            _certificates: certificates,
            _relay: None,
        })
    }

    /// Sets every key, so that a GET finds a value, whichever client is measured first.
    pub(crate) fn fill(&self, value: usize) -> Result<(), Failure> {
        let mut connection = match self.servers.as_slice() {
            [server] => server.client().blocking(),
            _ => redis_ready::Client::open(&self.url)?.blocking(),
        };
        let value = load::value(value);
        for keys in load::keys().chunks(100) {
            let mut pipeline = redis::pipe();
            for key in keys {
                pipeline.set(key, value).ignore();
            }
            pipeline.exec(&mut connection)?;
        }
        Ok(())
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn process(&self) -> u32 {
        self.process
    }
}
