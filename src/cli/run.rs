//! [`run`]: the program, from its arguments to its exit code.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::process::ExitCode;

use clap::Parser;

use super::check::Checked;
use super::command_line::{Command, CommandLine, InitArguments, Selection};
use super::diff::Change;
use super::documents::Documents;
use super::failure::Failure;
use super::package::Package;
use super::paths;
use super::setup;

/// Runs the program with the arguments of the process.
///
/// Returns 0 where nothing is wrong, 1 for findings, 2 where it could not run.
#[must_use]
pub fn run() -> ExitCode {
    let command = CommandLine::parse_from(arguments(env::args_os())).command;
    let mut text = String::new();
    let result = execute(command, &mut text);
    // A reader that has seen enough has closed the pipe.
    let _ = io::stdout().write_all(text.as_bytes());
    match result {
        Ok(fails) => ExitCode::from(u8::from(fails)),
        Err(failure) => {
            eprint!("{failure}");
            ExitCode::from(2)
        }
    }
}

/// Cargo calls `cargo-redis-ready redis-ready check` for `cargo redis-ready check`.
fn arguments(all: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut all: Vec<_> = all.collect();
    if all.get(1).is_some_and(|first| first == "redis-ready") {
        all.remove(1);
    }
    all
}

/// Adds to `text` what the command prints, and returns whether findings remain.
fn execute(command: Command, text: &mut String) -> Result<bool, Failure> {
    match command {
        Command::Check(arguments) => {
            let packages = packages(&arguments.selection)?;
            let checked = Checked::new(&packages);
            *text += &checked.print(arguments.format, in_colour());
            Ok(checked.fails())
        }
        Command::Fix(arguments) => {
            let packages = packages(&arguments.selection)?;
            fix(&packages, arguments.dry_run, text)
        }
        Command::Init(arguments) => {
            let packages = packages(&arguments.selection)?;
            init(&packages, &arguments, text)
        }
    }
}

/// Returns the packages that are meant, and warns of what is unknown of them.
fn packages(selection: &Selection) -> Result<Vec<Package>, Failure> {
    let packages = selection.packages()?;
    for package in &packages {
        for unread in &package.unread {
            let name = package.name.as_deref().unwrap_or("");
            eprintln!("warning: {}", unread.warning(name));
        }
    }
    Ok(packages)
}

fn fix(packages: &[Package], is_dry_run: bool, text: &mut String) -> Result<bool, Failure> {
    let documents = Documents::fixed(packages);
    make(documents.changes(), is_dry_run, text)?;
    if documents.replaces_a_password() {
        *text += "note: change the replaced password on the server: the history of the repository keeps it\n";
    }
    let (remaining, fails) = documents.remaining(in_colour());
    *text += &remaining;
    tell_of_no_change(&documents, text);
    Ok(fails)
}

fn init(
    packages: &[Package],
    arguments: &InitArguments,
    text: &mut String,
) -> Result<bool, Failure> {
    let documents = Documents::completed(packages);
    let mut steps = Vec::new();
    for package in packages {
        steps.extend(setup::steps(package)?);
    }
    make(documents.changes(), arguments.dry_run, text)?;
    let (written, printed): (Vec<_>, Vec<_>) = steps
        .iter()
        .partition(|step| arguments.write && step.change.is_some());
    let written = written.iter().filter_map(|step| step.change.as_ref());
    make(written, arguments.dry_run, text)?;
    for step in printed {
        let path = paths::shown(&step.path);
        let how = match step.change {
            Some(_) => "; `cargo redis-ready init --write` adds them",
            None => "",
        };
        let _ = writeln!(text, "`{path}` needs these lines{how}:\n\n{}", step.lines);
    }
    let (remaining, fails) = documents.remaining(in_colour());
    *text += &remaining;
    if documents.can_be_fixed() {
        *text += "note: run `cargo redis-ready fix` to correct what has one right answer\n";
    }
    tell_of_no_change(&documents, text);
    if packages.iter().any(Package::is_workspace_root) {
        *text += "note: no package of the workspace depends on redis-ready: \
                  `cargo redis-ready init --write --package <NAME>` sets one up\n";
    }
    Ok(fails)
}

/// Makes the changes, and adds their diffs to `text`.
fn make<'a>(
    changes: impl Iterator<Item = &'a Change>,
    is_dry_run: bool,
    text: &mut String,
) -> Result<(), Failure> {
    for change in changes {
        if !is_dry_run {
            change.write()?;
        }
        *text += &change.diff();
    }
    Ok(())
}

fn tell_of_no_change(documents: &Documents, text: &mut String) {
    if text.is_empty() {
        for change in documents.changes() {
            let _ = writeln!(
                text,
                "nothing to change in `{}`",
                paths::shown(&change.path)
            );
        }
    }
}

fn in_colour() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
