//! The input as it may be shown: what is surely no secret, and `***`.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::foreign;
use super::kind::UrlKind;
use super::query;
use super::redis_url::MASK;
use super::scheme;
use super::spanned::Spanned;
use super::split::{LONGEST_URL, Split, split};

/// The longest piece that is shown, in bytes.
const LONGEST_PIECE: usize = 100;

/// No more nodes, segments or parameters than this are shown.
const MOST_ITEMS: usize = 32;

/// The redacted input on one line, and the span of the error in it.
#[derive(Clone, Default)]
pub(super) struct Redaction {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

impl Redaction {
    pub(super) fn new(input: &str, wanted: &Range<usize>) -> Redaction {
        let mut redaction = Redaction::default();
        let mut at = 0;
        for piece in Public::pieces_of(input) {
            if piece.text.len() <= LONGEST_PIECE {
                redaction.write(at..piece.start, MASK, wanted);
                redaction.show(piece, wanted);
                at = piece.end();
            }
        }
        redaction.write(at..input.len(), MASK, wanted);
        redaction
    }

    fn show(&mut self, piece: Spanned<'_>, wanted: &Range<usize>) {
        for (index, c) in piece.text.char_indices() {
            let start = piece.start + index;
            let range = start..start + c.len_utf8();
            self.write(range, &c.escape_default().to_string(), wanted);
        }
    }

    /// Writes `text` for `range` of the input, and moves or widens the span if it is wanted.
    fn write(&mut self, range: Range<usize>, text: &str, wanted: &Range<usize>) {
        if range.is_empty() {
            return;
        }
        let from = self.text.len();
        self.text.push_str(text);
        let to = self.text.len();
        if range.end <= wanted.start {
            self.span = to..to;
        } else if range.start < wanted.end {
            let is_first = self.span.is_empty();
            self.span = if is_first { from } else { self.span.start }..to;
        }
    }
}

/// The pieces of the input that are surely no secret, in their order.
struct Public<'a> {
    input: &'a str,
    pieces: Vec<Spanned<'a>>,
}

impl<'a> Public<'a> {
    fn pieces_of(input: &'a str) -> Vec<Spanned<'a>> {
        let whole = Spanned::trimmed(input);
        let mut public = Public {
            input,
            pieces: Vec::new(),
        };
        public.show(0..whole.start);
        if input.len() <= LONGEST_URL
            && let Some((rest, is_unix)) = behind_scheme(whole)
        {
            public.show(whole.start..rest.start);
            if let Ok(split) = split(rest) {
                public.show_parts(&split, is_unix);
            }
        }
        public.show(whole.end()..input.len());
        public.pieces
    }

    fn show(&mut self, range: Range<usize>) {
        self.pieces.push(Spanned::at(self.input, range));
    }

    fn show_if(&mut self, part: Spanned<'a>, is_public: bool) {
        if is_public {
            self.pieces.push(part);
        }
    }

    /// Shows the separator in front of a part.
    fn show_before(&mut self, part: Spanned<'a>) {
        self.show(part.start - 1..part.start);
    }

    fn show_parts(&mut self, split: &Split<'a>, is_unix: bool) {
        let mut has_password = false;
        if let Some(userinfo) = split.userinfo {
            has_password = self.show_user(userinfo);
            self.show_before(split.hosts);
        }
        if !is_unix {
            self.show_nodes(split.hosts, split.userinfo.is_some());
        }
        // Without a password before it, the path may be the end of one.
        let is_public = has_password || is_unix && split.hosts.is_empty();
        self.show_list(split.path, '/', |public, segment| {
            let is_segment = is_number(segment.text, 3) || is_public && is_word(segment.text);
            public.show_if(segment, is_segment);
        });
        if let Some(query) = split.query {
            self.show_before(query);
            self.show_names(query);
        }
        if let Some(fragment) = split.fragment {
            self.show_before(fragment);
            self.show_if(fragment, fragment.text == "insecure");
        }
    }

    /// Returns whether the userinfo is a user name and a password.
    fn show_user(&mut self, userinfo: Spanned<'a>) -> bool {
        let Some((user, password)) = userinfo.split_once(':') else {
            return false;
        };
        if !password.is_empty() && user.text.len() <= 64 && is_word(user.text) {
            self.pieces.push(user);
            self.show_before(password);
        }
        !password.is_empty()
    }

    fn show_nodes(&mut self, hosts: Spanned<'a>, is_after_userinfo: bool) {
        self.show_list(hosts, ',', |public, node| {
            if node.text.parse::<Ipv6Addr>().is_ok() {
                return public.pieces.push(node);
            }
            let (host, port) = split_port(node);
            // What is outside of ASCII is escaped, and is often the mistake.
            let is_ascii_host = |c: char| c.is_ascii_alphanumeric() || "._-[]:".contains(c);
            let is_host = |c: char| !c.is_ascii() || c.is_ascii_control() || is_ascii_host(c);
            public.show_if(host, host.text.chars().all(is_host));
            if let Some(port) = port {
                let longest = if is_after_userinfo { 20 } else { 5 };
                public.show_before(port);
                public.show_if(port, is_number(port.text, longest));
            }
        });
    }

    /// Shows the names of known parameters, and no value.
    fn show_names(&mut self, query: Spanned<'a>) {
        let is_parameter = |name: Spanned<'_>| query::find(name.text).is_some();
        self.show_list(query, '&', |public, pair| match pair.split_once('=') {
            Some((name, value)) if is_parameter(name) => {
                public.pieces.push(name);
                public.show_before(value);
            }
            _ => public.show_if(pair, is_parameter(pair)),
        });
    }

    /// Shows the separators of a list, and what `show` shows of its items.
    fn show_list(
        &mut self,
        list: Spanned<'a>,
        separator: char,
        show: impl Fn(&mut Public<'a>, Spanned<'a>),
    ) {
        for (index, item) in list.split(separator).take(MOST_ITEMS).enumerate() {
            if index > 0 {
                self.show_before(item);
            }
            show(self, item);
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
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    text.chars().all(is_allowed)
}

fn is_number(text: &str, longest: usize) -> bool {
    text.len() <= longest && text.bytes().all(|b| b.is_ascii_digit())
}

/// Splits off the port of a node; brackets hold an IPv6 address.
fn split_port(node: Spanned<'_>) -> (Spanned<'_>, Option<Spanned<'_>>) {
    let is_bracketed = node.text.starts_with('[');
    let from = node.text.find(']').filter(|_| is_bracketed).unwrap_or(0);
    let (_, port) = node.from(from).cut(':');
    let end = port.map_or(node.text.len(), |port| port.start - 1 - node.start);
    (node.to(end), port)
}
