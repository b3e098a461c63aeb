//! The permissions that the documentation lists are enough, and each help about a missing one is right.

use std::time::Duration;

use redis::{Connection, RedisResult, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::cluster::Cluster;
use crate::support::errors::ok;
use crate::support::sentinel::{Sentinels, Settings};
use crate::support::{address, open, run, set_user, start};

/// What the application itself needs.
const APPLICATION: [&str; 3] = ["~*", "+get", "+set"];

fn with(rights: &[&'static str]) -> Vec<&'static str> {
    [&APPLICATION[..], rights].concat()
}

fn works(client: &Client) {
    run(client.ready(Duration::from_secs(30))).unwrap_or_else(|error| panic!("{error:?}"));
    let blocking = &mut client.blocking();
    ok(cmd("SET").arg("k").arg("v").exec(blocking));
    let value: String = ok(cmd("GET").arg("k").query(blocking));
    assert_eq!(value, "v");
    run(client.dedicated_connection()).unwrap_or_else(|error| panic!("{error:?}"));
}

#[test]
fn a_server_needs_what_the_application_needs_and_select() {
    let server = start(Server::builder().tcp());
    for (rights, database) in [(&[][..], ""), (&["+select"], "/1")] {
        set_user(&mut server.client().blocking(), &with(rights));
        for protocol in [2, 3] {
            let url = format!("redis://app:pw@{}{database}", address(&server));
            works(&open(&url, &format!("client_name=me&protocol={protocol}")));
        }
    }
}

#[test]
fn sentinels_need_the_permissions_of_the_documentation() {
    let sentinels = Sentinels::start_with(Settings {
        replicas: 1,
        sentinels: 2,
        server_password: Some("server-secret"),
        sentinel_password: Some("sentinel-secret"),
    });
    for sentinel in 0..2 {
        let rights = [
            "&+switch-master",
            "+subscribe",
            "+sentinel|get-master-addr-by-name",
            "+sentinel|replicas",
        ];
        set_user(&mut sentinels.connect_to_sentinel(sentinel), &rights);
    }
    for server in 0..2 {
        set_user(&mut sentinels.connect(server), &with(&["+role"]));
    }
    for parameters in ["", "&read_from=prefer_replica"] {
        let parameters =
            format!("sentinel_username=app&sentinel_password=pw&protocol=2{parameters}");
        let url = sentinels.url_with(&parameters);
        let url = url.replace(":server-secret@", "app:pw@");
        let client = open(&url, "deadline=20s");
        run(client.ready(Duration::from_secs(30))).unwrap_or_else(|error| panic!("{error:?}"));
        let value: RedisResult<Option<String>> = cmd("GET").arg("k").query(&mut client.blocking());
        ok(value);
    }
}

#[test]
fn a_cluster_needs_the_permissions_of_the_documentation() {
    let cluster = Cluster::start(3, 0);
    let set_users = |rights: &[&'static str]| {
        for node in 0..3 {
            let mut connection: Connection = cluster.connect(node);
            set_user(&mut connection, &with(rights));
        }
    };
    let url = cluster
        .url()
        .replace("redis-cluster://", "redis-cluster://app:pw@");
    set_users(&["+cluster|slots", "+asking"]);
    for protocol in ["protocol=3", "protocol=2"] {
        works(&open(&url, &format!("{protocol}&deadline=20s")));
    }
}

#[test]
fn the_help_about_a_database_that_is_not_permitted_names_what_is_missing() {
    use crate::support::fake_server::{Answer, FakeServer};
    for (refusal, help) in [
        (
            "-NOPERM User app has no permissions to run the 'select' command",
            "+select",
        ),
        (
            "-NOPERM this user has no permissions to run the 'select' command",
            "+select",
        ),
        ("-NOPERM No permissions to access database", "db="),
    ] {
        for protocol in ["protocol=3", "protocol=2"] {
            let server = FakeServer::resp3(move |command| match command[0].as_str() {
                "SELECT" => Some(Answer::line(refusal)),
                _ => None,
            });
            let url = format!("redis://app:pw@{}/1", server.address());
            let error = run(open(&url, protocol).ping()).expect_err("it is not permitted");
            assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
            assert!(
                error.help().is_some_and(|text| text.contains(help)),
                "{error:?}"
            );
            assert!(error.to_string().contains("database 1"), "{error:?}");
        }
    }
}

#[test]
fn a_server_with_permissions_for_databases_names_the_one_that_is_missing() {
    let server = start(Server::builder().tcp());
    let mut setuser = cmd("ACL");
    setuser.arg(&["SETUSER", "app", "on", ">pw", "~*", "+@all", "db=1"]);
    if setuser.exec(&mut server.client().blocking()).is_err() {
        // Valkey 9.1 was the first to have them.
        println!("not run: this server has no permissions for databases");
        return;
    }
    for protocol in ["protocol=3", "protocol=2"] {
        let url = |database: &str| format!("redis://app:pw@{}{database}", address(&server));
        works(&open(&url("/1"), protocol));
        let error = run(open(&url("/2"), protocol).ping()).expect_err("it is not permitted");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        assert!(
            error.help().is_some_and(|text| text.contains("db=")),
            "{error:?}"
        );
    }
}
