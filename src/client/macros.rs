//! [`redis_client!`](crate::redis_client) and the hidden module it expands to.

/// Returns the client for `REDIS_URL`, or for another variable that `.env.example` documents.
///
/// ```
/// use redis_ready::{Client, Error, redis_client};
///
/// fn cache() -> Result<Client, Error> {
///     redis_client!() // REDIS_URL
/// }
///
/// fn queue() -> Result<Client, Error> {
///     redis_client!(REDIS_URL) // or another name, such as QUEUE_REDIS_URL
/// }
/// ```
///
/// The first call for a name reads the variable, checks it and makes the client. Every later call in the
/// process, in any function, returns the same client in a few nanoseconds. A failed read is kept as well.
/// It does not connect and needs no runtime: the first command connects, or
/// [`Client::ready`](crate::Client::ready) at start-up.
///
/// The value is looked for in the environment of the process, then in the file that `REDIS_URL_FILE`
/// names, then in `.env` in the current directory. A password may stand apart from it, see
/// [`Client::from_env`](crate::Client::from_env).
///
/// # At compile time
///
/// The name must be documented: `.env.example` assigns it, and a build script has checked that.
///
/// ```toml
/// [build-dependencies]
/// redis-ready = { version = "0.1", default-features = false, features = ["build"] }
/// ```
///
/// ```
/// # mod redis_ready { pub mod build { pub fn check() {} } }
/// fn main() { redis_ready::build::check(); } // build.rs
/// ```
///
/// For a name that is not documented the compiler shows the lines to add:
///
/// ```compile_fail
/// let client = redis_ready::redis_client!(UNDOCUMENTED_REDIS_URL);
/// ```
///
/// A library does not name a variable: it takes a `&mut impl redis::aio::ConnectionLike`. If the name is
/// known only at run time, or you do not want `.env.example`, call
/// [`Client::from_env`](crate::Client::from_env).
///
/// # Errors
///
/// - [`MissingVariable`](crate::ErrorKind::MissingVariable) if the variable is not set;
/// - [`InvalidUrl`](crate::ErrorKind::InvalidUrl) if the value is not a Redis URL with one meaning;
/// - [`InvalidFile`](crate::ErrorKind::InvalidFile) if a file that may hold the value cannot be read;
/// - [`Unsupported`](crate::ErrorKind::Unsupported) for TLS in a build without the feature `tls`.
///
/// `Debug` of the error is the whole report, so `main` may return it.
#[macro_export]
macro_rules! redis_client {
    () => {
        $crate::redis_client!(REDIS_URL)
    };
    ($name:ident $(,)?) => {{
        // An item and not an inline constant: `cargo check` leaves those out in dead code.
        const _: () = $crate::__private::must_be_documented(
            $crate::__private::stringify!($name),
            $crate::__private::env!("CARGO_PKG_NAME"),
            $crate::__private::option_env!("REDIS_READY_DOCUMENTED"),
            $crate::__private::concat!(
                "`",
                $crate::__private::stringify!($name),
                "` is not documented; add to `.env.example`:\n\n",
                "    # The Redis server that this application connects to\n    ",
                $crate::__private::stringify!($name),
                "=redis://localhost:6379\n",
            ),
            $crate::__private::concat!(
                "`",
                $crate::__private::stringify!($name),
                "` is not the name of a variable: write it in upper case",
            ),
        );
        $crate::__private::client(
            $crate::__private::stringify!($name),
            $crate::__private::env!("CARGO_PKG_NAME"),
            $crate::__private::option_env!("REDIS_READY_DOCUMENTED"),
        )
    }};
    ($name:literal $(,)?) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            "expected a bare name, found a literal: write `redis_client!(",
            $name,
            ")`",
        ))
    };
    ($name:ident, $($more:tt)+) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            "expected one variable, found more: write `redis_client!(",
            $crate::__private::stringify!($name),
            ")`, and another call for another server",
        ))
    };
    ($first:ident :: $($rest:tt)+) => {
        $crate::__private::compile_error!(
            "expected the bare name of a variable such as `REDIS_URL`, found a path"
        )
    };
    ($($other:tt)+) => {
        $crate::__private::compile_error!(
            "expected the bare name of a variable such as `REDIS_URL`, found an expression; for a name that is known only at run time call `Client::from_env(name)`"
        )
    };
}

