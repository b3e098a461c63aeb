//! The guide: what it says of URLs is what the crate does.

use std::fs;
use std::path::{Path, PathBuf};

use redis_ready::{Config, RedisUrl};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

struct Page {
    path: PathBuf,
    text: String,
}

/// The pages in a folder below the root.
fn pages(folder: &str) -> Vec<Page> {
    let entries = fs::read_dir(root().join(folder)).expect("the folder can be read");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "md"));
    paths.sort();
    paths.into_iter().map(page).collect()
}

fn page(path: PathBuf) -> Page {
    let text = fs::read_to_string(&path).expect("a page can be read");
    Page { path, text }
}

/// A value that a page shows, and what the page says of it.
#[derive(Debug, PartialEq, Eq)]
struct Shown<'a> {
    value: &'a str,
    /// The level and the code behind it: `("error", "invalid_port")`.
    says: Option<(&'a str, &'a str)>,
}

/// Finds the values in a line: each URL, and where the page says something of it, all of what follows `REDIS_URL=`.
fn values(line: &str) -> Vec<Shown<'_>> {
    let (text, says) = ["error", "warning"]
        .into_iter()
        .find_map(|level| {
            let (text, code) = line.split_once(&format!("# {level}: "))?;
            Some((text, Some((level, code.trim()))))
        })
        .unwrap_or((line, None));
    match text.strip_prefix("REDIS_URL=").filter(|_| says.is_some()) {
        Some(value) => vec![Shown {
            value: value.trim_end(),
            says,
        }],
        None => urls(text).map(|value| Shown { value, says }).collect(),
    }
}

/// Finds the URLs in a text, without the punctuation behind them.
fn urls(text: &str) -> impl Iterator<Item = &str> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-".contains(c);
    let found = text.match_indices("://").map(move |(at, _)| {
        let scheme = text[..at].rfind(|c| !is_scheme(c)).map_or(0, |it| it + 1);
        // The character before may have several bytes.
        let scheme = (scheme..=at).find(|it| text.is_char_boundary(*it));
        let url = &text[scheme.expect("`at` is a boundary")..];
        let end = url.find(|c: char| c.is_whitespace() || "`\"')|".contains(c));
        url[..end.unwrap_or(url.len())].trim_end_matches(['.', ',', ';', ':'])
    });
    let is_ours = |url: &&str| {
        ["redis", "valkey", "unix"]
            .iter()
            .any(|it| url.starts_with(it))
    };
    found.filter(is_ours)
}

/// Returns whether a URL stands for others, such as `redis://:<password>@host` and `redis://…`.
fn is_template(url: &str) -> bool {
    let (_, rest) = url.split_once("://").expect("it is a URL");
    rest.is_empty() || rest.contains(['<', '…', '{', '*']) || rest.ends_with(":port")
}

/// Returns what the crate says of a value: the level and the code of each answer.
fn answers(value: &str) -> Vec<(&'static str, &'static str)> {
    match RedisUrl::parse(value) {
        Err(error) => vec![("error", error.code())],
        Ok(url) => {
            Config::try_from(&url).expect("all features are there");
            url.warnings()
                .iter()
                .map(|it| ("warning", it.code()))
                .collect()
        }
    }
}

#[test]
fn every_url_of_the_guide_gets_the_answer_that_stands_behind_it() {
    let mut wrong = Vec::new();
    let mut count = 0;
    let readme = page(root().join("README.md"));
    for Page { path, text } in pages("src/guide").into_iter().chain([readme]) {
        for (index, line) in text.lines().enumerate() {
            for Shown { value, says } in values(line) {
                if says.is_none() && value.contains("://") && is_template(value) {
                    continue;
                }
                count += 1;
                let expected = Vec::from_iter(says);
                let found = answers(value);
                if found != expected {
                    let line = index + 1;
                    let page = path.display();
                    wrong.push(format!(
                        "{page}:{line}: `{value}`: {found:?}, not {expected:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 60, "only {count} URLs were found");
}

#[test]
fn the_values_of_a_line_are_found() {
    let shown = |value, says| Shown { value, says };
    assert_eq!(
        values("REDIS_URL=redis-cli -u redis://h:1   # error: cli_command"),
        [shown(
            "redis-cli -u redis://h:1",
            Some(("error", "cli_command"))
        )]
    );
    assert_eq!(
        values("… `redis://a:1`, or rediss://b. See https://c.example"),
        [shown("redis://a:1", None), shown("rediss://b", None)]
    );
    assert!(is_template("redis://:<password>@host") && !is_template("redis://:p@host"));
}
