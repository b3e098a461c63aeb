//! The lines for `Cargo.toml` and `build.rs` of an application.

use std::fs;
use std::path::PathBuf;

use proc_macro2::{Delimiter, TokenTree};
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::build_script::BuildScript;
use super::dependency::{CRATE, Section, Source};
use super::diff::Change;
use super::failure::Failure;
use super::package::Package;
use super::paths;
use super::tokens::{self, is_ident};

/// What one file lacks.
pub(super) struct Step {
    pub(super) path: PathBuf,
    /// The lines to add.
    pub(super) lines: String,
    /// The file with these lines, where it is certain how it has to be.
    pub(super) change: Option<Change>,
}

/// Returns what the package lacks for `redis_client!()`.
pub(super) fn steps(package: &Package) -> Result<Vec<Step>, Failure> {
    if package.name.is_none() {
        return Ok(Vec::new());
    }
    let path = package.manifest();
    let before = fs::read_to_string(&path)
        .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", path.display())))?;
    let manifest: DocumentMut = before
        .parse()
        .map_err(|_| Failure::new(format!("`{}` is not valid TOML", path.display())))?;
    let has_no_script = manifest
        .get("package")
        .and_then(|package| package.get("build"))
        .and_then(Item::as_bool)
        == Some(false);
    let dependencies = dependencies(package, path, before, manifest);
    Ok(dependencies
        .into_iter()
        .chain(build_script(package, has_no_script))
        .collect())
}

fn version() -> String {
    [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
    ]
    .join(".")
}

fn dependencies(
    package: &Package,
    path: PathBuf,
    before: String,
    mut manifest: DocumentMut,
) -> Option<Step> {
    let mut lines = Vec::new();
    let source = source(package);
    let mut is_certain = source != Source::OtherRegistry;
    for (section, title) in [
        (Section::Normal, "dependencies"),
        (Section::Build, "build-dependencies"),
    ] {
        let known = package.dependencies.iter();
        let known: Vec<_> = known.filter(|it| it.section == section).collect();
        if known
            .iter()
            .any(|it| section == Section::Normal || it.has_check())
        {
            continue;
        }
        // What is there is written in a way that a person has to read.
        is_certain &= known.is_empty();
        let key = known.first().map_or(CRATE, |it| &*it.key);
        let value = dependency(package, &source, section, key);
        lines.push(format!("[{title}]\n{key} = {value}\n"));
        let table = manifest
            .entry(title)
            .or_insert_with(|| Item::Table(Table::new()));
        match table.as_table_like_mut() {
            Some(table) if !table.contains_key(key) => {
                table.insert(key, Item::Value(value));
            }
            _ => is_certain = false,
        }
    }
    if lines.is_empty() {
        return None;
    }
    let change = is_certain.then(|| Change {
        path: path.clone(),
        after: with_line_ends_of(&before, &manifest.to_string()),
        before,
        holds_values: false,
    });
    Some(Step {
        path,
        lines: lines.join("\n"),
        change,
    })
}

/// Returns where the package takes this crate from already.
fn source(package: &Package) -> Source {
    let known = package.dependencies.first();
    known.map_or(Source::CratesIo, |it| it.source.clone())
}

fn dependency(package: &Package, source: &Source, section: Section, key: &str) -> Value {
    let version = version();
    if section == Section::Normal && *source == Source::CratesIo {
        return Value::from(version);
    }
    let mut entry = InlineTable::new();
    if key != CRATE {
        entry.insert("package", CRATE.into());
    }
    match source {
        Source::CratesIo | Source::OtherRegistry => {
            entry.insert("version", version.into());
        }
        Source::Path(path) => {
            entry.insert("path", paths::relative(&package.directory, path).into());
        }
        Source::Git(keys) => {
            for (key, value) in keys {
                entry.insert(key, value.into());
            }
        }
    }
    if section == Section::Build {
        entry.insert("default-features", false.into());
        entry.insert("features", Value::Array(std::iter::once("build").collect()));
    }
    Value::InlineTable(entry)
}

/// Returns the text with the line ends of the file that it is to replace.
fn with_line_ends_of(before: &str, text: &str) -> String {
    let is_crlf = before.contains("\r\n");
    if is_crlf && before.matches('\n').count() == before.matches("\r\n").count() {
        text.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        text.to_owned()
    }
}

