//! What a documented URL becomes once its placeholders are filled in.

use super::{DocumentedUrl, field_at, is_valid, parts};
use crate::build::words::Field;

#[test]
#[rustfmt::skip]
fn placeholders_become_values_that_can_be_parsed() {
    for (written, host, password) in [
        ("redis://<host>", "localhost:6379", None),
        ("redis-cluster://<host>,<host>:7000", "localhost:6379,host-2:7000", None),
        ("redis://<user>:<password>@cache", "cache:6379", Some("x")),
        ("redis://<user:password>@cache", "cache:6379", Some("x")),
        ("redis://:…@cache", "cache:6379", Some("x")),
        ("redis://cache[:port][?option=value]", "cache:6379", None),
    ] {
        let url = DocumentedUrl::read(written, 0..written.len());
        let url = url.parsed.ok().expect(written);
        let hosts = url.hosts().iter().map(|(host, port)| format!("{host}:{port}"));
        assert_eq!(hosts.collect::<Vec<_>>().join(","), host, "{written}");
        assert_eq!(url.password(), password, "{written}");
    }
}

#[test]
fn a_url_with_another_mistake_is_not_valid() {
    assert!(!is_valid("redis://<host>:99999"));
}

#[test]
fn options_lie_in_each_other_eight_deep_around_a_placeholder() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!("redis://{open}:password@{close}cache")
    };
    assert!(is_valid(&nested(9)));
    assert!(!is_valid(&nested(10)));
}

#[test]
fn no_more_than_64_placeholders_are_filled_in() {
    let hosts = |count: usize| {
        let hosts = vec!["<host>"; count].join(",");
        format!("redis-cluster://:undefined@{hosts}")
    };
    assert!(is_valid(&hosts(63)));
    assert!(!is_valid(&hosts(64)));
}

#[test]
#[rustfmt::skip]
fn a_url_is_cut_into_its_parts() {
    use Field::{Database, Host, Password, Port, Username};
    for (url, expected) in [
        ("redis://app:pw@cache:6379/1?db=2#x", &[("app", Some(Username)), ("pw", Some(Password)), ("cache", Some(Host)),
            ("6379", Some(Port)), ("1", Some(Database)), ("?db=2#x", None)][..]),
        ("redis-cluster://a,[::1]:7000", &[("a", Some(Host)), ("[::1]", Some(Host)), ("7000", Some(Port))]),
        ("redis-sentinel://a/main/1", &[("a", Some(Host)), ("main", None), ("1", Some(Database))]),
        ("unix:///run/redis.sock", &[("run", None), ("redis.sock", None)]),
        ("cache:6379", &[("cache:6379", None)]),
    ] {
        let parts = parts(url).into_iter();
        let found: Vec<_> = parts.map(|(span, field)| (&url[span], field)).collect();
        assert_eq!(found, expected, "{url}");
    }
}

#[test]
fn an_offset_is_in_one_part() {
    let url = "redis://app:pw@cache:6379/1";
    for (text, field) in [
        ("pw", Field::Password),
        ("che", Field::Host),
        ("1", Field::Database),
    ] {
        let at = url.find(text).expect(text);
        assert_eq!(field_at(url, at), Some(field), "{text}");
    }
    assert_eq!(field_at(url, 0), None);
}
