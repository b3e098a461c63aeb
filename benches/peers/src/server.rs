//! The server that is measured against.

use redis_ready::testing::{Server as Throwaway, ServerBuilder};

use crate::Failure;
use crate::certificates::Certificates;
use crate::load;

/// A throw-away server, and which process it is.
pub(crate) struct Server {
    server: Throwaway,
    process: u32,
    /// They go when it goes.
    _certificates: Option<Certificates>,
}

impl Server {
    pub(crate) fn tcp() -> Result<Server, Failure> {
        Server::start(Throwaway::builder().tcp(), None)
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
        let info: redis::InfoDict = redis::cmd("INFO")
            .arg("server")
            .query(&mut server.client().blocking())?;
        let process = info.get("process_id").ok_or("the server has no process")?;
        Ok(Server {
            server,
            process,
            _certificates: certificates,
        })
    }

    /// Sets every key, so that a GET finds a value whoever is measured first.
    pub(crate) fn fill(&self, value: usize) -> Result<(), Failure> {
        let mut connection = self.server.client().blocking();
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
        self.server.url()
    }

    pub(crate) fn process(&self) -> u32 {
        self.process
    }
}
