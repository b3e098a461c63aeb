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
/// The first call for a name reads the variable, checks it and makes the client; every later call in
/// the process, wherever it stands, gives the same client in a few nanoseconds. A failed read is kept
/// as well. Nothing connects yet and no runtime is needed: the first command connects, or
/// [`Client::ready`](crate::Client) at start-up.
///
/// The value is looked for in the environment of the process, then in the file that `REDIS_URL_FILE`
/// names, then in `.env`.
///
/// # At compile time
///
/// The name must be documented: assigned in `.env.example`, and checked by the build script.
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
/// A library names no variable: it takes a `&mut impl redis::aio::ConnectionLike`. Where the name is
/// known only at run time, or no `.env.example` is wanted, `Client::from_env` does the rest of it.
///
/// # Errors
///
/// The kind is [`MissingVariable`](crate::ErrorKind::MissingVariable) where the variable is set
/// nowhere, [`InvalidUrl`](crate::ErrorKind::InvalidUrl) where the value is no Redis URL with one
/// meaning, and [`InvalidFile`](crate::ErrorKind::InvalidFile) where a file that holds it cannot be
/// read. `Debug` of the error is the whole report, so `main` may return it.
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
                "    # Redis: what this application keeps in it\n    ",
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

/// What `redis_client!` expands to. Not for anybody else.
#[doc(hidden)]
pub mod __private {
    pub use core::{compile_error, concat, env, option_env, stringify};

    use crate::client::Client;
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
        crate::registry::client(name, package, documented)
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

    /// What stands behind `PACKAGE:`. A test carries the variable of its own package into what it
    /// starts: other packages do not count, but the `PACKAGE-tests` that trybuild makes does.
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

    /// Whether `name` is in `NAME@6,NAME@12`, or everything is: `*` says that nothing was checked.
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

    /// Whether the first entry of `names` is `name@…`.
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
