//! How parts of health are serialised: moments become seconds, because an `Instant` means nothing to another process.

use std::time::Instant;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::error::{Error, ErrorKind};

/// Serialised as its name, as in `TimedOut`.
impl Serialize for ErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

struct Cause<'a>(&'a Error);

impl Serialize for Cause<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cause(error) = self;
        let mut map = serializer.serialize_struct("Error", 2)?;
        map.serialize_field("kind", &error.kind())?;
        map.serialize_field("message", &error.to_string())?;
        map.end()
    }
}

#[expect(clippy::ref_option, reason = "serde passes on the field")]
pub(super) fn cause<S: Serializer>(
    error: &Option<Error>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    error.as_ref().map(Cause).serialize(serializer)
}

pub(super) fn seconds_since<S: Serializer>(
    since: &Instant,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    since.elapsed().as_secs_f64().serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde passes on the field")]
pub(super) fn seconds_ago<S: Serializer>(
    at: &Option<Instant>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    at.map(|at| at.elapsed().as_secs_f64())
        .serialize(serializer)
}
