fn main() {
    let _ = redis_ready::redis_client!(config::REDIS_URL);
}
