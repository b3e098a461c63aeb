//! Fails the build while `.env.example` does not document `REDIS_URL`.

fn main() {
    redis_ready::build::check();
}
