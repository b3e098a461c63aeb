//! apalis: its storage takes our client as a connection, unchanged.

use std::sync::Arc;

use apalis::prelude::*;
use apalis_redis::RedisStorage;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::{client, server};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Email {
    to: String,
}

async fn send(email: Email, done: Data<Arc<Notify>>) -> Result<(), BoxDynError> {
    assert_eq!(email.to, "ann@example.org");
    done.notify_one();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_apalis_is_done() {
    let server = server();
    let mut storage = RedisStorage::new(client(&server));
    let done = Arc::new(Notify::new());
    let worker = WorkerBuilder::new("mailer")
        .backend(storage.clone())
        .data(Arc::clone(&done))
        .build(send);
    let running = tokio::spawn(worker.run());
    let to = "ann@example.org".to_owned();
    storage.push(Email { to }).await.expect("it is queued");
    done.notified().await;
    running.abort();
}
