//! What other programs read: JSON, annotations, the hook.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{DOCUMENTED, Project};

/// Adds the path of each field of `value`: `findings[].line`.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let dot = if path.is_empty() { "" } else { "." };
                fields(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(array) if array.iter().any(Value::is_object) => {
            for value in array {
                fields(value, &format!("{path}[]"), found);
            }
        }
        Value::Array(_) => {
            found.insert(format!("{path}[]"));
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

fn json(project: &Project) -> Value {
    let output = project.run_in("", &["check", "--format", "json"]);
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}

#[test]
fn the_documentation_names_the_fields_of_the_json() {
    let documentation = include_str!("../../src/cli/mod.rs");
    let table = documentation
        .split_once("//! | `version` |")
        .expect("the table")
        .1;
    let table = table.split("//!\n").next().expect("it ends");
    let table = format!("//! | `version` |{table}");
    let mut documented = BTreeSet::new();
    for row in table.lines() {
        let mut cells = row.split('|').skip(1);
        let (names, value) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
        let code = |text: &str| -> Vec<String> {
            text.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        match &*code(names) {
            // Its fields are in the other cell: `path`, `packages[]`, `variables[]` with `name` and `line`.
            [files] if files == "files[]" => {
                let (plain, variables) = value
                    .split_once("`variables[]` with")
                    .expect("they are named");
                documented.extend(code(plain).iter().map(|it| format!("files[].{it}")));
                documented.extend(
                    code(variables)
                        .iter()
                        .map(|it| format!("files[].variables[].{it}")),
                );
            }
            names => documented.extend(names.iter().cloned()),
        }
    }
    let mut found = BTreeSet::new();
    let broken = DOCUMENTED.replace("localhost:6379\n#", "localhost:70000\n#");
    fields(
        &json(&Project::package("json").file(".env.example", &broken)),
        "",
        &mut found,
    );
    assert_eq!(found, documented);
}

#[test]
fn a_finding_about_a_whole_file_has_no_line() {
    let json = json(&Project::package("json-null"));
    let finding = &json["findings"][0];
    assert_eq!(finding["code"], "missing_file");
    for field in ["line", "column", "source"] {
        assert!(
            finding.as_object().is_some_and(|it| it.contains_key(field)),
            "{finding}"
        );
        assert_eq!(finding[field], Value::Null, "{field}");
    }
}

#[test]
fn annotations_have_paths_from_the_checkout() {
    let project = Project::monorepo("checkout").file(".env.example", DOCUMENTED);
    let mut command = project.command("services/jobs", &["check", "--format", "github"]);
    let parent = project
        .root
        .parent()
        .expect("it is below the target directory");
    let output = command.env("GITHUB_WORKSPACE", parent).output();
    let output = output.expect("the program is built");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.starts_with("::error file=checkout/services/jobs/src/main.rs,line=2,col=18,"),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn the_hook_runs_for_what_the_check_reads() {
    let hooks = include_str!("../../.pre-commit-hooks.yaml");
    let mut lines = hooks.lines();
    let files = lines.find_map(|line| line.trim().strip_prefix("files: '"));
    let files = files
        .and_then(|it| it.strip_suffix('\''))
        .expect("it has a pattern");
    for (path, runs) in [
        (".env.example", true),
        ("services/api/.env.example", true),
        ("src/main.rs", true),
        ("build.rs", true),
        ("a/Cargo.toml", true),
        ("README.md", false),
        (".env.example.md", false),
        ("my.env.example", false),
        ("src/main.rss", false),
        ("xCargo.toml", false),
    ] {
        let grep = Command::new("grep")
            .args(["-qE", files])
            .stdin(Stdio::piped())
            .spawn();
        let mut grep = grep.expect("grep is installed");
        let mut input = grep.stdin.take().expect("it is piped");
        std::io::Write::write_all(&mut input, path.as_bytes()).expect("grep reads");
        drop(input);
        assert_eq!(grep.wait().expect("it ends").success(), runs, "{path}");
    }
}
