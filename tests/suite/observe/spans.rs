//! Spans as OpenTelemetry gets them, in a collector of the test. A subscriber of the whole process runs in a child
//! process.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use redis::{AsyncCommands, Commands, RedisResult, Script};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, Event, Metadata, Subscriber, span};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::errors::{kind_of, ok};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::process::wait_until;
use crate::support::{address, child, open, run, start};

/// Keeps the spans that have ended.
#[derive(Debug, Clone, Default)]
struct Collector(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0
            .lock()
            .expect("no thread panics with it")
            .extend(batch);
        Ok(())
    }
}

impl Collector {
    /// A subscriber that passes spans on to it.
    fn subscriber(&self) -> (Dispatch, SdkTracerProvider) {
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(self.clone())
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        (Dispatch::new(subscriber), provider)
    }

    fn spans(&self) -> Vec<Span> {
        let spans = self.0.lock().expect("no thread panics with it");
        spans.iter().map(Span::of).collect()
    }
}

#[derive(Debug)]
struct Span {
    name: String,
    kind: SpanKind,
    status: Status,
    attributes: HashMap<String, String>,
    /// All that is in it.
    text: String,
}

impl Span {
    fn of(data: &SpanData) -> Span {
        Span {
            name: data.name.to_string(),
            kind: data.span_kind.clone(),
            status: data.status.clone(),
            attributes: data
                .attributes
                .iter()
                .map(|pair| (pair.key.to_string(), pair.value.to_string()))
                .collect(),
            text: format!("{data:?}"),
        }
    }

    fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }
}

/// Runs `work` with a collector, and returns the spans of this crate.
fn collected<T>(client: &Client, work: impl AsyncFnOnce(Client) -> T) -> Vec<Span> {
    let collector = Collector::default();
    let (subscriber, provider) = collector.subscriber();
    let client = client.clone();
    run(async { work(client).await }.with_subscriber(subscriber));
    provider.force_flush().expect("it flushes");
    collector.spans()
}

#[test]
fn a_command_is_a_client_span_with_the_attributes_of_the_conventions() {
    let server = start(Server::builder().tcp());
    let port = server.port().expect("it listens on TCP").to_string();
    let client = open(server.url(), "");
    let spans = collected(&client, async |mut client| {
        ok(client.set::<_, _, ()>("key", "value").await);
        let wrong: RedisResult<u64> = client.llen("key").await;
        assert!(wrong.is_err());
    });
    let [set, llen] = spans.try_into().expect("two commands");
    assert_eq!((set.name.as_str(), &set.kind), ("SET", &SpanKind::Client));
    assert_eq!(set.status, Status::Unset);
    for (attribute, value) in [
        ("db.system.name", "redis"),
        ("db.operation.name", "SET"),
        ("db.namespace", "0"),
        ("server.address", "127.0.0.1"),
        ("server.port", port.as_str()),
    ] {
        assert_eq!(set.get(attribute), Some(value), "{set:?}");
    }
    assert_eq!(set.get("error.type"), None);
    assert_eq!(set.get("db.operation.batch.size"), None);
    assert_eq!(llen.name, "LLEN");
    assert!(matches!(llen.status, Status::Error { .. }), "{llen:?}");
    assert_eq!(llen.get("db.response.status_code"), Some("WRONGTYPE"));
    assert_eq!(llen.get("error.type"), Some("WRONGTYPE"));
}

#[test]
fn a_batch_has_one_span_with_its_size_and_a_script_its_digest() {
    let server = start(Server::builder());
    let client = server.client();
    let script = Script::new("return redis.call('GET', KEYS[1])");
    let spans = collected(&client, async |mut client| {
        let mut pipeline = redis::pipe();
        pipeline.set("key", 1).ignore().get("key");
        ok(pipeline.query_async::<(u64,)>(&mut client).await);
        ok(pipeline.atomic().query_async::<(u64,)>(&mut client).await);
        ok(script.key("key").invoke_async::<u64>(&mut client).await);
    });
    let name = |name: &str| spans.iter().find(|span| span.name == name);
    let pipeline = name("PIPELINE").expect("a span");
    assert_eq!(pipeline.get("db.operation.batch.size"), Some("2"));
    let transaction = name("MULTI").expect("a span");
    assert_eq!(transaction.get("db.operation.batch.size"), Some("2"));
    let script_span = name("EVALSHA").expect("a span");
    assert_eq!(
        script_span.get("db.stored_procedure.name"),
        Some(script.get_hash())
    );
}

#[test]
fn a_failure_is_told_by_its_kind_and_what_was_sent_again_by_its_number() {
    let server = FakeServer::resp3(|words| match words[0].as_str() {
        "GET" => Some(Answer::Silence),
        "LLEN" => Some(Answer::Close),
        _ => None,
    });
    let client = open(&server.url(), "response_timeout=100ms");
    let spans = collected(&client, async |mut client| {
        let silent: RedisResult<String> = client.get("key").await;
        assert_eq!(kind_of(silent), Some(ErrorKind::TimedOut));
        let lost: RedisResult<u64> = client.llen("key").await;
        assert_eq!(kind_of(lost), Some(ErrorKind::ConnectionLost));
    });
    let [get, llen] = spans.try_into().expect("two commands");
    assert_eq!(get.get("error.type"), Some("TimedOut"));
    assert!(matches!(get.status, Status::Error { .. }), "{get:?}");
    assert_eq!(llen.get("error.type"), Some("ConnectionLost"));
    let retries = llen.get("redis.client.operation.retry_attempts");
    assert_eq!(retries, Some("2"), "a read is written three times");
}

