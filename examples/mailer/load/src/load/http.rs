//! [`Browser`]: a connection that is kept, and a cookie. It reads what axum sends, and no more of HTTP/1.1.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Browser {
    stream: TcpStream,
    cookie: String,
    buffer: Vec<u8>,
}

impl Browser {
    pub async fn connect(server: SocketAddr) -> io::Result<Browser> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Browser {
            stream,
            cookie: String::new(),
            buffer: Vec::new(),
        })
    }

    /// Posts a form, and returns the status.
    pub async fn post(&mut self, path: &str, form: &str) -> io::Result<u16> {
        let Browser { cookie, .. } = self;
        let length = form.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: mailer\r\n{cookie}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head = loop {
            self.read().await?;
            if let Some(end) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).into_owned();
        let length: usize = number(header(&text, "content-length"))?;
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        if let Some(cookie) = header(&text, "set-cookie").and_then(|it| it.split(';').next()) {
            self.cookie = format!("Cookie: {cookie}\r\n");
        }
        number(text.split(' ').nth(1))
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn number<T: std::str::FromStr>(text: Option<&str>) -> io::Result<T> {
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| ErrorKind::InvalidData.into())
}
