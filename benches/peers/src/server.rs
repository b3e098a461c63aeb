//! The server that is measured against.

use crate::Failure;

/// A throw-away server, and which process it is.
pub(crate) struct Server {
    server: redis_ready::testing::Server,
    process: u32,
}

impl Server {
    pub(crate) fn tcp() -> Result<Server, Failure> {
        Server::start(redis_ready::testing::Server::builder().tcp())
    }

    fn start(builder: redis_ready::testing::ServerBuilder) -> Result<Server, Failure> {
        let server = builder.start()?;
        let info: redis::InfoDict = redis::cmd("INFO")
            .arg("server")
            .query(&mut server.client().blocking())?;
        let process = info.get("process_id").ok_or("the server has no process")?;
        Ok(Server { server, process })
    }

    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    pub(crate) fn process(&self) -> u32 {
        self.process
    }
}
