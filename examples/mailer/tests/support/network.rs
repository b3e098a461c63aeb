//! A network that loses a reply: the command has run, and the connection ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// Leads to the server on this port. Where the flag is set, the next reply is lost, once.
pub async fn lossy(port: u16) -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let loses = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&loses);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", port)).await;
            tokio::spawn(carry(
                client,
                server.expect("it listens"),
                Arc::clone(&flag),
            ));
        }
    });
    (address, loses)
}

async fn carry(client: TcpStream, server: TcpStream, loses: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let replies = async {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            if loses.swap(false, Ordering::Relaxed) {
                break;
            }
            if to_client.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = replies => {}
        _ = copy(&mut from_client, &mut to_server) => {}
    }
}
