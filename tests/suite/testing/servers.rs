//! Servers with users, certificates and replicas.

use std::io;
use std::time::Duration;

use redis::{Commands, ErrorKind as RedisErrorKind, RedisResult, ServerErrorKind};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::ok;
use crate::support::not_run::without_tls;
use crate::support::{run, start};

#[test]
fn the_url_logs_in_as_the_user_with_its_rules() {
    for builder in [Server::builder(), Server::builder().tcp()] {
        let builder = builder.password("default's");
        let server = start(builder.user("a:p", "s@c/r t", "~app:* +@all -@dangerous"));
        let mut client = server.client().blocking();
        let name: String = ok(redis::cmd("ACL").arg("WHOAMI").query(&mut client));
        assert_eq!(name, "a:p");
        let () = ok(client.set("app:key", 1));
        let no_permission = RedisErrorKind::Server(ServerErrorKind::NoPerm);
        let foreign: RedisResult<()> = client.set("key", 1);
        assert_eq!(foreign.unwrap_err().kind(), no_permission);
        let dangerous: RedisResult<()> = redis::cmd("FLUSHALL").exec(&mut client);
        assert_eq!(dangerous.unwrap_err().kind(), no_permission);

        let mut connection = ok(server.connect());
        let name: String = ok(redis::cmd("ACL").arg("WHOAMI").query(&mut connection));
        assert_eq!(name, "default");
        let without = server.url().replace("a%3Ap:s%40c%2Fr%20t@", "");
        let without = without.split('?').next().expect("a URL");
        let error = run(Client::open(without).unwrap().ready(Duration::from_secs(5)));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Authentication);
    }
}

#[test]
fn a_server_makes_its_own_certificate() {
    if without_tls() {
        return;
    }
    let mut server = start(Server::builder().tls_self_signed().password("s3cret"));
    let client = server.client();
    run(client.ready(Duration::from_secs(5))).unwrap_or_else(|error| panic!("{error:?}"));
    let by_address = server.url().replace("localhost", "127.0.0.1");
    let by_address = Client::open(&by_address).expect("it is a URL");
    run(by_address.ready(Duration::from_secs(5))).unwrap_or_else(|error| panic!("{error:?}"));

    let (without, _) = server.url().split_once('?').expect("it has a parameter");
    let error = run(Client::open(without).unwrap().ready(Duration::from_secs(5)));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Tls);
    server.restart().expect("it starts again");
    run(client.ready(Duration::from_secs(5))).unwrap_or_else(|error| panic!("{error:?}"));
}

#[test]
fn a_replica_has_the_data_of_its_primary() {
    let mut builders = vec![Server::builder().tcp().password("s3cret")];
    if !without_tls() {
        builders.push(Server::builder().tls_self_signed());
    }
    for builder in builders {
        let primary = start(builder);
        let () = ok(primary.client().blocking().set("key", 1));
        let mut replica = primary.start_replica().expect("it starts");
        let mut client = replica.client().blocking();
        assert_eq!(ok(replica.connect()).get("key"), Ok(1));
        let denied: RedisResult<()> = client.set("key", 2);
        assert!(denied.is_err(), "a replica takes no writes");

        replica.restart().expect("it starts again");
        assert_eq!(ok(replica.connect()).get("key"), Ok(1));
    }
    let error = start(Server::builder()).start_replica();
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn a_server_says_whether_it_runs() {
    let mut server = start(Server::builder());
    assert!(server.is_running());
    server.pause().expect("it runs");
    assert!(!server.is_running());
    server.resume().expect("it is paused");
    assert!(server.is_running());
    server.kill().expect("it runs");
    assert!(!server.is_running());
    server.restart().expect("it starts again");
    assert!(server.is_running());
    server.pause().expect("it runs");
    let begin = std::time::Instant::now();
    server.stop().expect("it is there");
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "killed, not stopped"
    );
    assert!(server.log().contains("Redis is now ready to exit") || server.log().contains("bye"));
}
