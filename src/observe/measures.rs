//! Metrics of a client, by the names and in the units of the vendor's specification for clients where it has
//! them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use metrics::{
    Counter, Histogram, Label, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram, with_recorder,
};

use super::figures::Figures;
use super::health::{ConnectionState, Health};
use super::labels::Labels;
use super::outcome::{Outcome, category};
use super::pool_name::PoolName;
use super::statistics::SubscriptionCounts;
use super::tally::{Event, Tally};
use crate::error::ErrorKind;
use crate::timeout_cause::TimeoutCause;

const LIBRARY: &str = concat!(env!("CARGO_PKG_NAME"), ":", env!("CARGO_PKG_VERSION"));

const DURATION: &str = "db.client.operation.duration";
const ERRORS: &str = "redis.client.errors";
const CONNECTIONS: &str = "db.client.connection.count";
const CREATE_TIME: &str = "db.client.connection.create_time";
const PENDING: &str = "db.client.connection.pending_requests";
const CLOSED: &str = "redis.client.connection.closed";
const STATE: &str = "redis_ready.connection.state";
const ATTEMPTS: &str = "redis_ready.connection.attempts";
const RECONNECTS: &str = "redis_ready.connection.reconnects";
const IN_FLIGHT: &str = "redis_ready.operation.in_flight";
const UNSENT: &str = "redis_ready.operation.unsent";
const TIMEOUTS: &str = "redis_ready.operation.timeouts";
const RESENT: &str = "redis_ready.operation.resent";
const PARKED: &str = "redis_ready.operation.parked";
const MESSAGES: &str = "redis.client.pubsub.messages";
const DROPPED: &str = "redis_ready.subscription.dropped";
const RESUBSCRIPTIONS: &str = "redis_ready.subscription.reconnects";

const STATES: [ConnectionState; 6] = [
    ConnectionState::Idle,
    ConnectionState::Connecting,
    ConnectionState::Connected,
    ConnectionState::Reconnecting,
    ConnectionState::NotReady,
    ConnectionState::Closed,
];

/// A counter by its name, and the one label that it has besides those of the client.
type CounterName = (&'static str, Option<(&'static str, &'static str)>);

/// What is counted for all connections together.
const COUNTERS: [(Event, CounterName); 8] = [
    (Event::Attempt, (ATTEMPTS, None)),
    (Event::Reconnect, (RECONNECTS, None)),
    (Event::Resent, (RESENT, None)),
    (Event::Parked, (PARKED, None)),
    (Event::ClosedByClient, closed("application_close")),
    (Event::ClosedByServer, closed("server_close")),
    (Event::ClosedByError, closed("error")),
    (Event::ClosedAsSilent, closed("healthcheck_failed")),
];

const fn closed(reason: &'static str) -> CounterName {
    (
        CLOSED,
        Some(("redis.client.connection.close.reason", reason)),
    )
}

/// Returns whether there is a recorder. The one that stands for none has no fields, and no other may have
/// none: there is no other way to ask.
#[inline]
pub(super) fn has_recorder() -> bool {
    with_recorder(|recorder| size_of_val(recorder) > 0)
}

/// The metrics of one client.
pub(crate) struct Measures {
    labels: Labels,
    pool: PoolName,
    /// Of operations, by what their labels say: the recorder is asked for each of them once.
    operations: RwLock<HashMap<Kind, Handles>>,
    reported: Mutex<Reported>,
}

/// What tells the operations of two measurements apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    name: &'static str,
    outcome: Outcome,
    retries: u32,
}

struct Handles {
    duration: Histogram,
    errors: Option<Counter>,
}

/// What the counters say so far: other clients of the process add to the same ones.
#[derive(Default)]
struct Reported {
    events: [u64; COUNTERS.len()],
    timeouts: [u64; TimeoutCause::ALL.len()],
    failed_attempts: HashMap<ErrorKind, u64>,
    subscriptions: SubscriptionCounts,
}

impl Measures {
    pub(super) fn new(labels: Labels) -> Measures {
        Measures {
            pool: PoolName::new(&labels),
            labels,
            operations: RwLock::default(),
            reported: Mutex::default(),
        }
    }

