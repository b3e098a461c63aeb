//! The controls: without one check or wake, a model fails.
//!
//! Each runs in a process of its own, which a failed model aborts, and which learns from its environment what
//! is taken away. `build.rs` knows where that is.

use std::process::Command;
use std::sync::OnceLock;

/// Names the fault, in the environment of the process.
const VARIABLE: &str = "REDIS_READY_LOOM_CONTROL";

/// How loom tells that a party sleeps while it has something to do.
const DEADLOCK: &str = "deadlock";

/// Returns whether the source is without the fault of this name.
pub(crate) fn is_sound(name: &str) -> bool {
    static FAULT: OnceLock<Option<String>> = OnceLock::new();
    let fault = FAULT.get_or_init(|| std::env::var(VARIABLE).ok());
    fault.as_deref() != Some(name)
}

/// With `fault`, `model` tells of `failure`.
fn check(fault: &str, model: &str, failure: &str) {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this)
        .args(["--exact", &format!("models::{model}"), "--nocapture"])
        .env(VARIABLE, fault)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{model} does not find {fault}");
    assert!(errors.contains(failure), "{fault}: {errors}");
}

#[test]
fn a_resident_that_does_not_look_whether_it_is_wanted_is_found() {
    check(
        "rest_without_a_look_whether_it_is_wanted",
        "the_io_thread_takes_the_connection_back",
        DEADLOCK,
    );
}

#[test]
fn a_rest_that_overwrites_the_end_is_found() {
    check(
        "rest_that_overwrites_the_end",
        "the_connection_ends",
        "the connection is dropped once",
    );
}

#[test]
fn a_rest_without_a_wake_is_found() {
    check("rest_without_a_wake", "a_resident_comes_and_goes", DEADLOCK);
}

#[test]
fn a_reclaim_without_a_wake_is_found() {
    check(
        "reclaim_without_a_wake",
        "the_io_thread_takes_the_connection_back",
        DEADLOCK,
    );
}

#[test]
fn a_dismiss_without_a_wake_is_found() {
    check(
        "dismiss_without_a_wake",
        "a_caller_closes_the_connection",
        DEADLOCK,
    );
}

#[test]
fn a_give_without_a_wake_is_found() {
    check("give_without_a_wake", "a_resident_comes_and_goes", DEADLOCK);
}

#[test]
fn a_leave_without_a_wake_is_found() {
    check(
        "leave_without_a_wake",
        "a_runtime_is_dropped_after_one_poll",
        DEADLOCK,
    );
    check(
        "leave_without_a_wake",
        "a_candidate_is_dropped_while_the_io_thread_gives",
        DEADLOCK,
    );
}

#[test]
fn a_leave_of_another_is_found() {
    check(
        "leave_of_another",
        "a_runtime_is_dropped_before_the_first_poll",
        DEADLOCK,
    );
}

#[test]
fn an_enter_without_a_wake_is_found() {
    check(
        "enter_without_a_wake",
        "a_resident_comes_and_goes",
        DEADLOCK,
    );
}

#[test]
fn a_replacement_without_a_wake_is_found() {
    check(
        "replacement_without_a_wake",
        "a_candidate_is_replaced",
        DEADLOCK,
    );
}

#[test]
fn an_end_without_a_wake_is_found() {
    check("end_without_a_wake", "the_connection_ends", DEADLOCK);
}

#[test]
fn a_sleep_that_is_forgotten_is_found() {
    check(
        "sleep_that_is_forgotten",
        "a_resident_comes_and_goes",
        DEADLOCK,
    );
}

#[test]
fn a_watcher_that_is_not_told_is_found() {
    check(
        "watcher_that_is_not_told",
        "a_deadline_is_up_before_the_timer_rings",
        DEADLOCK,
    );
}
