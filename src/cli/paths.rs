//! Paths as they are shown, and which files are sources.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories that hold what others have written, or what a program has made.
const NOT_SOURCES: [&str; 14] = [
    ".git",
    ".hg",
    ".svn",
    ".jj",
    ".venv",
    ".tox",
    ".next",
    ".terraform",
    "target",
    "node_modules",
    "vendor",
    "venv",
    "__pycache__",
    "site-packages",
];
/// A bound for a directory that is not a project; a large monorepo has some 100,000 files.
const MAX_FILES: usize = 200_000;

/// Returns the path from the current directory where it is below it, with `/` on every system.
pub(super) fn shown(path: &Path) -> String {
    let current = env::current_dir().ok();
    let below = current.and_then(|current| Some(path.strip_prefix(current).ok()?.to_owned()));
    let path = below.unwrap_or_else(|| path.to_owned());
    path.to_string_lossy().replace('\\', "/")
}

/// Returns `path` as seen from `directory`, with `/` on every system; both are absolute.
pub(super) fn relative(directory: &Path, path: &Path) -> String {
    let both = directory.components().zip(path.components());
    let shared = both.take_while(|(left, right)| left == right).count();
    if shared == 0 {
        return path.to_string_lossy().replace('\\', "/");
    }
    let up = directory.components().skip(shared).map(|_| "..".into());
    let down = path.components().skip(shared);
    let down = down.map(|part| part.as_os_str().to_string_lossy());
    let parts: Vec<_> = up.chain(down).collect();
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// Returns whether the last part of the path begins with a dot.
pub(super) fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with('.')
}

/// Returns the files below `directory`, in order, without those of builds and dependencies.
///
/// Directories for which `enters` is false are left out, links are not followed.
pub(super) fn files_below(directory: &Path, enters: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_file() {
                files.push(path);
            } else if kind.is_dir() && !NOT_SOURCES.contains(&&*name) && enters(&path) {
                open.push(path);
            }
        }
        if files.len() > MAX_FILES {
            break;
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::relative;

    #[test]
    fn a_path_is_seen_from_a_directory() {
        for (directory, path, expected) in [
            ("/src/app", "/src/redis-ready", "../redis-ready"),
            ("/src/redis-ready/examples/app", "/src/redis-ready", "../.."),
            ("/src", "/src/crates/ready", "crates/ready"),
            ("/src", "/src", "."),
        ] {
            let seen = relative(Path::new(directory), Path::new(path));
            assert_eq!(seen, expected, "{path} from {directory}");
        }
    }
}
