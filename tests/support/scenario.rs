//! [`Scenario`]: a child process of this binary, in a directory of its own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::Expect;

use super::child;

/// A child process with a directory of its own, which `SCENARIO` tells what to do.
pub(crate) struct Scenario {
    command: Command,
    directory: PathBuf,
}

impl Scenario {
    /// `test` is the ignored test that the child runs.
    pub(crate) fn new(test: &str, scenario: &str) -> Scenario {
        Scenario::of(child::ignored_test(test), test, scenario)
    }

    /// The same with no other variables than the test gives it.
    pub(crate) fn without_environment(test: &str, scenario: &str) -> Scenario {
        let mut command = child::ignored_test(test);
        command.env_clear();
        Scenario::of(command, test, scenario)
    }

    fn of(mut command: Command, test: &str, scenario: &str) -> Scenario {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let test = test.replace("::", "-");
        let name = format!("{test}-{}-{number}", std::process::id());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&directory).expect("a directory for the child");
        command.env("SCENARIO", scenario).current_dir(&directory);
        Scenario { command, directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Scenario {
        self.command.env(name, value);
        self
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Scenario {
        fs::write(self.directory.join(name), content).expect("the file is written");
        self
    }

    /// Returns what it has written to standard error, with `/app` for its directory. Fails if it does.
    pub(crate) fn output(mut self) -> String {
        let output = self.command.output().expect("the child starts");
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(output.status.success(), "{text}");
        let directory = self.directory.to_str().expect("UTF-8");
        text.replace(directory, "/app")
    }

    #[track_caller]
    pub(crate) fn gives(self, expected: &str) {
        assert_eq!(self.output().trim_end(), expected);
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "`expect!` is written in place"
    )]
    pub(crate) fn reports(self, expected: Expect) {
        expected.assert_eq(&self.output());
    }

    #[track_caller]
    pub(crate) fn tells(self, parts: &[&str]) -> String {
        let output = self.output();
        for part in parts {
            assert!(output.contains(part), "{part}: {output}");
        }
        output
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        // A directory that stays behind is cargo's to clean.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
