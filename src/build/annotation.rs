//! [`annotation`]: a finding as GitHub Actions shows it beside the line of the file.

use std::iter;

use super::finding::Finding;
use crate::report::{printable, see};

/// Returns the workflow command that annotates `path`, a path from the root of the repository.
///
/// GitHub finds it anywhere in the log, also behind the spaces that cargo puts before each line.
pub(crate) fn annotation(finding: &Finding, path: &str) -> String {
    let place = finding.position().map_or(String::new(), |(line, column)| {
        format!(",line={line},col={column}")
    });
    let explanation = see([finding.code()]);
    let help = finding.help().chain([&*explanation]);
    let help = help.map(|help| format!("\nhelp: {help}"));
    let text: String = iter::once(finding.message().to_owned())
        .chain(help)
        .collect();
    let text: Vec<_> = text.lines().map(printable).collect();
    let text = data(&text.join("\n"));
    let level = if finding.is_warning() {
        "warning"
    } else {
        "error"
    };
    // GitHub separates directories by `/` on every system.
    let file = property(&path.replace('\\', "/"));
    let title = property(finding.code());
    format!("::{level} file={file}{place},title={title}::{text}\n")
}

/// Escapes the text of a workflow command, which is one line.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::annotation;
    use crate::build::finding::Finding;

    #[test]
    fn an_annotation_is_one_line_whatever_the_texts_hold() {
        let finding = Finding::new("missing_file", ".env.example", "50 % of it\nis missing")
            .with_help("write these lines:\nA=1");
        assert_eq!(
            annotation(&finding, "a,b:c\\.env.example"),
            "::error file=a%2Cb%3Ac/.env.example,title=missing_file::50 %25 of it%0Ais missing%0A\
             help: write these lines:%0AA=1%0A\
             help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missing_file\n"
        );
    }
}
