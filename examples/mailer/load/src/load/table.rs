//! The table of a load run.

use super::sample::Sample;
use super::variant::Variant;

const HEAD: &str = "\
| | requests | per second | p50, ms | p99, ms | errors | CPU, s | CPU per request, µs | peak memory, MiB |
|---|---:|---:|---:|---:|---:|---:|---:|---:|";

pub fn head() -> &'static str {
    HEAD
}

/// The row of a variant: sums of requests, errors and CPU time, and for the rest medians with the least and the
/// greatest.
pub fn row(variant: Variant, samples: &[Sample]) -> String {
    let requests: usize = samples.iter().map(|it| it.requests).sum();
    let errors: u64 = samples.iter().map(|it| it.errors).sum();
    let cpu: f64 = samples.iter().map(|it| it.cpu).sum();
    format!(
        "| {variant} | {requests} | {} | {} | {} | {errors} | {cpu:.1} | {} | {} |",
        median(samples, 0, |it| it.per_second),
        median(samples, 1, |it| it.p50),
        median(samples, 1, |it| it.p99),
        median(samples, 1, Sample::cpu_per_request),
        median(samples, 1, |it| it.peak),
    )
}

fn median(samples: &[Sample], digits: usize, value: impl Fn(&Sample) -> f64) -> String {
    let mut values: Vec<f64> = samples.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    match values[..] {
        [] => String::new(),
        [only] => format!("{only:.digits$}"),
        [least, .., greatest] => {
            let (above, below) = (values.len() / 2, (values.len() - 1) / 2);
            let median = f64::midpoint(values[below], values[above]);
            format!("{median:.digits$} ({least:.digits$}–{greatest:.digits$})")
        }
    }
}
