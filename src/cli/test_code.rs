//! Which code of a source is compiled for tests only.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenTree};

use super::tokens::{self, is_ident, is_punct};

/// Calls `visit` for every place of the tokens and of all groups in them, and tells whether it is behind
/// `#[cfg(test)]` or `#[test]`.
pub(super) fn walk(
    tokens: &[TokenTree],
    is_test: bool,
    visit: &mut impl FnMut(&[TokenTree], usize, bool),
) {
    let mut test_until = 0;
    for at in 0..tokens.len() {
        if let Some(end) = test_item(tokens, at) {
            test_until = test_until.max(end);
        }
        let is_test = is_test || at < test_until;
        visit(tokens, at, is_test);
        if let TokenTree::Group(group) = &tokens[at] {
            walk(&tokens::inner(group), is_test, visit);
        }
    }
}

/// Returns where the modules are that `file` declares for tests only, as in `#[cfg(test)] mod tests;`.
pub(super) fn modules(tokens: &[TokenTree], file: &Path) -> Vec<PathBuf> {
    let directory = file.parent().unwrap_or(file);
    let stem = file.file_stem().unwrap_or_default();
    let below = match stem.to_str() {
        Some("mod" | "lib" | "main") => directory.to_owned(),
        _ => directory.join(stem),
    };
    let mut found = Vec::new();
    walk(tokens, false, &mut |tokens, at, is_test| {
        if let Some(TokenTree::Ident(name)) = tokens.get(at + 1)
            && is_test
            && is_ident(tokens.get(at), "mod")
            && is_punct(tokens.get(at + 2), ';')
        {
            let name = name.to_string();
            found.extend([below.join(format!("{name}.rs")), below.join(name)]);
        }
    });
    found
}

/// Returns where the item ends whose attribute starts at this index and says that it is for tests.
fn test_item(tokens: &[TokenTree], at: usize) -> Option<usize> {
    if !is_punct(tokens.get(at), '#') {
        return None;
    }
    let is_inner = is_punct(tokens.get(at + 1), '!');
    let Some(TokenTree::Group(attribute)) = tokens.get(at + 1 + usize::from(is_inner)) else {
        return None;
    };
    if attribute.delimiter() != Delimiter::Bracket || !is_for_tests(attribute) {
        return None;
    }
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(Some(token), ';'),
    };
    let end = tokens[at..].iter().position(is_end).filter(|_| !is_inner);
    Some(end.map_or(tokens.len(), |end| at + end + 1))
}

/// `test`, `tokio::test`, `cfg(test)` and `cfg(all(test, unix))`; not `cfg(not(test))`.
fn is_for_tests(attribute: &Group) -> bool {
    let tokens = tokens::inner(attribute);
    let is_path = |token: &&TokenTree| match token {
        TokenTree::Ident(_) => true,
        token => is_punct(Some(token), ':'),
    };
    let path = tokens.iter().take_while(is_path).last();
    if is_ident(path, "cfg") {
        return tokens::arguments(tokens.get(1)).is_some_and(|it| needs_test(&it));
    }
    is_ident(path, "test")
}

fn needs_test(predicate: &[TokenTree]) -> bool {
    (0..predicate.len()).any(|at| {
        let token = predicate.get(at);
        let arguments = tokens::arguments(predicate.get(at + 1));
        is_ident(token, "test")
            || is_ident(token, "all") && arguments.is_some_and(|it| needs_test(&it))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{modules, walk};
    use crate::cli::tokens::{is_ident, read};

    #[test]
    fn knows_what_is_for_tests() {
        for (source, expected) in [
            (
                "#[cfg(test)] mod tests { fn f() { X } } fn g() { X }",
                vec![true, false],
            ),
            ("#[test] fn f() { X } X", vec![true, false]),
            (
                "#[tokio::test(flavor = \"a\")] async fn f() { X }",
                vec![true],
            ),
            (
                "#[cfg(all(unix, test))] static A: u8 = X; X",
                vec![true, false],
            ),
            ("#![cfg(test)] fn f() {} fn g() { X }", vec![true]),
            ("#[cfg(not(test))] fn f() { X }", vec![false]),
            ("#[cfg(any(test, unix))] fn f() { X }", vec![false]),
            ("#[cfg(feature = \"test\")] fn f() { X }", vec![false]),
            ("#[derive(Debug)] struct A; fn f() { X }", vec![false]),
        ] {
            let mut found = Vec::new();
            walk(&read(source).unwrap(), false, &mut |tokens, at, is_test| {
                found.extend(is_ident(tokens.get(at), "X").then_some(is_test));
            });
            assert_eq!(found, expected, "{source}");
        }
    }

    #[test]
    fn finds_the_modules_of_tests() {
        let tokens = read("#[cfg(test)]\nmod tests;\nmod other;").unwrap();
        for (file, expected) in [
            ("src/lib.rs", ["src/tests.rs", "src/tests"]),
            ("src/a/mod.rs", ["src/a/tests.rs", "src/a/tests"]),
            ("src/a.rs", ["src/a/tests.rs", "src/a/tests"]),
        ] {
            assert_eq!(modules(&tokens, Path::new(file)), expected.map(Path::new));
        }
    }
}
