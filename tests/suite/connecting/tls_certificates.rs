//! Certificates that people really have: each defect is named as what it is, with advice that is not what
//! the URL has already.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, NameConstraints, SanType, date_time_ymd,
};
use redis_ready::{Error, ErrorKind};

use crate::support::certificates::{Authority, Identity, Validity};
use crate::support::not_run::without_tls;
use crate::support::{open, run, start};

/// What a client says of a server with this certificate; `None` where it connects.
fn error(identity: &Identity, host: &str, parameters: &str) -> Option<Error> {
    let authority = Authority::new();
    let server = start(authority.serve(identity));
    let port = server.port().expect("it listens on TCP");
    let url = format!("rediss://{host}:{port}?connect_timeout=20s&deadline=40s");
    run(open(&url, parameters).ping()).err()
}

#[track_caller]
fn check(identity: &Identity, host: &str, parameters: &str, what: &str, advice: &str) {
    let error = error(identity, host, parameters).expect(what);
    let report = format!("{error:?}");
    assert_eq!(error.kind(), ErrorKind::Tls, "{report}");
    assert!(error.to_string().contains(what), "{what}: {report}");
    assert!(!error.to_string().contains('\n'), "{report}");
    let help = error.help().unwrap_or_default();
    assert!(help.contains(advice), "{advice}: {report}");
    if parameters.contains("tls_ca=") {
        assert!(!help.contains("add `?tls_ca="), "{report}");
        assert!(report.contains("of `tls_ca="), "{report}");
    }
    assert!(report.contains("note: checked against "), "{report}");
    assert!(report.len() < 4_000, "{report}");
}

#[track_caller]
fn works(identity: &Identity, host: &str, parameters: &str) {
    let error = error(identity, host, parameters);
    assert!(error.is_none(), "{parameters}: {error:?}");
}

fn ca(path: &Path) -> String {
    format!("tls_ca={}", path.display())
}

/// Makes a certificate that a function has changed.
type Make = fn(&Authority, fn(&mut CertificateParams)) -> Identity;

fn is_authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn without_names(params: &mut CertificateParams) {
    params.subject_alt_names.clear();
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
}

#[test]
fn a_certificate_for_other_names_or_none_is_named() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let trusted = ca(authority.certificate());
    let none = authority.server_with(without_names);
    let missing = "names no host: `subjectAltName` is missing";
    check(&none, "localhost", &trusted, missing, "tls_verify=ca");
    works(&none, "localhost", &format!("{trusted}&tls_verify=ca"));

    let localhost = authority.server(&["localhost"], Validity::Now);
    let another = "is for another host: `localhost`";
    check(
        &localhost,
        "127.0.0.1",
        &trusted,
        another,
        "add `?tls_server_name=`",
    );
    let named = format!("{trusted}&tls_server_name=redis.example");
    check(
        &localhost,
        "localhost",
        &named,
        another,
        "correct `tls_server_name`",
    );
    works(&localhost, "127.0.0.1", &format!("{trusted}&tls_verify=ca"));
    let address = authority.server(&["127.0.0.1"], Validity::Now);
    works(&address, "127.0.0.1", &trusted);
    check(
        &address,
        "localhost",
        &trusted,
        "another host: `127.0.0.1`",
        "connect to",
    );

    let hostile = authority.server_with(|params| {
        let name = |number| format!("{number}.{}", "x`\u{1b}[2J".repeat(100));
        let all = (0..50).map(|number| SanType::URI(name(number).try_into().expect("ASCII")));
        params.subject_alt_names = all.collect();
    });
    check(
        &hostile,
        "localhost",
        &trusted,
        "47 more",
        "tls_server_name",
    );
}

#[test]
fn a_certificate_of_another_time_is_named_with_its_date() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let trusted = ca(authority.certificate());
    let past = authority.server(&["localhost"], Validity::Past);
    let future = authority.server(&["localhost"], Validity::Future);
    check(
        &past,
        "localhost",
        &trusted,
        "expired on 2002-01-01",
        "renew",
    );
    let not_yet = "is not valid yet: it is from 2990-01-01";
    check(&future, "localhost", &trusted, not_yet, "clock");
}

