//! [`Settings`]: the command line. Where Redis is says `REDIS_URL`, see `.env.example`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const USAGE: &str = "\
mailer [--demo] [--listen ADDRESS] [--outbox DIRECTORY] [--worker NAME] [--workers NUMBER] [--insecure-cookie]
  --demo             starts a Redis server of its own instead of REDIS_URL, and implies --insecure-cookie
  --listen           default 127.0.0.1:8080
  --outbox           where mails are delivered to; default: outbox
  --worker           name of this instance, which no other one has, and the same after a restart; default: worker
  --workers          how many mails are delivered at the same time; default 2
  --insecure-cookie  sends the session over HTTP, too";

/// What the command line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub demo: bool,
    pub listen: SocketAddr,
    pub outbox: PathBuf,
    pub worker: String,
    pub workers: usize,
    pub secure_cookie: bool,
    /// How long a mail may be with a worker before another one takes it over.
    pub abandoned_after: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            demo: false,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            outbox: PathBuf::from("outbox"),
            worker: "worker".to_owned(),
            workers: 2,
            secure_cookie: true,
            abandoned_after: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Reads the arguments that follow the name of the program.
    ///
    /// # Errors
    ///
    /// What is wrong, and how it is right.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Settings, String> {
        let mut settings = Settings::default();
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            match &*name {
                "--demo" => {
                    settings.demo = true;
                    settings.secure_cookie = false;
                }
                "--insecure-cookie" => settings.secure_cookie = false,
                "--listen" => settings.listen = value(&name, arguments.next())?,
                "--outbox" => settings.outbox = value(&name, arguments.next())?,
                "--worker" => settings.worker = value(&name, arguments.next())?,
                "--workers" => settings.workers = value(&name, arguments.next())?,
                _ => return Err(format!("unknown argument `{name}`\n{USAGE}")),
            }
        }
        Ok(settings)
    }
}

fn value<T: std::str::FromStr>(name: &str, text: Option<String>) -> Result<T, String> {
    let parsed = text.and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| format!("invalid value of `{name}`\n{USAGE}"))
}
