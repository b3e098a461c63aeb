//! The program `cargo redis-ready`, run in projects as people have them.
#![cfg(feature = "cli")]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

#[path = "cli/corrections.rs"]
mod corrections;
#[path = "cli/drift.rs"]
mod drift;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/setup.rs"]
mod setup;

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
const SECRET: &str = "Zx8kQpLw3RtYvN5m";

/// A directory with some files, in which the program runs.
struct Project {
    root: PathBuf,
}

impl Project {
    fn new(name: &str) -> Project {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("cli")
            .join(name);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).expect("the target directory is writable");
        Project { root }
    }

    /// A package that reads `REDIS_URL`.
    fn package(name: &str) -> Project {
        Project::new(name)
            .file("Cargo.toml", &manifest(name, "\n[workspace]\n"))
            .file("Cargo.lock", "")
            .file(
                "src/main.rs",
                "fn main() { redis_ready::redis_client!(); }\n",
            )
            .file("build.rs", "fn main() { redis_ready::build::check(); }\n")
    }

    /// A workspace with two services in Rust, beside them one in Python and one for Node.
    fn monorepo(name: &str) -> Project {
        Project::new(name)
            .file("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"services/api\", \"services/jobs\", \"crates/*\"]\n")
            .file("Cargo.lock", "")
            .file("services/api/Cargo.toml", &manifest("api", ""))
            .file("services/api/src/main.rs", "fn main() { redis_ready::redis_client!(); }\n")
            .file("services/jobs/Cargo.toml", &manifest("jobs", ""))
            .file("services/jobs/src/main.rs", "fn main() {\n    redis_ready::redis_client!(JOBS_REDIS_URL);\n}\n")
            .file("crates/words/Cargo.toml", "[package]\nname = \"words\"\nversion = \"0.1.0\"\n")
            .file("crates/words/src/lib.rs", "")
            .file("services/ai/main.py", "url = os.environ[\"AI_REDIS_URL\"]\n")
            .file("services/web/server.js", "const url = process.env.WEB_REDIS_URL\n")
            .file("services/web/node_modules/a/index.js", "process.env.OLD_REDIS_URL\n")
    }

    fn file(self, path: &str, text: &str) -> Project {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a file is in a directory"))
            .expect("it is writable");
        fs::write(path, text).expect("the directory is writable");
        self
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).expect("it is there")
    }

    fn command(&self, directory: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-redis-ready"));
        command
            .arg("redis-ready")
            .args(arguments)
            .current_dir(self.root.join(directory))
            .env("CARGO", env!("CARGO"))
            .env_remove("GITHUB_WORKSPACE");
        command
    }

    fn run_in(&self, directory: &str, arguments: &[&str]) -> Output {
        let output = self.command(directory, arguments).output();
        output.expect("the program is built")
    }

    /// Compares all that the program prints, and its exit code.
    #[track_caller]
    fn prints(&self, arguments: &[&str], code: i32, expected: &Expect) {
        self.prints_in("", arguments, code, expected);
    }

    #[track_caller]
    fn prints_in(&self, directory: &str, arguments: &[&str], code: i32, expected: &Expect) {
        let output = self.run_in(directory, arguments);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).replace(&*self.root.to_string_lossy(), "ROOT");
        // A line of a diff may be one space.
        let text: String = text
            .lines()
            .map(|line| line.trim_end().to_owned() + "\n")
            .collect();
        assert!(!text.contains(SECRET), "it shows a secret: {text}");
        expected.assert_eq(&text);
        assert_eq!(output.status.code(), Some(code));
    }
}

fn manifest(name: &str, more: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nredis-ready = \"0.1\"\n\n[build-dependencies]\n\
         redis-ready = {{ version = \"0.1\", default-features = false, features = [\"build\"] }}\n{more}"
    )
}

