fn main() {
    let _ = redis_ready::redis_client!(CACHE_REDIS_URL);
}
