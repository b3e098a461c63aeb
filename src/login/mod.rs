//! The credentials of a client: those of the URL, and those that change while the client lives, which come
//! from files or from a provider of the application.

mod asking;
mod changing;
mod credentials;
mod issued;
mod provider;
mod renewal;
mod schedule;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use self::changing::ChangingCredentials;
pub use self::credentials::Credentials;
pub(crate) use self::issued::Issued;
pub use self::provider::CredentialsProvider;
pub(crate) use self::provider::Supplier;
pub(crate) use self::renewal::Renewal;
pub(crate) use self::source::CredentialsSource;
