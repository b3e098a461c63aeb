//! What `redis_client!()` costs after the first call: `REDIS_URL=redis://localhost cargo bench`.

use std::hint::black_box;
use std::time::Instant;

use redis_ready::redis_client;

const CALLS: u32 = 10_000_000;
const RUNS: usize = 7;

fn main() {
    if let Err(error) = redis_client!() {
        eprintln!("Error: {error:?}");
        std::process::exit(1);
    }
    let mut runs: Vec<f64> = (0..RUNS).map(|_| nanoseconds_per_call()).collect();
    runs.sort_by(f64::total_cmp);
    println!(
        "redis_client!() after the first call: median {:.1} ns, worst {:.1} ns of {RUNS} runs",
        runs[RUNS / 2],
        runs[RUNS - 1],
    );
}

fn nanoseconds_per_call() -> f64 {
    let start = Instant::now();
    for _ in 0..CALLS {
        let _ = black_box(redis_client!());
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}
