//! One client per variable name, made once per process.
//!
//! The entries form a list that only ever grows at its end: after the first call a look-up is a walk
//! over a handful of names, without a lock and without an allocation. A failed read is kept as well,
//! so that the same call gives the same answer for as long as the process runs.

use log::warn;
use once_cell::sync::OnceCell;

use crate::client::Client;
use crate::config::Config;
use crate::env::{self, Value, Variable};
use crate::error::Error;
use crate::url::RedisUrl;

type Link = OnceCell<Box<Entry>>;

struct Entry {
    name: Box<str>,
    client: OnceCell<Result<Client, Error>>,
    next: Link,
}

static FIRST: Link = Link::new();

/// Returns the client for the variable `name`, reading it on the first call in this process.
///
/// `package` names the connection unless the URL does. `documented` is `REDIS_READY_DOCUMENTED` as
/// the build script has set it: `PACKAGE:NAME@LINE,…`, or `PACKAGE:*` where nothing was checked. Both
/// count on the first call only.
pub(crate) fn client(name: &str, package: &str, documented: Option<&str>) -> Result<Client, Error> {
    get(name, Some(package), documented)
}

/// Returns the same client as [`client`], for those who did not come through the macro.
pub(crate) fn client_from_env(name: &str) -> Result<Client, Error> {
    get(name, None, None)
}

#[inline]
fn get(name: &str, package: Option<&str>, documented: Option<&str>) -> Result<Client, Error> {
    let entry = match entry(name) {
        Some(entry) => entry,
        None => new_entry(name)?,
    };
    match entry.client.get() {
        Some(client) => client.clone(),
        None => first_call(entry, package, documented),
    }
}

/// Walks the list without extending it.
fn entry(name: &str) -> Option<&'static Entry> {
    let mut link = &FIRST;
    while let Some(entry) = link.get() {
        if *entry.name == *name {
            return Some(entry);
        }
        link = &entry.next;
    }
    None
}

/// Walks the list and puts `name` at its end, unless another thread just has.
#[cold]
fn new_entry(name: &str) -> Result<&'static Entry, Error> {
    env::check_name(name)?;
    let mut link = &FIRST;
    loop {
        let entry = link.get_or_init(|| {
            Box::new(Entry {
                name: name.into(),
                client: OnceCell::new(),
                next: Link::new(),
            })
        });
        if *entry.name == *name {
            return Ok(entry);
        }
        link = &entry.next;
    }
}

#[cold]
fn first_call(
    entry: &'static Entry,
    package: Option<&str>,
    documented: Option<&str>,
) -> Result<Client, Error> {
    let variable = Variable {
        name: &entry.name,
        documented: documented.and_then(|text| documented_line(text, &entry.name)),
    };
    let mut warnings = Vec::new();
    let client = entry
        .client
        .get_or_init(|| open(variable, package, &mut warnings))
        .clone();
    // Only now: a logger that writes to Redis asks for the same client.
    for warning in warnings {
        warn!(target: "redis_ready", "{warning}");
    }
    client
}

/// Reads, parses and opens; `warnings` receives what is to be logged.
fn open(
    variable: Variable<'_>,
    package: Option<&str>,
    warnings: &mut Vec<String>,
) -> Result<Client, Error> {
    let Value {
        text,
        source,
        ignored,
    } = env::process_value(variable)?;
    let name = variable.name;
    if let Some(ignored) = ignored {
        warnings.push(format!(
            "both_set: `{name}` is read from {source}, not from {ignored}"
        ));
    }
    let located = |error: Error| {
        let note = variable.with_documents(format!("read from {source}"));
        error.about(name).note(note)
    };
    let url = RedisUrl::parse(&text)
        .map_err(|error| located(Error::invalid_url(&error, &format!("`{name}`"))))?;
    for warning in url.warnings() {
        let code = warning.code();
        warnings.push(format!("{code}: {warning} (`{name}`, read from {source})"));
    }
    let config = Config::try_from(&url).map_err(located)?;
    Ok(Client::with_config(match package {
        Some(package) => config.with_default_client_name(package),
        None => config,
    }))
}

/// Returns the line that documents `name`, from `PACKAGE:NAME@LINE,NAME@LINE`.
fn documented_line(documented: &str, name: &str) -> Option<u32> {
    let (_, names) = documented.split_once(':')?;
    let mut lines = names.split(',').filter_map(|item| item.split_once('@'));
    let (_, line) = lines.find(|(documented, _)| *documented == name)?;
    line.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::documented_line;

    #[test]
    fn finds_the_documenting_line() {
        let check = |documented, expected| {
            assert_eq!(documented_line(documented, "REDIS_URL"), expected);
        };
        check("app:REDIS_URL@6", Some(6));
        check("app:CACHE_REDIS_URL@3,REDIS_URL@12", Some(12));
        check("app:CACHE_REDIS_URL@3", None);
        check("app:*", None);
        check("app:", None);
        check("", None);
    }
}
