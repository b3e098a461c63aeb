//! A browser that is good enough for these tests: one request per connection, and one cookie.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Response {
    pub(crate) status: u16,
    /// `name=value` of the cookie that it sets.
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

pub(crate) async fn get(
    server: SocketAddr,
    path: &str,
    cookie: Option<&str>,
) -> io::Result<Response> {
    let cookie = cookie.map_or(String::new(), |cookie| format!("Cookie: {cookie}\r\n"));
    let head = format!("GET {path} HTTP/1.1\r\n{cookie}");
    answer(server, &head, "").await
}

pub(crate) async fn post(server: SocketAddr, path: &str, body: &str) -> io::Result<Response> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n");
    answer(server, &head, body).await
}

async fn answer(server: SocketAddr, head: &str, body: &str) -> io::Result<Response> {
    let request = format!("{head}Host: app\r\nConnection: close\r\n\r\n{body}");
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    parsed(&response).ok_or_else(|| io::Error::other(response))
}

fn parsed(response: &str) -> Option<Response> {
    let (head, body) = response.split_once("\r\n\r\n")?;
    let mut cookies = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let sets = name.eq_ignore_ascii_case("set-cookie");
        sets.then(|| value.split(';').next())?
    });
    Some(Response {
        status: head.split(' ').nth(1)?.parse().ok()?,
        cookie: cookies.next().map(str::to_owned),
        body: body.to_owned(),
    })
}