fn build_script(package: &Package, has_no_script: bool) -> Option<Step> {
    let names = package.names_of_crate(&[Section::Build]);
    let call = format!("{}::build::check();", names[0]);
    let Some((path, text)) = &package.build_script else {
        let path = package.directory.join("build.rs");
        let lines = format!("fn main() {{\n    {call}\n}}\n");
        let is_certain = !has_no_script && !path.exists();
        let change = is_certain.then(|| Change {
            path: path.clone(),
            before: String::new(),
            after: lines.clone(),
            holds_values: false,
        });
        return Some(Step {
            path,
            lines,
            change,
        });
    };
    if BuildScript::read(text, &names).names_crate {
        return None;
    }
    let change = with_call(text, &call).map(|after| Change {
        path: path.clone(),
        before: text.clone(),
        after,
        holds_values: false,
    });
    Some(Step {
        path: path.clone(),
        lines: format!("    {call} // in `fn main`\n"),
        change,
    })
}

/// Returns a build script that calls the check first, where that changes nothing else that it does.
///
/// A script that prints no `rerun-if-` runs after every change of the package; the check prints one.
fn with_call(text: &str, call: &str) -> Option<String> {
    let tokens = tokens::read(text)?;
    let mut bodies = tokens.windows(3).enumerate().filter_map(|(at, window)| {
        let is_main = is_ident(window.first(), "fn") && is_ident(window.get(1), "main");
        let body = tokens[at..].iter().find_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
            _ => None,
        });
        body.filter(|_| is_main)
    });
    let body = bodies.next()?;
    let is_empty = body.stream().is_empty();
    let is_only_one = bodies.next().is_none() && text.matches("fn main").count() == 1;
    if !is_only_one || !(is_empty || prints_rerun_if(&tokens)) || text.starts_with('\u{feff}') {
        return None;
    }
    let open = body.span_open().end();
    let line: usize = text
        .split_inclusive('\n')
        .take(open.line - 1)
        .map(str::len)
        .sum();
    let column = text[line..].char_indices().nth(open.column);
    let at = line + column.map_or(text.len() - line, |(at, _)| at);
    let end = if is_empty { "\n" } else { "" };
    let (before, after) = text.split_at(at);
    let changed = format!("{before}\n    {call}{end}{after}");
    Some(with_line_ends_of(text, &changed))
}

/// Returns whether a literal has it, which is not the text of a doc comment.
fn prints_rerun_if(tokens: &[TokenTree]) -> bool {
    let mut prints = false;
    tokens::walk(tokens, &mut |tokens| {
        for (at, token) in tokens.iter().enumerate() {
            let is_doc = at >= 2 && is_ident(tokens.get(at - 2), "doc");
            if let TokenTree::Literal(literal) = token {
                prints |= !is_doc && literal.to_string().contains("rerun-if-");
            }
        }
    });
    prints
}

#[cfg(test)]
mod tests {
    use super::with_call;

    #[test]
    fn extends_a_build_script_where_that_is_surely_right() {
        for (text, expected) in [
            (
                "fn main() {\n    println!(\"cargo::rerun-if-changed=a\");\n}\n",
                Some(
                    "fn main() {\n    redis_ready::build::check();\n    println!(\"cargo::rerun-if-changed=a\");\n}\n",
                ),
            ),
            (
                "fn main() {}\n",
                Some("fn main() {\n    redis_ready::build::check();\n}\n"),
            ),
            (
                "fn main() {\r\n    println!(\"cargo:rerun-if-changed=a\");\r\n}\r\n",
                Some(
                    "fn main() {\r\n    redis_ready::build::check();\r\n    println!(\"cargo:rerun-if-changed=a\");\r\n}\r\n",
                ),
            ),
            ("fn main() { generate(); }\n", None),
            ("fn main() { generate(); } // no rerun-if-changed\n", None),
            ("/// No rerun-if-changed\nfn main() { generate(); }\n", None),
            (
                "#[cfg(unix)] fn main() {}\n#[cfg(windows)] fn main() {}\n",
                None,
            ),
            ("include!(\"other.rs\");\n", None),
        ] {
            let call = "redis_ready::build::check();";
            assert_eq!(with_call(text, call).as_deref(), expected, "{text}");
        }
    }
}
