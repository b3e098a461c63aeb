//! [`PoolName`]: what tells the connections of two clients of a process apart.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::labels::Labels;

/// The numbers of the clients that there are, by the server and database.
static NAMES: LazyLock<Mutex<HashMap<String, Vec<u32>>>> = LazyLock::new(Mutex::default);

/// What tells the connections of two clients of a process apart: `host:port/database`, and a number for a second
/// client of the same. A number is free again once its client is gone, so there are few.
pub(super) struct PoolName {
    base: String,
    number: u32,
    name: String,
}

impl PoolName {
    pub(super) fn new(labels: &Labels) -> PoolName {
        let Labels {
            address,
            port,
            database,
        } = labels;
        let address = address.as_deref().unwrap_or("redis");
        let base = match port {
            Some(port) => format!("{address}:{port}/{database}"),
            None => format!("{address}/{database}"),
        };
        let mut names = names();
        let taken = names.entry(base.clone()).or_default();
        let number = (1..=u32::MAX)
            .find(|number| !taken.contains(number))
            .unwrap_or(0);
        taken.push(number);
        let name = match number {
            1 => base.clone(),
            number => format!("{base}#{number}"),
        };
        PoolName { base, number, name }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.name
    }
}

impl Drop for PoolName {
    fn drop(&mut self) {
        let mut names = names();
        if let Some(taken) = names.get_mut(&self.base) {
            taken.retain(|number| *number != self.number);
            if taken.is_empty() {
                names.remove(&self.base);
            }
        }
    }
}

fn names() -> MutexGuard<'static, HashMap<String, Vec<u32>>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_free_again_once_its_client_is_gone() {
        let labels = Labels {
            address: Some("pool-name-test".to_owned()),
            port: Some(1),
            database: "0".to_owned(),
        };
        let first = PoolName::new(&labels);
        let second = PoolName::new(&labels);
        assert_eq!(first.as_str(), "pool-name-test:1/0");
        assert_eq!(second.as_str(), "pool-name-test:1/0#2");
        drop(first);
        assert_eq!(PoolName::new(&labels).as_str(), "pool-name-test:1/0");
    }
}
