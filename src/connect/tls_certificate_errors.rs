//! The report about a server's certificate that was not accepted: what is wrong with it, and what to do
//! about it that has not been done already.

use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::certificate::{Certificate, shown_host};
use crate::config::TlsConfig;

/// Names of a certificate that a report shows.
const MAX_NAMES: usize = 3;
/// Bits of an RSA key that is accepted.
const MIN_RSA_BITS: usize = 2048;

const NEW_KEY: &str = "give the server a certificate with an RSA key of 2048 bits or more, or one of P-256, \
                       P-384 or Ed25519";
const NEW_CERTIFICATE: &str = "give the server another certificate";

/// What a report needs of a certificate that was refused.
pub(super) struct Refused<'a> {
    /// What the server has sent, its own certificate first.
    pub(super) chain: &'a [CertificateDer<'static>],
    pub(super) tls: &'a TlsConfig,
}

impl Refused<'_> {
    /// Returns what is wrong with the certificate, and what to do about it.
    pub(super) fn explain(&self, error: &CertificateError) -> (String, String) {
        match error {
            CertificateError::ExpiredContext { not_after, .. } => {
                let (whose, help) = self.of_whom("renew");
                (format!("{whose}expired on {}", date(*not_after)), help)
            }
            CertificateError::Expired => {
                let (whose, help) = self.of_whom("renew");
                (format!("{whose}has expired"), help)
            }
            CertificateError::NotValidYetContext { time, not_before } => (
                format!("is not valid yet: it is from {}", date(*not_before)),
                format!(
                    "set the clock of this machine, which says {}, or that of the one that issued the \
                     certificate",
                    date(*time)
                ),
            ),
            CertificateError::NotValidForNameContext { presented, .. } => {
                self.wrong_name(presented)
            }
            CertificateError::NotValidForName => self.wrong_name(&["another".to_owned()]),
            CertificateError::UnknownIssuer => self.unknown_issuer(),
            CertificateError::BadEncoding => self.unreadable(),
            _ => self.by_name(&name_of(error)),
        }
    }

    /// Explains what rustls' versions name in several ways, or do not export.
    fn by_name(&self, error: &str) -> (String, String) {
        if error == "BadSignature" || error.starts_with("UnsupportedSignatureAlgorithm") {
            return self.bad_signature(error);
        }
        if error.starts_with("InvalidPurpose") || error == "EmptyEkuExtension" {
            return (
                "is not for servers: its extended key usage is without `serverAuth`".to_owned(),
                "give the server a certificate with `extendedKeyUsage=serverAuth`".to_owned(),
            );
        }
        let (what, help) = match error {
            "CaUsedAsEndEntity" => return self.authority_as_server(),
            "UnsupportedCertVersion" => return self.old_version(),
            "NotValidYet" => ("is not valid yet", "set the clock of this machine"),
            "UnhandledCriticalExtension" | "UnsupportedCriticalExtension" => (
                "has a critical extension that this client does not know",
                "give the server a certificate without that extension",
            ),
            "NameConstraintViolation" => (
                "is for a name for which its authority may not issue certificates",
                "let another authority issue it, or change the `nameConstraints` of this one",
            ),
            "PathLenConstraintViolated" | "MaximumPathDepthExceeded" => (
                "is signed through more authorities than their certificates permit",
                "let an authority nearer to the root issue it, or raise `pathlen`",
            ),
            "EndEntityUsedAsCa" => (
                "is signed by a certificate that is not an authority's",
                "let an authority issue it, whose certificate has `CA:TRUE`",
            ),
            "Revoked" => ("is revoked", NEW_CERTIFICATE),
            _ => return self.unreadable(),
        };
        (what.to_owned(), help.to_owned())
    }

    fn own(&self) -> Option<Certificate<'_>> {
        Certificate::read(self.chain.first()?)
    }

    fn ca(&self) -> Option<String> {
        self.tls.ca.as_ref().map(|path| path.display().to_string())
    }

    /// Returns the words for the case that not the server's own certificate is at fault, and the help.
    fn of_whom(&self, verb: &str) -> (&'static str, String) {
        if self.chain.len() > 1 {
            let help =
                format!("{verb} the certificate of the server, and the others that it sends");
            ("or another one that the server sends ", help)
        } else {
            ("", format!("{verb} the certificate of the server"))
        }
    }

    fn wrong_name(&self, presented: &[String]) -> (String, String) {
        if presented.is_empty() {
            return (
                "names no host: `subjectAltName` is missing".to_owned(),
                "give the server a certificate with `subjectAltName=DNS:<host>`, or verify its chain alone \
                 with `?tls_verify=ca`"
                    .to_owned(),
            );
        }
        let mut names: Vec<_> = presented
            .iter()
            .take(MAX_NAMES)
            .map(|name| format!("`{}`", shown_host(bare(name))))
            .collect();
        let more = presented.len() - names.len();
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let what = format!("is for another host: {}", names.join(", "));
        let help = if self.tls.server_name.is_some() {
            "correct `tls_server_name`, or give the server a certificate with that name"
        } else {
            "connect to a name in the certificate, or add `?tls_server_name=` with it"
        };
        (what, help.to_owned())
    }

    fn unknown_issuer(&self) -> (String, String) {
        let Some(own) = self.own() else {
            return self.unreadable();
        };
        if own.is_self_signed() {
            let help = match self.ca() {
                Some(ca) => format!("put this certificate into `{ca}`"),
                None => "add `?tls_ca=` with the path of this certificate, in PEM".to_owned(),
            };
            return ("is not trusted: it is self-signed".to_owned(), help);
        }
        // The authority that is missing has signed the last one of the chain that the server sends.
        let last = self.chain.last().and_then(|last| Certificate::read(last));
        let last = last.filter(|last| !last.is_self_signed()).unwrap_or(own);
        let issuer = last.issuer();
        let certificate = format!("the certificate of `{issuer}`");
        let help = match (self.ca(), self.chain.len()) {
            (Some(ca), 1) => format!(
                "put {certificate} into `{ca}`; if that is an intermediate authority, the server has to send \
                 its certificate"
            ),
            (Some(ca), _) => format!("put {certificate} into `{ca}`"),
            (None, _) => format!("add `?tls_ca=` with the path of {certificate}, in PEM"),
        };
        (format!("is not trusted: it is signed by `{issuer}`"), help)
    }

    fn authority_as_server(&self) -> (String, String) {
        let is_own = self.own().is_some_and(|own| own.is_self_signed());
        let or_pin = match (is_own, self.ca()) {
            (true, None) => ", or trust this one with `?tls_ca=` and its path",
            _ => "",
        };
        (
            "is an authority's (`CA:TRUE`), used as a server's".to_owned(),
            format!(
                "make one for the server without `CA:TRUE`, such as by `openssl req -x509 -addext \
                 basicConstraints=critical,CA:FALSE`{or_pin}"
            ),
        )
    }

    fn old_version(&self) -> (String, String) {
        let version = self.own().map_or(1, |own| own.version);
        if version < 3 {
            return (
                format!("has X.509 version {version}, which has no names of hosts; 3 is needed"),
                "give the server a certificate of version 3: `openssl x509 -req` makes one with `-extfile`"
                    .to_owned(),
            );
        }
        (
            "is signed by an authority whose certificate is older than X.509 version 3".to_owned(),
            "let an authority sign it that has a certificate of version 3".to_owned(),
        )
    }

    fn unreadable(&self) -> (String, String) {
        match self.own() {
            Some(own) if own.version < 3 => self.old_version(),
            _ => ("is malformed".to_owned(), NEW_CERTIFICATE.to_owned()),
        }
    }

    /// Looks for what is too weak in the chain, for that is why most signatures are not accepted.
    fn bad_signature(&self, error: &str) -> (String, String) {
        let chain = || self.chain.iter().filter_map(|der| Certificate::read(der));
        if let Some(bits) = chain()
            .filter_map(|read| read.rsa_bits())
            .find(|bits| *bits < MIN_RSA_BITS)
        {
            let what =
                format!("has an RSA key of {bits} bits in its chain; {MIN_RSA_BITS} are needed");
            return (what, NEW_KEY.to_owned());
        }
        if let Some(hash) = chain().find_map(|read| read.broken_hash()) {
            return (
                format!("is signed with {hash}, which is not safe"),
                "let its authority sign it with SHA-256, in openssl with `-sha256`".to_owned(),
            );
        }
        if error != "BadSignature" {
            return (
                "has a key or a signature of a kind that is not supported".to_owned(),
                NEW_KEY.to_owned(),
            );
        }
        let issuer = self.own().map_or_else(String::new, |own| own.issuer());
        let place = self
            .ca()
            .map_or_else(|| "`?tls_ca=`".to_owned(), |ca| format!("`{ca}`"));
        (
            format!(
                "is not trusted: `{issuer}` has signed it with another key than the trusted one"
            ),
            format!("put the present certificate of `{issuer}` into {place}"),
        )
    }
}

/// Returns the name of the error without what it carries.
fn name_of(error: &CertificateError) -> String {
    let text = match error {
        CertificateError::Other(other) => other.0.to_string(),
        error => format!("{error:?}"),
    };
    let is_end = |c: char| !c.is_ascii_alphanumeric();
    text.split(is_end).next().unwrap_or_default().to_owned()
}

/// Returns the name in what rustls shows of one: `redis.example` of `DnsName("redis.example")`.
fn bare(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

/// Returns the day of `time` in UTC, as `2026-01-31`.
fn date(time: UnixTime) -> String {
    // By H. Hinnant, "chrono-compatible low-level date algorithms": years begin in March.
    let days = time.as_secs() / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next_year)
}

#[cfg(test)]
mod tests;
