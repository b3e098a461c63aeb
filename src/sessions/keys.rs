//! [`SessionKeys`]: the commands of a session store, one round trip each.

use redis::{RedisResult, cmd};

use crate::client::Client;

/// The keys of sessions: a prefix and the id of the session.
#[derive(Debug, Clone)]
pub(super) struct SessionKeys {
    client: Client,
    prefix: String,
}

/// The longest time that a session may live, in milliseconds. A server adds its clock to it, and refuses
/// what does not fit into 64 bits.
const LONGEST_LIFETIME: i64 = i64::MAX / 2;

/// How often a new id is taken for a new session. Ids are random, so one that is taken has been stored
/// by the same call, whose reply was lost.
pub(super) const ID_ATTEMPTS: u32 = 5;

impl SessionKeys {
    /// All commands are sent again after a lost connection, which makes no difference to a session:
    ///
    /// - A session is replaced as a whole, and only while it exists. One that was deleted in between stays
    ///   deleted.
    /// - A creation that is sent again finds what it has stored itself, and the caller takes another id. The
    ///   first one was told to no client, and expires.
    pub(super) fn new(client: &Client) -> SessionKeys {
        SessionKeys {
            client: client.idempotent(),
            prefix: "session:".to_owned(),
        }
    }

    pub(super) fn with_prefix(self, prefix: String) -> SessionKeys {
        SessionKeys { prefix, ..self }
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }

    /// Stores a new session; returns `false` if the id is taken.
    pub(super) async fn create(
        &self,
        id: &str,
        session: &[u8],
        milliseconds: i128,
    ) -> RedisResult<bool> {
        self.set(id, session, "NX", milliseconds).await
    }

    /// Replaces a session; returns `false` if there is none any more.
    pub(super) async fn replace(
        &self,
        id: &str,
        session: &[u8],
        milliseconds: i128,
    ) -> RedisResult<bool> {
        self.set(id, session, "XX", milliseconds).await
    }

    async fn set(
        &self,
        id: &str,
        session: &[u8],
        condition: &str,
        milliseconds: i128,
    ) -> RedisResult<bool> {
        let mut set = cmd("SET");
        set.arg(self.key(id)).arg(session).arg(condition);
        set.arg("PX").arg(lifetime(milliseconds));
        set.query_async(&mut self.client.clone()).await
    }

    pub(super) async fn load(&self, id: &str) -> RedisResult<Option<Vec<u8>>> {
        let mut get = cmd("GET");
        get.arg(self.key(id));
        get.query_async(&mut self.client.clone()).await
    }

    /// Lets a session live for this time from now on.
    #[cfg(feature = "actix-session")]
    pub(super) async fn extend(&self, id: &str, milliseconds: i128) -> RedisResult<()> {
        let mut expire = cmd("PEXPIRE");
        expire.arg(self.key(id)).arg(lifetime(milliseconds));
        expire.exec_async(&mut self.client.clone()).await
    }

    pub(super) async fn delete(&self, id: &str) -> RedisResult<()> {
        let mut delete = cmd("DEL");
        delete.arg(self.key(id));
        delete.exec_async(&mut self.client.clone()).await
    }
}

/// Returns what a server accepts: a session whose time is over lives for one millisecond.
fn lifetime(milliseconds: i128) -> i64 {
    let bounded = milliseconds.clamp(1, LONGEST_LIFETIME.into());
    i64::try_from(bounded).expect("the bounds fit")
}
