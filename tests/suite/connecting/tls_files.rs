//! Files of `tls_ca`, `tls_cert` and `tls_key`: what is wrong with one is named, and healed without a
//! restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis_ready::testing::Server;
use redis_ready::{Client, Error, ErrorKind};

use crate::support::certificates::{Authority, Identity, Validity};
use crate::support::not_run::without_tls;
use crate::support::{NEVER, open, run, start};

/// What a client says that reads these files; `None` where it connects.
fn error(server: &Server, ca: &Path, certificate: &Path, key: &Path) -> Option<Error> {
    let port = server.port().expect("it listens on TCP");
    let [ca, certificate, key] = [ca, certificate, key].map(|path| path.display().to_string());
    let files = format!("tls_ca={ca}&tls_cert={certificate}&tls_key={key}");
    run(open(
        &format!("rediss://localhost:{port}?{files}"),
        "connect_timeout=20s",
    )
    .ping())
    .err()
}

#[test]
fn what_a_file_holds_instead_is_named() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let server = start(authority.serve(&authority.server(&["localhost"], Validity::Now)));
    let ca = authority.certificate().to_owned();
    let Identity { certificate, key } = authority.client();
    let file = |name: &str, content: &[u8]| -> PathBuf {
        let path = authority.directory().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let text = fs::read_to_string(&ca).unwrap();
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMAAA\n\
                  -----END RSA PRIVATE KEY-----\n";
    let check = |ca: &Path, certificate: &Path, key: &Path, what: &str, advice: &str| {
        let error = error(&server, ca, certificate, key).expect(what);
        let report = format!("{error:?}");
        assert_eq!(error.kind(), ErrorKind::InvalidFile, "{report}");
        assert!(report.contains(what), "{what}: {report}");
        let help = error.help().unwrap_or_default();
        assert!(help.contains(advice), "{advice}: {report}");
        assert!(!report.contains("MAAA"), "{report}");
    };
    let der = file("der", b"\x30\x82\x01\x00");
    let empty = file("empty", b"\n");
    for (path, what, advice) in [
        (&key, "a private key and no certificate", "certificate"),
        (&der, "DER", "openssl x509 -inform der"),
        (&empty, "it is empty", "PEM"),
        (&file("utf16", &utf16(&text)), "UTF-16", "UTF-8"),
        (&file("text", b"hello"), "nothing of that kind", "PEM"),
        (
            &file("cut", &text.as_bytes()[..text.len() / 2]),
            "cut short",
            "PEM",
        ),
        (&authority.directory().join("none"), "No such file", "path"),
    ] {
        check(path, &certificate, &key, what, advice);
        check(&ca, path, &key, what, advice);
    }
    for (path, what, advice) in [
        (&certificate, "a certificate and no private key", "tls_key"),
        (&der, "DER", "openssl pkey -inform der"),
        (
            &file("encrypted", encrypted.as_bytes()),
            "encrypted",
            "openssl pkey -in",
        ),
        (
            &file("legacy", legacy.as_bytes()),
            "encrypted",
            "openssl pkey -in",
        ),
        (&empty, "it is empty", "PEM"),
        (
            &authority.client().key,
            "is not that of the certificate",
            "tls_key",
        ),
    ] {
        check(&ca, &certificate, path, what, advice);
    }

    let windows = text.replace('\n', "\r\n");
    let with_mark = format!("\u{feff}{windows}");
    for text in [windows, with_mark] {
        let ca = file("windows", text.as_bytes());
        let error = error(&server, &ca, &certificate, &key);
        assert!(error.is_none(), "{error:?}");
    }
}

#[test]
fn files_that_appear_or_are_swapped_are_read_again() {
    if without_tls() {
        return;
    }
    let (ours, foreign) = (Authority::new(), Authority::new());
    let identity = ours.server(&["localhost"], Validity::Now);
    let server = start(ours.serve(&identity).client_certificates());
    let port = server.port().expect("it listens on TCP");
    let secret = |name: &str, authority: &Authority| {
        let directory = ours.directory().join(name);
        let client = authority.client();
        fs::create_dir(&directory).unwrap();
        fs::copy(authority.certificate(), directory.join("ca")).unwrap();
        fs::copy(client.certificate, directory.join("cert")).unwrap();
        fs::copy(client.key, directory.join("key")).unwrap();
        directory
    };
    let mounted = ours.directory().join("mounted");
    let files =
        ["ca", "cert", "key"].map(|name| format!("tls_{name}={}", mounted.join(name).display()));
    let url = format!("rediss://localhost:{port}?{}", files.join("&"));
    let client = open(&url, "deadline=20s");
    let error = run(client.ping()).expect_err("there are no files");
    assert_eq!(error.kind(), ErrorKind::InvalidFile, "{error:?}");

    let (wrong, right) = (secret("wrong", &foreign), secret("right", &ours));
    // Only what the file is tells them apart.
    let at = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for directory in [&wrong, &right] {
        for file in fs::read_dir(directory).unwrap() {
            let file = fs::File::options()
                .append(true)
                .open(file.unwrap().path())
                .unwrap();
            file.set_modified(at).unwrap();
        }
    }
    std::os::unix::fs::symlink(&wrong, &mounted).unwrap();
    until(&client, |outcome| {
        outcome.is_err_and(|error| error.kind() == ErrorKind::Tls)
    });
    fs::remove_file(&mounted).unwrap();
    std::os::unix::fs::symlink(&right, &mounted).unwrap();
    until(&client, |outcome| outcome.is_ok());
}

/// Asks until the outcome is as it should be.
fn until(client: &Client, mut is_right: impl FnMut(Result<Duration, Error>) -> bool) {
    run(async {
        let asked = async {
            while !is_right(client.ping().await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(NEVER / 2, asked)
            .await
            .expect("it is read again");
    });
}
