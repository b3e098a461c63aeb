//! Checks this repository's `.env.example` with the code that applications check theirs with.
//!
//! Neither this script nor the file is in the published package: nothing runs at users'.
#![expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "these are modules of the library, and a script uses a part of them"
)]

#[path = "src/build/mod.rs"]
mod build;
#[path = "src/dotenv.rs"]
mod dotenv;
#[path = "src/placeholder.rs"]
mod placeholder;
#[path = "src/report.rs"]
mod report;
#[path = "src/url/mod.rs"]
mod url;

fn main() {
    build::check();
}
