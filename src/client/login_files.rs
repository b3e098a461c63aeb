//! The username and the password that stand apart from the URL: `NAME_USERNAME` and `NAME_PASSWORD`, each in the
//! places where the URL may be.
//!
//! Where one of them is in a file, the files are read again for every attempt to connect.

use std::env;
use std::future::{Future, ready};
use std::path::PathBuf;
use std::pin::Pin;

use super::environment::{Places, find_if_set, process_places};
use super::variable::{Holds, Source, Value, Variable};
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::login::{Credentials, CredentialsSource, Supplier};
use crate::url::RedisUrl;

/// Lets `config`, which is that of the URL in `variable`, log in with what stands apart from the URL, if
/// anything does. `warnings` receives what is to be logged.
pub(super) fn apply(
    variable: Variable<'_>,
    url: &RedisUrl,
    config: Config,
    warnings: &mut Vec<String>,
) -> Result<Config, Error> {
    let files = LoginFiles {
        url_variable: variable.name.to_owned(),
        url_username: url.username().map(str::to_owned),
        url_password: url.password().map(str::to_owned),
        directory: env::current_dir().unwrap_or_default(),
    };
    let found = files.find(&process_places(&files.directory))?;
    let Some(found) = found else {
        return Ok(config);
    };
    warnings.extend(found.warnings);
    Ok(config.with_credentials_of(if found.is_in_files {
        CredentialsSource::changing(files, found.credentials)
    } else {
        CredentialsSource::from(found.credentials)
    }))
}

/// Reads what stands apart from the URL. It has no `Debug`, because it may hold the password of the URL.
struct LoginFiles {
    /// The name of the variable that holds the URL.
    url_variable: String,
    url_username: Option<String>,
    url_password: Option<String>,
    /// The directory of `.env` and of relative paths.
    directory: PathBuf,
}

/// What was found.
struct Found {
    credentials: Credentials,
    /// Whether a part of it is in a file, which may change.
    is_in_files: bool,
    warnings: Vec<String>,
}

impl LoginFiles {
    /// Finds what stands apart, and adds what the URL has; `None` if nothing stands apart.
    fn find(&self, places: &Places<'_>) -> Result<Option<Found>, Error> {
        let names = [self.username_variable(), self.password_variable()];
        let find = |name: &str| find_if_set(variable(name), places);
        let (username, password) = (find(&names[0])?, find(&names[1])?);
        if username.is_none() && password.is_none() {
            return Ok(None);
        }
        let apart = [(&names[0], &username), (&names[1], &password)];
        let warnings = apart.iter().filter_map(|(name, value)| {
            let Value {
                source, ignored, ..
            } = value.as_ref()?;
            let ignored = ignored.as_ref()?;
            Some(format!(
                "both_set: `{name}` is read from {source}, not from {ignored}"
            ))
        });
        let warnings = warnings.collect();
        let sources = [&username, &password].map(|value| value.as_ref().map(|it| &it.source));
        let is_in_files = sources.iter().flatten().any(|it| **it != Source::Process);
        let origin = match (&username, &password) {
            (_, Some(password)) => origin(&names[1], &password.source),
            _ => format!("`{}`, with `{}`,", self.url_variable, names[0]),
        };
        let username = self.either(
            &names[0],
            username,
            self.url_username.as_deref(),
            "username",
        )?;
        let password = self.either(
            &names[1],
            password,
            self.url_password.as_deref(),
            "password",
        )?;
        if password.is_none() {
            return Err(self.no_password());
        }
        let credentials = Credentials {
            username,
            password,
            ..Credentials::default()
        };
        Ok(Some(Found {
            credentials: credentials.from(origin),
            is_in_files,
            warnings,
        }))
    }

