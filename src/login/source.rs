//! [`CredentialsSource`]: where a client has its credentials from.

use std::fmt;
use std::sync::Arc;

use super::changing::ChangingCredentials;
use super::credentials::Credentials;
use super::issued::Issued;
use super::provider::{CredentialsProvider, Provided, Supplier};

/// Where a client has its credentials from.
#[derive(Clone)]
pub(crate) enum CredentialsSource {
    /// The URL or a variable: they stay as they are.
    Fixed(Arc<Issued>),
    /// Files or a provider, which may return others later. All that a configuration is cloned into share them.
    Changing(Arc<ChangingCredentials>),
}

impl CredentialsSource {
    pub(crate) fn provided(provider: impl CredentialsProvider) -> CredentialsSource {
        CredentialsSource::of(Box::new(Provided(provider)), None)
    }

    /// Those of `supplier`, which has given `first` already.
    pub(crate) fn changing(supplier: impl Supplier, first: Credentials) -> CredentialsSource {
        CredentialsSource::of(Box::new(supplier), Some(first))
    }

    fn of(supplier: Box<dyn Supplier>, first: Option<Credentials>) -> CredentialsSource {
        CredentialsSource::Changing(Arc::new(ChangingCredentials::new(supplier, first)))
    }

    /// Returns the credentials of now: those that were used last, if they change.
    pub(crate) fn last(&self) -> Option<Arc<Issued>> {
        match self {
            CredentialsSource::Fixed(issued) => Some(Arc::clone(issued)),
            CredentialsSource::Changing(changing) => changing.last(),
        }
    }

    pub(crate) fn as_changing(&self) -> Option<&Arc<ChangingCredentials>> {
        match self {
            CredentialsSource::Fixed(_) => None,
            CredentialsSource::Changing(changing) => Some(changing),
        }
    }
}

impl From<Credentials> for CredentialsSource {
    fn from(credentials: Credentials) -> CredentialsSource {
        CredentialsSource::Fixed(Arc::new(Issued {
            credentials,
            ..Issued::default()
        }))
    }
}

impl PartialEq for CredentialsSource {
    fn eq(&self, other: &CredentialsSource) -> bool {
        match (self, other) {
            (CredentialsSource::Fixed(one), CredentialsSource::Fixed(other)) => {
                one.credentials == other.credentials
            }
            (CredentialsSource::Changing(one), CredentialsSource::Changing(other)) => {
                Arc::ptr_eq(one, other)
            }
            _ => false,
        }
    }
}

impl Eq for CredentialsSource {}

impl fmt::Debug for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialsSource::Fixed(issued) => issued.credentials.fmt(f),
            CredentialsSource::Changing(changing) => {
                f.debug_tuple("Changing").field(&changing.name()).finish()
            }
        }
    }
}
