//! [`Dependency`]: how a package depends on this crate.

use serde_json::Value;

/// The name of this crate in a manifest.
pub(super) const CRATE: &str = "redis-ready";

/// A dependency of a package on this crate, with what a workspace adds to it.
pub(super) struct Dependency {
    pub(super) section: Section,
    /// The name that the manifest gives it.
    pub(super) key: String,
    features: Vec<String>,
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