    /// Returns the value that stands apart or the one in the URL.
    fn either(
        &self,
        name: &str,
        apart: Option<Value>,
        in_url: Option<&str>,
        what: &str,
    ) -> Result<Option<String>, Error> {
        let Some(Value { text, source, .. }) = apart else {
            return Ok(in_url.map(str::to_owned));
        };
        let Some(in_url) = in_url else {
            return Ok(Some(text));
        };
        let url = &self.url_variable;
        let message = format!("`{url}` has a {what}, and `{name}` is set as well");
        let error = Error::new(ErrorKind::InvalidUrl, message)
            .about(name)
            .note(format!("`{name}` is read from {source}"));
        Err(if in_url.is_empty() {
            let username = self.username_variable();
            error
                .note(format!("the {what} of the URL is empty"))
                .with_help(format!(
                    "leave `user:@` out of the URL, and set `{username}`"
                ))
        } else {
            error.with_help(format!(
                "leave the {what} out of `{url}`, or unset `{name}`"
            ))
        })
    }

    fn no_password(&self) -> Error {
        let (username, password) = (self.username_variable(), self.password_variable());
        let message = format!("`{username}` is set, and there is no password");
        Error::new(ErrorKind::InvalidUrl, message)
            .about(&username)
            .with_help(format!(
                "set `{password}`, or `{password}_FILE` to the path of a file with it"
            ))
    }

    fn username_variable(&self) -> String {
        format!("{}_USERNAME", self.url_variable)
    }

    fn password_variable(&self) -> String {
        format!("{}_PASSWORD", self.url_variable)
    }
}

impl Supplier for LoginFiles {
    fn ask(&self) -> Pin<Box<dyn Future<Output = Result<Credentials, Error>> + '_>> {
        let found = self.find(&process_places(&self.directory));
        let unset = || {
            let message = format!("`{}` is not set any more", self.password_variable());
            Error::new(ErrorKind::MissingVariable, message)
        };
        Box::pin(ready(found.and_then(|found| {
            found.map(|found| found.credentials).ok_or_else(unset)
        })))
    }

    fn name(&self) -> String {
        format!("the file of `{}`", self.password_variable())
    }

    fn is_cheap(&self) -> bool {
        true
    }
}

fn variable(name: &str) -> Variable<'_> {
    Variable {
        name,
        documented: None,
        holds: Holds::Text,
    }
}

