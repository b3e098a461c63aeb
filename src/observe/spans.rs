//! A span for each operation, by the database conventions of OpenTelemetry.

use tracing::field::Empty;
use tracing::{Level, Span};

use super::labels::Labels;
use super::operation::Operation;
use super::outcome::Outcome;

const TARGET: &str = "redis_ready::command";

/// Returns whether any subscriber may want a span.
#[inline]
pub(super) fn are_wanted() -> bool {
    tracing::span_enabled!(target: TARGET, Level::INFO)
}

pub(super) fn begin(operation: &Operation, labels: &Labels) -> Span {
    // A batch of one command is that command.
    let batch_size = (operation.commands > 1).then_some(operation.commands as u64);
    tracing::info_span!(
        target: TARGET,
        "redis",
        otel.name = operation.name,
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = "redis",
        db.operation.name = operation.name,
        db.operation.batch.size = batch_size,
        db.namespace = labels.database.as_str(),
        db.stored_procedure.name = operation.digest.as_deref(),
        db.response.status_code = Empty,
        error.type = Empty,
        server.address = labels.address.as_deref(),
        server.port = labels.port,
        redis.client.operation.retry_attempts = Empty,
    )
}

pub(super) fn end(span: &Span, outcome: Outcome, retries: u32) {
    if let Some(error_type) = outcome.error_type() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", error_type);
    }
    if let Some(code) = outcome.status_code() {
        span.record("db.response.status_code", code);
    }
    if retries > 0 {
        span.record("redis.client.operation.retry_attempts", retries);
    }
}
