//! The direction of the source: no circle between files, and no arrow from a lower folder to a higher
//! one in the order that ARCHITECTURE.md draws.
//!
//! An arrow goes from a file to each file whose items it names, in a `use` line or in a path that begins
//! with `crate`, `super` or `self`; a re-export in a `mod.rs` is an arrow like any other. Code that is
//! compiled for tests only does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree};

/// From each file to the files that it uses, by their paths below `src`.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// A module, by the names of the modules that it is in and its own: `["connection", "queue"]`.
type ModulePath = Vec<String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The modules of `src`, each with its file.
fn files() -> BTreeMap<ModulePath, String> {
    let source = root().join("src");
    let mut files = BTreeMap::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the source can be read") {
            let path = entry.expect("it has entries").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&source).expect("it is below src");
                files.insert(module_of(name), name.display().to_string());
            }
        }
    }
    files
}

fn module_of(file: &Path) -> ModulePath {
    let mut module: ModulePath = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

/// Collects the paths that a file names, resolved to modules and items from the root of the crate.
struct Paths {
    /// The module at hand: that of the file, and the inline modules in it.
    module: ModulePath,
    found: Vec<Vec<String>>,
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_test = |meta: &syn::MetaList| meta.tokens.to_string() == "test";
        attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(is_test)
    })
}

impl Paths {
    fn add(&mut self, segments: &[String]) {
        let mut module = match segments.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("self" | "super") => self.module.clone(),
            _ => return,
        };
        for segment in segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => {
                    module.pop();
                }
                name => module.push(name.to_owned()),
            }
        }
        self.found.push(module);
    }

    fn add_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| {
            let mut path = before.to_vec();
            path.push(name.to_string());
            path
        };
        match tree {
            UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            UseTree::Name(name) => self.add(&with(&name.ident)),
            UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            UseTree::Glob(_) => self.add(before),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(before, tree);
                }
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|it| it.ident.to_string());
        self.add(&segments.collect::<Vec<_>>());
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(super)` and `pub(in …)` name who may use an item, and use nothing.
    }
}

fn arrows() -> Arrows {
    let files = files();
    let mut arrows = Arrows::new();
    for (module, file) in &files {
        let text = fs::read_to_string(root().join("src").join(file)).expect("a file of the source");
        let tree = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let is_test = module.iter().any(|name| name == "tests");
        if is_test || is_for_tests(&tree.attrs) {
            continue;
        }
        let mut paths = Paths {
            module: module.clone(),
            found: Vec::new(),
        };
        paths.visit_file(&tree);
        let used = arrows.entry(file.clone()).or_default();
        for path in paths.found {
            // The longest part of the path that is a module with a file: the rest is an item of it.
            let target = (0..=path.len())
                .rev()
                .find_map(|end| files.get(&path[..end]));
            used.extend(target.filter(|target| *target != file).cloned());
        }
    }
    arrows
}

/// The circles: groups of files each of which can be reached from each other one.
fn circles(arrows: &Arrows) -> Vec<BTreeSet<&String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = arrows
        .keys()
        .map(|file| {
            let mut reached = BTreeSet::new();
            let mut open = vec![file];
            while let Some(at) = open.pop() {
                let next = arrows.get(at).into_iter().flatten();
                open.extend(next.filter(|file| reached.insert(*file)));
            }
            (file, reached)
        })
        .collect();
    let mut circles = BTreeSet::new();
    for (file, reachable) in &reached {
        if reachable.contains(file) {
            let back = |other: &&&String| reached.get(**other).is_some_and(|it| it.contains(file));
            circles.insert(
                reachable
                    .iter()
                    .filter(back)
                    .copied()
                    .collect::<BTreeSet<_>>(),
            );
        }
    }
    circles.into_iter().collect()
}

/// The folders and files at the top of `src`, the highest first, as ARCHITECTURE.md draws them.
fn layers() -> Vec<String> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let (_, rest) = text.split_once("```layers\n").expect("a block of layers");
    let (block, _) = rest.split_once("```").expect("an end of the block");
    let names = block
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names
        .map(|name| name.trim_end_matches('/').to_owned())
        .collect()
}

fn layer_of(file: &str) -> PathBuf {
    Path::new(file)
        .iter()
        .next()
        .map(PathBuf::from)
        .unwrap_or_default()
}

fn upward<'a>(arrows: &'a Arrows, layers: &[String]) -> Vec<(&'a String, &'a String)> {
    let height = |file: &str| {
        let layer = layer_of(file).display().to_string();
        let place = layers.iter().position(|name| *name == layer);
        place.unwrap_or_else(|| panic!("ARCHITECTURE.md does not draw `{layer}` in its layers"))
    };
    let all = arrows
        .iter()
        .flat_map(|(from, used)| used.iter().map(move |to| (from, to)));
    all.filter(|(from, to)| height(from) > height(to)).collect()
}

#[test]
fn no_file_uses_a_file_that_uses_it() {
    let arrows = arrows();
    let circles = circles(&arrows);
    assert!(circles.is_empty(), "circles between files: {circles:#?}");
    assert!(arrows.len() > 50, "only {} files were read", arrows.len());
}

#[test]
fn no_arrow_runs_upwards() {
    let arrows = arrows();
    let upward = upward(&arrows, &layers());
    assert!(upward.is_empty(), "arrows that run upwards: {upward:#?}");
}

#[test]
fn every_layer_that_is_drawn_exists() {
    for layer in layers() {
        let path = root().join("src").join(&layer);
        assert!(
            path.exists(),
            "ARCHITECTURE.md draws `{layer}`, which is not in src"
        );
    }
}

#[test]
fn a_circle_and_an_upward_arrow_are_found() {
    let arrow = |from: &str, to: &[&str]| {
        let used = to.iter().map(|file| (*file).to_owned()).collect();
        (from.to_owned(), used)
    };
    let arrows = Arrows::from([
        arrow("top/a.rs", &["top/b.rs"]),
        arrow("top/b.rs", &["top/mod.rs"]),
        arrow("top/mod.rs", &["top/a.rs", "low.rs"]),
        arrow("low.rs", &["top/b.rs"]),
    ]);
    assert_eq!(circles(&arrows).len(), 1);
    assert_eq!(circles(&arrows)[0].len(), 4);
    let layers = ["top".to_owned(), "low.rs".to_owned()];
    let (from, to) = ("low.rs".to_owned(), "top/b.rs".to_owned());
    assert_eq!(upward(&arrows, &layers), [(&from, &to)]);
}
