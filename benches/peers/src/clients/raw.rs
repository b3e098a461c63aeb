//! No client at all: the practical limit of one connection. One task writes as many commands as the
//! load has in flight, all at once, and reads as many replies.

use std::io::Write;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::Failure;
use crate::load::{self, Command, Commands, Load, Share};
use crate::sample::Sample;

pub(super) async fn measure(url: &str, load: &Load) -> Result<Sample, Failure> {
    if let Some(path) = url.strip_prefix("unix://") {
        return run(UnixStream::connect(path).await?, load).await;
    }
    let address = url.strip_prefix("redis://").ok_or("`raw` speaks no TLS")?;
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    run(socket, load).await
}

async fn run<S>(socket: S, load: &Load) -> Result<Sample, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let batch = load.tasks * load.pipeline;
    let running = tokio::spawn(batches(socket, load.clone()));
    let pause = async |wait: Duration| tokio::time::sleep(wait).await;
    let cpu = load::measure(load, pause).await;
    let share = running.await??;
    Ok(Sample::new(&share.latencies, batch, load.length, cpu))
}

async fn batches<S>(mut socket: S, load: Load) -> std::io::Result<Share>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let batch = load.tasks * load.pipeline;
    let mut commands = Commands::new(0, &load);
    let mut share = Share::new(&load, load.tasks);
    let (mut output, mut input) = (Vec::new(), Vec::new());
    while let Some(start) = share.start() {
        output.clear();
        (0..batch).for_each(|_| encode(commands.next(), &mut output));
        socket.write_all(&output).await?;
        let mut left = batch;
        let mut at = 0;
        input.clear();
        while left > 0 {
            if socket.read_buf(&mut input).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            while let Some(length) = reply_length(&input[at..]) {
                at += length;
                left -= 1;
            }
        }
        share.end(start);
    }
    Ok(share)
}

fn encode(command: Command, output: &mut Vec<u8>) {
    let Command { key, value } = command;
    // Writing to a vector cannot fail.
    let _ = match value {
        Some(value) => write!(
            output,
            "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n",
            key.len(),
            value.len()
        ),
        None => write!(output, "*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()),
    };
}

/// The bytes of the first reply, once all have come.
fn reply_length(input: &[u8]) -> Option<usize> {
    let line = input.windows(2).position(|end| end == b"\r\n")? + 2;
    if input.first() != Some(&b'$') {
        return Some(line);
    }
    let length = std::str::from_utf8(&input[1..line - 2]).ok()?;
    match length.parse::<usize>() {
        Ok(length) => (input.len() >= line + length + 2).then_some(line + length + 2),
        // `$-1`: there is no value.
        Err(_) => Some(line),
    }
}
