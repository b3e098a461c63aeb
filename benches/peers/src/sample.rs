//! What one measurement gives.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::cpu;
use crate::histogram::Histogram;
use crate::length::Length;

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
        latencies: &Histogram,
        batch: usize,
        length: Length,
        cpu: cpu::Spent,
    ) -> Sample {
        let commands = latencies.count() as f64 * batch as f64;
        let per_command = |time: Duration| time.as_secs_f64() * 1e6 / commands;
        Sample {
            rate: match length {
                Length::Seconds(seconds) => commands / seconds,
                Length::Commands(_) => f64::NAN,
            },
            p50: latencies.quantile(0.5) / 1e3,
            p99: latencies.quantile(0.99) / 1e3,
            client_cpu: per_command(cpu.client),
            server_cpu: per_command(cpu.server),
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
