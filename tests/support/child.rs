//! An ignored test of this binary in a process of its own, and what a process costs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Runs the ignored test `name` in a child process and prints what it printed. Fails if it does.
pub(crate) fn run(name: &str) {
    finish(&mut ignored_test(name));
}

/// A command that runs the ignored test `name` of this binary.
pub(crate) fn ignored_test(name: &str) -> Command {
    let mut command = Command::new(this_binary());
    command.args(arguments(name));
    command
}

/// Has `wrapper`, which runs its arguments as a command, run the ignored test `name` of this binary.
pub(crate) fn add_ignored_test(wrapper: &mut Command, name: &str) {
    wrapper.arg(this_binary()).args(arguments(name));
}

fn this_binary() -> PathBuf {
    std::env::current_exe().expect("this binary has a path")
}

fn arguments(name: &str) -> [&str; 4] {
    ["--exact", name, "--ignored", "--nocapture"]
}

/// Waits for the end of `child` and prints what it printed. Fails if it has failed, or run nothing.
pub(crate) fn finish(child: &mut Command) {
    let output = child.output().expect("the child starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    println!("{}", text.trim());
    assert!(output.status.success(), "{}:\n{errors}", output.status);
    assert!(text.contains("1 passed"), "no such test:\n{text}");
}

/// Memory of this process in use, in bytes.
pub(crate) fn resident() -> usize {
    status("VmRSS") * 1024
}

/// The most memory that this process has had in use so far, in bytes.
pub(crate) fn peak_resident() -> usize {
    status("VmHWM") * 1024
}

/// How many threads this process has, without those that end once they have been idle for a while.
pub(crate) fn threads() -> usize {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return status("Threads");
    };
    let stays = |task: &fs::DirEntry| {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        // The system keeps 15 characters of `redis-ready-wake` and `redis-ready-log`.
        !matches!(name.trim_end(), "redis-ready-wak" | "redis-ready-log")
    };
    tasks.flatten().filter(stays).count()
}

/// How many threads of this process run or wait for a processor: this one at least. One where the
/// system does not tell.
pub(crate) fn running_threads() -> usize {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return 1;
    };
    let runs = |task: &fs::DirEntry| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The second field is the name in parentheses, the third the state.
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('R'))
    };
    tasks.flatten().filter(runs).count()
}

fn status(field: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let words = line.and_then(|line| line.split_whitespace().nth(1));
    words
        .expect("every process has it")
        .parse()
        .expect("a number")
}

/// How many files and sockets this process has open.
pub(crate) fn descriptors() -> usize {
    let open = fs::read_dir("/proc/self/fd").expect("Linux has it");
    // Less the one that reads.
    open.count() - 1
}

/// The time of all threads of this process on a processor so far.
pub(crate) fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux has it");
    // The second field is the name in parentheses; what follows it are numbers.
    let (_, rest) = stat.rsplit_once(')').expect("the name ends");
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    // 100 a second on every Linux that shows them to user space.
    Duration::from_millis(ticks * 10)
}
