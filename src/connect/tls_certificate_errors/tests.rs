use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::OtherError;
use rustls::pki_types::pem::PemObject;

use super::*;

/// `openssl req -x509 -newkey rsa:1024 -sha1`: ring makes no such key.
const RSA_1024_SHA1: &str = "-----BEGIN CERTIFICATE-----
MIIB/DCCAWWgAwIBAgIUBAlEZW5M+F+NIO9IlBTwZd9CqiYwDQYJKoZIhvcNAQEF
BQAwDzENMAsGA1UEAwwEd2VhazAgFw0yNjExMjgyMTQxNTRaGA8yMTI2MTEwNDIx
NDE1NFowDzENMAsGA1UEAwwEd2VhazCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkC
gYEA7QXBg78bAaciCUi1aycgyaBJgU8XUY0uvmWxWl69Pq3IB94B0A3TiJtFo1sL
Fj5kEIoKg2f0SagQxrNnYORZQ9S39o7tazTKyKXBsDMCYtQNlydGFlJvY1FlvSSL
LHZkI7NVv98RHmWfq1YAp0UQKLrI8DZScxhXkrYwJ2PvhP0CAwEAAaNTMFEwHQYD
VR0OBBYEFKv076DexsWb1dON8gQ8e/j6XCh9MB8GA1UdIwQYMBaAFKv076DexsWb
1dON8gQ8e/j6XCh9MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQEFBQADgYEA
5E3K/FYVjVasK7UrQBlQMtWXcLMRQ+TqvSXo6CeVUUGSKTF4nxhtBDgeIof65eCN
AgH7ZfmKaUeytyfsxc+n0GSwcCSYPyoKFiVIA73eQAQt4ISvD9AkHi/OgSSSWU3D
Gb7WXNkxH8vmyTd9Bm2CehENceMBCXqAiGp5/TBsyeM=
-----END CERTIFICATE-----
";
/// `openssl req -x509 -newkey rsa:2048 -sha1`.
const RSA_2048_SHA1: &str = "-----BEGIN CERTIFICATE-----
MIIC/zCCAeegAwIBAgIUPLZg84Zwesujo/El3SwHkPLZkDAwDQYJKoZIhvcNAQEF
BQAwDjEMMAoGA1UEAwwDb2xkMCAXDTI2MTEyODIxNDE1NVoYDzIxMjYxMTA0MjE0
MTU1WjAOMQwwCgYDVQQDDANvbGQwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEK
AoIBAQDpdTumTbyQqxeu5oA4YKS9M7o6c9C+1akPLACmoGM4WNZ7P+XuHi/PSiy7
N509KFHtPP/nUWLcSId9Cd4i9Ksjvc5BjcsMI8pPyfNNmF49LutzCteg/zHSwSLF
082WRKZVUD5Z5StTlD71aZEF80vxD0pHcszDKg2KdTWF6dACiZuOf/9c9587dmDB
TDCANCCr1OPvK8XCgkqBOGXuEvlNPeAzu5D/tSEcPO9uejasE01AV21z31IFxdvO
rmqpBIsr1Wf9djD05/C3hCoADTDjxPZ6t7eXRV+MxF/8P11i4ScOEmKUkrLbgkOt
krCKJOyRIo+woXL4EfSxBpHl/2qdAgMBAAGjUzBRMB0GA1UdDgQWBBSjlfvPiqDY
leOstOsls7ndShCFtDAfBgNVHSMEGDAWgBSjlfvPiqDYleOstOsls7ndShCFtDAP
BgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBBQUAA4IBAQA4Ks9EPaR7CZ1JxJfB
Qh9PhLVVhnxrHj6mmLDaYooe3Ob5zKpIc+HhEYgSG4NgDJ2nbV/ipNFm+dgbKpC+
CpWZjOGY/zrwzRe7olUCPhPTvDkZdUpvaGYWpD9nlzhdIrmfgS00f92M+vkiA7k+
ENrmGl0ZPFJ2oT60B2vtLXjJRqkFjiGI2NbORRKkL2uucsvnmJeXIcGqUR7TKP8L
jCMUMMZ3qeCIGLhKFFqLQ0zjEUSvuTukFuvO21kvXxEI0QDGg7bNbO9HGJhhcSjP
NXTB2LdniQOk+ufjLT+bENE92qUxfogJWWvQLi4fYndqc0sjQW8V6W4JngzLBnpY
j/AK
-----END CERTIFICATE-----
";

/// Returns what is wrong with a `chain` of certificates, and what to do about it, where the URL has
/// the authorities of `ca`.
fn explain(chain: &[&str], ca: Option<&str>, error: &CertificateError) -> (String, String) {
    let chain: Vec<_> = chain
        .iter()
        .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is one"))
        .collect();
    let tls = TlsConfig {
        ca: ca.map(PathBuf::from),
        ..TlsConfig::default()
    };
    let refused = Refused {
        chain: &chain,
        tls: &tls,
    };
    refused.explain(error)
}

#[track_caller]
fn check(explained: (String, String), what: &str, advice: &str) {
    let (found, help) = explained;
    assert!(found.contains(what), "{found}");
    assert!(help.contains(advice), "{help}");
}

