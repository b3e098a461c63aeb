//! [`Sessions`]: a store of sessions on any connection, with the commands and the format of
//! `redis_ready::tower_sessions`.

use std::fmt;

use async_trait::async_trait;
use mailer::handles::Redis;
use redis::{Cmd, FromRedisValue, cmd};
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

#[derive(Clone)]
pub struct Sessions<R>(pub R);

impl<R: Redis> Sessions<R> {
    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        let reply = command.query_async(&mut self.0.clone()).await;
        reply.map_err(|error| Error::Backend(error.to_string()))
    }

    async fn set(&self, record: &Record, condition: &str) -> Result<bool> {
        let session = rmp_serde::to_vec(record);
        let session = session.map_err(|error| Error::Encode(error.to_string()))?;
        let time_left = record.expiry_date - OffsetDateTime::now_utc();
        let milliseconds = i64::try_from(time_left.whole_milliseconds()).unwrap_or(i64::MAX / 2);
        let mut set = cmd("SET");
        set.arg(key(&record.id)).arg(session).arg(condition);
        set.arg("PX").arg(milliseconds.max(1));
        self.query(&set).await
    }
}

impl<R> fmt::Debug for Sessions<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

#[async_trait]
impl<R: Redis> SessionStore for Sessions<R> {
    async fn create(&self, record: &mut Record) -> Result<()> {
        while !self.set(record, "NX").await? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.set(record, "XX").await.map(drop)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let stored: Option<Vec<u8>> = self.query(cmd("GET").arg(key(id))).await?;
        let record = stored.map(|stored| rmp_serde::from_slice(&stored));
        let record = record.transpose();
        record.map_err(|error| Error::Decode(error.to_string()))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.query(cmd("DEL").arg(key(id))).await
    }
}

fn key(id: &Id) -> String {
    format!("session:{id}")
}
