//! What `init` and `fix` write, and what they say where they cannot.

use expect_test::expect;

use super::{DOCUMENTED, Project, manifest};

#[test]
fn init_writes_a_variable_once() {
    let project = Project::package("once")
        .file(
            "build.rs",
            "fn main() { redis_ready::build::Check::new().variable(\"CACHE\").run(); }\n",
        )
        .file(
            "src/main.rs",
            "fn main() { redis_ready::redis_client!(CACHE); }\n",
        );
    assert_eq!(project.run_in("", &["init"]).status.code(), Some(0));
    let lines = project.read(".env.example");
    assert_eq!(lines.matches("\nCACHE=").count(), 1, "{lines}");
}

#[test]
fn init_writes_an_optional_variable_as_a_comment() {
    let project = Project::package("optional").file(
        "build.rs",
        "fn main() { redis_ready::build::Check::new().optional(\"REDIS_URL\").run(); }\n",
    );
    assert_eq!(project.run_in("", &["init"]).status.code(), Some(0));
    expect![[r#"
        # The Redis server that this application connects to
        # REDIS_URL=redis://localhost:6379
        # Or with a password:
        # REDIS_URL=redis://:password@localhost:6379
        # Or with TLS:
        # REDIS_URL=rediss://:password@host:port
    "#]]
    .assert_eq(&project.read(".env.example"));
    project.prints(
        &["check"],
        0,
        &expect![[r#"
        checked 1 file: 0 errors
    "#]],
    );
}

#[test]
fn init_sets_up_the_packages_of_a_workspace() {
    let project = Project::monorepo("init-write");
    assert_eq!(
        project.run_in("", &["init", "--write"]).status.code(),
        Some(0)
    );
    let script = "fn main() {\n    redis_ready::build::check();\n}\n";
    assert_eq!(project.read("services/api/build.rs"), script);
    assert_eq!(project.read("services/jobs/build.rs"), script);
    assert!(!project.root.join("crates/words/build.rs").exists());
    assert!(!project.root.join("build.rs").exists());
    project.prints(
        &["init", "--write"],
        0,
        &expect![[r#"
        nothing to change in `.env.example`
    "#]],
    );
}

#[test]
fn init_tells_how_to_set_up_a_package_of_a_workspace() {
    let project = Project::new("no-dependents")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"2\"\nmembers = [\"a\"]\n",
        )
        .file(
            "a/Cargo.toml",
            "[package]\nname = \"a\"\nversion = \"0.1.0\"\n",
        )
        .file("a/src/main.rs", "fn main() {}\n")
        .file(".env.example", DOCUMENTED);
    project.prints(&["init"], 0, &expect![[r#"
        nothing to change in `.env.example`
        note: no package of the workspace depends on redis-ready: `cargo redis-ready init --write --package <NAME>` sets one up
    "#]]);
    let write = ["init", "--write", "--package", "a"];
    assert_eq!(project.run_in("", &write).status.code(), Some(0));
    assert!(project.read("a/Cargo.toml").contains("redis-ready"));
}

#[test]
fn a_dependency_of_the_workspace_is_looked_up() {
    let member = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n\n[dependencies]\nredis-ready.workspace = true\n\n\
                  [build-dependencies]\nredis-ready = { workspace = true }\n";
    let root = |features: &str| {
        format!(
            "[workspace]\nresolver = \"2\"\nmembers = [\"a\"]\n\n[workspace.dependencies]\nredis-ready = {{ version = \"0.1\"{features} }}\n"
        )
    };
    let project = Project::new("inherited")
        .file("Cargo.toml", &root(", features = [\"build\"]"))
        .file("a/Cargo.toml", member)
        .file("a/build.rs", "fn main() { redis_ready::build::check(); }\n")
        .file(
            "a/src/main.rs",
            "fn main() { redis_ready::redis_client!(); }\n",
        )
        .file(".env.example", DOCUMENTED);
    project.prints(
        &["init"],
        0,
        &expect![[r#"
        nothing to change in `.env.example`
    "#]],
    );
    let project = project.file("Cargo.toml", &root(""));
    project.prints(
        &["init", "--write"],
        0,
        &expect![[r#"
        `a/Cargo.toml` needs these lines:

        [build-dependencies]
        redis-ready = { version = "0.1", default-features = false, features = ["build"] }

    "#]],
    );
}

#[test]
fn init_takes_the_crate_from_where_the_package_has_it() {
    const CRATE: &str = "[package]\nname = \"redis-ready\"\nversion = \"0.1.0\"\n\n[workspace]\n";
    let entries = [
        ("redis-ready = \"0.1\"", "version = \"0.1\""),
        (
            "redis-ready = { path = \"../redis-ready\" }",
            "path = \"../redis-ready\"",
        ),
        (
            "redis-ready = { workspace = true }",
            "path = \"../vendored/redis-ready\"",
        ),
        (
            "redis-ready = { git = \"https://example.org/r\", branch = \"next/tls\" }",
            "git = \"https://example.org/r\", branch = \"next/tls\"",
        ),
    ];
    let mut project = Project::new("sources")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"2\"\nmembers = [\"app\"]\nexclude = [\"redis-ready\", \"vendored\"]\n\n\
             [workspace.dependencies]\nredis-ready = { path = \"vendored/redis-ready\" }\n",
        )
        .file("redis-ready/Cargo.toml", CRATE)
        .file("redis-ready/src/lib.rs", "")
        .file("vendored/redis-ready/Cargo.toml", CRATE)
        .file("vendored/redis-ready/src/lib.rs", "")
        .file(".env.example", DOCUMENTED)
        .file("app/src/main.rs", "fn main() {}\n");
    for (entry, source) in entries {
        let manifest =
            format!("[package]\nname = \"app\"\nversion = \"0.1.0\"\n\n[dependencies]\n{entry}\n");
        project = project.file("app/Cargo.toml", &manifest);
        let output = project.run_in("", &["init", "--write"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{told}");
        let expected = format!(
            "[build-dependencies]\nredis-ready = {{ {source}, default-features = false, features = [\"build\"] }}\n"
        );
        let written = project.read("app/Cargo.toml");
        assert!(written.ends_with(&expected), "{written}");
    }
}

#[test]
fn what_cargo_says_is_shown_in_its_lines() {
    let project = Project::new("refused").file(
        "Cargo.toml",
        "[package]\nname = \"refused\"\nversion = \"0.1.0\"\n\n[dependencies]\nredis-ready = { path = \"a\", git = \"https://example.org/r\" }\n",
    );
    let output = project.run_in("", &["init"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("\\u{"), "{text}");
    assert!(
        text.contains("\n  Caused by:") || text.contains("\n  \n"),
        "{text}"
    );
}

#[test]
fn line_ends_of_windows_stay() {
    let text = "[package]\r\nname = \"crlf\"\r\nversion = \"0.1.0\"\r\n\r\n[workspace]\r\n";
    let project = Project::new("crlf")
        .file("Cargo.toml", text)
        .file("build.rs", "fn main() {\r\n}\r\n")
        .file("src/main.rs", "fn main() {}\r\n")
        .file(".env.example", DOCUMENTED);
    assert_eq!(
        project.run_in("", &["init", "--write"]).status.code(),
        Some(0)
    );
    for path in ["Cargo.toml", "build.rs"] {
        let text = project.read(path);
        assert!(text.contains("redis"), "{text}");
        assert_eq!(
            text.matches('\n').count(),
            text.matches("\r\n").count(),
            "{text:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn what_was_written_is_shown_although_a_later_file_cannot_be() {
    let project = Project::new("half")
        .file("Cargo.toml", &manifest("half", "\n[workspace]\n"))
        .file(
            "src/main.rs",
            "fn main() { redis_ready::redis_client!(); }\n",
        );
    std::os::unix::fs::symlink("nowhere/build.rs", project.root.join("build.rs"))
        .expect("the directory is writable");
    project.prints(
        &["init", "--write"],
        2,
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
        error: cannot write `build.rs`: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_diff_tells_that_it_hides_what_differs() {
    let project =
        Project::package("hidden").file(".env.example", &format!("NAME=my app\n{DOCUMENTED}"));
    project.prints(
        &["fix"],
        0,
        &expect![[r#"
        --- .env.example
        +++ .env.example
        @@ -1,4 +1,4 @@
        -NAME=***
        +NAME=***
         # Redis Configuration
         REDIS_URL=redis://localhost:6379
         # Or for Redis with password:
        note: `***` hides values that may be secrets: lines that look equal differ in them
    "#]],
    );
}

#[test]
fn a_missing_file_of_a_member_is_reported_where_the_build_reports_it() {
    let project = Project::monorepo("member-missing");
    let output = project.run_in("services/api", &["check", "--format", "github"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let root = project.root.to_string_lossy();
    assert!(
        text.starts_with(&format!(
            "::error file={root}/.env.example,title=missing_file"
        )),
        "{text}"
    );
}