#[test]
fn a_documented_package_passes() {
    let project = Project::package("passes").file(".env.example", DOCUMENTED);
    project.prints(
        &["check"],
        0,
        &expect![[r#"
        checked 1 file: 0 errors
    "#]],
    );
}

#[test]
fn the_findings_are_those_of_the_build_script() {
    let broken = DOCUMENTED.replace(
        "localhost:6379\n# Or for Redis w",
        "localhost:70000\n# Or for Redis w",
    );
    let project = Project::package("broken").file(".env.example", &broken);
    project.prints(
        &["check"],
        1,
        &expect![[r#"
            error[invalid_placeholder]: invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`
             --> .env.example:2:29
              |
            2 | REDIS_URL=redis://localhost:70000
              |                             ^^^^^
              |
              = help: write `REDIS_URL=redis://localhost:6379`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
            checked 1 file: 1 error
        "#]],
    );
    project.prints_in(
        "src",
        &["check", "--format", "json"],
        1,
        &expect![[r#"
            {
              "files": [
                {
                  "packages": [
                    "broken"
                  ],
                  "path": "ROOT/.env.example",
                  "variables": [
                    {
                      "line": 2,
                      "name": "REDIS_URL"
                    }
                  ]
                }
              ],
              "findings": [
                {
                  "code": "invalid_placeholder",
                  "column": 29,
                  "help": [
                    "write `REDIS_URL=redis://localhost:6379`"
                  ],
                  "level": "error",
                  "line": 2,
                  "message": "invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`",
                  "path": "ROOT/.env.example",
                  "source": "REDIS_URL=redis://localhost:70000"
                }
              ],
              "version": 1
            }
        "#]],
    );
    project.prints(&["check", "--format", "github"], 1, &expect![[r#"
        ::error file=.env.example,line=2,col=29,title=invalid_placeholder::invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`%0Ahelp: write `REDIS_URL=redis://localhost:6379`%0Ahelp: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
    "#]]);
}

#[test]
fn what_the_build_warns_of_is_a_warning() {
    let text = DOCUMENTED.replace("host:port", "prod-1.upstash.io:6379");
    let text = text.replace("rediss://:password@prod", "redis://:password@prod");
    let text = text + "# rediss://:password@host:port\n";
    let project = Project::package("warned").file(".env.example", &text);
    project.prints(&["check"], 0, &expect![[r#"
        warning[plaintext_to_tls_only]: the provider speaks TLS only at this host or port: write `rediss` for `redis` in the scheme
         --> .env.example:6:13
          |
        6 | # REDIS_URL=redis://:***@prod-1.upstash.io:6379
          |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#plaintext_to_tls_only
        checked 1 file: 0 errors, 1 warning
    "#]]);
}

#[test]
fn a_missing_file_is_found_where_it_is_to_be() {
    Project::package("no-file").prints(&["check", "--format", "github"], 1, &expect![[r#"
        ::error file=.env.example,title=missing_file::no `.env.example` in `ROOT`%0Ahelp: write these lines into it:%0A# The Redis server that this application connects to%0AREDIS_URL=redis://localhost:6379%0A# Or with a password:%0A# REDIS_URL=redis://:password@localhost:6379%0A# Or with TLS:%0A# REDIS_URL=rediss://:password@host:port%0Ahelp: in a Docker build copy it too: `!.env.example` in `.dockerignore` after `.env*`%0Ahelp: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missing_file
    "#]]);
}

#[test]
fn the_settings_of_the_build_script_hold() {
    let project = Project::package("settings")
        .file(
            "build.rs",
            "use redis_ready::build::{Check, Format};\nfn main() { Check::new().file(\"deploy/env\").variable(\"CACHE\").formats([Format::Local]).run() }\n",
        )
        .file("src/main.rs", "fn main() { redis_ready::redis_client!(CACHE); }\n")
        .file("deploy/env", "# Cache\nCACHE=redis://localhost\n");
    project.prints(
        &["check"],
        0,
        &expect![[r#"
        checked 1 file: 0 errors
    "#]],
    );
    let project = project.file(
        "build.rs",
        "fn main() { redis_ready::build::Check::new().file(NAME).run() }",
    );
    project.prints(&["check", "--file", "deploy/env"], 1, &expect![[r#"
        error[missing_variable]: `REDIS_URL` is missing: the file has `CACHE` instead
         --> deploy/env:2:1
          |
        2 | CACHE=redis://localhost
          | ^^^^^
          |
          = help: add these lines:
                  # The Redis server that this application connects to
                  REDIS_URL=redis://localhost
          = help: if it is the one to use: `Check::new().variable("CACHE").run()` in `build.rs`, `redis_client!(CACHE)` in the code

        error[missing_format]: missing URLs: one with a password, one with TLS
        --> deploy/env
         |
         = help: add these lines:
                 # Or with a password:
                 # REDIS_URL=redis://:password@localhost:6379
                 # Or with TLS:
                 # REDIS_URL=rediss://:password@host:port

        error[undocumented_variable]: `CACHE` is in `deploy/env:2`, but the check does not accept it
         --> src/main.rs:1:26
          |
        1 | fn main() { redis_ready::redis_client!(CACHE); }
          |                          ^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `.variable("CACHE")` to the check in the build script, as in `Check::new().variable("CACHE").run()`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/
        checked 1 file: 3 errors
        warning: cannot read the argument of `file` in the build script of `settings`; the result may differ from `cargo build`'s
    "#]]);
}

#[test]
fn a_variable_that_only_a_source_names_is_an_error() {
    let project = Project::package("undocumented")
        .file(".env.example", DOCUMENTED)
        .file(
            "src/cache.rs",
            "use redis_ready::Client;\n\nfn f() {\n    tokio::join!(a(), redis_ready::redis_client!(CACHE_REDIS_URL)); // once\n    Client::from_env(\"SESSIONS\").unwrap();\n    redis_ready::redis_client!(CACHE_REDIS_URL);\n}\n",
        );
    project.prints(
        &["check"],
        1,
        &expect![[r#"
            error[undocumented_variable]: `CACHE_REDIS_URL` is not documented in `.env.example`
             --> src/cache.rs:4:36
              |
            4 | redis_client!(CACHE_REDIS_URL)
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: add these lines to `.env.example`:
                      # The Redis server that this application connects to
                      CACHE_REDIS_URL=redis://localhost:6379

            error[undocumented_variable]: `SESSIONS` is not documented in `.env.example`
             --> src/cache.rs:5:5
              |
            5 |     Client::from_env("SESSIONS").unwrap();
              |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: add these lines to `.env.example`:
                      # The Redis server that this application connects to
                      SESSIONS=redis://localhost:6379
              = help: write `Check::new().variable("SESSIONS").run()` in the build script

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#undocumented_variable
            checked 1 file: 2 errors
        "#]],
    );
}

#[test]
fn a_variable_that_only_the_document_names_is_a_warning() {
    let more = "# Left over\nOLD_REDIS_URL=redis://localhost\n";
    let project = Project::package("unused").file(".env.example", &(DOCUMENTED.to_owned() + more));
    project.prints(
        &["check"],
        0,
        &expect![[r#"
            warning[unused_variable]: `OLD_REDIS_URL` is documented and used nowhere
             --> .env.example:8:1
              |
            8 | OLD_REDIS_URL=redis://localhost
              | ^^^^^^^^^^^^^
              |
              = help: remove it, or read it: `redis_client!(OLD_REDIS_URL)`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unused_variable
            checked 1 file: 0 errors, 1 warning
        "#]],
    );
    // A service in another language reads it.
    let project = project.file("worker/main.py", "os.environ['OLD_REDIS_URL']\n");
    project.prints(
        &["check"],
        0,
        &expect![[r#"
        checked 1 file: 0 errors
    "#]],
    );
}

#[test]
fn the_packages_of_a_workspace_are_checked_together() {
    let document = format!(
        "{DOCUMENTED}\n# Of Python\nAI_REDIS_URL=redis://ai\n# Of Node\nWEB_REDIS_URL=redis://web\n# Of nothing\nOLD_REDIS_URL=redis://old\n"
    );
    let project = Project::monorepo("monorepo").file(".env.example", &document);
    let expected = expect![[r#"
        error[undocumented_variable]: `JOBS_REDIS_URL` is not documented in `.env.example`
         --> services/jobs/src/main.rs:2:18
          |
        2 |     redis_ready::redis_client!(JOBS_REDIS_URL);
          |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add these lines to `.env.example`:
                  # The Redis server that this application connects to
                  JOBS_REDIS_URL=redis://localhost:6379

        warning[unused_variable]: `OLD_REDIS_URL` is documented and used nowhere
          --> .env.example:13:1
           |
        13 | OLD_REDIS_URL=redis://old
           | ^^^^^^^^^^^^^
           |
           = help: remove it, or read it: `redis_client!(OLD_REDIS_URL)`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/
        checked 1 file: 1 error, 1 warning
    "#]];
    project.prints(&["check"], 1, &expected);
    let output = project.run_in("", &["check"]);
    assert_eq!(project.run_in("", &["check", "--all"]), output);
    assert_eq!(project.run_in("", &["check", "-p", "jobs"]), output);
    project.prints(
        &["check", "-p", "api"],
        0,
        &expect![[r#"
            warning[unused_variable]: `OLD_REDIS_URL` is documented and used nowhere
              --> .env.example:13:1
               |
            13 | OLD_REDIS_URL=redis://old
               | ^^^^^^^^^^^^^
               |
               = help: remove it, or read it: `redis_client!(OLD_REDIS_URL)`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unused_variable
            checked 1 file: 0 errors, 1 warning
        "#]],
    );
    project.prints_in(
        "services/jobs",
        &["check", "--format", "github"],
        1,
        &expect![[r#"
            ::error file=src/main.rs,line=2,col=18,title=undocumented_variable::`JOBS_REDIS_URL` is not documented in `ROOT/.env.example`%0Ahelp: add these lines to `ROOT/.env.example`:%0A# The Redis server that this application connects to%0AJOBS_REDIS_URL=redis://localhost:6379%0Ahelp: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#undocumented_variable
            ::warning file=ROOT/.env.example,line=13,col=1,title=unused_variable::`OLD_REDIS_URL` is documented and used nowhere%0Ahelp: remove it, or read it: `redis_client!(OLD_REDIS_URL)`%0Ahelp: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unused_variable
        "#]],
    );
}

#[test]
fn a_member_with_a_file_of_its_own_is_checked_by_that() {
    let project = Project::monorepo("own-file")
        .file("services/api/.env.example", DOCUMENTED)
        .file(
            "services/jobs/.env.example",
            "# Jobs\nJOBS_REDIS_URL=redis://jobs\n",
        );
    project.prints(
        &["check"],
        1,
        &expect![[r#"
            error[missing_format]: missing URLs: one with a password, one with TLS
             --> services/jobs/.env.example:2:1
              |
            2 | JOBS_REDIS_URL=redis://jobs
              | ^^^^^^^^^^^^^^
              |
              = help: add these lines:
                      # Or with a password:
                      # JOBS_REDIS_URL=redis://:password@localhost:6379
                      # Or with TLS:
                      # JOBS_REDIS_URL=rediss://:password@host:port

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missing_format
            checked 2 files: 1 error
        "#]],
    );
}

#[test]
fn a_directory_without_a_package_has_a_file_as_well() {
    let root = std::env::temp_dir().join(format!("redis-ready-{}", std::process::id()));
    let project = Project { root }.file(".env.example", "A=1\n");
    project.prints(
        &["check", "--workspace"],
        2,
        &expect![[r#"
        error: no `Cargo.toml` here or above
          help: `--manifest-path <PATH>` names one
    "#]],
    );
    project.prints(
        &["init", "--write"],
        0,
        &expect![[r#"
            --- .env.example
            +++ .env.example
            @@ -1 +1,8 @@
             A=***
            +
            +# The Redis server that this application connects to
            +REDIS_URL=redis://localhost:6379
            +# Or with a password:
            +# REDIS_URL=redis://:password@localhost:6379
            +# Or with TLS:
            +# REDIS_URL=rediss://:password@host:port
        "#]],
    );
    project.prints(
        &["check"],
        0,
        &expect![[r#"
        checked 1 file: 0 errors
    "#]],
    );
    fs::remove_dir_all(&project.root).expect("it is ours");
}

#[test]
fn the_hook_of_pre_commit_is_a_check() {
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml");
    let hooks = fs::read_to_string(hooks).expect("it is in the repository");
    let mut lines = hooks
        .lines()
        .filter_map(|line| line.trim().strip_prefix("entry: "));
    let entry = lines
        .next()
        .and_then(|it| it.strip_prefix("cargo redis-ready "));
    let arguments: Vec<_> = entry.expect("it runs this program").split(' ').collect();
    let project = Project::package("hook").file(".env.example", DOCUMENTED);
    assert_eq!(project.run_in("", &arguments).status.code(), Some(0));
    let project = project.file(".env.example", "A=1\n");
    assert_eq!(project.run_in("", &arguments).status.code(), Some(1));
}

#[test]
fn what_cannot_run_exits_with_2() {
    let project = Project::package("cannot-run").file(".env.example", DOCUMENTED);
    project.prints(
        &["check", "-p", "other"],
        2,
        &expect![[r#"
        error: no package `other` in the workspace
          help: `cargo metadata --no-deps` lists the packages
    "#]],
    );
    project.prints(
        &["check", "--manifest-path", "other"],
        2,
        &expect![[r#"
            error: no file `ROOT/other`
              help: name a `Cargo.toml`
        "#]],
    );
    assert_eq!(
        project.run_in("", &["check", "--unknown"]).status.code(),
        Some(2)
    );
    let directory = project.run_in("", &["check", "--manifest-path", "."]);
    assert_eq!(
        directory.status.code(),
        Some(0),
        "its `Cargo.toml` is meant"
    );
    let project = project.file("Cargo.toml", "[package\n");
    let output = project.run_in("", &["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`cargo metadata` failed"));
}

#[test]
fn init_writes_what_is_missing_and_nothing_else() {
    let before = format!(
        "# Database\nDATABASE_URL=postgres://app:{SECRET}@db/app\n\n# REDIS_URL=redis://redis:6379\nPORT=8080"
    );
    let project = Project::package("init").file(".env.example", &before).file(
        "src/queue.rs",
        "fn f() { redis_ready::redis_client!(QUEUE_REDIS_URL); }\n",
    );
    let expected = expect![[r#"
        --- .env.example
        +++ .env.example
        @@ -2,4 +2,14 @@
         DATABASE_URL=postgres://app:***@db/app

         # REDIS_URL=redis://redis:6379
        -PORT=8080
        \ No newline at end of file
        +PORT=8080
        +
        +# The Redis server that this application connects to
        +QUEUE_REDIS_URL=redis://redis:6379
        +# Or with a password:
        +# QUEUE_REDIS_URL=redis://:password@localhost:6379
        +# Or with TLS:
        +# QUEUE_REDIS_URL=rediss://:password@host:port
        +
        +# The Redis server that this application connects to
        +REDIS_URL=redis://redis:6379
    "#]];
    project.prints(&["init", "--dry-run"], 0, &expected);
    assert_eq!(project.read(".env.example"), before);
    let output = project.run_in("", &["init", "--dry-run"]);
    assert_eq!(project.run_in("", &["init"]), output);
    assert!(project.read(".env.example").starts_with(&before));
    project.prints(
        &["init"],
        0,
        &expect![[r#"
        nothing to change in `.env.example`
    "#]],
    );
    project.prints(
        &["check"],
        0,
        &expect![[r#"
        checked 1 file: 0 errors
    "#]],
    );
}

#[test]
fn init_writes_one_file_for_all_packages_of_a_workspace() {
    let project = Project::monorepo("init-all");
    assert_eq!(project.run_in("", &["fix"]).status.code(), Some(1));
    assert_eq!(project.run_in("", &["init"]).status.code(), Some(0));
    let document = project.read(".env.example");
    assert!(document.contains("\nREDIS_URL=redis://localhost:6379\n"));
    assert!(document.contains("\nJOBS_REDIS_URL=redis://localhost:6379\n"));
    project.prints(
        &["check"],
        0,
        &expect![[r#"
        checked 1 file: 0 errors
    "#]],
    );
    // A package that is named alone has a file of its own.
    let project = Project::monorepo("init-one");
    let output = project.run_in("", &["init", "-p", "api"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(project.root.join("services/api/.env.example").is_file());
}

#[test]
fn init_reports_what_it_does_not_change() {
    let project = Project::package("init-remains").file(".env.example", "# Redis\nREDIS_URL=\n");
    project.prints(
        &["init"],
        1,
        &expect![[r#"
            --- .env.example
            +++ .env.example
            @@ -1,2 +1,6 @@
             # Redis
             REDIS_URL=
            +# Or with a password:
            +# REDIS_URL=redis://:password@localhost:6379
            +# Or with TLS:
            +# REDIS_URL=rediss://:password@host:port
            error[no_placeholder]: `REDIS_URL` has no placeholder
             --> .env.example:2:1
              |
            2 | REDIS_URL=
              | ^^^^^^^^^
              |
              = help: write `REDIS_URL=redis://localhost:6379`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#no_placeholder
            note: run `cargo redis-ready fix` to correct what has one right answer
        "#]],
    );
    project.prints(
        &["fix"],
        0,
        &expect![[r#"
            --- .env.example
            +++ .env.example
            @@ -1,5 +1,5 @@
             # Redis
            -REDIS_URL=
            +REDIS_URL=redis://localhost:6379
             # Or with a password:
             # REDIS_URL=redis://:password@localhost:6379
             # Or with TLS:
        "#]],
    );
    project.prints(
        &["check"],
        0,
        &expect![[r#"
        checked 1 file: 0 errors
    "#]],
    );
}

#[test]
fn init_sets_a_package_up() {
    let project = Project::new("set-up")
        .file("Cargo.toml", "# ours\n[package]\nname = \"set-up\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies] # few\nlog = \"0.4\" # logs\n\n[workspace]\n")
        .file("src/main.rs", "fn main() {}\n");
    project.prints(
        &["init", "--dry-run"],
        0,
        &expect![[r#"
            --- .env.example
            +++ .env.example
            @@ -0,0 +1,6 @@
            +# The Redis server that this application connects to
            +REDIS_URL=redis://localhost:6379
            +# Or with a password:
            +# REDIS_URL=redis://:password@localhost:6379
            +# Or with TLS:
            +# REDIS_URL=rediss://:password@host:port
            `Cargo.toml` needs these lines; `cargo redis-ready init --write` adds them:

            [dependencies]
            redis-ready = "0.1"

            [build-dependencies]
            redis-ready = { version = "0.1", default-features = false, features = ["build"] }

            `build.rs` needs these lines; `cargo redis-ready init --write` adds them:

            fn main() {
                redis_ready::build::check();
            }

        "#]],
    );
    project.prints(
        &["init", "--write"],
        0,
        &expect![[r#"
            --- .env.example
            +++ .env.example
            @@ -0,0 +1,6 @@
            +# The Redis server that this application connects to
            +REDIS_URL=redis://localhost:6379
            +# Or with a password:
            +# REDIS_URL=redis://:password@localhost:6379
            +# Or with TLS:
            +# REDIS_URL=rediss://:password@host:port
            --- Cargo.toml
            +++ Cargo.toml
            @@ -6,5 +6,9 @@

             [dependencies] # few
             log = "0.4" # logs
            +redis-ready = "0.1"

             [workspace]
            +
            +[build-dependencies]
            +redis-ready = { version = "0.1", default-features = false, features = ["build"] }
            --- build.rs
            +++ build.rs
            @@ -0,0 +1,3 @@
            +fn main() {
            +    redis_ready::build::check();
            +}
        "#]],
    );
    project.prints(
        &["init", "--write"],
        0,
        &expect![[r#"
        nothing to change in `.env.example`
    "#]],
    );
}

#[test]
fn a_package_without_a_lock_file_does_not_take_the_file_of_the_project_around_it() {
    let project = Project::new("around")
        .file(".env.example", DOCUMENTED)
        .file("Cargo.lock", "")
        .file("new/Cargo.toml", &manifest("new", "\n[workspace]\n"))
        .file(
            "new/src/main.rs",
            "fn main() { redis_ready::redis_client!(); }\n",
        );
    assert_eq!(project.run_in("new", &["check"]).status.code(), Some(1));
    assert_eq!(project.run_in("new", &["init"]).status.code(), Some(0));
    assert!(project.read("new/.env.example").starts_with("# "));
}

#[test]
fn init_prints_the_lines_where_it_is_not_certain() {
    let project = Project::package("uncertain")
        .file(".env.example", DOCUMENTED)
        .file("Cargo.toml", "[package]\nname = \"uncertain\"\nversion = \"0.1.0\"\n\n[build-dependencies]\nredis-ready = \"0.1\"\n\n[workspace]\n")
        .file("build.rs", "fn main() { generate() }\n");
    project.prints(
        &["init", "--write"],
        0,
        &expect![[r#"
        `Cargo.toml` needs these lines:

        [dependencies]
        redis-ready = "0.1"

        [build-dependencies]
        redis-ready = { version = "0.1", default-features = false, features = ["build"] }

        `build.rs` needs these lines:

            redis_ready::build::check(); // in `fn main`

    "#]],
    );
    assert_eq!(project.read("build.rs"), "fn main() { generate() }\n");
}

#[test]
fn fix_changes_what_is_certain_and_shows_no_secret() {
    let document = format!(
        "# Redis\nREDIS_URL=\n# redis://:password@redis\n# rediss://:{SECRET}@prod-1.upstash.io:6379\nNAME=my app\nKEY-WITH-DASH=1\n"
    );
    let project = Project::package("fix").file(".env.example", &document);
    let expected = expect![[r#"
        --- .env.example
        +++ .env.example
        @@ -1,6 +1,6 @@
         # Redis
        -REDIS_URL=
        +REDIS_URL=redis://localhost:6379
         # redis://:password@redis
        -# rediss://:***@prod-1.upstash.io:6379
        -NAME=***
        +# rediss://:password@prod-1.upstash.io:6379
        +NAME=***
         ***
        note: `***` hides values that may be secrets: lines that look equal differ in them
        note: change the replaced password on the server: the history of the repository keeps it
        error[unloadable_line]: dotenvy stops at this line, and loads no variable after it: expected `NAME=value`
         --> .env.example:6:1
          |
        6 | ***
          | ^^^
          |
          = help: write `KEY_WITH_DASH=` for `KEY-WITH-DASH=`: a name has letters, digits and `_`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unloadable_line
    "#]];
    project.prints(&["fix", "--dry-run"], 1, &expected);
    assert_eq!(project.read(".env.example"), document);
    let output = project.run_in("", &["fix", "--dry-run"]);
    assert_eq!(project.run_in("", &["fix"]), output);
    assert_eq!(
        project.read(".env.example"),
        document
            .replace("REDIS_URL=", "REDIS_URL=redis://localhost:6379")
            .replace(SECRET, "password")
            .replace("my app", "\"my app\"")
    );
    project.prints(
        &["fix"],
        1,
        &expect![[r#"
            error[unloadable_line]: dotenvy stops at this line, and loads no variable after it: expected `NAME=value`
             --> .env.example:6:1
              |
            6 | ***
              | ^^^
              |
              = help: write `KEY_WITH_DASH=` for `KEY-WITH-DASH=`: a name has letters, digits and `_`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unloadable_line
        "#]],
    );
}

#[test]
fn a_file_that_is_not_text_is_a_finding_and_not_changed() {
    let project = Project::package("not-text");
    fs::write(project.root.join(".env.example"), b"A=\xff").expect("it is writable");
    project.prints(
        &["check"],
        1,
        &expect![[r#"
            error[unreadable_file]: expected UTF-8
            --> .env.example
             |
             = help: save it as UTF-8

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unreadable_file
            checked 0 files: 1 error
        "#]],
    );
    let expected = expect![[r#"
        error[unreadable_file]: expected UTF-8
        --> .env.example
         |
         = help: save it as UTF-8

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unreadable_file
    "#]];
    project.prints(&["init"], 1, &expected);
    project.prints(&["fix"], 1, &expected);
    let bytes = fs::read(project.root.join(".env.example")).expect("it is there");
    assert_eq!(bytes, b"A=\xff");
}
