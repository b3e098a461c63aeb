//! Both runs, small. A run ends with an error if one of its checks fails.

use std::process::Command;

#[test]
fn every_request_is_served_on_each_client() {
    let arguments = ["load", "--users", "50", "--seconds", "2", "--rounds", "1"];
    let printed = run(&arguments);
    for variant in [
        "application",
        "redis-ready",
        "connection-manager",
        "deadpool",
    ] {
        assert!(printed.contains(&format!("| {variant} | ")), "{printed}");
    }
}

#[test]
fn every_mail_is_delivered_once_through_a_kill_and_a_failover() {
    let printed = run(&["crash", "--mails", "2000", "--kills", "1"]);
    assert!(
        printed.contains("| delivered: files in the outbox | 2000 |"),
        "{printed}"
    );
}

/// Returns what it prints.
fn run(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mailer-load"))
        .args(arguments)
        .output()
        .expect("it starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    printed
}
