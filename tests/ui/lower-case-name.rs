fn main() {
    let _ = redis_ready::redis_client!(redis_url);
}
