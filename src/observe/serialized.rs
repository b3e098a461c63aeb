//! `Serialize` for health: moments become seconds, because an `Instant` means nothing to another process.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::health::{ConnectionState, Health, NodeHealth, Role};
use crate::error::{Error, ErrorKind};

impl Serialize for ConnectionState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

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

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Health {
            state,
            since,
            last_error,
            last_error_at,
            address,
            server_version,
            role,
            nodes,
        } = self;
        let mut map = serializer.serialize_struct("Health", 8)?;
        map.serialize_field("state", state)?;
        map.serialize_field("for_seconds", &since.elapsed().as_secs_f64())?;
        map.serialize_field("last_error", &last_error.as_ref().map(Cause))?;
        let ago = last_error_at.map(|at| at.elapsed().as_secs_f64());
        map.serialize_field("last_error_seconds_ago", &ago)?;
        map.serialize_field("address", address)?;
        map.serialize_field("server_version", server_version)?;
        map.serialize_field("role", role)?;
        map.serialize_field("nodes", nodes)?;
        map.end()
    }
}

impl Serialize for NodeHealth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let NodeHealth {
            address,
            state,
            since,
            last_error,
            last_error_at,
            server_version,
            role,
        } = self;
        let mut map = serializer.serialize_struct("NodeHealth", 7)?;
        map.serialize_field("address", address)?;
        map.serialize_field("state", state)?;
        map.serialize_field("for_seconds", &since.elapsed().as_secs_f64())?;
        map.serialize_field("last_error", &last_error.as_ref().map(Cause))?;
        let ago = last_error_at.map(|at| at.elapsed().as_secs_f64());
        map.serialize_field("last_error_seconds_ago", &ago)?;
        map.serialize_field("server_version", server_version)?;
        map.serialize_field("role", role)?;
        map.end()
    }
}
