//! [`Connected`]: a connection that is ready for commands.

use std::io;

use super::greeting::Greeting;
use super::stream::Stream;

/// A connection after its handshake.
pub(crate) struct Connected {
    pub(crate) stream: Stream,
    /// What the server has sent beyond its answers to the handshake.
    pub(crate) input: Vec<u8>,
    /// What the server says of itself.
    pub(crate) greeting: Greeting,
}

impl Connected {
    /// Waits for more input.
    pub(crate) async fn read_more(&mut self) -> io::Result<()> {
        let mut chunk = [0; 1024];
        match self.stream.read(&mut chunk).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.input.extend_from_slice(&chunk[..read]);
                Ok(())
            }
        }
    }
}
