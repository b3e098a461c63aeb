//! What the operator asks for: `/health`, `/ready` and `/metrics`.

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use redis_ready::Client;
use serde_json::{Value, json};

/// Bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 10] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0,
];

/// Returns the routes. They are for the inside: a proxy does not pass `/metrics` on.
pub fn router(client: Client) -> Router {
    recorder();
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(client)
}

/// Always 200: to restart the application would not bring Redis back.
async fn health(State(client): State<Client>) -> Json<Value> {
    Json(described(&client))
}

/// 503 takes this instance out of the load balancer until Redis serves again.
async fn ready(State(client): State<Client>) -> (StatusCode, Json<Value>) {
    let status = if client.health().serves() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(described(&client)))
}

fn described(client: &Client) -> Value {
    let health = client.health(); // a snapshot, without I/O
    let error = health.last_error.filter(|_| !client.health().serves());
    json!({
        "redis": health.state.as_str(),
        "for_seconds": health.since.elapsed().as_secs(),
        "error": error.map(|error| error.to_string()),
    })
}

async fn metrics(State(client): State<Client>) -> String {
    client.record_metrics();
    let recorder = recorder();
    recorder.run_upkeep();
    recorder.render()
}

/// A process has one recorder, for the metrics of the client and for our own.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let durations = Matcher::Suffix("duration".to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(durations, &SECONDS);
        let builder = builder.expect("there are buckets");
        builder
            .install_recorder()
            .expect("there is no other recorder")
    })
}
