//! The links that rustdoc does not check: those of README.md, and the places on pages of the guide.

use std::fs;
use std::path::{Path, PathBuf};

const PUBLISHED: &str = "https://docs.rs/redis-ready/latest/redis_ready/";

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The targets of the links in a Markdown text, `[a](target)` and `[a]: target`.
fn targets(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1);
    let inline = inline.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let named = text.lines().filter_map(|line| line.strip_prefix('['));
    let named = named.filter_map(|line| line.split_once("]: ").map(|(_, target)| target));
    inline.chain(named).collect()
}

/// The file that documents a module of the crate, below `src`.
fn file_of(module: &str) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = [".md", ".rs", "/mod.rs"].map(|end| source.join(format!("{module}{end}")));
    files.into_iter().find(|file| file.exists())
}

/// The place on a page to which rustdoc gives this heading.
fn place(heading: &str) -> String {
    let kept = heading.chars().filter_map(|character| match character {
        ' ' => Some('-'),
        '-' | '_' => Some(character),
        _ => character
            .is_alphanumeric()
            .then(|| character.to_ascii_lowercase()),
    });
    kept.collect()
}

fn headings(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.trim_start_matches("//! "));
    let headings = lines.filter(|line| line.starts_with('#'));
    headings
        .map(|line| place(line.trim_start_matches('#').trim_start()))
        .collect()
}

/// The text of a page, with that of the folder of the same name, which a long page is made of.
fn page(file: &Path) -> String {
    let parts = fs::read_dir(file.with_extension("")).into_iter().flatten();
    let parts = parts.map(|part| part.expect("a part of a page").path());
    let parts = parts.filter(|part| part.extension().is_some_and(|end| end == "md"));
    std::iter::once(file.to_owned())
        .chain(parts)
        .map(read)
        .collect()
}

fn has_place(file: &Path, wanted: &str) -> bool {
    headings(&page(file)).iter().any(|place| place == wanted)
}

#[test]
fn the_readme_links_to_what_is_there() {
    let readme = read("README.md");
    let faces = read("src/lib.rs");
    let mut published = 0;
    for target in targets(&readme) {
        if let Some(page) = target.strip_prefix(PUBLISHED) {
            published += 1;
            let found = match page.strip_suffix(".html") {
                // `struct.Config` is a name that the crate shows.
                Some(item) => item
                    .split_once('.')
                    .is_some_and(|(_, name)| faces.contains(name)),
                None => file_of(page.trim_end_matches('/')).is_some(),
            };
            assert!(found, "{target}");
        } else if let Some(wanted) = target.strip_prefix('#') {
            assert!(has_place(Path::new("README.md"), wanted), "{target}");
        } else if !target.starts_with("https://") {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
            assert!(path.exists(), "{target}");
        }
    }
    assert!(published > 10, "only {published} links were read");
}

#[test]
fn links_to_a_place_on_a_page_of_the_guide_find_its_heading() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide");
    let pages = fs::read_dir(guide).expect("there is a guide");
    let pages = pages.map(|page| page.expect("a page").path());
    let mut pages: Vec<_> = pages.filter(|page| page.is_file()).collect();
    let others = ["lib.rs", "error.rs", "observability.md", "reliability.md"];
    pages.extend(others.map(|name| PathBuf::from("src").join(name)));
    let mut checked = 0;
    for file in pages {
        let text = page(&file);
        for target in targets(&text) {
            let (module, wanted) = match target.split_once('#') {
                Some(("", wanted)) => (Some(file.clone()), wanted),
                Some((path, wanted)) => {
                    let module = path.trim_start_matches("crate").replace("::", "/");
                    (file_of(module.trim_start_matches('/')), wanted)
                }
                None => continue,
            };
            // Other links lead to a type, or away.
            let Some(module) = module else { continue };
            checked += 1;
            let file = file.display();
            assert!(has_place(&module, wanted), "{target} in {file}");
        }
    }
    assert!(checked > 10, "only {checked} links were read");
}
