//! `.env.example` text → findings: name, line, column, what, help.

mod comment;
mod edited;
mod finding;
mod format;
mod lines;
mod mask;
mod page;
mod secret;

pub use self::finding::Finding;
pub use self::format::Format;

use self::lines::Kind;
use self::page::Page;

/// What a `.env.example` is asked for.
pub(crate) struct Asked<'a> {
    /// How the file is called in the report.
    pub(crate) file: &'a str,
    /// The variables beside those whose name ends in `REDIS_URL`.
    pub(crate) variables: &'a [String],
    pub(crate) formats: &'a [Format],
}

/// A documented variable and the line that assigns it, from 1.
pub(crate) type Variable = (String, usize);

/// The lines to start a `.env.example` with: they pass every rule.
pub(crate) fn model(name: &str) -> String {
    format!(
        "# Redis: where this application keeps what it must find fast\n\
         {name}=redis://localhost:6379\n\
         # Or with a password:\n\
         # {name}=redis://:password@localhost:6379\n\
         # Or with TLS:\n\
         # {name}=rediss://:password@host:port"
    )
}

/// Checks the text of a `.env.example` against every rule; the findings come in file order.
pub(crate) fn check(text: &str, asked: &Asked) -> Result<Vec<Variable>, Vec<Finding>> {
    let lines = lines::lines(text);
    let mut page = Page::new(text, &lines, asked);
    for (index, line) in lines.iter().enumerate() {
        match &line.kind {
            Kind::Blank => {}
            Kind::Comment => page.comment(line),
            Kind::Broken => page.broken(line),
            Kind::Assignment(assignment) if page.is_asked(&assignment.name) => {
                page.assignment(&lines[..index], assignment);
            }
            Kind::Assignment(other) => page.secrets(other.written.clone()),
        }
    }
    page.variables();
    page.formats();
    page.finish()
}
