//! What came back, as text that two connections can be compared by.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::{Debug, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};

use redis::{ErrorKind, RedisError, RedisResult, Value};

/// A list of checks by name with what each returned.
#[derive(Default)]
pub(crate) struct Outcomes(Vec<(String, String)>);

impl Outcomes {
    pub(crate) fn push<T: Debug>(&mut self, name: impl Into<String>, result: RedisResult<T>) {
        let name: String = name.into();
        let outcome = match result {
            Ok(value) => brief(format!("{value:?}")),
            Err(error) => show(error),
        };
        println!(
            "   {name} => {}",
            outcome.chars().take(300).collect::<String>()
        );
        self.0.push((name, outcome));
    }

    pub(crate) fn note(&mut self, name: impl Into<String>, value: impl Debug) {
        self.push(name, Ok(value));
    }

    /// Fails with every difference, not only the first one.
    pub(crate) fn assert_same(&self, other: &Outcomes) {
        let differences = self.differences(other);
        assert!(differences.is_empty(), "{differences}");
    }

    pub(crate) fn differences(&self, other: &Outcomes) -> String {
        assert_eq!(self.0.len(), other.0.len(), "the lists are one list");
        let mut differences = String::new();
        for ((name, expected), (_, found)) in self.0.iter().zip(&other.0) {
            if expected != found {
                writeln!(
                    differences,
                    "{name}\n  redis-rs: {expected}\n  here:     {found}"
                )
                .expect("a String takes every write");
            }
        }
        differences
    }
}

/// Everything a caller can see of an error; of an I/O error the kind, as its words are our own.
fn show(error: RedisError) -> String {
    let kind = error.kind();
    if kind == ErrorKind::Io {
        return format!(
            "error Io, timeout {}, dropped {}",
            error.is_timeout(),
            error.is_connection_dropped()
        );
    }
    let line = format!(
        "error {kind:?}, code {:?}, detail {:?}: {error}",
        error.code(),
        error.detail()
    );
    match error.into_server_errors() {
        Some(errors) => format!("{line} {errors:?}"),
        None => line,
    }
}

fn brief(text: String) -> String {
    if text.len() < 4_096 {
        return text;
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let start: String = text.chars().take(64).collect();
    format!(
        "{start}... {} bytes, hash {:x}",
        text.len(),
        hasher.finish()
    )
}

/// A reply whose order means nothing.
pub(crate) trait Sorted {
    fn sorted(self) -> impl Debug;
}

impl Sorted for Vec<String> {
    fn sorted(self) -> impl Debug {
        self.into_iter().collect::<BTreeSet<_>>()
    }
}

impl Sorted for HashSet<String> {
    fn sorted(self) -> impl Debug {
        self.into_iter().collect::<BTreeSet<_>>()
    }
}

impl Sorted for HashMap<String, String> {
    fn sorted(self) -> impl Debug {
        self.into_iter().collect::<BTreeSet<_>>()
    }
}

impl Sorted for Value {
    fn sorted(self) -> impl Debug {
        // The type of the container is a part of the outcome.
        let shape = match &self {
            Value::Array(_) => "array",
            Value::Set(_) => "set",
            Value::Map(_) => "map",
            _ => "other",
        };
        let items: BTreeSet<String> = match self {
            Value::Array(items) | Value::Set(items) => {
                items.iter().map(|item| format!("{item:?}")).collect()
            }
            Value::Map(items) => items.iter().map(|item| format!("{item:?}")).collect(),
            other => BTreeSet::from([format!("{other:?}")]),
        };
        (shape, items)
    }
}
