//! The input as it may be shown: what is surely no secret, and `***`.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::foreign;
use super::kind::UrlKind;
use super::query;
use super::scheme;
use super::spanned::Spanned;
use super::split::{LONGEST_URL, Split, is_host_byte, is_short_number, split, split_port};

/// What stands in the place of anything that may be a secret.
pub(super) const MASK: &str = "***";

/// The longest piece that is shown, in bytes.
const LONGEST_PIECE: usize = 100;

/// No more nodes, segments or parameters than this are shown.
const MOST_ITEMS: usize = 32;

/// The redacted input on one line, and the span of the error in it.
#[derive(Clone)]
pub(super) struct Redaction {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

impl Redaction {
    pub(super) fn new(input: &str, span: Range<usize>) -> Redaction {
        let mut writer = Writer {
            text: String::new(),
            wanted: span,
            span: 0..0,
            is_found: false,
        };
        writer.redact(input);
        Redaction {
            text: writer.text,
            span: writer.span,
        }
    }
}

/// Writes the pieces of the input in their order, and finds the span of the error again.
struct Writer {
    text: String,
    /// The span in the input.
    wanted: Range<usize>,
    /// The span in the text.
    span: Range<usize>,
    is_found: bool,
}

impl Writer {
    fn redact(&mut self, input: &str) {
        let whole = Spanned::trimmed(input);
        let at = |range: Range<usize>| Spanned {
            text: &input[range.clone()],
            start: range.start,
        };
        self.show(at(0..whole.start));
        let is_read = input.len() <= LONGEST_URL;
        match is_read.then(|| behind_scheme(whole)).flatten() {
            Some((rest, is_unix)) => {
                self.show(at(whole.start..rest.start));
                match split(rest) {
                    Ok(split) => self.parts(&split, is_unix),
                    Err(_) => self.hide(rest),
                }
            }
            None => self.hide(whole),
        }
        self.show(at(whole.end()..input.len()));
    }

    fn parts(&mut self, split: &Split<'_>, is_unix: bool) {
        let has_password = split
            .userinfo
            .is_some_and(|userinfo| self.userinfo(userinfo));
        if is_unix {
            self.hide(split.hosts);
        } else {
            self.nodes(split.hosts, split.userinfo.is_some());
        }
        // Without a password before it, the path may be the end of one.
        let is_public = has_password || is_unix && split.hosts.is_empty();
        self.path(split.path, is_public);
        if let Some(query) = split.query {
            self.write("?", query.start - 1);
            self.query(query);
        }
        if let Some(fragment) = split.fragment {
            self.write("#", fragment.start - 1);
            self.show_if(fragment, fragment.text == "insecure");
        }
    }

    /// Returns whether the userinfo is a user name and a password.
    fn userinfo(&mut self, userinfo: Spanned<'_>) -> bool {
        let pair = userinfo
            .split_once(':')
            .filter(|(_, password)| !password.is_empty());
        match pair {
            Some((user, password)) if user.text.len() <= 64 && is_word(user.text) => {
                self.show(user);
                self.write(":", user.end());
                self.hide(password);
            }
            _ => self.hide(userinfo),
        }
        self.write("@", userinfo.end());
        pair.is_some()
    }

    fn nodes(&mut self, hosts: Spanned<'_>, is_after_userinfo: bool) {
        self.list(hosts, ',', |writer, node| {
            if node.text.parse::<Ipv6Addr>().is_ok() {
                return writer.show(node);
            }
            let (host, port) = split_port(node.text);
            // What is outside of ASCII is escaped, and is often the mistake.
            let is_public = |b: u8| !b.is_ascii() || b.is_ascii_control() || is_host_byte(b);
            writer.show_if(node.to(host.len()), host.bytes().all(is_public));
            if let Some(port) = port {
                writer.write(":", node.start + host.len());
                let is_number = port.len() <= 20 && port.bytes().all(|b| b.is_ascii_digit());
                let is_port = is_short_number(port) || is_after_userinfo && is_number;
                writer.show_if(node.from(host.len() + 1), is_port);
            }
        });
    }

    fn path(&mut self, path: Spanned<'_>, is_public: bool) {
        self.list(path, '/', |writer, segment| {
            let is_database = segment.text.len() <= 3 && is_short_number(segment.text);
            writer.show_if(segment, is_database || is_public && is_word(segment.text));
        });
    }

    /// Shows the names of known parameters, and no value.
    fn query(&mut self, query: Spanned<'_>) {
        self.list(query, '&', |writer, pair| match pair.split_once('=') {
            Some((name, value)) if query::is_known(name.text) => {
                writer.show(name);
                writer.write("=", name.end());
                writer.hide(value);
            }
            _ => writer.show_if(pair, query::is_known(pair.text)),
        });
    }

    /// Writes the items of a list and the separators between them.
    fn list<'a>(
        &mut self,
        list: Spanned<'a>,
        separator: char,
        mut item: impl FnMut(&mut Writer, Spanned<'a>),
    ) {
        for (index, part) in list.split(separator).enumerate() {
            if index == MOST_ITEMS {
                return self.hide(list.from(part.start - list.start));
            }
            if index > 0 {
                self.show(list.char_at(part.start - list.start - 1));
            }
            item(self, part);
        }
    }

    fn show_if(&mut self, part: Spanned<'_>, is_public: bool) {
        if is_public {
            self.show(part);
        } else {
            self.hide(part);
        }
    }

    fn show(&mut self, part: Spanned<'_>) {
        if part.text.len() > LONGEST_PIECE {
            return self.hide(part);
        }
        for (index, c) in part.text.char_indices() {
            let from = self.text.len();
            if c == ' ' || c.is_ascii_graphic() {
                self.text.push(c);
            } else {
                self.text.extend(c.escape_default());
            }
            let start = part.start + index;
            self.mark(start..start + c.len_utf8(), from);
        }
    }

    /// Writes a separator that stands at `start` in the input.
    fn write(&mut self, text: &str, start: usize) {
        self.show(Spanned { text, start });
    }

    fn hide(&mut self, part: Spanned<'_>) {
        if part.is_empty() {
            return;
        }
        if !self.text.ends_with(MASK) {
            self.text.push_str(MASK);
        }
        self.mark(part.span(), self.text.len() - MASK.len());
    }

    /// Notes that the text from `from` on was written for `range` of the input.
    fn mark(&mut self, range: Range<usize>, from: usize) {
        let to = self.text.len();
        if range.end <= self.wanted.start {
            self.span = to..to;
        } else if range.start < self.wanted.end {
            let start = if self.is_found { self.span.start } else { from };
            self.span = start..to;
            self.is_found = true;
        }
    }
}

/// Returns what follows a scheme that may be shown, and whether it is that of a socket.
fn behind_scheme(whole: Spanned<'_>) -> Option<(Spanned<'_>, bool)> {
    let (name, rest) = whole.split_once(':')?;
    let scheme = scheme::known(name.text);
    let is_unix = scheme.is_some_and(|scheme| scheme.kind == UrlKind::Unix);
    if rest.text.starts_with("//") && (scheme.is_some() || foreign::scheme(name.text).is_some()) {
        return Some((rest.from(2), is_unix));
    }
    (is_unix && rest.text.starts_with('/')).then_some((rest, true))
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
