//! How long a URL takes: `cargo bench --bench url --no-default-features --features build`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use redis_ready::RedisUrl;

fn main() {
    let usual = [
        ("shortest", "redis://localhost:6379"),
        (
            "password",
            "rediss://default:FakePw0000@cache-1.example.com:6380/2",
        ),
        (
            "parameters",
            "rediss://app:p%40ss@cache.example.com:6380/3?protocol=3&client_name=svc&connect_timeout=2s",
        ),
        (
            "sentinel",
            "redis-sentinel://app:pw@s1.example:26379,s2.example:26379,s3.example:26379/mymaster/2",
        ),
        ("refused", "redis://app:hunter2@cache.internal:70000/0"),
    ];
    for (name, url) in usual {
        report(name, median(100, url), Duration::from_micros(5));
    }
    for (name, filler) in [
        ("garbage a", "a"),
        ("garbage ${", "${"),
        ("garbage :", ":"),
        ("garbage @", "@"),
        ("garbage &a=", "&a="),
    ] {
        let limit = Duration::from_millis(1);
        report(
            &format!("{name} 1 MiB"),
            median(1, &filler.repeat((1 << 20) / filler.len())),
            limit,
        );
        let longest = format!("redis://h/?{}", filler.repeat(16_000 / filler.len()));
        report(&format!("{name} 16 KiB, query"), median(1, &longest), limit);
        let longest = format!("redis://{}", filler.repeat(16_000 / filler.len()));
        report(
            &format!("{name} 16 KiB, authority"),
            median(1, &longest),
            limit,
        );
        report(
            &format!("{name} 16 KiB"),
            median(1, &filler.repeat(16_000 / filler.len())),
            limit,
        );
    }
}

/// The median of the time per call, of 101 samples.
fn median(calls: u32, url: &str) -> Duration {
    let mut samples: Vec<Duration> = (0..101)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..calls {
                let _ = black_box(RedisUrl::parse(black_box(url)));
            }
            start.elapsed() / calls
        })
        .collect();
    samples.sort_unstable();
    samples[samples.len() / 2]
}

fn report(name: &str, time: Duration, limit: Duration) {
    let verdict = if time <= limit {
        ""
    } else {
        "  over the budget"
    };
    println!("{name:32} {time:>12.3?} of {limit:?}{verdict}");
}