#[test]
fn a_certificate_that_is_not_trusted_is_named_with_who_has_signed_it() {
    if without_tls() {
        return;
    }
    let (ours, theirs) = (Authority::new(), Authority::new());
    let trusted = ca(ours.certificate());
    let path = ours.certificate().display().to_string();

    let own = ours.self_signed(&["localhost"]);
    check(
        &own,
        "localhost",
        "",
        "is self-signed",
        "add `?tls_ca=` with the path of this certificate",
    );
    check(&own, "localhost", &trusted, "is self-signed", &path);
    works(&own, "localhost", &ca(&own.certificate));

    let foreign = theirs.server(&["localhost"], Validity::Now);
    let by = "is signed by `authority ";
    check(
        &foreign,
        "localhost",
        "",
        by,
        "add `?tls_ca=` with the path of the certificate of `authority ",
    );
    check(&foreign, "localhost", &trusted, by, &path);

    let intermediate = ours.intermediate();
    let alone = intermediate.server(&["localhost"], Validity::Now);
    check(
        &alone,
        "localhost",
        &trusted,
        by,
        "the server has to send its certificate",
    );
    let chain =
        [&alone.certificate, intermediate.certificate()].map(|path| fs::read(path).unwrap());
    fs::write(&alone.certificate, chain.concat()).unwrap();
    works(&alone, "localhost", &trusted);

    let same_name = |params: &mut CertificateParams| {
        params
            .distinguished_name
            .push(DnType::CommonName, "our authority");
    };
    let (old, new) = (Authority::with(same_name), Authority::with(same_name));
    let renewed = new.server(&["localhost"], Validity::Now);
    let another_key = "`our authority` has signed it with another key";
    check(
        &renewed,
        "localhost",
        &ca(old.certificate()),
        another_key,
        "put the present certificate",
    );
}

#[test]
fn a_certificate_that_is_not_for_a_server_is_named() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let trusted = ca(authority.certificate());
    let for_clients = authority.server_with(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    check(
        &for_clients,
        "localhost",
        &trusted,
        "without `serverAuth`",
        "serverAuth",
    );

    let critical = authority.server_with(|params| {
        let mut unknown =
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
        unknown.set_criticality(true);
        params.custom_extensions.push(unknown);
    });
    check(
        &critical,
        "localhost",
        &trusted,
        "critical extension",
        "without that extension",
    );

    let narrow = Authority::with(|params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let outside = narrow.server(&["localhost"], Validity::Now);
    let narrow = ca(narrow.certificate());
    check(
        &outside,
        "localhost",
        &narrow,
        "may not issue",
        "nameConstraints",
    );
}

#[test]
fn an_authority_as_a_server_is_named_unless_it_is_the_one_in_tls_ca() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let trusted = ca(authority.certificate());
    let used_as = "is an authority's (`CA:TRUE`), used as a server's";
    let own = authority.self_signed_with(is_authority);
    for verify in ["full", "ca"] {
        let verify = format!("tls_verify={verify}");
        check(&own, "localhost", &verify, used_as, "`?tls_ca=`");
        let foreign = format!("{trusted}&{verify}");
        check(
            &own,
            "localhost",
            &foreign,
            used_as,
            "basicConstraints=critical,CA:FALSE",
        );
        works(
            &own,
            "localhost",
            &format!("{}&{verify}", ca(&own.certificate)),
        );
    }
    let issued = authority.server_with(is_authority);
    check(&issued, "localhost", &trusted, used_as, "CA:FALSE");
}

#[test]
fn a_certificate_in_tls_ca_is_verified_for_name_and_time() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let issued = authority.server(&["localhost"], Validity::Now);
    works(&issued, "localhost", &ca(&issued.certificate));
    let makes: [Make; 2] = [Authority::self_signed_with, Authority::server_with];
    for make in makes {
        let wrong = make(&authority, |params| {
            is_authority(params);
            params.subject_alt_names = vec![SanType::DnsName("other.example".try_into().unwrap())];
        });
        let pinned = ca(&wrong.certificate);
        check(
            &wrong,
            "localhost",
            &pinned,
            "another host: `other.example`",
            "tls_server_name",
        );
        works(&wrong, "localhost", &format!("{pinned}&tls_verify=ca"));
        works(
            &wrong,
            "localhost",
            &format!("{pinned}&tls_server_name=other.example"),
        );

        let past = make(&authority, |params| {
            is_authority(params);
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        });
        for verify in ["full", "ca"] {
            let pinned = format!("{}&tls_verify={verify}", ca(&past.certificate));
            check(&past, "localhost", &pinned, "expired", "renew");
        }
    }
}

#[test]
fn a_certificate_of_version_1_is_named_and_accepted_where_nothing_is_verified() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let trusted = ca(authority.certificate());
    let old = authority.version_1();
    for verify in ["full", "ca"] {
        let parameters = format!("{trusted}&tls_verify={verify}");
        check(
            &old,
            "localhost",
            &parameters,
            "X.509 version 1",
            "-extfile",
        );
    }
    for version in ["TLSv1.2", "TLSv1.3"] {
        let server = start(authority.serve(&old).arg("--tls-protocols").arg(version));
        let port = server.port().expect("it listens on TCP");
        let url = format!("rediss://localhost:{port}?tls_verify=none");
        run(open(&url, "").ping()).unwrap_or_else(|error| panic!("{version}: {error:?}"));
    }
}

#[test]
fn nothing_is_verified_where_the_url_says_so() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    for identity in [
        authority.server(&["other.example"], Validity::Past),
        authority.server_with(without_names),
        authority.self_signed_with(is_authority),
        authority.server_with(|params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }),
    ] {
        works(&identity, "localhost", "tls_verify=none");
    }
}