/// Names where a password comes from.
fn origin(name: &str, source: &Source) -> String {
    match source {
        Source::Process => format!("`{name}`"),
        Source::File { .. } => source.to_string(),
        Source::DotEnv { .. } => format!("`{name}` in {source}"),
        #[cfg(feature = "testing")]
        Source::Override => source.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::ffi::OsString;
    use std::io;
    use std::path::Path;

    use super::*;

    fn look(
        url: &str,
        environment: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Result<Option<Found>, Error> {
        let url = RedisUrl::parse(url).expect("valid");
        let environment: HashMap<&str, &str> = environment.iter().copied().collect();
        let files: HashMap<&Path, &str> = files
            .iter()
            .map(|(path, content)| (Path::new(*path), *content))
            .collect();
        let login = LoginFiles {
            url_variable: "REDIS_URL".to_owned(),
            url_username: url.username().map(str::to_owned),
            url_password: url.password().map(str::to_owned),
            directory: PathBuf::from("/app"),
        };
        login.find(&Places {
            variable: &|name| environment.get(name).map(OsString::from),
            read: &|path, _| match files.get(path) {
                Some(content) => Ok(content.as_bytes().to_vec()),
                None => Err(io::ErrorKind::NotFound.into()),
            },
            directory: &login.directory,
        })
    }

    #[track_caller]
    fn check(
        url: &str,
        environment: &[(&str, &str)],
        files: &[(&str, &str)],
        expected: (Option<&str>, &str, &str, bool),
    ) {
        let found = look(url, environment, files);
        let found = found.unwrap_or_else(|error| panic!("{error:?}"));
        let found = found.expect("something stands apart");
        let credentials = found.credentials;
        assert_eq!(
            (
                credentials.username.as_deref(),
                credentials.password.as_deref().expect("a password"),
                credentials.origin.as_deref().expect("it stands apart"),
                found.is_in_files,
            ),
            expected
        );
    }

    const SECRET: &str = "/run/secrets/redis";

    #[test]
    fn the_places_are_those_of_the_url_and_in_their_order() {
        let dot_env = "\nREDIS_URL_PASSWORD='#env'\nREDIS_URL_USERNAME=me\n";
        let files = [
            (SECRET, concat!(r#"pä$$ wörd@#:/?%"'\"#, "\n")),
            ("/app/.env", dot_env),
        ];
        let named = ("REDIS_URL_PASSWORD_FILE", SECRET);
        let file = "`REDIS_URL_PASSWORD_FILE=/run/secrets/redis`";
        check(
            "redis://h",
            &[("REDIS_URL_PASSWORD", " p "), named],
            &[],
            (None, " p ", "`REDIS_URL_PASSWORD`", false),
        );
        check(
            "redis://h",
            &[named, ("REDIS_URL_USERNAME", "app")],
            &files,
            (Some("app"), r#"pä$$ wörd@#:/?%"'\"#, file, true),
        );
        let line = "`REDIS_URL_PASSWORD` in `.env:2`";
        check("redis://h", &[], &files, (Some("me"), "#env", line, true));
        // What the URL has counts.
        check(
            "redis://h?user=app",
            &[("REDIS_URL_PASSWORD", "pw")],
            &[],
            (Some("app"), "pw", "`REDIS_URL_PASSWORD`", false),
        );
        let both = "`REDIS_URL`, with `REDIS_URL_USERNAME`,";
        check(
            "redis://:pw@h",
            &[("REDIS_URL_USERNAME", "app")],
            &[],
            (Some("app"), "pw", both, false),
        );
        assert!(look("redis://app:pw@h", &[], &[]).is_ok_and(|found| found.is_none()));
    }

    #[test]
    fn what_has_two_meanings_or_none_is_an_error_without_the_secret() {
        let invalid = ErrorKind::InvalidUrl;
        for (url, environment, kind, message) in [
            (
                "redis://:c4nary@h",
                ("REDIS_URL_PASSWORD", "c4nary"),
                invalid,
                "`REDIS_URL` has a password, and `REDIS_URL_PASSWORD` is set as well",
            ),
            (
                "redis://app:@h",
                ("REDIS_URL_PASSWORD", "c4nary"),
                invalid,
                "`REDIS_URL` has a password, and `REDIS_URL_PASSWORD` is set as well",
            ),
            (
                "redis://app:c4nary@h",
                ("REDIS_URL_USERNAME", "app"),
                invalid,
                "`REDIS_URL` has a username, and `REDIS_URL_USERNAME` is set as well",
            ),
            (
                "redis://h",
                ("REDIS_URL_USERNAME", "app"),
                invalid,
                "`REDIS_URL_USERNAME` is set, and there is no password",
            ),
            (
                "redis://h",
                ("REDIS_URL_PASSWORD", ""),
                invalid,
                "`REDIS_URL_PASSWORD` is set, but empty",
            ),
            (
                "redis://h",
                ("REDIS_URL_PASSWORD_FILE", "/none"),
                ErrorKind::InvalidFile,
                "cannot read the file `/none` for `REDIS_URL_PASSWORD`",
            ),
            (
                "redis://h",
                ("REDIS_URL_PASSWORD_FILE", "c4nary"),
                ErrorKind::InvalidFile,
                "cannot read the file `***` for `REDIS_URL_PASSWORD`",
            ),
        ] {
            let error = look(url, &[environment], &[]).map(|_| "credentials");
            let error = error.expect_err(message);
            assert_eq!((error.kind(), &*error.to_string()), (kind, message));
            let report = format!("{error:?}{error:#}");
            assert!(!report.contains("c4nary"), "{report}");
            assert!(
                error.help().is_some() || kind == ErrorKind::InvalidFile,
                "{report}"
            );
        }
    }
}
