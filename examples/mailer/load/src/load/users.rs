//! [`Users`]: they sign in once, and then send one mail after the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::http::Browser;
use super::serve::PASSWORD;
use crate::Result;

/// Users who have signed in.
pub struct Users(Vec<Browser>);

/// What they have seen.
#[derive(Default)]
pub struct Seen {
    /// How long each request has taken that was served.
    pub latencies: Vec<Duration>,
    pub errors: u64,
    pub first_error: Option<String>,
}

impl Seen {
    fn merge(&mut self, other: Seen) {
        let Seen {
            latencies,
            errors,
            first_error,
        } = other;
        self.latencies.extend(latencies);
        self.errors += errors;
        self.first_error = self.first_error.take().or(first_error);
    }
}

impl Users {
    pub async fn sign_in(count: usize, server: SocketAddr) -> Result<Users> {
        let mut tasks = JoinSet::new();
        for user in 0..count {
            tasks.spawn(sign_in(user, server));
        }
        let browsers = tasks.join_all().await;
        Ok(Users(browsers.into_iter().collect::<Result<_>>()?))
    }

    /// Lets all of them send mails for so long, each of them one at a time.
    pub async fn send_mails(self, time: Duration, pause: Duration) -> Seen {
        let end = Instant::now() + time;
        let mut tasks = JoinSet::new();
        for (user, browser) in self.0.into_iter().enumerate() {
            tasks.spawn(send_mails(user, browser, end, pause));
        }
        let mut all = Seen::default();
        while let Some(seen) = tasks.join_next().await {
            all.merge(seen.expect("a user does not panic"));
        }
        all
    }
}

async fn sign_in(user: usize, server: SocketAddr) -> Result<Browser> {
    let mut browser = Browser::connect(server).await?;
    let form = format!("user=user-{user}&password={PASSWORD}");
    match browser.post("/sign-in", &form).await? {
        200 => Ok(browser),
        status => Err(format!("user {user} cannot sign in: status {status}").into()),
    }
}

async fn send_mails(user: usize, mut browser: Browser, end: Instant, pause: Duration) -> Seen {
    let mut seen = Seen::default();
    for number in 0.. {
        if !pause.is_zero() {
            // At first, too: the users do not begin together.
            tokio::time::sleep(pause.mul_f64(2.0 * fastrand::f64())).await;
        }
        let start = Instant::now();
        if start >= end {
            break;
        }
        let form = format!(
            "id=mail-{user}-{number}&to=ann@mail.example&subject=Hello+{number}&text=How+do+you+do%3F"
        );
        match browser.post("/mails", &form).await {
            Ok(202) => seen.latencies.push(start.elapsed()),
            Ok(status) => seen.add_error(format!("status {status}")),
            Err(error) => {
                // The connection is gone.
                seen.add_error(error.to_string());
                break;
            }
        }
    }
    seen
}

impl Seen {
    fn add_error(&mut self, error: String) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }
}
