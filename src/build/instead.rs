//! What a file has instead of a variable that is missing.

use std::ops::Range;

use super::document::{Document, Other};
use super::prose;
use super::secret;
use super::suggestion::{self, LOCAL_URL, plain_value};

/// What is there, and what to do about it.
pub(super) struct Instead {
    pub(super) at: Range<usize>,
    /// What follows "`REDIS_URL` is missing: ".
    pub(super) what: String,
    pub(super) help: Vec<String>,
}

/// What is looked for, in its order.
const PLACES: [fn(&Document, &str) -> Option<Instead>; 5] = [
    in_an_open_quote,
    behind_another_value,
    under_another_name,
    in_parts,
    as_a_rest_api,
];

/// Returns what the file has instead of the variable `name`.
pub(super) fn of(document: &Document, name: &str) -> Option<Instead> {
    PLACES.iter().find_map(|find| find(document, name))
}

/// A quote that is not closed holds the lines after it.
fn in_an_open_quote(document: &Document, name: &str) -> Option<Instead> {
    let is_line = |line: &str| {
        let rest = line.trim_start().strip_prefix(name);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let holds = |it: &&Other| document.text(&it.written).lines().skip(1).any(is_line);
    let other = assigned(document).find(holds)?;
    let line = document.line_number(other.name.span.start);
    let quote = document
        .text(&other.written)
        .chars()
        .find(|c| "\"'".contains(*c))?;
    Some(Instead {
        at: other.name.span.clone(),
        what: format!("the quote that is opened in line {line} swallows its line"),
        help: vec![format!("write `{quote}` at the end of line {line}")],
    })
}

/// `DEBUG=trueREDIS_URL=redis://localhost`: a line break is lost.
fn behind_another_value(document: &Document, name: &str) -> Option<Instead> {
    let glued = format!("{name}=");
    let find = |it: &Other| {
        let text = document.text(&it.written);
        let at = text.find(&glued)?;
        let is_glued =
            text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || "\"'/".contains(c));
        is_glued.then(|| it.written.start + at)
    };
    let (other, at) = assigned(document).find_map(|it| Some((it, find(it)?)))?;
    Some(Instead {
        at: at..at + name.len(),
        what: format!(
            "a line break is missing after the value of `{}`",
            other.name.text
        ),
        help: vec![format!("start a new line before `{glued}`")],
    })
}

fn under_another_name(document: &Document, name: &str) -> Option<Instead> {
    let others = || assigned(document).filter(|other| other.name.text != name);
    let has_name = |it: &&Other| {
        let other = it.name.text.to_ascii_uppercase();
        let is_redis = ["REDIS", "VALKEY"].iter().any(|word| other.contains(word));
        let ends = [
            "URL",
            "URI",
            "DSN",
            "CONNECTION_STRING",
            "CONNECTION",
            "NODES",
            "HOSTS",
        ];
        let is_one = ["REDIS", "VALKEY"].contains(&&*other) || other.contains("CONNECTIONSTRING");
        let is_url = is_one || ends.iter().any(|end| other.ends_with(end));
        is_redis && !other.contains("REST") && is_url
    };
    let has_value = |it: &&Other| {
        let value = plain_value(document, it);
        prose::urls(value).first().is_some_and(|url| url.start == 0)
    };
    let named = others().filter(has_name).find(has_value);
    let other = named
        .or_else(|| others().find(has_value))
        .or_else(|| others().find(has_name))?;
    let value = plain_value(document, other);
    let url = suggestion::url_of_value(value).unwrap_or_else(|| LOCAL_URL.to_owned());
    let there = &other.name.text;
    let mut help = vec![add(name, &url)];
    if there
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    {
        help.push(format!(
            "if it is the one to use: `Check::new().variable(\"{there}\").run()` in `build.rs`, \
             `redis_client!({there})` in the code"
        ));
    }
    Some(Instead {
        at: other.name.span.clone(),
        what: format!("the file has `{there}` instead"),
        help,
    })
}

fn in_parts(document: &Document, name: &str) -> Option<Instead> {
    let url = suggestion::url_of_parts(document)?;
    let is_part = |it: &&Other| {
        let ends = [
            "HOST", "HOSTNAME", "PORT", "SERVER", "ADDR", "ADDRESS", "ENDPOINT",
        ];
        let other = &it.name.text;
        secret::is_of_redis(other) && ends.iter().any(|end| other.ends_with(end))
    };
    let other = assigned(document).find(is_part)?;
    Some(Instead {
        at: other.name.span.clone(),
        what: format!(
            "the file has `{}` instead, and this application reads one URL",
            other.name.text
        ),
        help: vec![add(name, &url)],
    })
}

fn as_a_rest_api(document: &Document, name: &str) -> Option<Instead> {
    let is_rest =
        |it: &&Other| it.name.text.ends_with("REST_URL") || it.name.text.ends_with("REST_API_URL");
    let other = assigned(document).find(is_rest)?;
    let there = &other.name.text;
    Some(Instead {
        at: other.name.span.clone(),
        what: format!("the file has `{there}`, which is for a REST API and not for this client"),
        help: vec![
            add(name, LOCAL_URL),
            "copy the `rediss://` URL from the page of the provider into `.env`".to_owned(),
        ],
    })
}

/// Returns the help that adds the variable.
pub(super) fn add(name: &str, url: &str) -> String {
    format!("add these lines:\n{}", suggestion::assignment(name, url))
}

fn assigned<'a>(document: &'a Document) -> impl Iterator<Item = &'a Other> {
    document.others.iter().filter(|other| other.is_loaded)
}

#[cfg(test)]
mod tests {
    use crate::build::check::Check;
    use crate::build::document_reader;

    #[test]
    fn points_at_what_a_file_has_instead_of_the_variable() {
        for (text, expected) in [
            ("DEBUG=trueREDIS_URL=redis://localhost\n", "REDIS_URL"),
            ("BROKER_URL=redis://a:6379\nREDIS=redis://b:6379\n", "REDIS"),
            ("DATABASE_HOST=a\nREDIS_HOST=b\n", "REDIS_HOST"),
        ] {
            let check = Check::new();
            let requirements = check.requirements(".env.example");
            let document = document_reader::read(text, &requirements);
            let instead = super::of(&document, "REDIS_URL").expect(text);
            assert_eq!(&text[instead.at], expected, "{text}");
        }
    }
}
