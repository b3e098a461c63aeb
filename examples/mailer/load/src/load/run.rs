//! [`run`]: all variants in turn, round after round, so that what else the machine does meets all of them.

use super::sample::Sample;
use super::table;
use crate::Result;
use crate::options::LoadSize;

/// Prints a line for each measurement, and then a table. Returns whether all requests were served.
pub async fn run(size: LoadSize) -> Result<bool> {
    let LoadSize {
        users,
        time,
        rounds,
        pause,
        variants,
    } = size;
    let mut samples = vec![Vec::new(); variants.len()];
    for round in 1..=rounds {
        for (variant, samples) in variants.iter().zip(&mut samples) {
            let sample = Sample::take(*variant, users, time / rounds, pause).await?;
            let Sample {
                per_second,
                p50,
                p99,
                errors,
                ..
            } = sample;
            println!(
                "round {round}, {variant}: {per_second:.0} requests per second, p50 {p50:.1} ms, p99 {p99:.1} ms, \
                 {errors} errors"
            );
            if let Some(error) = &sample.first_error {
                println!("  the first error: {error}");
            }
            samples.push(sample);
        }
    }
    println!(
        "\n{users} users for {} s each, pause {} ms, {rounds} rounds:\n",
        time.as_secs(),
        pause.as_millis()
    );
    println!("{}", table::head());
    for (variant, samples) in variants.iter().zip(&samples) {
        println!("{}", table::row(*variant, samples));
    }
    let all = || samples.iter().flatten();
    Ok(all().all(|it| it.errors == 0 && it.requests > 0))
}
