//! [`Use`]: where the sources of a package name a variable.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::calls::Names;
use super::paths;
use super::source_line::SourceLines;
use super::test_code;
use super::tokens;

/// A place in a source that names a variable of a Redis URL.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) name: String,
    pub(super) file: PathBuf,
    /// The line and the column, from 1.
    pub(super) position: (usize, usize),
    /// The line without the texts in it, which may be secrets.
    pub(super) text: String,
    /// The bytes of the line to underline.
    pub(super) span: Range<usize>,
    /// Whether it is surely this crate that reads the variable, and in the application: a test may name
    /// one that is missing on purpose.
    pub(super) is_certain: bool,
}

/// Finds `redis_client!(NAME)` and `Client::from_env("NAME")` in the package at `directory`, which calls
/// this crate by one of the names in `crates`.
pub(super) fn uses(directory: &Path, crates: &[String]) -> Vec<Use> {
    let is_own = |path: &Path| !path.join("Cargo.toml").exists() && !paths::is_hidden(path);
    let files = paths::files_below(directory, is_own);
    let sources = files
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let mut of_tests = ["tests", "benches"]
        .map(|name| directory.join(name))
        .to_vec();
    let mut uses = Vec::new();
    for file in sources {
        if let Ok(text) = fs::read_to_string(&file) {
            uses.extend(uses_in(&text, &file, crates));
            if text.contains("test") && text.contains("mod ") {
                let tokens = tokens::read(&text).unwrap_or_default();
                of_tests.extend(test_code::modules(&tokens, &file));
            }
        }
    }
    for it in &mut uses {
        it.is_certain &= !of_tests.iter().any(|tests| it.file.starts_with(tests));
    }
    uses
}

fn uses_in(text: &str, file: &Path, crates: &[String]) -> Vec<Use> {
    if !text.contains("redis_client") && !text.contains("from_env") {
        return Vec::new();
    }
    let text = text.trim_start_matches('\u{feff}');
    let tokens = tokens::read(text).unwrap_or_default();
    let names = Names::read(&tokens, crates);
    let lines = SourceLines::new(text, &tokens);
    let mut uses = Vec::new();
    test_code::walk(&tokens, false, &mut |tokens, at, is_test| {
        let Some(call) = names.call(tokens, at) else {
            return;
        };
        let start = call.start.start();
        let bytes = call.start.byte_range().start..call.end.byte_range().end;
        let (text, span) = lines.show(&bytes, &call.name);
        uses.push(Use {
            name: call.name,
            file: file.to_owned(),
            position: (start.line, start.column + 1),
            text,
            span,
            is_certain: call.is_certain && !is_test,
        });
    });
    uses.sort_by_key(|it| it.position);
    uses
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::uses_in;

    #[track_caller]
    fn check(source: &str, expected: &[(&str, usize, &str, bool)]) {
        let uses = uses_in(source, Path::new("main.rs"), &["redis_ready".to_owned()]);
        let found: Vec<_> = uses
            .iter()
            .map(|it| {
                (
                    &*it.name,
                    it.position.0,
                    &it.text[it.span.clone()],
                    it.is_certain,
                )
            })
            .collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn finds_the_macro_wherever_tokens_can_be() {
        let main = |body: &str| format!("fn main() {{\n    {body}\n}}\n");
        let redis_url = [("REDIS_URL", 2, "redis_client!()", true)];
        check(&main("let c = redis_client!();"), &redis_url);
        check(&main("let ä = redis_ready::redis_client!()?;"), &redis_url);
        check(
            &main("tokio::select! { _ = redis_client!() => {} }"),
            &redis_url,
        );
        check(
            &main("(redis_client!(A_REDIS_URL), redis_client![B,])"),
            &[
                ("A_REDIS_URL", 2, "redis_client!(A_REDIS_URL)", true),
                ("B", 2, "redis_client![B,]", true),
            ],
        );
        check(
            "use redis_ready::redis_client as cache;\nfn f() { cache!(A); }",
            &[("A", 2, "cache!(A)", true)],
        );
        check(
            "redis_client!(\n    A\n)",
            &[("A", 1, "redis_client!(", true)],
        );
    }

    #[test]
    fn does_not_find_it_where_it_is_not_called() {
        for source in [
            "// redis_client!(A)",
            "/// redis_client!(A)\nfn f() {}",
            "fn f() { \"redis_client!(A)\"; }",
            "macro_rules! redis_client { () => {} }",
            "macro_rules! mine { ($n:ident) => { redis_client!($n) } }",
            "use redis_ready::redis_client;",
            "Client::from_env(name)",
            "Client::from_env(\"redis://:hunter2@h\")",
            "not Rust: ' redis_client!(A) {",
        ] {
            check(source, &[]);
        }
    }

    #[test]
    fn a_use_in_a_test_is_not_certain() {
        check(
            "fn f() { redis_client!(A) }\n#[cfg(test)]\nmod tests {\n    fn g() { redis_client!(B) }\n}",
            &[
                ("A", 1, "redis_client!(A)", true),
                ("B", 4, "redis_client!(B)", false),
            ],
        );
    }

    #[test]
    fn finds_a_renamed_crate() {
        let source = "use rr::{Client, redis_client as cache};\ncache!(A);\nClient::from_env(\"B\");\nrr::Client::from_env(\"C\");";
        let uses = uses_in(source, Path::new("main.rs"), &["rr".to_owned()]);
        let found: Vec<_> = uses.iter().map(|it| (&*it.name, it.is_certain)).collect();
        assert_eq!(found, [("A", true), ("B", true), ("C", true)]);
    }

    #[test]
    fn knows_whose_client_it_is() {
        let call = "Client::from_env(\"A\")";
        for (source, is_certain) in [
            (format!("use redis_ready::Client;\n{call}"), true),
            (format!("use redis_ready::{{Client, Error}};\n{call}"), true),
            (format!("use ::redis_ready::*;\n{call}"), true),
            (format!("use crate::prelude::*;\n{call}"), false),
            (format!("use redis_ready::Client;\ns3::{call}"), false),
            (format!("\nredis_ready::{call}"), true),
        ] {
            check(&source, &[("A", 2, call, is_certain)]);
        }
        check(
            "use redis_ready::Client as Redis;\nRedis::from_env(r\"A\")",
            &[("A", 2, "Redis::from_env(r\"A\")", true)],
        );
    }
}
