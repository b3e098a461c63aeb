//! Whether a file says what a variable is for.

use super::document::{Document, Name};
use crate::dotenv::{LineKind, commented_assignment};

/// How comments for tools start.
const FOR_TOOLS: [&str; 8] = [
    "!",
    "-*-",
    "vim:",
    "shellcheck ",
    "eslint-",
    "prettier-",
    "dotenv-linter:",
    "yaml-language-server:",
];
/// Words that explain nothing where they stand alone.
const REMINDERS: [&str; 6] = ["todo", "fixme", "xxx", "env", "tbd", "wip"];
/// What joins several things in a heading.
const JOINS: [&str; 14] = [
    ",", "&", "+", "/", " and ", " or ", " und ", " oder ", " y ", " o ", "、", "，", "和", "と",
];
/// What Redis is for, in a heading.
const PURPOSES: [&str; 16] = [
    "redis",
    "valkey",
    "cache",
    "caching",
    "session",
    "queue",
    "jobs",
    "sitzung",
    "warteschlange",
    "sesion",
    "sesión",
    "cola",
    "缓存",
    "队列",
    "キャッシュ",
    "セッション",
];
/// Words of a name that say nothing of the group it belongs to.
const COMMON_WORDS: [&str; 8] = ["URL", "URI", "HOST", "PORT", "NAME", "KEY", "ID", "APP"];

/// A group of variables has no more lines than these.
const LONGEST_GROUP: usize = 100;

/// Returns whether a comment says what `name` is for: beside it, above it, by its name at any place, or as
/// the heading of the group it stands in.
pub(super) fn explains(document: &Document, name: &Name) -> bool {
    is_explained_beside(document, name)
        || is_explained_above(document, name)
        || heading(document, name).is_some_and(|heading| heads(heading, &name.text))
        || is_explained_below(document, name)
        || document.explained_names.contains(&*name.text)
}

/// `# ^ where sessions are`
fn is_explained_below(document: &Document, name: &Name) -> bool {
    document.lines.get(name.index + 1).is_some_and(|line| {
        let text = document.text(&line.span);
        let inside = text.trim_start_matches(['#', ' ']);
        matches!(line.kind, LineKind::Comment) && inside.starts_with(['^', '↑']) && has_words(text)
    })
}

fn is_explained_beside(document: &Document, name: &Name) -> bool {
    let line = &document.lines[name.index];
    let text = document.text(&(name.span.start..line.span.end));
    match &line.kind {
        // Behind a value of several lines it is not in the line of the name.
        LineKind::Assignment(assignment) => assignment
            .comment
            .is_some_and(|at| has_words(document.text(&(at..line.span.end.max(at))))),
        LineKind::Comment => text
            .find(char::is_whitespace)
            .is_some_and(|at| has_words(&text[at..])),
        LineKind::Blank | LineKind::Broken(_) => false,
    }
}

/// A comment right above it, blank lines and variables of the same group left aside.
fn is_explained_above(document: &Document, name: &Name) -> bool {
    let above = document.lines[..name.index].iter().rev();
    for line in above.take(LONGEST_GROUP) {
        let text = document.text(&line.span);
        let other = match &line.kind {
            LineKind::Comment if has_words(text) => return true,
            LineKind::Blank => continue,
            LineKind::Comment => commented_assignment(text).map(|other| &text[other.name]),
            LineKind::Assignment(other) => Some(document.text(&other.written.name)),
            LineKind::Broken(_) => return false,
        };
        if other.is_some_and(|other| !is_of_one_group(other, &name.text)) {
            return false;
        }
    }
    false
}

/// Returns the comment above the lines that stand together with the variable.
fn heading<'a>(document: &Document<'a>, name: &Name) -> Option<&'a str> {
    let above = document.lines[..name.index]
        .iter()
        .rev()
        .take(LONGEST_GROUP);
    let mut together = above.take_while(|line| !matches!(line.kind, LineKind::Blank));
    let heading = together.find(|line| matches!(line.kind, LineKind::Comment))?;
    Some(document.text(&heading.span))
}

/// Returns whether a heading is that of a section or of several services, with the one of the variable
/// among them.
fn heads(heading: &str, name: &str) -> bool {
    let lower = heading.to_lowercase();
    let mut named = words(name).map(str::to_lowercase);
    let names_it = named.any(|word| lower.contains(&word))
        || PURPOSES.iter().any(|purpose| lower.contains(purpose));
    let is_section = ["##", "==", "--", "**", "──", "━━"]
        .iter()
        .any(|mark| heading.contains(mark));
    let is_list = JOINS.iter().any(|join| lower.contains(join));
    has_words(heading) && names_it && (is_section || is_list)
}

/// Returns whether two names have a word in common, such as `REDIS`.
fn is_of_one_group(one: &str, other: &str) -> bool {
    words(one).any(|word| words(other).any(|it| it == word))
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    let words = name.split('_').filter(|word| word.len() > 1);
    words.filter(|word| !COMMON_WORDS.contains(word))
}

/// Returns whether a comment is written for a reader: not a commented assignment, not the name of a
/// file, not a line for a tool.
fn has_words(comment: &str) -> bool {
    let text = comment.trim_start_matches(['#', ' ', '\t']).to_lowercase();
    let is_for_a_tool = FOR_TOOLS.iter().any(|start| text.starts_with(start));
    let words = text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '.');
    let is_alone = !words.trim_end().contains(char::is_whitespace);
    let is_file = is_alone && words.starts_with('.');
    let is_reminder = is_alone && REMINDERS.contains(&words.trim_end_matches([':', '.', ' ']));
    words.contains(char::is_alphabetic)
        && !(is_for_a_tool || is_file || is_reminder)
        && commented_assignment(comment).is_none()
}

#[cfg(test)]
mod tests {
    use super::is_of_one_group;

    #[test]
    fn names_of_one_group_have_a_word_in_common_that_says_something() {
        for (one, other, expected) in [
            ("REDIS_URL", "REDIS_PASSWORD", true),
            ("CACHE_REDIS_URL", "REDIS_DB", true),
            ("REDIS_URL", "DATABASE_URL", false),
            ("A_REDIS_URL", "A_KEY", false),
        ] {
            assert_eq!(is_of_one_group(one, other), expected, "{one} {other}");
        }
    }
}
