//! [`Dependency`]: how a package depends on this crate.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The name of this crate in a manifest.
pub(super) const CRATE: &str = "redis-ready";

/// A dependency of a package on this crate, with what a workspace adds to it.
pub(super) struct Dependency {
    pub(super) section: Section,
    /// The name that the manifest gives it.
    pub(super) key: String,
    pub(super) source: Source,
    features: Vec<String>,
}

/// Where a package takes this crate from. Cargo refuses a manifest that takes it from two places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    CratesIo,
    Path(PathBuf),
    /// The keys of a manifest, and their values.
    Git(Vec<(String, String)>),
    /// Another registry, whose name in the configuration of cargo is not known here.
    OtherRegistry,
}

/// Where a dependency is in a manifest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Normal,
    Dev,
    Build,
}

impl Dependency {
    /// Reads those of a package as `cargo metadata` prints it.
    pub(super) fn read(package: &Value) -> Vec<Dependency> {
        let all = package["dependencies"].as_array().into_iter().flatten();
        let ours = all.filter(|it| it["name"] == CRATE);
        let features = |it: &Value| {
            let features = it["features"].as_array().into_iter().flatten();
            features
                .filter_map(|it| Some(it.as_str()?.to_owned()))
                .collect()
        };
        ours.map(|it| Dependency {
            section: match it["kind"].as_str() {
                Some("build") => Section::Build,
                Some("dev") => Section::Dev,
                _ => Section::Normal,
            },
            key: it["rename"].as_str().unwrap_or(CRATE).to_owned(),
            source: Source::read(it),
            features: features(it),
        })
        .collect()
    }

    /// Returns what code calls this crate.
    pub(super) fn name_in_code(&self) -> String {
        self.key.replace('-', "_")
    }

    /// Returns whether a build script can call the check.
    pub(super) fn has_check(&self) -> bool {
        // `cli` asks for `build`.
        self.features.iter().any(|it| it == "build" || it == "cli")
    }
}

impl Source {
    fn read(dependency: &Value) -> Source {
        if let Some(path) = dependency["path"].as_str() {
            return Source::Path(path.into());
        }
        let source = dependency["source"].as_str().unwrap_or_default();
        match source.strip_prefix("git+") {
            Some(git) => Source::Git(git_keys(git)),
            None if dependency["registry"].is_null() => Source::CratesIo,
            None => Source::OtherRegistry,
        }
    }
}

/// Reads `https://host/repository?branch=main`.
fn git_keys(source: &str) -> Vec<(String, String)> {
    let (url, reference) = source.split_once('?').unwrap_or((source, ""));
    let reference = reference.split('&').filter_map(|it| it.split_once('='));
    let reference = reference.map(|(key, value)| {
        let value = percent_decode_str(value).decode_utf8_lossy();
        (key.to_owned(), value.into_owned())
    });
    std::iter::once(("git".to_owned(), url.to_owned()))
        .chain(reference)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Source;

    #[test]
    fn reads_where_a_dependency_comes_from() {
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        let git = |keys: &[(&str, &str)]| {
            let keys = keys
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()));
            Source::Git(keys.collect())
        };
        let url = ("git", "https://example.org/redis-ready");
        for (dependency, expected) in [
            (
                json!({ "source": registry, "registry": null }),
                Source::CratesIo,
            ),
            (
                json!({ "source": "registry+https://example.org/index", "registry": "https://example.org/index" }),
                Source::OtherRegistry,
            ),
            (
                json!({ "source": null, "path": "/crates/redis-ready" }),
                Source::Path("/crates/redis-ready".into()),
            ),
            (
                json!({ "source": "git+https://example.org/redis-ready" }),
                git(&[url]),
            ),
            (
                json!({ "source": "git+https://example.org/redis-ready?branch=next%2Ftls" }),
                git(&[url, ("branch", "next/tls")]),
            ),
            (
                json!({ "source": "git+https://example.org/redis-ready?rev=0a1b2c" }),
                git(&[url, ("rev", "0a1b2c")]),
            ),
        ] {
            assert_eq!(Source::read(&dependency), expected, "{dependency}");
        }
    }
}
