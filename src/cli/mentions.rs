//! Which variables the files of a project mention.

use std::fs;
use std::path::{Path, PathBuf};

use super::paths;

/// A larger file is data.
const MAX_BYTES: u64 = 1 << 20;

/// Returns which names a file below the directory of the document mentions, in whatever language.
///
/// A build script that asks for a variable does not use it.
pub(super) fn mentioned<'a>(
    document: &Path,
    names: impl Iterator<Item = &'a str>,
    build_scripts: &[PathBuf],
) -> Vec<&'a str> {
    let mut open: Vec<_> = names.collect();
    let mut found = Vec::new();
    let directory = document.parent().unwrap_or(document);
    if open.is_empty() {
        return found;
    }
    for file in paths::files_below(directory, |_| true) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let is_document = file == document || name.contains(".env") || name.ends_with(".md");
        let is_build_script = name == "build.rs" && file.with_file_name("Cargo.toml").exists()
            || build_scripts.contains(&file);
        let is_small = fs::metadata(&file).is_ok_and(|metadata| metadata.len() <= MAX_BYTES);
        if is_document || is_build_script || !is_small {
            continue;
        }
        let bytes = fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        open.retain(|name| {
            let calls_default = *name == "REDIS_URL" && text.contains("redis_client!");
            let is_mentioned = calls_default || has_word(&text, name);
            found.extend(is_mentioned.then_some(*name));
            !is_mentioned
        });
        if open.is_empty() {
            break;
        }
    }
    found
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}
