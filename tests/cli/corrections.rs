//! What `fix` corrects, and which file is looked for.

use super::{DOCUMENTED, Project};

#[test]
fn each_delimiter_in_a_password_is_escaped() {
    let lines = |passwords: [&str; 4]| {
        let lines = passwords.map(|it| format!("# or redis://:{it}@localhost\n"));
        format!("{DOCUMENTED}{}", lines.concat())
    };
    let written = lines(["pass/word", "pass?word", "pass#word", "pass@word"]);
    let project = Project::package("delimiters").file(".env.example", &written);
    project.run_in("", &["fix"]);
    let escaped = lines(["pass%2Fword", "pass%3Fword", "pass%23word", "pass%40word"]);
    assert_eq!(project.read(".env.example"), escaped);
}

#[test]
fn a_packaged_copy_needs_no_file() {
    let project = Project::package("packaged").file("Cargo.toml.orig", "");
    for arguments in [["check"], ["fix"]] {
        let output = project.run_in("", &arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn a_missing_file_is_answered_with_the_places_and_the_names_of_others() {
    let project = Project::monorepo("sample").file(".env.sample", DOCUMENTED);
    let output = project.run_in("services/api", &["check"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let root = project.root.display();
    for part in [
        format!("no `.env.example` in `{root}/services/api` and above it up to `{root}`\n"),
        "help: if `.env.sample` is that file: rename it".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
}
