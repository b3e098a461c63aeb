//! What one measurement gives.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::cpu;
use crate::load::Length;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Commands per second.
    pub(crate) rate: f64,
    /// Latency of a command, or of a pipeline, in microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// CPU time per command, in microseconds.
    pub(crate) client_cpu: f64,
    pub(crate) server_cpu: f64,
}

impl Sample {
    /// From how long each round of `batch` commands took.
    pub(crate) fn new(
        mut latencies: Vec<Duration>,
        batch: usize,
        length: Length,
        cpu: cpu::Spent,
    ) -> Sample {
        latencies.sort_unstable();
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let at = |share: f64| {
            let place = (latencies.len() as f64 * share) as usize;
            latencies
                .get(place)
                .map_or(f64::NAN, |latency| micros(*latency))
        };
        let commands = (latencies.len() * batch) as f64;
        Sample {
            rate: match length {
                Length::Seconds(seconds) => commands / seconds,
                Length::Commands(_) => f64::NAN,
            },
            p50: at(0.5),
            p99: at(0.99),
            client_cpu: micros(cpu.client) / commands,
            server_cpu: micros(cpu.server) / commands,
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample {
            rate,
            p50,
            p99,
            client_cpu,
            server_cpu,
        } = self;
        write!(
            f,
            "{rate:.0} {p50:.1} {p99:.1} {client_cpu:.2} {server_cpu:.2}"
        )
    }
}

impl FromStr for Sample {
    type Err = crate::Failure;

    fn from_str(line: &str) -> Result<Sample, Self::Err> {
        let numbers: Vec<f64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        match numbers[..] {
            [rate, p50, p99, client_cpu, server_cpu] => Ok(Sample {
                rate,
                p50,
                p99,
                client_cpu,
                server_cpu,
            }),
            _ => Err(format!("not a measurement: {line}").into()),
        }
    }
}
