//! [`Database`]: one server for all tests of a process, and a database of it for each.

use std::io;
use std::sync::{Mutex, PoisonError};

use once_cell::sync::OnceCell;
use redis::RedisResult;

use super::ask::execute;
use super::server::Server;
use crate::client::Client;

/// More than there are tests at the same time. An unused one costs the server next to nothing.
const DATABASES: u32 = 1024;

static SERVER: OnceCell<Server> = OnceCell::new();
/// The databases that were given back, and the lowest that was never given out.
static FREE: Mutex<(Vec<u32>, u32)> = Mutex::new((Vec::new(), 0));

/// Lends one test an empty database of a server that all tests of the process share: the first one starts
/// it, and it ends with the process.
///
/// That saves each test the start of a server. Dropped, the database is emptied and lent
/// to another test.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use redis_ready::redis::Commands;
/// use redis_ready::testing::Database;
///
/// let (ours, theirs) = (Database::lend()?, Database::lend()?);
/// let () = ours.client().blocking().set("key", 1)?;
/// let unseen: Option<u64> = theirs.client().blocking().get("key")?;
/// assert_eq!(unseen, None);
/// # Ok(())
/// # }
/// ```
///
/// Tests share what belongs to the server as a whole: `FLUSHALL`, `CONFIG`, `ACL`, scripts and functions,
/// channels, its memory and its processor. Such a test, and one that pauses or kills, starts a
/// [`Server`] of its own. So does a test of a cluster, where there is one database.
///
/// Where each test is a process of its own, as with `cargo nextest`, each has a server of its own.
#[derive(Debug)]
pub struct Database {
    server: &'static Server,
    number: u32,
    url: String,
}

impl Database {
    /// Returns a database that is empty and lent to no other test.
    ///
    /// # Errors
    ///
    /// Those of [`Server::start`], and if 1024 databases are lent.
    pub fn lend() -> io::Result<Database> {
        let server = shared_server()?;
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match free.0.pop() {
            Some(number) => number,
            None if free.1 < DATABASES => {
                free.1 += 1;
                free.1 - 1
            }
            None => {
                return Err(io::Error::other(format!(
                    "all {DATABASES} databases are lent"
                )));
            }
        };
        let url = server.url();
        let url = match server.port() {
            Some(_) => format!("{url}/{number}"),
            None => format!("{url}?db={number}"),
        };
        Ok(Database {
            server,
            number,
            url,
        })
    }

    /// Returns the URL of this database: a `REDIS_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens a client for this database, without connecting.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "our own URL is valid")]
    pub fn client(&self) -> Client {
        Client::open(&self.url).expect("our own URL is valid")
    }

    /// Opens a connection of redis-rs to this database: to look at it beside the client under test.
    ///
    /// # Errors
    ///
    /// Those of [`Server::connect`].
    pub fn connect(&self) -> RedisResult<redis::Connection> {
        let mut connection = self.server.connect()?;
        redis::cmd("SELECT")
            .arg(self.number)
            .exec(&mut connection)?;
        Ok(connection)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let connection = self.connect().map_err(io::Error::other);
        let emptied = connection.and_then(|mut it| execute(&mut it, &["FLUSHDB"]));
        // One that cannot be emptied is lent no more.
        if emptied.is_ok() {
            let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
            free.0.push(self.number);
        }
    }
}

fn shared_server() -> io::Result<&'static Server> {
    SERVER.get_or_try_init(|| {
        let builder = Server::builder().arg("--databases");
        builder.arg(DATABASES.to_string()).start()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_database_is_lent_and_no_other_one() {
        let lend = || Database::lend().map_err(|error| error.to_string());
        let mut all: Vec<_> = (0..DATABASES)
            .map(|_| lend().expect("one is free"))
            .collect();
        assert_eq!(lend().err().as_deref(), Some("all 1024 databases are lent"));
        let url = all.pop().expect("they are lent").url().to_owned();
        assert_eq!(lend().expect("one was given back").url(), url);
    }
}
