//! Stops the build with a report if `.env.example` does not document `REDIS_URL`.

fn main() {
    redis_ready::build::check();
}
