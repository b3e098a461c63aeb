//! [`Browser`]: one request per connection, and one cookie.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

/// How long a test waits for an event.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

pub struct Browser {
    pub server: SocketAddr,
    /// `name=value`
    pub cookie: Option<String>,
}

impl Browser {
    pub fn new(server: SocketAddr) -> Browser {
        Browser {
            server,
            cookie: None,
        }
    }

    /// One whose user has signed in.
    pub async fn signed_in(server: SocketAddr, user: &str, password: &str) -> Browser {
        let mut browser = Browser::new(server);
        let response = browser.sign_in(user, password).await;
        assert_eq!(response.status, 200, "{response:?}");
        browser
    }

    pub async fn sign_in(&mut self, user: &str, password: &str) -> Response {
        let form = format!("user={user}&password={password}");
        self.post("/sign-in", &form).await
    }

    pub async fn send(&mut self, id: &str, to: &str) -> Response {
        let form = format!("id={id}&to={to}&subject=Hello&text=How+do+you+do%3F");
        self.post("/mails", &form).await
    }

    pub async fn get(&mut self, path: &str) -> Response {
        self.exchange(&self.request("GET", path, "")).await
    }

    pub async fn post(&mut self, path: &str, form: &str) -> Response {
        self.exchange(&self.request("POST", path, form)).await
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let cookie = self.cookie.as_ref();
        let cookie = cookie.map_or(String::new(), |cookie| format!("Cookie: {cookie}\r\n"));
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: mailer\r\nConnection: close\r\n{cookie}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    async fn exchange(&mut self, request: &str) -> Response {
        let response = exchange(self.server, request).await.expect("it answers");
        if let Some(cookie) = response.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        response
    }

    /// Opens `/events`.
    pub async fn events(&self) -> Events {
        let mut stream = TcpStream::connect(self.server).await.expect("it listens");
        let request = self.request("GET", "/events", "");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        Events(BufReader::new(stream).lines())
    }
}

/// A stream of server-sent events.
pub struct Events(Lines<BufReader<TcpStream>>);

impl Events {
    /// Returns the next event; `None` at the end.
    pub async fn next(&mut self) -> Option<Value> {
        let event = tokio::time::timeout(PATIENCE, self.next_data()).await;
        let event = event.expect("an event comes")?;
        Some(serde_json::from_str(&event).expect("JSON"))
    }

    async fn next_data(&mut self) -> Option<String> {
        loop {
            let line = self.0.next_line().await.ok()??;
            // Others are empty, or keep the connection alive.
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(data.to_owned());
            }
        }
    }

    /// Waits for an event in which `field` is `value`.
    pub async fn until(&mut self, field: &str, value: impl Into<Value>) -> Value {
        let value = value.into();
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event[field] == value {
                return event;
            }
        }
    }
}

/// Sends a request on a connection of its own. The response has to tell its length.
pub async fn exchange(server: SocketAddr, request: &str) -> io::Result<Response> {
    let mut stream = BufReader::new(TcpStream::connect(server).await?);
    stream.write_all(request.as_bytes()).await?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err(io::Error::other(format!("it ends in its head: {head}")));
        }
    }
    let mut response = Response {
        status: 0,
        head,
        body: String::new(),
    };
    let length = response
        .header("content-length")
        .and_then(|it| it.parse().ok());
    let length: u64 = length.expect("it tells its length");
    stream
        .take(length)
        .read_to_string(&mut response.body)
        .await?;
    let status = response.head.split(' ').nth(1);
    response.status = status.and_then(|it| it.parse().ok()).expect("a status");
    Ok(response)
}
