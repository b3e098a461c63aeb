//! [`Chromium`]: a real browser without a window, by the protocol `WebDriver`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::{eventually, http, temporary_directory};

const INSTALL: &str =
    "install Chromium and its driver: apt-get install -y chromium chromium-driver";
/// No window, no sandbox, as in a container, and nothing that Chromium asks its makers for.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=720,960",
];
/// The name of a reference to an element in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub struct Chromium {
    driver: SocketAddr,
    session: String,
    profile: PathBuf,
    /// It ends with this handle.
    _process: Child,
}

impl Chromium {
    pub async fn start() -> Chromium {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("no `chromedriver`: {error}\n  help: {INSTALL}"));
        let output = process.stdout.take().expect("it is piped");
        let driver = SocketAddr::from((Ipv4Addr::LOCALHOST, port(output).await));

        let profile = temporary_directory();
        let directory = format!("--user-data-dir={}", profile.display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([&*directory]).collect();
        let options = json!({ "goog:chromeOptions": { "args": arguments } });
        let wanted = json!({ "capabilities": { "alwaysMatch": options } });
        let started = exchange(driver, "POST", "/session", &wanted).await;
        let started = started.unwrap_or_else(|error| panic!("{error}\n  help: {INSTALL}"));
        let session = started["sessionId"].as_str().expect("it has an id");
        Chromium {
            driver,
            session: format!("/session/{session}"),
            profile,
            _process: process,
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let path = format!("{}{path}", self.session);
        let answer = exchange(self.driver, method, &path, &body).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub async fn open(&self, url: &str) {
        self.ask("POST", "/url", json!({ "url": url })).await;
    }

    async fn element(&self, selector: &str) -> String {
        let by = json!({ "using": "css selector", "value": selector });
        let found = self.ask("POST", "/element", by).await;
        let id = found[ELEMENT].as_str().expect("an element");
        format!("/element/{id}")
    }

    /// Types into an input, with the keys of a keyboard.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let path = self.element(selector).await + "/value";
        self.ask("POST", &path, json!({ "text": text })).await;
    }

    pub async fn click(&self, selector: &str) {
        let path = self.element(selector).await + "/click";
        self.ask("POST", &path, json!({})).await;
    }

    /// Returns the text as it is shown; empty for what is hidden.
    pub async fn text(&self, selector: &str) -> String {
        let path = self.element(selector).await + "/text";
        let text = self.ask("GET", &path, Value::Null).await;
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until the text is shown that the closure accepts.
    pub async fn until(&self, selector: &str, is_so: impl Fn(&str) -> bool) {
        let what = format!("{selector} is as expected");
        eventually(&what, async || is_so(&self.text(selector).await)).await;
    }

    pub async fn run(&self, script: &str) -> Value {
        let call = json!({ "script": script, "args": [] });
        self.ask("POST", "/execute/sync", call).await
    }

    pub async fn screenshot(&self, file: &Path) {
        let encoded = self.ask("GET", "/screenshot", Value::Null).await;
        let encoded = encoded.as_str().expect("a picture");
        let picture = BASE64_STANDARD.decode(encoded).expect("it is base64");
        std::fs::write(file, picture).expect("it can be written");
    }

    /// What pages have written to the console: errors of scripts, and what the policy has blocked.
    pub async fn console(&self) -> Value {
        self.ask("POST", "/se/log", json!({ "type": "browser" }))
            .await
    }
}

/// Ends the browser as well if the test has failed: a driver that is killed would leave it.
impl Drop for Chromium {
    fn drop(&mut self) {
        let shutdown = || -> std::io::Result<()> {
            let mut stream = std::net::TcpStream::connect(self.driver)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            // It answers when all of its browsers have ended.
            stream.read_exact(&mut [0; 12])?;
            Ok(())
        };
        if let Err(error) = shutdown() {
            eprintln!("chromedriver does not end its browser: {error}");
        }
        // Where that fails, it is left to `cargo clean`.
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// Reads the port that the driver has chosen.
async fn port(output: impl AsyncRead + Unpin) -> u16 {
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.expect("it can be read") {
        let port = line.split_once("started successfully on port ");
        if let Some((_, port)) = port {
            return port.trim_end_matches('.').parse().expect("a port");
        }
    }
    panic!("chromedriver has not started\n  help: {INSTALL}");
}

async fn exchange(
    driver: SocketAddr,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<Value, String> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {driver}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = http::exchange(driver, &request).await;
    let response = response.map_err(|error| error.to_string())?;
    let answer: Result<Value, _> = serde_json::from_str(&response.body);
    let mut answer = answer.map_err(|error| error.to_string())?;
    let value = answer["value"].take();
    match value["error"].as_str() {
        Some(error) => Err(format!("{error}: {}", value["message"])),
        None => Ok(value),
    }
}
