//! [`Authorities`]: the certificates that a server is checked against, and where they come from.
//!
//! Those of the system are read once for all connections that are made within a moment, and then again:
//! a bundle can be mounted late, rotated, or be unreadable while the process has too many files open.

use std::env;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use log::Level;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::{CertificateResult, load_native_certs};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::tls_files::authorities;
use crate::config::TlsConfig;
use crate::error::{Error, ErrorKind};
use crate::report::printable;
use crate::runtime::{limit_help, log};

/// How long the system's certificates are used without reading them again: a restarted server meets all
/// connections of a client within it, and a new bundle is not waited for.
const READ_EVERY: Duration = Duration::from_secs(2);
/// The same, where something was wrong with them.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Problems that one report names.
const MAX_PROBLEMS: usize = 3;

/// The certificates that a server is checked against.
#[derive(Debug, Clone)]
pub(super) struct Authorities {
    pub(super) store: Arc<RootCertStore>,
    /// Those of `tls_ca`, which a server may also have as its own.
    pub(super) pinned: Arc<[CertificateDer<'static>]>,
    /// How many they are and where they come from, and what could not be read.
    pub(super) notes: Vec<String>,
}

/// The certificates of the system, of which each client of the process has a copy; with the process that
/// reads them: a forked child has the lock of its parent, but not the thread that holds it.
type OfProcess = Option<(u32, Arc<Mutex<SystemRoots>>)>;

static SYSTEM: std::sync::Mutex<OfProcess> = std::sync::Mutex::new(None);

/// The system's certificates as they were read last, at most once at a time.
#[derive(Default)]
pub(super) struct SystemRoots {
    last: Option<(Instant, Arc<Roots>)>,
    /// The problem that the log tells of already.
    warned_of: Option<String>,
}

/// What was read from the system.
pub(super) struct Roots {
    store: Arc<RootCertStore>,
    source: String,
    /// What could not be read.
    problems: Vec<String>,
    /// What to do where all file descriptors were in use, which passes.
    limit_help: Option<&'static str>,
}

impl SystemRoots {
    /// Waits until no other attempt reads them.
    pub(super) async fn lock() -> OwnedMutexGuard<SystemRoots> {
        let roots = {
            let mut system = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
            SystemRoots::of(std::process::id(), &mut system)
        };
        roots.lock_owned().await
    }

    /// Returns those of `process`, which are new if `system` holds those of another one.
    fn of(process: u32, system: &mut OfProcess) -> Arc<Mutex<SystemRoots>> {
        let known = system.take().filter(|(owner, _)| *owner == process);
        let (_, roots) = system.insert(known.unwrap_or_else(|| (process, Arc::default())));
        Arc::clone(roots)
    }

    /// Returns the certificates, and reads them unless that was a moment ago. This can block.
    pub(super) fn read(&mut self) -> Arc<Roots> {
        let known = self.last.take();
        if let Some((at, roots)) = &known {
            let limit = if roots.problems.is_empty() {
                READ_EVERY
            } else {
                READ_AGAIN_AFTER
            };
            if at.elapsed() < limit {
                let roots = Arc::clone(roots);
                self.last = known;
                return roots;
            }
        }
        let mut roots = Roots::of(load_native_certs(), &Source::of_environment());
        if let Some((_, known)) = known
            && known.store.roots == roots.store.roots
        {
            // Connections that are set up with them stay as they are.
            roots.store = Arc::clone(&known.store);
        }
        self.warn(&roots);
        let roots = Arc::new(roots);
        self.last = Some((Instant::now(), Arc::clone(&roots)));
        roots
    }

