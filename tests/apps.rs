//! Applications as users have them, built with cargo: what stops a build, and what it says.
//!
//! They share one target directory, so that the dependencies are compiled once; each has a package name
//! of its own, since cargo tells them apart by that. They need no process of their own for their verdict,
//! but a target directory has one lock: in one binary with the other tests they would hold up its threads.
#![cfg(all(feature = "build", unix))]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

#[cfg(all(feature = "cli", feature = "tls", feature = "testing"))]
#[path = "apps/first_hour.rs"]
mod first_hour;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::{Expect, expect};

const DOCUMENTED: &str = "\
# Redis Configuration
REDIS_URL=redis://localhost:6379
# Or for Redis with password:
# REDIS_URL=redis://:password@localhost:6379
# Or for Redis Cloud:
# REDIS_URL=rediss://:password@host:port
";
const BROKEN: &str = "\
# Redis Configuration
REDIS_URL=redis://localhost:70000
# Or for Redis with password:
# REDIS_URL=redis://:password@localhost:6379
# Or for Redis Cloud:
# REDIS_URL=rediss://:password@host:port
";
const BUILD_SCRIPT: &str = "fn main() { redis_ready::build::check(); }\n";

/// What may be in the environment of this test and must not be in that of an application.
const OURS: [&str; 4] = [
    "GITHUB_ACTIONS",
    "REDIS_READY_DOCUMENTED",
    "REDIS_READY_SKIP_ENV_EXAMPLE",
    "RUSTFLAGS",
];

/// An application in a directory of its own.
struct App {
    name: String,
    root: PathBuf,
    member: PathBuf,
    environment: Vec<(&'static str, &'static str)>,
    /// Which of its own features are built.
    features: &'static [&'static str],
    target: &'static str,
}

impl App {
    /// An application that calls the build script and has nothing else of this crate.
    fn new(name: &str) -> App {
        App::in_workspace(name, "")
    }

    /// The same as a member of a workspace, below its root.
    fn in_workspace(name: &str, member: &str) -> App {
        let root = apps().join(name);
        let _ = fs::remove_dir_all(&root);
        let member = root.join(member);
        let app = App {
            name: name.to_owned(),
            root,
            member,
            environment: Vec::new(),
            features: &[],
            target: "apps-target",
        };
        app.manifest("[workspace]\nresolver = \"2\"\n");
        app.write("src/main.rs", "fn main() {}\n");
        app.write("build.rs", BUILD_SCRIPT);
        fs::copy(repository().join("Cargo.lock"), app.root.join("Cargo.lock"))
            .expect("it is there");
        app
    }

