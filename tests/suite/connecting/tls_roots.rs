//! The system's certificates: named in reports, warned of where they cannot be read, and read again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use redis_ready::{Client, Error, ErrorKind};

use crate::support::certificates::{Authority, Validity};
use crate::support::not_run::without_tls;
use crate::support::{child, open, run, start};

/// The log of this process: warnings, one a line.
static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Warnings;

impl log::Log for Warnings {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut warnings = WARNINGS.lock().expect("no thread panics with it");
            warnings.push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Where the variables of a child process point.
fn path(variable: &str) -> PathBuf {
    std::env::var_os(variable).expect("the test sets it").into()
}

fn in_a_child(name: &str, file: Option<&Path>, directory: Option<&Path>) {
    let name = format!("connecting::tls_roots::{name}");
    let mut child = child::ignored_test(&name);
    for (variable, path) in [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", directory)] {
        match path {
            Some(path) => child.env(variable, path),
            None => child.env_remove(variable),
        };
    }
    child::finish(&mut child);
}

/// Asks until there is a reply; fails if none comes.
fn heals(client: &Client) {
    let begun = Instant::now();
    while let Err(error) = run(client.ping()) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{error:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn untrusted(client: &Client) -> Error {
    run(client.ping()).expect_err("no authority is trusted that has signed this")
}

#[test]
fn a_bundle_that_appears_is_read() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let directory = authority.directory();
    let (late, none) = (directory.join("late.pem"), directory.join("none"));
    in_a_child("a_bundle_appears", Some(&late), Some(&none));
    in_a_child("a_bundle_appears", Some(&late), None);
}

#[test]
#[ignore = "run by `a_bundle_that_appears_is_read`"]
fn a_bundle_appears() {
    log::set_logger(&Warnings).expect("the first one");
    log::set_max_level(log::LevelFilter::Warn);
    let late = path("SSL_CERT_FILE");
    let _ = fs::remove_file(&late);
    let (first, second) = (Authority::new(), Authority::new());
    let [one, other] = [&first, &second]
        .map(|authority| start(authority.serve(&authority.server(&["localhost"], Validity::Now))));
    let url = |server: &redis_ready::testing::Server| {
        format!(
            "rediss://localhost:{}",
            server.port().expect("it listens on TCP")
        )
    };
    let [one_client, other_client] =
        [&one, &other].map(|server| open(&url(server), "deadline=10s"));
    let variable = format!("`SSL_CERT_FILE={}`", late.display());

    // A mistake in the variable is told, and not masked by other certificates.
    for client in [&one_client, &other_client] {
        let error = untrusted(client);
        let report = format!("{error:?}");
        assert_eq!(error.kind(), ErrorKind::InvalidFile, "{report}");
        assert!(report.contains(&variable), "{report}");
        assert!(report.contains("No such file"), "{report}");
        assert!(
            error
                .help()
                .is_some_and(|help| help.contains("SSL_CERT_FILE")),
            "{report}"
        );
    }
    let warnings = WARNINGS.lock().expect("no thread panics with it").clone();
    let about = warnings
        .iter()
        .filter(|line| line.starts_with("cannot read certificates of"));
    assert_eq!(about.count(), 1, "{warnings:#?}");
    // An authority of the URL is enough.
    run(open(one.url(), "").ping()).unwrap();

    fs::write(&late, "").unwrap();
    let error = untrusted(&open(&url(&one), "deadline=10s"));
    assert_eq!(error.kind(), ErrorKind::InvalidFile, "{error:?}");

    fs::copy(second.certificate(), &late).unwrap();
    heals(&other_client);
    let report = format!("{:?}", untrusted(&open(&url(&one), "deadline=10s")));
    let note = format!("checked against 1 certificate of {variable}");
    assert!(report.contains(&note), "{report}");

    // Rotated: another file, under the same name.
    let next = late.with_extension("next");
    fs::copy(first.certificate(), &next).unwrap();
    fs::rename(&next, &late).unwrap();
    heals(&one_client);
    heals(&open(&url(&one), "deadline=10s"));
    drop(other_client);
    let begun = Instant::now();
    while run(open(&url(&other), "deadline=10s").ping()).is_ok() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "a withdrawn authority is trusted"
        );
        thread::sleep(Duration::from_millis(50));
    }
    fs::remove_file(&late).unwrap();
}

#[test]
fn an_empty_directory_of_the_environment_is_told() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let empty = authority.directory().join("empty");
    fs::create_dir(&empty).unwrap();
    in_a_child("an_empty_directory", None, Some(&empty));
}

#[test]
#[ignore = "run by `an_empty_directory_of_the_environment_is_told`"]
fn an_empty_directory() {
    let authority = Authority::new();
    let server = start(authority.serve(&authority.server(&["localhost"], Validity::Now)));
    let port = server.port().expect("it listens on TCP");
    let client = open(&format!("rediss://localhost:{port}"), "deadline=10s");
    let error = untrusted(&client);
    let report = format!("{error:?}");
    assert_eq!(error.kind(), ErrorKind::InvalidFile, "{report}");
    assert!(report.contains("SSL_CERT_DIR="), "{report}");
    fs::copy(authority.certificate(), path("SSL_CERT_DIR").join("ca.pem")).unwrap();
    heals(&client);
}

#[test]
fn too_many_open_files_are_got_over() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 200 && exec \"$@\"", "sh"]);
    shell
        .env("SSL_CERT_FILE", authority.certificate())
        .env_remove("SSL_CERT_DIR");
    child::add_ignored_test(&mut shell, "connecting::tls_roots::too_many_open_files");
    child::finish(&mut shell);
}

#[test]
#[ignore = "run by `too_many_open_files_are_got_over`"]
fn too_many_open_files() {
    let authority = Authority::new();
    fs::copy(authority.certificate(), path("SSL_CERT_FILE")).unwrap();
    let server = start(authority.serve(&authority.server(&["localhost"], Validity::Now)));
    let port = server.port().expect("it listens on TCP");
    let url = format!("rediss://localhost:{port}");
    // The I/O thread has what it needs, and DNS, too.
    let _ = run(open("redis://localhost:1", "deadline=50ms").ping());
    let client = open(&url, "deadline=30s");
    let mut files = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        files.push(file);
    }
    // The socket gets the only one that is left.
    files.pop();
    let pinged = thread::spawn(move || run_here(&client));
    thread::sleep(Duration::from_millis(700));
    drop(files);
    let (outcome, client) = pinged.join().expect("it does not panic");
    outcome.unwrap_or_else(|error| panic!("{error:?}"));
    drop(client);
}

/// Asks without a runtime, which would need files.
fn run_here(client: &Client) -> (Result<Duration, Error>, Client) {
    (futures::executor::block_on(client.ping()), client.clone())
}
