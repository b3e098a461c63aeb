//! The text of a Redis URL, read with one meaning or refused with a reason.
//!
//! The order of the checks is part of the contract: where a text is wrong in
//! two ways, the first check that fails names it.
//!
//! 1. length; 2. the text as a whole (`mistakes`); 3. control and invisible
//!    characters; 4. the scheme; 5. a second URL, templates and placeholders,
//!    spaces, quotes, backslashes (`mistakes`); 6. an `@` behind the authority,
//!    a second `@` (`split`); 7. no host, too many hosts; 8. userinfo; 9. each
//!    host and port; 10. path; 11. query: form, unknown names, names that would
//!    change the server, the login or TLS, duplicates, values, conflicts with
//!    what stands before; 12. fragment. Of a Sentinel URL the query and the
//!    fragment come before the path, because they decide what the path is.
//!
//! This module uses `std`, `url` and `unicode-width` alone: this repository's
//! build script compiles it too.

mod authority;
mod codes;
mod diagnostic;
mod duration;
mod error;
mod foreign;
mod foreign_parameters;
mod kind;
mod mistakes;
mod parameters;
mod parse;
mod path;
mod percent;
mod query;
mod redact;
mod redis_url;
mod scheme;
mod settings;
mod spanned;
mod split;
#[cfg(test)]
mod tests;
mod warning;

pub use self::error::UrlError;
pub use self::kind::UrlKind;
pub use self::redis_url::RedisUrl;
pub use self::settings::{Protocol, ReadFrom, TlsVerify};
pub use self::warning::UrlWarning;
