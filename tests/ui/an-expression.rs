fn main() {
    let _ = redis_ready::redis_client!(&format!("{}_URL", "REDIS"));
}
