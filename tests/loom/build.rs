//! Takes the files that are tried from the crate, and puts the faults into them that the controls switch on.

use std::path::Path;
use std::{env, fs};

const CONNECTION: &str = "../../src/connection";

/// The files that are tried, without `.rs`.
const FILES: [&str; 4] = [
    "hosting/handover",
    "queue/alarm",
    "queue/driver_wakeup",
    "queue/parties",
];

/// A check or a wake that a control takes away.
struct Fault {
    name: &'static str,
    file: &'static str,
    /// It is in the file once.
    sound: &'static str,
    /// What stands there instead. `SOUND` is false in the control of this name.
    with_switch: &'static str,
}

/// Every wake of the hand-over has one.
const FAULTS: [Fault; 13] = [
    Fault {
        name: "rest_without_a_look_whether_it_is_wanted",
        file: "hosting/handover",
        sound: "if !is_wanted && !leaves",
        with_switch: "if (!is_wanted || !SOUND) && !leaves",
    },
    Fault {
        name: "rest_that_overwrites_the_end",
        file: "hosting/handover",
        sound: "Stage::Ended => {\n                drop(inner);",
        with_switch: "Stage::Ended if SOUND => {\n                drop(inner);",
    },
    Fault {
        name: "rest_without_a_wake",
        file: "hosting/handover",
        sound: "drop(left);\n                if let Some(waker) = io_thread {",
        with_switch: "drop(left);\n                if SOUND && let Some(waker) = io_thread {",
    },
    Fault {
        name: "reclaim_without_a_wake",
        file: "hosting/handover",
        sound: "drop(inner);\n                waker.wake();",
        with_switch: "drop(inner);\n                if SOUND { waker.wake(); }",
    },
    Fault {
        name: "dismiss_without_a_wake",
        file: "hosting/handover",
        sound: "if let Some(Resident { waker, .. }) = candidate {",
        with_switch: "if SOUND && let Some(Resident { waker, .. }) = candidate {",
    },
    Fault {
        name: "give_without_a_wake",
        file: "hosting/handover",
        sound: "resident_waker.wake();",
        with_switch: "if SOUND { resident_waker.wake(); }",
    },
    Fault {
        name: "leave_without_a_wake",
        file: "hosting/handover",
        sound: "drop(resident);\n        if let Some(waker) = io_thread {",
        with_switch: "drop(resident);\n        if SOUND && let Some(waker) = io_thread {",
    },
    Fault {
        name: "leave_of_another",
        file: "hosting/handover",
        sound: "Stage::IoThread(Some(candidate)) if candidate.id == id => {",
        with_switch: "Stage::IoThread(Some(candidate)) if !SOUND || candidate.id == id => {",
    },
    Fault {
        name: "enter_without_a_wake",
        file: "hosting/handover",
        sound: "(inner.io_thread.clone(), replaced)",
        with_switch: "(inner.io_thread.clone().filter(|_| SOUND), replaced)",
    },
    Fault {
        name: "replacement_without_a_wake",
        file: "hosting/handover",
        sound: "in replaced.map(|it| it.waker)",
        with_switch: "in replaced.map(|it| it.waker).filter(|_| SOUND)",
    },
    Fault {
        name: "end_without_a_wake",
        file: "hosting/handover",
        sound: "=> resident.waker.wake(),",
        with_switch: "=> if SOUND { resident.waker.wake() },",
    },
    Fault {
        name: "sleep_that_is_forgotten",
        file: "queue/driver_wakeup",
        sound: "if let DriverWakeup::Awake(waker) = self",
        with_switch: "if SOUND && let DriverWakeup::Awake(waker) = self",
    },
    Fault {
        name: "watcher_that_is_not_told",
        file: "queue/parties",
        sound: "Some(waker) => AfterUnlock::WakeAfter(",
        with_switch: "Some(_) if !SOUND => next, Some(waker) => AfterUnlock::WakeAfter(",
    },
];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(redis_ready_loom)");
    println!("cargo::rustc-cfg=redis_ready_loom");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    for file in FILES {
        let path = format!("{CONNECTION}/{file}.rs");
        println!("cargo::rerun-if-changed={path}");
        let source = fs::read_to_string(&path).expect("the crate lies two folders up");
        let source = with_switches(file, included(&source));
        let name = Path::new(&path).file_name().expect("it is a file");
        fs::write(Path::new(&out).join(name), source).expect("the output can be written");
    }
}

/// A file that is included has no documentation of its own, and is seen from everywhere here.
fn included(source: &str) -> String {
    source
        .lines()
        .map(|line| {
            line.strip_prefix("//!")
                .map_or_else(|| line.to_owned(), |text| format!("//{text}"))
                + "\n"
        })
        .collect::<String>()
        .replace("pub(super)", "pub(crate)")
        .replace("pub(in super::super)", "pub(crate)")
}

fn with_switches(file: &str, mut source: String) -> String {
    for fault in FAULTS.iter().filter(|fault| fault.file == file) {
        let Fault { name, sound, .. } = fault;
        let count = source.matches(sound).count();
        assert_eq!(count, 1, "{name}: `{sound}` is in {file}.rs once");
        let is_sound = format!("crate::control::is_sound({name:?})");
        source = source.replace(sound, &fault.with_switch.replace("SOUND", &is_sound));
    }
    source
}
