//! [`Sample`]: one measurement of one variant.

use std::process::Stdio;
use std::time::{Duration, Instant};

use redis_ready::testing::Server;

use super::users::{Seen, Users};
use super::variant::Variant;
use crate::Result;
use crate::child::Child;

#[derive(Debug, Clone, Default)]
pub struct Sample {
    pub requests: usize,
    pub per_second: f64,
    /// In milliseconds.
    pub p50: f64,
    pub p99: f64,
    pub errors: u64,
    pub first_error: Option<String>,
    /// Seconds of CPU time of the application while the mails were sent.
    pub cpu: f64,
    /// The most memory that the application has had, in MiB.
    pub peak: f64,
}

impl Sample {
    /// Measures, with a server and a process of its own.
    pub async fn take(
        variant: Variant,
        users: usize,
        time: Duration,
        pause: Duration,
    ) -> Result<Sample> {
        let server = Server::builder().tcp().start()?;
        let arguments = ["serve", variant.name(), server.url()];
        let mut application = Child::start(&arguments, Stdio::inherit())?;
        let address = application.line().await?.parse()?;
        let users = Users::sign_in(users, address).await?;

        let (start, cpu) = (Instant::now(), application.cpu_time()?);
        let seen = users.send_mails(time, pause).await;
        let elapsed = start.elapsed();
        let cpu = application.cpu_time()?.saturating_sub(cpu);
        let peak = application.peak_memory()?;
        application.stop().await?;
        Ok(Sample::of(seen, elapsed, cpu, peak))
    }

    #[expect(clippy::cast_precision_loss, reason = "they are small")]
    fn of(seen: Seen, elapsed: Duration, cpu: Duration, peak: u64) -> Sample {
        let Seen {
            mut latencies,
            errors,
            first_error,
        } = seen;
        latencies.sort_unstable();
        Sample {
            requests: latencies.len(),
            per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
            p50: quantile(&latencies, 50),
            p99: quantile(&latencies, 99),
            errors,
            first_error,
            cpu: cpu.as_secs_f64(),
            peak: peak as f64 / 1024.0,
        }
    }

    /// CPU time of the application per request, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "they are small")]
    pub fn cpu_per_request(&self) -> f64 {
        1e6 * self.cpu / self.requests.max(1) as f64
    }
}

/// The latency, in milliseconds, that this share of all stay below.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let place = sorted.len() * percent / 100;
    sorted
        .get(place)
        .map_or(f64::NAN, |it| it.as_secs_f64() * 1e3)
}
