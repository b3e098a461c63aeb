//! [`Variant`]: what serves the requests.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The whole application: also workers, counts as they change, and metrics.
    Application,
    /// The part of it that serves requests. The other two are the same on another client.
    RedisReady,
    ConnectionManager,
    Deadpool,
}

impl Variant {
    pub const ALL: [Variant; 4] = [
        Variant::Application,
        Variant::RedisReady,
        Variant::ConnectionManager,
        Variant::Deadpool,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Variant::Application => "application",
            Variant::RedisReady => "redis-ready",
            Variant::ConnectionManager => "connection-manager",
            Variant::Deadpool => "deadpool",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Variant {
    type Err = ();

    fn from_str(name: &str) -> Result<Variant, ()> {
        let mut all = Variant::ALL.into_iter();
        all.find(|it| it.name() == name).ok_or(())
    }
}
