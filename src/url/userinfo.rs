//! `user:password@`: who logs in.

use super::error::Fault;
use super::mask;
use super::part::Part;
use super::percent::{Plus, decode};
use super::raw;
use super::scheme::{Scheme, UrlKind};
use super::warning::UrlWarning;
use crate::placeholder;

/// The credentials of a URL; an empty password is one.
#[derive(Default)]
pub(super) struct Userinfo {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
}

pub(super) fn read(
    scheme: Scheme,
    userinfo: Part<'_>,
    hosts: Part<'_>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<Userinfo, Fault> {
    if userinfo.is_empty() || userinfo.text == ":" {
        warnings.push(UrlWarning::new(
            "empty_userinfo",
            "nothing before the `@`: a variable for the password may be unset",
        ));
        return Ok(Userinfo::default());
    }
    let Some((user, password)) = userinfo.split_once(':') else {
        return Err(without_colon(scheme, userinfo, hosts));
    };
    if let Some(index) = userinfo.text.find(['[', ']']) {
        let span = userinfo.span_at(index);
        return Err(Fault::new(
            "should_encode_bracket",
            span,
            "unescaped bracket in the userinfo of {}",
        )
        .help("write `%5B` for `[` and `%5D` for `]`"));
    }
    for part in [user, password] {
        if placeholder::is_nothing(part.text) || placeholder::is_placeholder(part.text) {
            return Err(raw::placeholder(part));
        }
    }
    let username = decode(user, Plus::Literal, "user name")?;
    let password = decode(password, Plus::Literal, "password")?;
    warn(userinfo, &username, &password, warnings);
    Ok(Userinfo {
        username: Some(username).filter(|name| !name.is_empty()),
        password: Some(password),
    })
}

fn warn(userinfo: Part<'_>, username: &str, password: &str, warnings: &mut Vec<UrlWarning>) {
    if userinfo
        .text
        .contains(|c: char| !c.is_ascii() || "^|`<>{}".contains(c))
    {
        warnings.push(UrlWarning::new(
            "should_encode",
            "characters before the `@` that belong percent-encoded",
        ));
    }
    if password.is_empty() {
        warnings.push(UrlWarning::new(
            "empty_password",
            "empty password: a variable for it may be unset",
        ));
    } else if matches!(username, "h" | "u" | "x") {
        warnings.push(UrlWarning::new(
            "dummy_username",
            "one-letter user name: leave it out where the server knows only a password",
        ));
    }
    if placeholder::is_weak(password) {
        warnings.push(UrlWarning::new(
            "weak_password",
            "the password is one that asks to be changed",
        ));
    }
}

fn without_colon(scheme: Scheme, userinfo: Part<'_>, hosts: Part<'_>) -> Fault {
    let name = scheme.name;
    let target = match mask::target(hosts.text) {
        Some(target) => target,
        None if scheme.kind == UrlKind::Unix => "/<path>",
        None => "<host>",
    };
    let message =
        "missing colon before the `@` in {}: a password to some clients, a user name to others";
    Fault::new("userinfo_without_colon", userinfo.span(), message).help(format!(
        "password alone: `{name}://:<password>@{target}`; with a user: `{name}://<user>:<password>@{target}`"
    ))
}