/// An error that rustls does not export, by its name.
fn by_name(name: &'static str) -> CertificateError {
    CertificateError::Other(OtherError(Arc::new(io::Error::other(name))))
}

#[test]
fn a_key_or_a_signature_that_is_too_weak_is_named() {
    let weak = |certificate| explain(&[certificate], None, &CertificateError::BadSignature);
    let key = "RSA key of 1024 bits";
    check(weak(RSA_1024_SHA1), key, "2048 bits or more");
    check(weak(RSA_2048_SHA1), "signed with SHA-1", "-sha256");
}

#[test]
fn a_kind_of_key_that_is_not_supported_is_not_called_another_authoritys() {
    let unsupported = by_name("UnsupportedSignatureAlgorithmContext(..)");
    let explained = explain(&[], None, &unsupported);
    check(explained, "of a kind that is not supported", "P-256");
    let other = |ca| explain(&[], ca, &CertificateError::BadSignature);
    check(other(None), "with another key", "into `?tls_ca=`");
    check(other(Some("/ca.pem")), "with another key", "into `/ca.pem`");
}

#[test]
fn each_defect_is_told_with_what_to_do_about_it() {
    let server = [RSA_2048_SHA1].as_slice();
    for (error, what, advice) in [
        (
            CertificateError::Expired,
            "has expired",
            "renew the certificate of the server",
        ),
        (
            CertificateError::NotValidYet,
            "not valid yet",
            "set the clock",
        ),
        (
            CertificateError::Revoked,
            "is revoked",
            "another certificate",
        ),
        (
            CertificateError::NotValidForName,
            "is for another host",
            "?tls_server_name=",
        ),
        (
            CertificateError::UnhandledCriticalExtension,
            "a critical extension",
            "without that",
        ),
        (
            CertificateError::BadEncoding,
            "is malformed",
            "another certificate",
        ),
        (
            CertificateError::InvalidPurpose,
            "is not for servers",
            "serverAuth",
        ),
        (
            by_name("EmptyEkuExtension"),
            "is not for servers",
            "serverAuth",
        ),
        (
            by_name("UnsupportedCriticalExtension"),
            "a critical extension",
            "without that",
        ),
        (
            by_name("NameConstraintViolation"),
            "may not issue",
            "`nameConstraints`",
        ),
        (
            by_name("PathLenConstraintViolated"),
            "more authorities",
            "`pathlen`",
        ),
        (
            by_name("MaximumPathDepthExceeded"),
            "more authorities",
            "`pathlen`",
        ),
        (
            by_name("EndEntityUsedAsCa"),
            "not an authority's",
            "`CA:TRUE`",
        ),
        (
            by_name("CaUsedAsEndEntity"),
            "is an authority's",
            "without `CA:TRUE`",
        ),
        (
            by_name("UnsupportedCertVersion"),
            "signed by an authority whose certificate is older than X.509 version 3",
            "of version 3",
        ),
        (
            by_name("Never Heard Of"),
            "is malformed",
            "another certificate",
        ),
    ] {
        check(explain(server, None, &error), what, advice);
    }
}

#[test]
fn an_authority_that_is_not_known_is_added_where_the_url_has_its_authorities() {
    let (server, ca) = ([RSA_2048_SHA1].as_slice(), Some("/ca.pem"));
    let untrusted = CertificateError::UnknownIssuer;
    check(
        explain(server, None, &untrusted),
        "self-signed",
        "add `?tls_ca=`",
    );
    check(
        explain(server, ca, &untrusted),
        "self-signed",
        "put this certificate into `/ca.pem`",
    );
    check(
        explain(&[], ca, &untrusted),
        "is malformed",
        "another certificate",
    );
}

#[test]
fn with_a_chain_any_of_it_may_have_expired() {
    let explained = explain(
        &[RSA_2048_SHA1, RSA_1024_SHA1],
        None,
        &CertificateError::Expired,
    );
    check(
        explained,
        "another one that the server sends has expired",
        "the others that it sends",
    );
}

#[test]
fn an_authority_that_is_not_trusted_by_the_url_may_be_pinned() {
    let error = by_name("CaUsedAsEndEntity");
    let pinning = "or trust this one with `?tls_ca=`";
    check(explain(&[RSA_2048_SHA1], None, &error), "", pinning);
    let (_, help) = explain(&[RSA_2048_SHA1], Some("/ca.pem"), &error);
    assert!(!help.contains(pinning), "{help}");
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (seconds, expected) in [
        (0, "1970-01-01"),
        (951_782_400, "2000-02-29"),
        (951_868_800, "2000-03-01"),
        (1_735_689_599, "2024-12-31"),
        (4_102_444_800, "2100-01-01"),
        (253_402_300_799, "9999-12-31"),
    ] {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        assert_eq!(date(time), expected);
    }
}

#[test]
fn a_name_is_shown_as_it_is_in_the_certificate() {
    assert_eq!(bare("DnsName(\"redis.example\")"), "redis.example");
    assert_eq!(bare("IpAddress(127.0.0.1)"), "127.0.0.1");
    assert_eq!(bare("redis.example"), "redis.example");
}
