//! One server for all tests of a process.

use std::collections::HashSet;
use std::thread;

use redis::Commands;
use redis_ready::testing::Database;

use crate::support::errors::ok;

fn lend() -> Database {
    Database::lend().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn tests_at_once_have_a_database_each_and_find_it_empty() {
    for _ in 0..3 {
        let tests: Vec<_> = (0..16)
            .map(|number| {
                thread::spawn(move || {
                    let database = lend();
                    let mut client = database.client().blocking();
                    let size: u64 = ok(redis::cmd("DBSIZE").query(&mut client));
                    assert_eq!(size, 0);
                    let () = ok(client.set("key", number));
                    assert_eq!(client.get("key"), Ok(number));
                    let seen: u64 = ok(ok(database.connect()).get("key"));
                    assert_eq!(seen, number);
                    database
                })
            })
            .collect();
        let databases: Vec<Database> = tests
            .into_iter()
            .map(|it| it.join().expect("its database is its own"))
            .collect();
        let urls: HashSet<&str> = databases.iter().map(Database::url).collect();
        assert_eq!(urls.len(), 16);
    }
    // 48 were lent, and those that were given back again.
    let url = lend().url().to_owned();
    let (_, number) = url.rsplit_once('=').expect("the URL ends with it");
    assert!(number.parse::<u32>().expect("a number") < 48, "{url}");
}