    /// An operation has ended.
    pub(super) fn ended(
        &self,
        name: &'static str,
        outcome: Outcome,
        retries: u32,
        duration: Duration,
    ) {
        if !has_recorder() {
            return;
        }
        let kind = Kind {
            name,
            outcome,
            retries,
        };
        let known = self.operations.read();
        if let Some(handles) = known.unwrap_or_else(PoisonError::into_inner).get(&kind) {
            return handles.record(duration);
        }
        // The recorder is foreign code: no lock is held.
        let handles = self.handles(kind);
        handles.record(duration);
        let mut known = self
            .operations
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert(kind, handles);
    }

    fn handles(&self, kind: Kind) -> Handles {
        describe();
        let Kind {
            name,
            outcome,
            retries,
        } = kind;
        let mut labels = self.of_server();
        if let Some(error_type) = outcome.error_type() {
            labels.push(Label::new("error.type", error_type));
        }
        if let Some(category) = outcome.category() {
            labels.push(Label::new("redis.client.errors.category", category));
        }
        if let Some(code) = outcome.status_code() {
            labels.push(Label::new("db.response.status_code", code));
        }
        let retries = retries.to_string();
        labels.push(Label::new("redis.client.operation.retry_attempts", retries));
        let errors = (outcome != Outcome::Answered).then(|| {
            let internal = Label::new("redis.client.errors.internal", "false");
            counter!(ERRORS, [labels.clone(), vec![internal]].concat())
        });
        labels.push(Label::new("db.operation.name", name));
        labels.push(Label::new("db.namespace", self.labels.database.clone()));
        Handles {
            duration: histogram!(DURATION, labels),
            errors,
        }
    }

    /// Sets the gauges, and brings the counters up to date.
    pub(crate) fn report(&self, health: &Health, tally: &Tally, subscriptions: SubscriptionCounts) {
        if !has_recorder() {
            return;
        }
        describe();
        self.report_gauges(health, tally);
        self.report_counters(tally);
        self.report_subscriptions(subscriptions);
        for time in tally.take_connect_times() {
            histogram!(CREATE_TIME, self.of_pool()).record(time.as_secs_f64());
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "that is what a gauge takes")]
    fn report_gauges(&self, health: &Health, tally: &Tally) {
        let figures = tally.figures();
        let (used, idle): (Vec<&Figures>, Vec<&Figures>) = figures
            .iter()
            .filter(|figures| figures.is_up)
            .partition(|figures| figures.in_flight > 0);
        for (state, connections) in [("used", used), ("idle", idle)] {
            let mut labels = self.of_pool();
            labels.push(Label::new("db.client.connection.state", state));
            labels.push(Label::new("redis.client.connection.pubsub", "false"));
            gauge!(CONNECTIONS, labels).set(connections.len() as f64);
        }
        let without_connection = |figures: &&Figures| !figures.is_up;
        let pending: usize = figures.iter().map(|figures| figures.in_line).sum::<usize>()
            + figures
                .iter()
                .filter(without_connection)
                .map(|figures| figures.in_flight)
                .sum::<usize>();
        gauge!(PENDING, self.of_pool()).set(pending as f64);
        let in_flight: usize = figures.iter().map(|figures| figures.in_flight).sum();
        gauge!(IN_FLIGHT, self.of_pool()).set(in_flight as f64);
        let unsent: usize = figures.iter().map(|figures| figures.unsent_bytes).sum();
        gauge!(UNSENT, self.of_pool()).set(unsent as f64);
        for state in STATES {
            let mut labels = self.of_pool();
            labels.push(Label::new("state", state.as_str()));
            let is_it = health.state == state;
            gauge!(STATE, labels).set(f64::from(u8::from(is_it)));
        }
    }

