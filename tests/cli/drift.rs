//! Where sources and documents name different variables.

use expect_test::expect;

use super::{DOCUMENTED, Project, SECRET};

#[test]
fn a_variable_that_only_the_build_script_names_is_not_used() {
    let document = format!("{DOCUMENTED}# Sessions\nSESSIONS=redis://localhost\n");
    let project = Project::package("only-asked")
        .file(".env.example", &document)
        .file(
            "build.rs",
            "use redis_ready::build::Check;\nfn main() { Check::new().variable(\"REDIS_URL\").variable(\"SESSIONS\").run(); }\n",
        );
    project.prints(
        &["check"],
        0,
        &expect![[r#"
            warning[unused_variable]: `SESSIONS` is documented and used nowhere
             --> .env.example:8:1
              |
            8 | SESSIONS=redis://localhost
              | ^^^^^^^^
              |
              = help: remove it, or read it: `redis_client!(SESSIONS)`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unused_variable
            checked 1 file: 0 errors, 1 warning
        "#]],
    );
    let passes = expect![[r#"
        checked 1 file: 0 errors
    "#]];
    let git = project.file(".git/hooks/a", "SESSIONS\n");
    assert!(git.run_in("", &["check"]).stdout.starts_with(b"warning"));
    git.file(
        ".github/workflows/ci.yml",
        "env:\n  SESSIONS: redis://localhost\n",
    )
    .prints(&["check"], 0, &passes);
}

#[test]
fn each_of_several_checks_may_document_a_variable() {
    let project = Project::package("two-files")
        .file(
            "build.rs",
            "use redis_ready::build::{Check, Format};\nfn main() {\n    Check::new().only(\"A_REDIS_URL\").file(\"a.env\").formats([Format::Local]).run();\n    Check::new().only(\"B_REDIS_URL\").file(\"b.env\").formats([Format::Local]).run();\n}\n",
        )
        .file(
            "src/main.rs",
            "fn main() { redis_ready::redis_client!(A_REDIS_URL); redis_ready::redis_client!(B_REDIS_URL); }\n",
        );
    let text = |name: &str| {
        format!(
            "# The Redis server that this application connects to\n{name}=redis://localhost:6379\n"
        )
    };
    assert_eq!(project.run_in("", &["init"]).status.code(), Some(0));
    assert_eq!(project.read("a.env"), text("A_REDIS_URL"));
    assert_eq!(project.read("b.env"), text("B_REDIS_URL"));
    project.prints(
        &["check"],
        0,
        &expect![[r#"
        checked 2 files: 0 errors
    "#]],
    );
    // What no check knows is written into the first file, and the build script has to ask for it.
    let project = project.file(
        "src/c.rs",
        "fn c() { redis_ready::redis_client!(C_REDIS_URL); }\n",
    );
    project.prints(&["init"], 1, &expect![[r#"
        --- a.env
        +++ a.env
        @@ -1,2 +1,5 @@
         # The Redis server that this application connects to
         A_REDIS_URL=redis://localhost:6379
        +
        +# The Redis server that this application connects to
        +C_REDIS_URL=redis://localhost:6379
        error[undocumented_variable]: `C_REDIS_URL` is in `a.env:5`, but the check does not accept it
         --> src/c.rs:1:23
          |
        1 | fn c() { redis_ready::redis_client!(C_REDIS_URL); }
          |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `.variable("C_REDIS_URL")` to the check in the build script, as in `Check::new().variable("C_REDIS_URL").run()`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#undocumented_variable
    "#]]);
    assert_eq!(project.read("b.env"), text("B_REDIS_URL"));
}

#[test]
fn a_variable_that_the_check_does_not_accept_is_told_from_a_missing_one() {
    let document = format!("{DOCUMENTED}# AI\nAI_REDIS_URL=\n");
    let project = Project::package("unaccepted")
        .file(".env.example", &document)
        .file(
            "src/main.rs",
            "fn main() { redis_ready::redis_client!(); redis_ready::redis_client!(AI_REDIS_URL); }\n",
        );
    let expected = expect![[r#"
        error[undocumented_variable]: `AI_REDIS_URL` is in `.env.example:8`, but the check does not accept it
         --> src/main.rs:1:56
          |
        1 | fn main() { redis_ready::redis_client!(); redis_ready::redis_client!(AI_REDIS_URL); }
          |                                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `.variable("AI_REDIS_URL")` to the check in the build script, as in `Check::new().variable("AI_REDIS_URL").run()`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#undocumented_variable
        checked 1 file: 1 error
    "#]];
    project.prints(&["check"], 1, &expected);
    // `fix` would change nothing, and is not recommended.
    project.prints(&["init"], 1, &expect![[r#"
        error[undocumented_variable]: `AI_REDIS_URL` is in `.env.example:8`, but the check does not accept it
         --> src/main.rs:1:56
          |
        1 | fn main() { redis_ready::redis_client!(); redis_ready::redis_client!(AI_REDIS_URL); }
          |                                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `.variable("AI_REDIS_URL")` to the check in the build script, as in `Check::new().variable("AI_REDIS_URL").run()`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#undocumented_variable
    "#]]);
    let project = project.file(
        "build.rs",
        "use redis_ready::build::Check;\nfn main() { Check::new().only(\"REDIS_URL\").run(); }\n",
    );
    project.prints(&["check"], 1, &expected);
}

#[test]
fn a_test_may_name_what_is_not_documented() {
    Project::package("in-tests")
        .file(".env.example", DOCUMENTED)
        .file(
            "src/lib.rs",
            "use redis_ready::Client;\n#[cfg(test)]\nmod other;\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { Client::from_env(\"UNSET\"); }\n}\n",
        )
        .file("src/other.rs", "fn f() { redis_ready::redis_client!(OTHER); }\n")
        .file("tests/a.rs", "fn f() { redis_ready::redis_client!(OTHER); }\n")
        .prints(&["check"], 0, &expect![[r#"
            checked 1 file: 0 errors
        "#]]);
    let output = Project::package("in-example")
        .file(".env.example", DOCUMENTED)
        .file(
            "examples/a.rs",
            "fn f() { redis_ready::redis_client!(OTHER); }\n",
        )
        .run_in("", &["check"]);
    assert_eq!(output.status.code(), Some(1), "an example is a program");
}

#[test]
fn a_line_of_a_source_shows_no_secret() {
    let source = format!(
        "fn f() {{\n    g(\"a\\\"{SECRET}\", redis_ready::redis_client!(A_REDIS_URL));\n    g(\"\n{SECRET}\", redis_ready::redis_client!(B_REDIS_URL)); // {SECRET}\n}}\n"
    );
    Project::package("source-secret")
        .file(".env.example", DOCUMENTED)
        .file("src/a.rs", &source)
        .prints(
            &["check"],
            1,
            &expect![[r#"
                error[undocumented_variable]: `A_REDIS_URL` is not documented in `.env.example`
                 --> src/a.rs:2:43
                  |
                2 |     g(***, redis_ready::redis_client!(A_REDIS_URL));
                  |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^
                  |
                  = help: add these lines to `.env.example`:
                          # The Redis server that this application connects to
                          A_REDIS_URL=redis://localhost:6379

                error[undocumented_variable]: `B_REDIS_URL` is not documented in `.env.example`
                 --> src/a.rs:4:33
                  |
                4 | redis_client!(B_REDIS_URL)
                  | ^^^^^^^^^^^^^^^^^^^^^^^^^^
                  |
                  = help: add these lines to `.env.example`:
                          # The Redis server that this application connects to
                          B_REDIS_URL=redis://localhost:6379

                help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#undocumented_variable
                checked 1 file: 2 errors
            "#]],
        );
}

#[test]
fn a_renamed_crate_is_known() {
    let manifest = "[package]\nname = \"renamed\"\nversion = \"0.1.0\"\n\n\
        [dependencies]\nrr = { package = \"redis-ready\", version = \"0.1\" }\n\n[build-dependencies]\n\
        rb = { package = \"redis-ready\", version = \"0.1\", features = [\"build\"] }\n\n[workspace]\n";
    let project = Project::package("renamed")
        .file("Cargo.toml", manifest)
        .file(".env.example", DOCUMENTED)
        .file("build.rs", "fn main() { rb::build::check(); }\n")
        .file(
            "src/main.rs",
            "use rr::Client;\nfn main() { rr::redis_client!(); rr::Client::from_env(\"A\"); Client::from_env(\"B\"); rr::redis_client!(C); }\n",
        );
    let output = project.run_in("", &["check"]);
    let text = String::from_utf8_lossy(&output.stdout);
    for name in ["`A` is not", "`B` is not", "`C` is not"] {
        assert!(text.contains(name), "{text}");
    }
    // The script has the call, and another one would need another name.
    let project = project.file("src/main.rs", "fn main() { rr::redis_client!(); }\n");
    let nothing = expect![[r#"
        nothing to change in `.env.example`
    "#]];
    project.prints(&["init", "--write"], 0, &nothing);
    let project = project.file("build.rs", "fn main() {}\n");
    assert_eq!(
        project.run_in("", &["init", "--write"]).status.code(),
        Some(0)
    );
    assert_eq!(
        project.read("build.rs"),
        "fn main() {\n    rb::build::check();\n}\n"
    );
}

#[test]
fn what_cannot_be_read_in_a_build_script_is_told() {
    let project = Project::package("unread")
        .file(".env.example", DOCUMENTED)
        .file(
            "build.rs",
            "use redis_ready::build::Check;\nfn main() { let mut c = Check::new(); c = c.file(\"deploy/env\"); c.run(); }\n",
        );
    project.prints(&["check"], 0, &expect![[r#"
        checked 1 file: 0 errors
        warning: cannot read all settings of the check in the build script of `unread`: `.run()` does not follow them; the result may differ from `cargo build`'s
    "#]]);
    let project = project.file("build.rs", "fn main() { redis_ready::build::check(; }\n");
    project.prints(&["check"], 0, &expect![[r#"
        checked 1 file: 0 errors
        warning: cannot read the build script of `unread`: it is not Rust; the result may differ from `cargo build`'s
    "#]]);
}
