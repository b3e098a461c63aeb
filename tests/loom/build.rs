//! Takes the file that is tried from the crate, and makes the control: the same file with a check removed.

use std::path::Path;
use std::{env, fs};

const SOURCE: &str = "../../src/connection/hosting/handover.rs";

/// The check that a resident makes at the end of a poll: is the connection wanted back?
const CHECK: &str = "if !is_wanted && !leaves";
const WITHOUT_CHECK: &str = "if { let _ = is_wanted; !leaves }";

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rustc-check-cfg=cfg(redis_ready_loom)");
    println!("cargo::rustc-cfg=redis_ready_loom");
    let source = fs::read_to_string(SOURCE).expect("the crate lies two folders up");
    // A file that is included has no documentation of its own.
    let source: String = source
        .lines()
        .map(|line| {
            line.strip_prefix("//!")
                .map_or_else(|| line.to_owned(), |text| format!("//{text}"))
                + "\n"
        })
        .collect::<String>()
        .replace("pub(in super::super)", "pub(crate)");
    assert_eq!(
        source.matches(CHECK).count(),
        1,
        "the check of the control is in {SOURCE} once"
    );
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let write = |name: &str, text: &str| {
        fs::write(Path::new(&out).join(name), text).expect("the folder for output can be written");
    };
    write("handover.rs", &source);
    write(
        "handover_without_check.rs",
        &source.replace(CHECK, WITHOUT_CHECK),
    );
}
