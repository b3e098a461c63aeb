//! One client for each variable name, made once in a process.
//!
//! The entries form a list that only grows at its end. After the first call a look-up walks over a few
//! names, without a lock and without an allocation. A failed read is kept as well, so that the same call
//! returns the same result for as long as the process runs.

use log::Level;
use once_cell::sync::OnceCell;

use super::async_client::Client;
use super::environment;
use super::login_files;
#[cfg(feature = "testing")]
use super::overrides;
use super::variable::{Holds, Value, Variable, check_name};
use crate::config::Config;
use crate::error::Error;
use crate::runtime::log_here;
use crate::url::RedisUrl;

type Next = OnceCell<Box<Entry>>;

struct Entry {
    name: Box<str>,
    client: OnceCell<Result<Client, Error>>,
    next: Next,
}

static FIRST: Next = Next::new();

/// Returns the client for the variable `name`; the first call in this process reads it.
///
/// `package` names the connection unless the URL does. `documented` is `REDIS_READY_DOCUMENTED` as
/// the build script has set it: `PACKAGE:NAME@LINE,…`, or `PACKAGE:*` where nothing was checked. Only the
/// first call uses these two.
pub(crate) fn client(name: &str, package: &str, documented: Option<&str>) -> Result<Client, Error> {
    get(name, Some(package), documented)
}

impl Client {
    /// Returns the client for the variable `name`, without connecting.
    ///
    /// This is what [`redis_client!`](crate::redis_client) does, without the check at compile time that
    /// the variable is documented.
    ///
    /// The value is read once for each name and process: from the process environment, else from the
    /// file that `NAME_FILE` names, else from `.env` in the current directory. Later calls return the
    /// same client, or the same error, even if the variable or the files have changed.
    ///
    /// A password that is not in the URL may stand apart, as it is and without encoding: in `NAME_PASSWORD`, in
    /// the file that `NAME_PASSWORD_FILE` names, or in `.env`; and a username in `NAME_USERNAME`, in the same
    /// places. One newline at the end of a file does not count. The files, `.env` among them, are read again for
    /// every attempt to connect, and at once when the server refuses what they held, so that a new password
    /// needs no restart; while one cannot be read, the last password is used. The Sentinels of a
    /// `redis-sentinel` URL have their credentials in the URL alone.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), redis_ready::Error> {
    /// let cache = redis_ready::Client::from_env("CACHE_REDIS_URL")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`MissingVariable`](crate::ErrorKind::MissingVariable) if the variable is not set;
    /// - [`InvalidName`](crate::ErrorKind::InvalidName) if `name` cannot be the name of a variable;
    /// - [`InvalidFile`](crate::ErrorKind::InvalidFile) for a file that cannot be used;
    /// - [`InvalidUrl`](crate::ErrorKind::InvalidUrl) for a password or a username both in the URL and apart,
    ///   a username without a password, and for one that is set and empty;
    /// - those of [`Client::open`].
    pub fn from_env(name: &str) -> Result<Client, Error> {
        get(name, None, None)
    }
}

#[inline]
fn get(name: &str, package: Option<&str>, documented: Option<&str>) -> Result<Client, Error> {
    #[cfg(feature = "testing")]
    if let Some(found) = overrides::find(name) {
        return overridden(&found, name, package, documented);
    }
    let entry = match entry(name) {
        Some(entry) => entry,
        None => new_entry(name)?,
    };
    match entry.client.get() {
        Some(client) => client.clone(),
        None => first_call(
            &entry.client,
            Variable::new(&entry.name, documented),
            package,
            environment::process_value,
        ),
    }
}

/// Returns the client for an override, which keeps it: nothing of it enters the list.
#[cfg(feature = "testing")]
#[cold]
fn overridden(
    found: &overrides::Override,
    name: &str,
    package: Option<&str>,
    documented: Option<&str>,
) -> Result<Client, Error> {
    if let Some(client) = found.client.get() {
        return client.clone();
    }
    check_name(name)?;
    let variable = Variable::new(name, documented);
    first_call(&found.client, variable, package, |variable| {
        environment::overridden(variable, found.text.as_deref())
    })
}

/// Looks `name` up, without extending the list.
fn entry(name: &str) -> Option<&'static Entry> {
    let mut next = &FIRST;
    while let Some(entry) = next.get() {
        if *entry.name == *name {
            return Some(entry);
        }
        next = &entry.next;
    }
    None
}

/// Looks `name` up again and puts it at the end of the list, unless another thread just has.
#[cold]
fn new_entry(name: &str) -> Result<&'static Entry, Error> {
    check_name(name)?;
    let mut next = &FIRST;
    loop {
        let entry = next.get_or_init(|| {
            Box::new(Entry {
                name: name.into(),
                client: OnceCell::new(),
                next: Next::new(),
            })
        });
        if *entry.name == *name {
            return Ok(entry);
        }
        next = &entry.next;
    }
}

#[cold]
fn first_call(
    cell: &OnceCell<Result<Client, Error>>,
    variable: Variable<'_>,
    package: Option<&str>,
    read: impl FnOnce(Variable<'_>) -> Result<Value, Error>,
) -> Result<Client, Error> {
    let mut warnings = Vec::new();
    let client = cell
        .get_or_init(|| open(variable, read(variable)?, package, &mut warnings))
        .clone();
    // After the client is stored, because a logger that writes to Redis asks for the same client.
    for warning in warnings {
        log_here(Level::Warn, &warning);
    }
    client
}

/// Parses the URL and opens the client; `warnings` receives what is to be logged.
fn open(
    variable: Variable<'_>,
    value: Value,
    package: Option<&str>,
    warnings: &mut Vec<String>,
) -> Result<Client, Error> {
    let Value {
        text,
        source,
        ignored,
    } = value;
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
    let config = if source.is_override() {
        config
    } else {
        login_files::apply(variable, &url, config, warnings)?
    };
    Ok(Client::with_config(match package {
        Some(package) => config.with_default_client_name(package),
        None => config,
    }))
}

impl<'a> Variable<'a> {
    /// `documented` is what the build script has set.
    fn new(name: &'a str, documented: Option<&str>) -> Variable<'a> {
        Variable {
            name,
            documented: documented.and_then(|text| documented_line(text, name)),
            holds: Holds::Url,
        }
    }
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