    fn manifest(&self, more: &str) {
        let package = format!(
            "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [build-dependencies]\n\
             redis-ready = {{ path = \"{}\", default-features = false, features = [\"build\"] }}\n\n",
            self.name,
            package().display(),
        );
        if self.member == self.root {
            self.write("Cargo.toml", &(package + more));
        } else {
            self.write("Cargo.toml", &package);
            let members = format!("{more}members = [\"*\"]\n");
            fs::write(self.root.join("Cargo.toml"), members).expect("the directory is writable");
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.member.join(path);
        fs::create_dir_all(path.parent().expect("a file is in a directory"))
            .expect("it is writable");
        fs::write(path, text).expect("the directory is writable");
    }

    fn env_example(self, text: &str) -> App {
        self.write(".env.example", text);
        self
    }

    fn with(mut self, name: &'static str, value: &'static str) -> App {
        self.environment.push((name, value));
        self
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(arguments)
            .args(self.features)
            .arg("--offline")
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", target().join(self.target))
            .env("CARGO_TERM_COLOR", "never");
        // Ours would vouch for theirs.
        for name in OURS {
            cargo.env_remove(name);
        }
        cargo.envs(self.environment.iter().copied());
        cargo.output().expect("cargo runs")
    }

    /// Gives it a target directory of its own: what is in its environment reaches our own build
    /// script too, and would have every other application compile again.
    fn alone(mut self) -> App {
        self.target = "apps-alone";
        self
    }

    /// Builds, and returns what was not up to date.
    #[track_caller]
    fn builds(&self) -> String {
        let output = self.cargo(&["build"]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        stderr
    }

    /// Builds, and compares the whole report of the build script.
    #[track_caller]
    fn fails(&self, expected: &Expect) {
        let output = self.cargo(&["build"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "it builds: {stderr}");
        assert!(!stderr.contains("--- stdout"), "{stderr}");
        let report = stderr
            .split_once("--- stderr\n")
            .map_or(&*stderr, |(_, report)| report);
        let report: String = report
            .lines()
            .take_while(|line| !line.starts_with("warning: build failed"))
            .map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned() + "\n")
            .collect();
        let report = report.replace(&*self.root.to_string_lossy(), "ROOT");
        expected.assert_eq(&report.replace(&*package().to_string_lossy(), "REPOSITORY"));
    }

    #[track_caller]
    fn compiles_nothing(&self) {
        let stderr = self.builds();
        assert!(!stderr.contains("Compiling"), "{stderr}");
    }

    #[track_caller]
    fn compiles_again(&self) {
        let stderr = self.builds();
        assert!(
            stderr.contains(&format!("Compiling {}", self.name)),
            "{stderr}"
        );
    }
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The copy of the crate that is not in this repository, if there is one.
fn unpacked() -> Option<PathBuf> {
    std::env::var_os("REDIS_READY_PACKAGE").map(PathBuf::from)
}

/// The crate that applications depend on.
fn package() -> PathBuf {
    unpacked().unwrap_or_else(|| repository().to_owned())
}

/// Where applications are made.
fn apps() -> PathBuf {
    let beside = unpacked().and_then(|package| Some(package.parent()?.join("apps")));
    beside.unwrap_or_else(|| target().join("apps"))
}

#[test]
fn a_documented_application_builds_once() {
    let app = App::new("app-documented").env_example(DOCUMENTED);
    app.compiles_again();
    app.compiles_nothing();
    // Its time decides for cargo, and that may have a resolution of seconds.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    let file = fs::File::options()
        .write(true)
        .open(app.member.join(".env.example"));
    file.and_then(|file| file.set_modified(later))
        .expect("the file is ours");
    app.compiles_again();
}

#[test]
fn a_broken_file_stops_the_build_until_it_is_fixed() {
    let app = App::new("app-broken").env_example(BROKEN);
    app.fails(&expect![[r#"
        error[invalid_placeholder]: invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`
         --> .env.example:2:29
          |
        2 | REDIS_URL=redis://localhost:70000
          |                             ^^^^^
          |
          = help: write `REDIS_URL=redis://localhost:6379`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
    "#]]);
    assert!(
        !app.cargo(&["build"]).status.success(),
        "and the second time"
    );
    let app = app.env_example(DOCUMENTED);
    app.compiles_again();
    app.compiles_nothing();
    let app = app.env_example(BROKEN);
    assert!(
        !app.cargo(&["build"]).status.success(),
        "and after a success"
    );
}

#[test]
fn a_build_on_github_annotates_the_line() {
    let app = App::in_workspace("app-on-github", "member").env_example(BROKEN);
    let checkout = app.root.parent().expect("it is below the target directory");
    let checkout: &'static str = Box::leak(checkout.display().to_string().into_boxed_str());
    let app = app
        .with("GITHUB_ACTIONS", "true")
        .with("GITHUB_WORKSPACE", checkout);
    app.fails(&expect![[r#"
        error[invalid_placeholder]: invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`
         --> member/.env.example:2:29
          |
        2 | REDIS_URL=redis://localhost:70000
          |                             ^^^^^
          |
          = help: write `REDIS_URL=redis://localhost:6379`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
        ::error file=app-on-github/member/.env.example,line=2,col=29,title=invalid_placeholder::invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`%0Ahelp: write `REDIS_URL=redis://localhost:6379`%0Ahelp: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
    "#]]);
}

#[test]
fn a_missing_file_stops_the_build_until_it_is_there() {
    let app = App::new("app-missing");
    app.fails(&expect![[r#"
        error[missing_file]: no `.env.example` in `ROOT`
        --> .env.example
         |
         = help: write these lines into it:
                 # The Redis server that this application connects to
                 REDIS_URL=redis://localhost:6379
                 # Or with a password:
                 # REDIS_URL=redis://:password@localhost:6379
                 # Or with TLS:
                 # REDIS_URL=rediss://:password@host:port
         = help: in a Docker build copy it too: `!.env.example` in `.dockerignore` after `.env*`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missing_file
    "#]]);
    let app = app.env_example(DOCUMENTED);
    app.builds();
    app.compiles_nothing();
    fs::remove_file(app.member.join(".env.example")).expect("it is there");
    assert!(!app.cargo(&["build"]).status.success());
}

#[test]
fn a_workspace_has_one_file_for_its_members() {
    let app = App::in_workspace("app-member", "member");
    app.fails(&expect![[r#"
        error[missing_file]: no `.env.example` in `ROOT/member` and above it up to `ROOT`
        --> .env.example
         |
         = help: write these lines into it:
                 # The Redis server that this application connects to
                 REDIS_URL=redis://localhost:6379
                 # Or with a password:
                 # REDIS_URL=redis://:password@localhost:6379
                 # Or with TLS:
                 # REDIS_URL=rediss://:password@host:port
         = help: in a Docker build copy it too: `!.env.example` in `.dockerignore` after `.env*`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missing_file
    "#]]);
    fs::write(app.root.join(".env.example"), DOCUMENTED).expect("the directory is writable");
    app.builds();
    app.compiles_nothing();
}

#[test]
fn a_file_with_another_name_is_pointed_out() {
    let app = App::new("app-sample");
    app.write(".env.sample", DOCUMENTED);
    app.fails(&expect![[r#"
        error[missing_file]: no `.env.example` in `ROOT`
        --> .env.example
         |
         = help: if `.env.sample` is that file: rename it, or write `Check::new().file(".env.sample").run()` in `build.rs`
         = help: write these lines into it:
                 # The Redis server that this application connects to
                 REDIS_URL=redis://localhost:6379
                 # Or with a password:
                 # REDIS_URL=redis://:password@localhost:6379
                 # Or with TLS:
                 # REDIS_URL=rediss://:password@host:port
         = help: in a Docker build copy it too: `!.env.example` in `.dockerignore` after `.env*`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missing_file
    "#]]);
    app.write(
        "build.rs",
        "fn main() { redis_ready::build::Check::new().file(\".env.sample\").run(); }\n",
    );
    app.builds();
}

#[test]
fn a_monorepo_has_one_file_for_services_in_several_languages() {
    let app = App::in_workspace("app-monorepo", "billing");
    let others = "\n# --- web (Node) ---\nPORT=3000\nWEB_REDIS_URL=redis:6379\nBULL_REDIS_URL=\n\
                  \n# --- ml (Python) ---\nAI_REDIS_URL=${REDIS_URL}\nCELERY_BROKER_URL=redis://redis/1\n\
                  UPSTASH_REDIS_URL=http://localhost:8079\n";
    fs::create_dir_all(app.root.join("web")).expect("the directory is writable");
    app.write("../web/package.json", "{}\n");
    app.write("../ml/pyproject.toml", "[project]\nname = \"ml\"\n");
    app.write(
        "../Cargo.toml",
        "[workspace]\nresolver = \"2\"\nmembers = [\"billing\"]\n",
    );
    app.write("../.env.example", &format!("{DOCUMENTED}{others}"));
    app.builds();
    app.compiles_nothing();
    app.write(
        "build.rs",
        "fn main() { redis_ready::build::Check::new().variable(\"WEB_REDIS_URL\").run(); }\n",
    );
    let output = app.cargo(&["build"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it is asked for");
    assert!(stderr.contains("of `WEB_REDIS_URL`"), "{stderr}");
    assert_eq!(stderr.matches("error[").count(), 1, "{stderr}");
}

#[test]
fn a_url_that_cannot_work_is_a_warning_of_the_build() {
    let text = format!("{DOCUMENTED}# redis://:password@x.upstash.io:6379\n");
    let stderr = App::new("app-warned").env_example(&text).builds();
    let warnings = stderr.lines().filter(|line| line.starts_with("warning"));
    let warnings: Vec<_> = warnings.collect();
    expect!["warning: app-warned@0.1.0: .env.example:7: the provider speaks TLS only at this host or port: write `rediss` for `redis` in the scheme"].assert_eq(&warnings.join("\n"));
}

#[test]
fn a_member_may_have_a_file_of_its_own() {
    let app = App::in_workspace("app-own-file", "member").env_example(BROKEN);
    fs::write(app.root.join(".env.example"), DOCUMENTED).expect("the directory is writable");
    app.fails(&expect![[r#"
        error[invalid_placeholder]: invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`
         --> member/.env.example:2:29
          |
        2 | REDIS_URL=redis://localhost:70000
          |                             ^^^^^
          |
          = help: write `REDIS_URL=redis://localhost:6379`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
    "#]]);
    app.env_example(DOCUMENTED).builds();
}

#[test]
fn nothing_above_the_workspace_is_read() {
    let app = App::new("app-below");
    fs::write(apps().join(".env.example"), DOCUMENTED).expect("the directory is writable");
    let output = app.cargo(&["build"]);
    fs::remove_file(apps().join(".env.example")).expect("it is there");
    assert!(!output.status.success());
}

#[test]
fn a_workspace_with_resolver_1_builds() {
    let app = App::new("app-resolver-1").env_example(DOCUMENTED);
    app.manifest("[workspace]\nresolver = \"1\"\n");
    app.builds();
    app.compiles_nothing();
}

#[test]
fn a_packaged_application_builds_without_the_file() {
    let app = App::in_workspace("app-packaged", "member");
    // It has been vendored into a tree with another file.
    fs::write(app.root.join(".env.example"), BROKEN).expect("the directory is writable");
    app.write("Cargo.toml.orig", "");
    app.builds();
    app.compiles_nothing();
}

#[test]
fn the_check_can_be_skipped_with_a_warning() {
    let app = App::new("app-skipped")
        .alone()
        .with("REDIS_READY_SKIP_ENV_EXAMPLE", "1");
    let stderr = app.builds();
    let warnings: Vec<_> = stderr
        .lines()
        .filter(|line| line.starts_with("warning"))
        .collect();
    expect![[r#"
        warning: redis-ready@0.1.0: .env.example is not checked: REDIS_READY_SKIP_ENV_EXAMPLE is set; the value still is, at start-up
        warning: app-skipped@0.1.0: .env.example is not checked: REDIS_READY_SKIP_ENV_EXAMPLE is set; the value still is, at start-up"#]].assert_eq(&warnings.join("\n"));
    app.compiles_nothing();
    let app = App {
        environment: Vec::new(),
        ..app
    };
    assert!(
        !app.cargo(&["build"]).status.success(),
        "it is checked again"
    );
}

#[test]
fn a_build_script_may_wish_for_something_else() {
    let app = App::new("app-wishes");
    app.write("deploy/env", "# The cache\nCACHE=redis://localhost\n");
    app.write(
        "build.rs",
        "use redis_ready::build::{Check, Format};\n\
         fn main() { Check::new().file(\"deploy/env\").variable(\"CACHE\").formats([Format::Local]).run(); }\n",
    );
    app.write("src/main.rs", "const _: () = assert!(matches!(env!(\"REDIS_READY_DOCUMENTED\").as_bytes(), b\"app-wishes:CACHE@2\")); fn main() {}\n");
    app.builds();
    app.write("deploy/env", "# The cache\nCACHE=redis://localhost/x\n");
    app.fails(&expect![[r#"
        error[invalid_placeholder]: invalid database in `CACHE`: expected a number from 0 on, without a sign or leading zeros
         --> deploy/env:2:25
          |
        2 | CACHE=redis://localhost/x
          |                         ^
          |
          = help: write `CACHE=redis://localhost/0`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
    "#]]);
}

#[test]
fn a_release_build_is_checked_too() {
    let app = App::new("app-release").env_example(BROKEN);
    let output = app.cargo(&["check", "--release"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("error[invalid_placeholder]"), "{stderr}");
    let output = app.env_example(DOCUMENTED).cargo(&["check", "--release"]);
    assert!(output.status.success());
}

#[cfg(feature = "client")]
mod with_the_client {

    use super::*;

    fn app(name: &str, main: &str) -> App {
        let app = App::new(name).env_example(DOCUMENTED);
        let workspace = "[dependencies]\nredis-ready = { path = \"REPOSITORY\", default-features = false, features = [\"client\"] }\n\n[workspace]\nresolver = \"2\"\n";
        app.manifest(&workspace.replace("REPOSITORY", &package().to_string_lossy()));
        app.write("src/main.rs", &format!("fn main() {{\n    {main}\n}}\n"));
        app
    }

    /// What the compiler says of a target, without the progress of cargo.
    #[track_caller]
    fn report(app: &App, target: &[&str]) -> String {
        let output = app.cargo(&[&["check", "--quiet"], target].concat());
        assert!(!output.status.success(), "it builds");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let start = stderr.find("error").unwrap_or(0);
        let ends = ["For more information", "error: could not compile"];
        let end = ends.iter().filter_map(|end| stderr.find(end)).min();
        let lines = stderr[start..end.unwrap_or(stderr.len())].lines();
        let lines: Vec<_> = lines.map(str::trim_end).collect();
        lines.join("\n").trim_end().to_owned() + "\n"
    }

    #[track_caller]
    fn says(app: &App, expected: &Expect) {
        expected.assert_eq(&report(app, &[]));
    }

    const TWO: &str =
        "let _ = (redis_ready::redis_client!(), redis_ready::redis_client!(QUEUE_REDIS_URL));";

    #[test]
    fn a_name_is_documented_before_it_is_used() {
        let app = app("app-two-names", TWO);
        says(
            &app,
            &expect![[r#"
                error[E0080]: evaluation panicked: `QUEUE_REDIS_URL` is not documented; add to `.env.example`:

                                  # The Redis server that this application connects to
                                  QUEUE_REDIS_URL=redis://localhost:6379

                 --> src/main.rs:2:44
                  |
                2 |     let _ = (redis_ready::redis_client!(), redis_ready::redis_client!(QUEUE_REDIS_URL));
                  |                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ evaluation of `main::_` failed here
                  |
                  = note: this error originates in the macro `redis_ready::redis_client` (in Nightly builds, run with -Z macro-backtrace for more info)
            "#]],
        );
        let more = format!("{DOCUMENTED}# The queue\nQUEUE_REDIS_URL=redis://queue:6379\n");
        let output = app.env_example(&more).cargo(&["check"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[test]
    fn the_macro_needs_the_build_script() {
        let app = app("app-no-build-script", TWO);
        fs::remove_file(app.member.join("build.rs")).expect("it is there");
        says(
            &app,
            &expect![[r#"
                error[E0080]: evaluation panicked: no build script has checked `.env.example`; add to `Cargo.toml`:

                                  [build-dependencies]
                                  redis-ready = { version = "0.1", default-features = false, features = ["build"] }

                              and to `build.rs`:

                                  fn main() { redis_ready::build::check(); }

                 --> src/main.rs:2:14
                  |
                2 |     let _ = (redis_ready::redis_client!(), redis_ready::redis_client!(QUEUE_REDIS_URL));
                  |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ evaluation of `main::_` failed here
                  |
                  = note: this error originates in the macro `$crate::redis_client` which comes from the expansion of the macro `redis_ready::redis_client` (in Nightly builds, run with -Z macro-backtrace for more info)

                error[E0080]: evaluation panicked: no build script has checked `.env.example`; add to `Cargo.toml`:

                                  [build-dependencies]
                                  redis-ready = { version = "0.1", default-features = false, features = ["build"] }

                              and to `build.rs`:

                                  fn main() { redis_ready::build::check(); }

                 --> src/main.rs:2:44
                  |
                2 |     let _ = (redis_ready::redis_client!(), redis_ready::redis_client!(QUEUE_REDIS_URL));
                  |                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ evaluation of `main::_` failed here
                  |
                  = note: this error originates in the macro `redis_ready::redis_client` (in Nightly builds, run with -Z macro-backtrace for more info)
            "#]],
        );
        // Another package's variable does not count, which a test process carries.
        let app = app.with(
            "REDIS_READY_DOCUMENTED",
            "redis-ready:REDIS_URL@8,QUEUE_REDIS_URL@9",
        );
        assert!(!app.cargo(&["check"]).status.success());
        // Its own does: that is why these tests remove the variable.
        let app = app.with(
            "REDIS_READY_DOCUMENTED",
            "app-no-build-script:REDIS_URL@8,QUEUE_REDIS_URL@9",
        );
        assert!(app.cargo(&["check"]).status.success());
    }

    /// trybuild compiles the cases of a package as another package, and hands it the environment of the
    /// test.
    #[test]
    fn the_cases_of_trybuild_count_as_their_own_package() {
        let app = app("app-tried-tests", TWO);
        fs::remove_file(app.member.join("build.rs")).expect("it is there");
        let app = app.with(
            "REDIS_READY_DOCUMENTED",
            "app-tried:REDIS_URL@8,QUEUE_REDIS_URL@9",
        );
        let output = app.cargo(&["check"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
    }

    #[test]
    fn the_macro_works_in_a_packaged_application() {
        let app = app("app-unchecked", TWO);
        fs::remove_file(app.member.join(".env.example")).expect("it is there");
        app.write("Cargo.toml.orig", "");
        assert!(app.cargo(&["check"]).status.success());
    }
}

#[test]
fn this_repository_checks_its_own_file() {
    let copy = target().join("apps/repository");
    let _ = fs::remove_dir_all(&copy);
    let files = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(repository())
        .output();
    let Some(files) = files.ok().filter(|files| files.status.success()) else {
        eprintln!("SKIPPED: git does not know {}", repository().display());
        return;
    };
    for path in String::from_utf8_lossy(&files.stdout).split_terminator('\0') {
        let (from, to) = (repository().join(path), copy.join(path));
        fs::create_dir_all(to.parent().expect("a file is in a directory")).expect("it is writable");
        fs::copy(from, to).expect("a tracked file is there");
    }
    let own = fs::read_to_string(copy.join(".env.example")).expect("it is tracked");
    let app = App {
        name: "redis-ready".to_owned(),
        root: copy.clone(),
        member: copy,
        environment: Vec::new(),
        // Its build script is the same without the client, and the client's dependencies are many.
        features: &["--no-default-features", "--features", "build"],
        target: "apps-target",
    };
    let app = app.env_example(&own.replace("REDIS_URL=redis://localhost:6379", "REDIS_URL="));
    app.fails(&expect![[r#"
        error[no_placeholder]: `REDIS_URL` has no placeholder
         --> .env.example:7:1
          |
        7 | REDIS_URL=
          | ^^^^^^^^^
          |
          = help: write `REDIS_URL=redis://localhost:6379`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#no_placeholder
    "#]]);
}