    fn report_counters(&self, tally: &Tally) {
        let mut more = Vec::new();
        let mut failed = Vec::new();
        {
            let mut reported = self.lock();
            for (place, (event, (name, label))) in COUNTERS.iter().enumerate() {
                let count = tally.get(*event);
                let before = std::mem::replace(&mut reported.events[place], count);
                more.push((*name, *label, count.saturating_sub(before)));
            }
            for cause in TimeoutCause::ALL {
                let count = tally.timeouts(cause);
                let before = std::mem::replace(&mut reported.timeouts[cause as usize], count);
                let label = Some(("cause", cause.as_str()));
                more.push((TIMEOUTS, label, count.saturating_sub(before)));
            }
            for (kind, count) in tally.failed_attempts() {
                let before = reported.failed_attempts.insert(kind, count).unwrap_or(0);
                failed.push((kind, count.saturating_sub(before)));
            }
        }
        for (name, label, count) in more {
            let mut labels = self.of_pool();
            labels.extend(label.map(|(name, value)| Label::new(name, value)));
            counter!(name, labels).increment(count);
        }
        for (kind, count) in failed {
            let mut labels = self.of_server();
            labels.push(Label::new("error.type", kind.as_str()));
            labels.push(Label::new("redis.client.errors.category", category(kind)));
            labels.push(Label::new("redis.client.operation.retry_attempts", "0"));
            labels.push(Label::new("redis.client.errors.internal", "true"));
            counter!(ERRORS, labels).increment(count);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "that is what a gauge takes")]
    fn report_subscriptions(&self, counts: SubscriptionCounts) {
        let before = std::mem::replace(&mut self.lock().subscriptions, counts);
        if counts == SubscriptionCounts::default() {
            return;
        }
        let mut labels = self.of_pool();
        labels.push(Label::new("db.client.connection.state", "used"));
        labels.push(Label::new("redis.client.connection.pubsub", "true"));
        gauge!(CONNECTIONS, labels).set(counts.connections as f64);
        let direction = Label::new("redis.client.pubsub.message.direction", "in");
        counter!(MESSAGES, [library(), vec![direction]].concat())
            .increment(counts.received.saturating_sub(before.received));
        counter!(DROPPED, self.of_pool()).increment(counts.dropped.saturating_sub(before.dropped));
        counter!(RESUBSCRIPTIONS, self.of_pool())
            .increment(counts.reconnects.saturating_sub(before.reconnects));
    }

    fn of_server(&self) -> Vec<Label> {
        let Labels { address, port, .. } = &self.labels;
        let mut labels = library();
        labels.extend(
            address
                .clone()
                .map(|address| Label::new("server.address", address)),
        );
        labels.extend(port.map(|port| Label::new("server.port", port.to_string())));
        labels
    }

    fn of_pool(&self) -> Vec<Label> {
        let mut labels = library();
        let name = self.pool.as_str().to_owned();
        labels.push(Label::new("db.client.connection.pool.name", name));
        labels
    }

    fn lock(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handles {
    fn record(&self, duration: Duration) {
        let Handles {
            duration: histogram,
            errors,
        } = self;
        histogram.record(duration.as_secs_f64());
        if let Some(errors) = errors {
            errors.increment(1);
        }
    }
}

fn library() -> Vec<Label> {
    vec![
        Label::new("redis.client.library", LIBRARY),
        Label::new("db.system.name", "redis"),
    ]
}

fn describe() {
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Duration of a command or pipeline as the application sees it, what is sent again included"
    );
    describe_counter!(
        ERRORS,
        Unit::Count,
        "Errors that callers got, and those that the client has dealt with itself"
    );
    describe_gauge!(CONNECTIONS, Unit::Count, "Open connections, by state");
    describe_histogram!(
        CREATE_TIME,
        Unit::Seconds,
        "Time that it took to make a connection, its handshake included"
    );
    describe_gauge!(
        PENDING,
        Unit::Count,
        "Commands and pipelines that wait for a connection or for room on it"
    );
    describe_counter!(
        CLOSED,
        Unit::Count,
        "Connections that have ended, by reason"
    );
    describe_gauge!(
        STATE,
        Unit::Count,
        "1 for the state that the client is in, 0 for others"
    );
    describe_counter!(ATTEMPTS, Unit::Count, "Attempts to connect");
    describe_counter!(
        RECONNECTS,
        Unit::Count,
        "Connections that were made in the place of one that was lost"
    );
    describe_gauge!(IN_FLIGHT, Unit::Count, "Commands and pipelines in flight");
    describe_gauge!(UNSENT, Unit::Bytes, "Bytes that wait to be written");
    describe_counter!(
        TIMEOUTS,
        Unit::Count,
        "Commands and pipelines whose time was up, by cause"
    );
    describe_counter!(
        RESENT,
        Unit::Count,
        "Commands and pipelines that were sent again after a lost connection"
    );
    describe_counter!(
        PARKED,
        Unit::Count,
        "Commands and pipelines that were refused and waited until the server served"
    );
    describe_counter!(
        MESSAGES,
        Unit::Count,
        "Messages that subscriptions have received"
    );
    describe_counter!(
        DROPPED,
        Unit::Count,
        "Messages that found no room, for each subscription"
    );
    describe_counter!(
        RESUBSCRIPTIONS,
        Unit::Count,
        "Connections of subscriptions that were made in the place of one that was lost"
    );
}
