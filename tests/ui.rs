//! What the compiler says about `redis_client!`: one case per mistake. The places that it works in are
//! modules of the suite (`tests/suite/macros`). It is a binary of its own because cargo runs in it.
//!
//! The cases have no build script. They are compiled with what this test carries in its environment:
//! `REDIS_READY_DOCUMENTED` from this crate's own one.
#![cfg(feature = "client")]

use std::process::Command;

/// The compiler whose messages the `.stderr` files hold.
const PINNED: &str = "rustc 1.95.";

const MISTAKES: [&str; 6] = [
    "undocumented-name",
    "quoted-name",
    "two-names",
    "a-path",
    "an-expression",
    "lower-case-name",
];

#[test]
fn the_macro_points_at_the_mistake() {
    let version = Command::new("rustc").arg("--version").output();
    let version = version.expect("rustc is there where cargo is").stdout;
    let version = String::from_utf8_lossy(&version);
    if !version.starts_with(PINNED) {
        eprintln!(
            "SKIPPED: the messages in tests/ui are those of {PINNED}x, found {}",
            version.trim()
        );
        return;
    }
    let cases = trybuild::TestCases::new();
    for mistake in MISTAKES {
        cases.compile_fail(format!("tests/ui/{mistake}.rs"));
    }
}
