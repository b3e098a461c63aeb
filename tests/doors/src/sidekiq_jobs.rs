//! rusty-sidekiq: jobs go through a queue on the server of a client.

use std::sync::Arc;

use bb8_redis::bb8::Pool;
use sidekiq::{Processor, RedisConnectionManager, Worker};
use tokio::sync::Notify;

use crate::{client, server};

#[derive(Clone)]
struct Mailer(Arc<Notify>);

#[async_trait::async_trait]
impl Worker<String> for Mailer {
    async fn perform(&self, address: String) -> sidekiq::Result<()> {
        assert_eq!(address, "ann@example.org");
        self.0.notify_one();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_sidekiq_is_done() {
    let server = server();
    let manager = RedisConnectionManager::new(&client(&server)).expect("it has one server");
    let pool = Pool::builder().build(manager).await.expect("a pool");
    let done = Arc::new(Notify::new());
    let mut processor = Processor::new(pool.clone(), vec!["default".to_owned()]);
    processor.register(Mailer(Arc::clone(&done)));
    let stop = processor.get_cancellation_token();
    let running = tokio::spawn(processor.run());

    let job = Mailer::perform_async(&pool, "ann@example.org".to_owned()).await;
    job.expect("it is queued");
    done.notified().await;
    stop.cancel();
    running.await.expect("the processor ends");
}