    /// Warns once of each problem.
    fn warn(&mut self, roots: &Roots) {
        let problem = (!roots.problems.is_empty()).then(|| roots.problems.join("; "));
        if let Some(problem) = &problem
            && self.warned_of != Some(problem.clone())
        {
            log(Level::Warn, || {
                format!("cannot read certificates of {}: {problem}", roots.source)
            });
        }
        self.warned_of = problem;
    }
}

/// Where the system's certificates come from.
struct Source {
    /// As a report names it.
    name: String,
    /// Whether the environment names it.
    is_chosen: bool,
}

impl Source {
    fn of_environment() -> Source {
        let variables = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter();
        let chosen: Vec<_> = variables
            .filter_map(|name| Some((name, PathBuf::from(env::var_os(name)?))))
            .map(|(name, path)| printable(&format!("`{name}={}`", path.display())))
            .collect();
        let is_chosen = !chosen.is_empty();
        Source {
            name: if is_chosen {
                chosen.join(" and ")
            } else {
                "the system".to_owned()
            },
            is_chosen,
        }
    }
}

impl Roots {
    /// Takes Mozilla's certificates only where the system has none and nothing has failed: a mistake in
    /// `SSL_CERT_FILE` must not widen what is trusted.
    fn of(result: CertificateResult, source: &Source) -> Roots {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(result.certs);
        let mut problems: Vec<String> = Vec::new();
        for error in result.errors.iter().take(MAX_PROBLEMS) {
            problems.push(printable(&error.to_string()));
        }
        let more = result.errors.len() - problems.len();
        if more > 0 {
            problems.push(format!("{more} more"));
        }
        let mut name = source.name.clone();
        if store.is_empty() && problems.is_empty() {
            if source.is_chosen {
                problems.push("there is no certificate in it".to_owned());
            } else {
                store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
                "Mozilla, because the system has none".clone_into(&mut name);
            }
        }
        Roots {
            store: Arc::new(store),
            source: name,
            problems,
            limit_help: result.errors.iter().find_map(|error| match &error.kind {
                rustls_native_certs::ErrorKind::Io { inner, .. } => limit_help(inner),
                _ => None,
            }),
        }
    }

    /// Returns whether `other` holds the same certificates, and nothing else is to be told of them.
    pub(super) fn is_same_as(&self, other: &Roots) -> bool {
        Arc::ptr_eq(&self.store, &other.store)
            && self.source == other.source
            && self.problems == other.problems
    }

    /// Returns the certificates to trust: the system's, and those of `tls_ca`.
    ///
    /// # Errors
    /// Why there are none, or why `tls_ca` cannot be used.
    pub(super) fn with_those_of(&self, tls: &TlsConfig) -> Result<Authorities, Error> {
        let mut notes = vec![self.count()];
        if !self.problems.is_empty() {
            notes.push(format!(
                "cannot read certificates of {}: {}",
                self.source,
                self.problems.join("; ")
            ));
        }
        let Some(ca) = &tls.ca else {
            if self.store.is_empty() {
                return Err(self.no_authority());
            }
            return Ok(Authorities {
                store: Arc::clone(&self.store),
                pinned: Arc::new([]),
                notes,
            });
        };
        let mut store = RootCertStore::clone(&self.store);
        let pinned = authorities(ca, &mut store)?;
        notes[0] = format!(
            "{} and {} of `tls_ca={}`",
            notes[0],
            pinned.len(),
            ca.display()
        );
        Ok(Authorities {
            store: Arc::new(store),
            pinned,
            notes,
        })
    }

    fn count(&self) -> String {
        let count = self.store.len();
        let s = if count == 1 { "" } else { "s" };
        format!("checked against {count} certificate{s} of {}", self.source)
    }

    fn no_authority(&self) -> Error {
        let (kind, help) = match self.limit_help {
            Some(help) => (ErrorKind::Unreachable, help),
            None => (
                ErrorKind::InvalidFile,
                "correct `SSL_CERT_FILE` and `SSL_CERT_DIR` or the files there, or add `?tls_ca=` with the \
                 path of the certificate authority, in PEM",
            ),
        };
        let problems = self.problems.join("; ");
        let message = format!(
            "no certificate authority to verify the server with: {}",
            self.source
        );
        Error::new(kind, message)
            .caused_by(std::io::Error::other(problems))
            .with_help(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_does_not_wait_for_its_parent() {
        let mut system = None;
        let parent = SystemRoots::of(1, &mut system);
        let held = parent.try_lock().expect("no other one reads");
        let other = SystemRoots::of(1, &mut system);
        assert!(other.try_lock().is_err(), "one reads at a time");
        let child = SystemRoots::of(2, &mut system);
        assert!(child.try_lock().is_ok());
        drop(held);
    }
}
