fn main() {
    let _ = redis_ready::redis_client!("REDIS_URL");
}
