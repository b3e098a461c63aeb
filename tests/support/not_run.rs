//! Tests that cannot run on this machine or with this server. They say so past the capture of the test
//! harness, in a line that `.ci/run` counts.

use std::io::Write;
use std::process::Command;
use std::sync::OnceLock;

/// Says that the calling test has not run.
pub(crate) fn not_run(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // The macros that print are captured where the test passes.
    let _ = writeln!(std::io::stderr(), "NOT RUN: {test}: {reason}");
}

/// Returns whether the server was built without TLS, and says so.
pub(crate) fn without_tls() -> bool {
    static HAS_TLS: OnceLock<bool> = OnceLock::new();
    let program = server_program();
    let has_tls = HAS_TLS.get_or_init(|| {
        // It ends at once. A build with TLS misses the certificate, and names the option for it.
        let output = Command::new(&program)
            .args(["--port", "0", "--tls-port", "1"])
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let output = [output.stdout, output.stderr].concat();
        let output = String::from_utf8_lossy(&output);
        output.contains("tls-cert-file")
    });
    if !has_tls {
        not_run(&format!("`{program}` was built without TLS"));
    }
    !has_tls
}

/// The program that `redis_ready::testing` starts.
pub(crate) fn server_program() -> String {
    let named = std::env::var("REDIS_READY_SERVER").ok();
    let is_there = |program: &&str| Command::new(program).arg("--version").output().is_ok();
    named.unwrap_or_else(|| {
        let found = ["redis-server", "valkey-server"].into_iter().find(is_there);
        found.unwrap_or("redis-server").to_owned()
    })
}
