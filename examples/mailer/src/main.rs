//! Starts the platform: `cargo run -- --demo`, or with `REDIS_URL` as in production.

mod demo;

use std::error::Error;
use std::time::Duration;

use mailer::directory::Directory;
use mailer::platform;
use mailer::settings::Settings;
use redis_ready::redis_client;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What is logged unless `RUST_LOG` says otherwise: not the spans of libraries.
const LOG: &str = "info,tracing::span=off";
/// How long the start waits for Redis.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(LOG)).init();
    let settings = Settings::parse(std::env::args().skip(1)).unwrap_or_else(|mistake| {
        eprintln!("{mistake}");
        std::process::exit(2);
    });
    if settings.demo {
        demo::run(start(settings)).await
    } else {
        start(settings).await
    }
}

async fn start(settings: Settings) -> Result<(), Box<dyn Error>> {
    // `REDIS_URL` of the environment or of `.env`. A mistake in it is an error here, with a report.
    let client = redis_client!()?;
    client.ready(PATIENCE).await?;

    let listener = TcpListener::bind(settings.listen).await?;
    println!("http://{}", listener.local_addr()?);
    let stop = CancellationToken::new();
    tokio::spawn(cancel_on_signal(stop.clone()));
    platform::run(client, Directory::example(), settings, listener, stop).await?;
    Ok(())
}

/// Stops at ctrl-c, and at the signal by which an orchestrator ends a process.
async fn cancel_on_signal(stop: CancellationToken) {
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();

    tokio::select! {
        _ = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    log::info!("stopping");
    stop.cancel();
}