/// What `redis_client!` expands to. Not public API.
#[doc(hidden)]
pub mod __private {
    pub use core::{compile_error, concat, env, option_env, stringify};

    use super::super::async_client::Client;
    use super::super::registry;
    use crate::error::Error;

    const NO_BUILD_SCRIPT: &str = "\
no build script has checked `.env.example`; add to `Cargo.toml`:

    [build-dependencies]
    redis-ready = { version = \"0.1\", default-features = false, features = [\"build\"] }

and to `build.rs`:

    fn main() { redis_ready::build::check(); }
";

    /// Opens the client for `name`; see [`redis_client!`](crate::redis_client).
    #[inline]
    pub fn client(
        name: &'static str,
        package: &'static str,
        documented: Option<&'static str>,
    ) -> Result<Client, Error> {
        registry::client(name, package, documented)
    }

    /// Stops the compiler at the call of the macro unless the build script of `package` has found
    /// `name` in its `.env.example`.
    ///
    /// # Panics
    ///
    /// At compile time, with what to write.
    #[track_caller]
    pub const fn must_be_documented(
        name: &str,
        package: &str,
        documented: Option<&str>,
        not_documented: &str,
        not_a_name: &str,
    ) {
        assert!(!has_lower_case(name.as_bytes()), "{}", not_a_name);
        let Some(documented) = documented else {
            panic!("{}", NO_BUILD_SCRIPT);
        };
        let Some(names) = after_package(documented.as_bytes(), package.as_bytes()) else {
            panic!("{}", NO_BUILD_SCRIPT);
        };
        assert!(holds(names, name.as_bytes()), "{}", not_documented);
    }

    const fn has_lower_case(name: &[u8]) -> bool {
        let mut rest = name;
        while let [first, tail @ ..] = rest {
            if first.is_ascii_lowercase() {
                return true;
            }
            rest = tail;
        }
        false
    }

    /// Returns what follows `PACKAGE:`; `None` if the variable is that of another package, which a test
    /// passes on to the processes that it starts. The package `PACKAGE-tests` that trybuild makes counts.
    const fn after_package<'a>(documented: &'a [u8], package: &[u8]) -> Option<&'a [u8]> {
        let (mut documented, mut package) = (documented, package);
        loop {
            match (documented, package) {
                ([b':', names @ ..], [] | b"-tests") => return Some(names),
                ([a, rest @ ..], [b, package_rest @ ..]) if *a == *b => {
                    documented = rest;
                    package = package_rest;
                }
                _ => return None,
            }
        }
    }

    /// Returns whether `name` is in `NAME@6,NAME@12`. `*` holds every name: nothing was checked.
    const fn holds(names: &[u8], name: &[u8]) -> bool {
        if let [b'*'] = names {
            return true;
        }
        let mut rest = names;
        loop {
            if starts_with_entry(rest, name) {
                return true;
            }
            loop {
                match rest {
                    [] => return false,
                    [b',', tail @ ..] => {
                        rest = tail;
                        break;
                    }
                    [_, tail @ ..] => rest = tail,
                }
            }
        }
    }

    /// Returns whether the first entry of `names` is `name@…`.
    const fn starts_with_entry(names: &[u8], name: &[u8]) -> bool {
        let (mut entry, mut name) = (names, name);
        loop {
            match (entry, name) {
                ([b'@', ..], []) => return true,
                ([a, entry_rest @ ..], [b, rest @ ..]) if *a == *b => {
                    entry = entry_rest;
                    name = rest;
                }
                _ => return false,
            }
        }
    }
}