#[test]
fn all_kinds_of_handles_have_spans_that_are_children_of_the_span_at_hand() {
    let server = start(Server::builder());
    let client = server.client();
    let collector = Collector::default();
    let (subscriber, provider) = collector.subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        let _request = tracing::info_span!("request").entered();
        let mut blocking = client.blocking();
        ok(blocking.set::<_, _, ()>("key", 1));
        let mut pipeline = redis::pipe();
        ok(pipeline
            .get("key")
            .get("key")
            .query::<(u64, u64)>(&mut blocking));
        let mut dedicated = blocking.dedicated_connection().expect("it connects");
        ok(redis::cmd("WATCH").arg("key").exec(&mut dedicated));
    });
    provider.force_flush().expect("it flushes");
    let spans = collector.spans();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["SET", "PIPELINE", "WATCH", "request"]);
    let data = collector.0.lock().expect("no thread panics with it");
    let parent = data[3].span_context.span_id();
    assert!(data[..3].iter().all(|span| span.parent_span_id == parent));
}

#[test]
fn arguments_keys_and_secrets_are_in_no_span() {
    let server = start(Server::builder().tcp().password("canary-password"));
    let url = format!("redis://:canary-password@{}", address(&server));
    let client = open(&url, "");
    let spans = collected(&client, async |mut client| {
        ok(client.set::<_, _, ()>("canary-key", "canary-value").await);
        let wrong: RedisResult<u64> = client.incr("canary-key", 1).await;
        assert!(wrong.is_err());
        let script = Script::new("return redis.error_reply('CANARY-CODE ' .. ARGV[1])");
        let failed: RedisResult<()> = script
            .arg("canary-argument")
            .invoke_async(&mut client)
            .await;
        assert!(failed.is_err());
        for words in [&["CANARY-COMMAND", "x"][..], &["CONFIG", "canary-sub"]] {
            let unknown: RedisResult<()> = redis::cmd(words[0])
                .arg(&words[1..])
                .query_async(&mut client)
                .await;
            assert!(unknown.is_err());
        }
        let connection = client.dedicated_connection().await.expect("it connects");
        let mut auth = redis::cmd("AUTH");
        auth.arg("canary-user").arg("canary-password");
        let _: RedisResult<()> = auth.query_async(&mut connection.clone()).await;
    });
    assert!(spans.len() >= 6, "{spans:?}");
    for span in &spans {
        let text = span.text.to_lowercase();
        assert!(!text.contains("canary"), "{span:?}");
    }
    assert!(spans.iter().any(|span| span.name == "AUTH"));
    assert!(spans.iter().any(|span| span.name == "OTHER"));
    let by_script = spans.iter().find(|span| {
        span.name == "EVALSHA" && span.get("db.response.status_code") == Some("_OTHER")
    });
    assert!(by_script.is_some(), "{spans:?}");
}

/// Keeps the events of this crate.
struct Events(Arc<Mutex<Vec<String>>>);

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "redis_ready"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let thread = thread::current().name().unwrap_or_default().to_owned();
        let mut line = format!("{} {thread}: ", event.metadata().level());
        event.record(
            &mut |_: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                let _ = write!(line, "{value:?}");
            },
        );
        self.0.lock().expect("no thread panics with it").push(line);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Counts the records of the `log` facade.
struct Records(Mutex<usize>);

impl log::Log for Records {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() == "redis_ready" {
            *self.0.lock().expect("no thread panics with it") += 1;
        }
    }

    fn flush(&self) {}
}

static RECORDS: Records = Records(Mutex::new(0));

#[test]
fn lines_of_the_log_are_events_and_not_records_as_well() {
    child::run("observe::spans::child_has_a_subscriber_and_a_logger");
}

#[test]
#[ignore = "runs in a child process"]
fn child_has_a_subscriber_and_a_logger() {
    log::set_logger(&RECORDS).expect("there is no other");
    log::set_max_level(log::LevelFilter::Info);
    let events = Arc::new(Mutex::new(Vec::new()));
    tracing::subscriber::set_global_default(Events(Arc::clone(&events))).expect("the only one");
    let lines = || events.lock().expect("no thread panics with it").clone();
    let mut server = start(Server::builder().tcp());
    let client = server.client();
    ok(client.blocking().set::<_, _, ()>("key", 1));
    server.kill().expect("it runs");
    let _: RedisResult<()> = client.blocking().set("key", 1);
    server.restart().expect("its port is free");
    wait_until("it serves again", || {
        client.blocking().set::<_, _, ()>("key", 1).is_ok()
    });
    wait_until("all are told", || lines().len() >= 3);
    thread::sleep(Duration::from_millis(100));
    let lines = lines();
    assert!(
        lines[0].starts_with("INFO redis-ready-log: connected to"),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("WARN ")),
        "{lines:?}"
    );
    assert_eq!(*RECORDS.0.lock().expect("no thread panics with it"), 0);
}
