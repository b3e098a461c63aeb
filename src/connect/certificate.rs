//! [`Certificate`]: what a report says of an X.509 certificate, read without a judgement about it.
//!
//! rustls verifies certificates. It does not tell what is in one that it has refused.

use crate::report::printable_start;

/// Characters of a name that a report shows.
const MAX_NAME: usize = 64;
/// A DNS name is shown in full.
const MAX_HOST: usize = 253;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const VERSION: u8 = 0xa0;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_WITH_MD5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04];
const RSA_WITH_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
const ECDSA_WITH_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];

/// The parts of a certificate, as DER without tag and length.
pub(super) struct Certificate<'a> {
    /// 1 to 3; only version 3 has extensions.
    pub(super) version: u8,
    /// The whole `SubjectPublicKeyInfo`, with tag and length.
    pub(super) public_key_info: &'a [u8],
    signature_algorithm: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads `der`; `None` where it is not a certificate.
    pub(super) fn read(der: &'a [u8]) -> Option<Certificate<'a>> {
        let mut fields = Der(der).enter(SEQUENCE)?.enter(SEQUENCE)?;
        let version = match fields.skip_to(VERSION) {
            Some(version) => *Der(version).value(INTEGER)?.last()?,
            None => 0,
        };
        fields.value(INTEGER)?;
        let signature_algorithm = fields.enter(SEQUENCE)?.value(OBJECT_IDENTIFIER)?;
        let issuer = fields.value(SEQUENCE)?;
        let _validity = fields.value(SEQUENCE)?;
        let subject = fields.value(SEQUENCE)?;
        let public_key_info = fields.element(SEQUENCE)?;
        Some(Certificate {
            version: version.checked_add(1)?,
            public_key_info,
            signature_algorithm,
            issuer,
            subject,
        })
    }

    /// Returns whether it names itself as its issuer.
    pub(super) fn is_self_signed(&self) -> bool {
        self.issuer == self.subject
    }

    /// Returns the name of the authority that has signed it, fit to print.
    pub(super) fn issuer(&self) -> String {
        let name = attribute(self.issuer, COMMON_NAME)
            .or_else(|| attribute(self.issuer, ORGANIZATION))
            .unwrap_or(b"an authority without a name");
        shown(&String::from_utf8_lossy(name), MAX_NAME)
    }

    /// Returns the hash function of its signature, where it is not safe any more.
    pub(super) fn broken_hash(&self) -> Option<&'static str> {
        match self.signature_algorithm {
            RSA_WITH_MD5 => Some("MD5"),
            RSA_WITH_SHA1 | ECDSA_WITH_SHA1 => Some("SHA-1"),
            _ => None,
        }
    }

    /// Returns the length of its key, if that is an RSA key.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        let key = self.public_key()?;
        if Der(key.algorithm).value(OBJECT_IDENTIFIER)? != RSA {
            return None;
        }
        let modulus = Der(key.bits).enter(SEQUENCE)?.value(INTEGER)?;
        let leading = modulus.iter().take_while(|byte| **byte == 0).count();
        let first = modulus.get(leading)?;
        Some((modulus.len() - leading) * 8 - first.leading_zeros() as usize)
    }

    /// Returns its public key.
    pub(super) fn public_key(&self) -> Option<PublicKey<'a>> {
        let mut info = Der(self.public_key_info).enter(SEQUENCE)?;
        let algorithm = info.value(SEQUENCE)?;
        // The first byte is the number of bits that are not used: none.
        let bits = info.value(BIT_STRING)?.strip_prefix(&[0])?;
        Some(PublicKey { algorithm, bits })
    }
}

/// A public key and the identifier of its algorithm, with parameters.
pub(super) struct PublicKey<'a> {
    pub(super) algorithm: &'a [u8],
    pub(super) bits: &'a [u8],
}

/// Returns the host name or address that a certificate has, fit to print.
pub(super) fn shown_host(host: &str) -> String {
    shown(host, MAX_HOST)
}

/// Returns the start of `text`, fit to print: it comes from the network.
pub(super) fn shown(text: &str, limit: usize) -> String {
    printable_start(text, limit).replace('`', "'")
}

/// Returns the first value of an attribute in a distinguished name.
fn attribute<'a>(name: &'a [u8], kind: &[u8]) -> Option<&'a [u8]> {
    let mut sets = Der(name);
    loop {
        let mut attribute = sets.enter(SET)?.enter(SEQUENCE)?;
        if attribute.value(OBJECT_IDENTIFIER)? == kind {
            return Some(attribute.next()?.value);
        }
    }
}

/// Reads the elements of DER, one after the other.
struct Der<'a>(&'a [u8]);

struct Element<'a> {
    tag: u8,
    value: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Up to 16 MB, which is more than the handshake takes.
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Element { tag, value, whole })
    }

    fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|next| next.tag == tag)
            .map(|next| next.whole)
    }

    fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|next| next.tag == tag)
            .map(|next| next.value)
    }

    fn enter(&mut self, tag: u8) -> Option<Der<'a>> {
        self.value(tag).map(Der)
    }

    /// Takes the next element if it has this tag.
    fn skip_to(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.0.first() == Some(&tag) {
            self.value(tag)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn self_signed(common_name: &str) -> Vec<u8> {
        let mut params = CertificateParams::new(["h".to_owned()]).expect("a name");
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params.self_signed(&key).expect("the parameters are sound");
        signed.der().to_vec()
    }

    #[test]
    fn what_a_certificate_says_of_itself_is_read() {
        let der = self_signed("the name");
        let read = Certificate::read(&der).expect("it is a certificate");
        assert_eq!(read.version, 3);
        assert!(read.is_self_signed());
        assert_eq!(read.issuer(), "the name");
        assert_eq!((read.rsa_bits(), read.broken_hash()), (None, None));
        assert!(read.public_key().is_some());
    }

    #[test]
    fn a_name_from_the_network_is_printable_and_short() {
        let der = self_signed(&format!("a`\u{1b}[0m{}", "x".repeat(500)));
        let issuer = Certificate::read(&der).expect("it is one").issuer();
        assert!(issuer.starts_with("a'\\u{1b}[0mxxx"), "{issuer}");
        assert!(issuer.ends_with("x…") && issuer.len() < 100, "{issuer}");
    }

    #[test]
    fn broken_certificates_are_no_certificates() {
        let der = self_signed("a");
        for length in 0..der.len() {
            assert!(Certificate::read(&der[..length]).is_none(), "{length}");
        }
        // Every byte is changed once: none makes it panic.
        for at in 0..der.len() {
            for value in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[at] = value;
                if let Some(read) = Certificate::read(&changed) {
                    let _ = (read.issuer(), read.rsa_bits(), read.broken_hash());
                }
            }
        }
    }
}
