//! The input as it may be shown: what is surely no secret, and `***`.

use std::ops::Range;

use super::{parameter_table, scheme};

/// The masked input on one line, and the span of the error in it.
#[derive(Clone)]
pub(super) struct Masked {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// What stands in the place of anything that may be a secret.
pub(super) const MASK: &str = "***";

/// The longest piece that is shown.
const LONGEST: usize = 100;

impl Masked {
    pub(super) fn new(input: &str, span: Range<usize>) -> Masked {
        let mut drawing = Drawing {
            input,
            pieces: Vec::new(),
        };
        if input.len() <= super::LONGEST {
            drawing.whole();
        } else {
            drawing.hide(0..input.len());
        }
        drawing.finish(span)
    }
}

/// Returns the `host:port` of what follows a scheme, if it may be repeated.
pub(super) fn target(rest: &str) -> Option<&str> {
    let (userinfo, rest) = rest.split_at(rest.rfind('@').map_or(0, |at| at + 1));
    if may_end_in_a_secret(userinfo) {
        return None;
    }
    let target = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (host, port) = split_port(target);
    let is_host = !host.is_empty() && host.len() <= LONGEST && host.bytes().all(is_plain);
    (is_host && port.is_none_or(is_short_number)).then_some(target)
}

/// Whether the last `@` or `,` of `text` may stand in the value of a parameter, or in a second
/// password behind the URL: no host follows it then.
fn may_end_in_a_secret(text: &str) -> bool {
    let has_parameter = text.contains('?') && text.contains('=');
    let has_second = text
        .find(['/', '?', '#', '\\'])
        .is_some_and(|end| text[..end].contains('@') && text[end..].contains('@'));
    has_parameter || has_second
}

/// Returns whether a bare text can be nothing but a server's address.
pub(super) fn is_surely_host(target: &str) -> bool {
    let (host, port) = split_port(target);
    let is_ip = host
        .trim_matches(['[', ']'])
        .parse::<std::net::IpAddr>()
        .is_ok();
    let is_name = port.is_some()
        && host.contains('.')
        && host
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b));
    is_ip || is_name || host == "localhost" || host == "redis"
}

/// Splits off the port of a node; brackets hold an IPv6 address.
fn split_port(node: &str) -> (&str, Option<&str>) {
    let from = if node.starts_with('[') {
        node.find(']').unwrap_or(0)
    } else {
        0
    };
    match node[from..].find(':') {
        Some(colon) => (&node[..from + colon], Some(&node[from + colon + 1..])),
        None => (node, None),
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-[]:".contains(&byte)
}

fn is_short_number(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The input cut into pieces that are shown or hidden.
struct Drawing<'a> {
    input: &'a str,
    pieces: Vec<(Range<usize>, bool)>,
}

impl Drawing<'_> {
    fn show(&mut self, range: Range<usize>) {
        self.push(range, true);
    }

    fn hide(&mut self, range: Range<usize>) {
        self.push(range, false);
    }

    fn push(&mut self, range: Range<usize>, shown: bool) {
        if range.is_empty() {
            return;
        }
        let shown = shown && range.len() <= LONGEST;
        match self.pieces.last_mut() {
            Some((last, false)) if !shown => last.end = range.end,
            _ => self.pieces.push((range, shown)),
        }
    }

    fn whole(&mut self) {
        let input = self.input;
        let start = input.len() - input.trim_start().len();
        let end = start + input.trim().len();
        self.show(0..start);
        let text = &input[start..end];
        let scheme = text
            .find(':')
            .filter(|&colon| scheme::is_public(&text[..colon]));
        match scheme {
            Some(colon) if text[colon..].starts_with("://") => {
                self.show(start..start + colon + 3);
                self.rest(start + colon + 3, end, is_unix(&text[..colon]));
            }
            Some(colon) if is_unix(&text[..colon]) => {
                self.show(start..start + colon + 1);
                self.rest(start + colon + 1, end, true);
            }
            Some(colon) => {
                self.show(start..start + colon + 1);
                self.schemeless(start + colon + 1, end);
            }
            None => self.schemeless(start, end),
        }
        self.show(end..input.len());
    }

    /// Shows of a text without a scheme only what can be nothing but a host.
    fn schemeless(&mut self, start: usize, end: usize) {
        let text = &self.input[start..end];
        match target(text) {
            Some(host) if text.contains('@') && host.contains(':') || is_surely_host(host) => {
                let at = text.rfind('@').map_or(0, |at| at + 1);
                self.hide(start..start + at);
                self.show(start + at..start + at + host.len());
                self.hide(start + at + host.len()..end);
            }
            _ => self.hide(start..end),
        }
    }

    fn rest(&mut self, start: usize, end: usize, unix: bool) {
        let text = &self.input[start..end];
        let host = text.rfind('@').map_or(0, |at| at + 1);
        let authority = host
            + text[host..]
                .find(['/', '?', '#', '\\'])
                .unwrap_or(text.len() - host);
        if may_end_in_a_secret(&text[..authority]) {
            return self.hide(start..end);
        }
        self.userinfo(start, &text[..host]);
        let hosts = &text[host..authority];
        if unix {
            self.hide(start + host..start + authority);
        } else {
            self.nodes(start + host, hosts, host > 0);
        }
        let path_end = authority
            + text[authority..]
                .find(['?', '#'])
                .unwrap_or(text.len() - authority);
        let is_public = is_clean(&text[..host]) || unix && hosts.is_empty();
        self.path(start + authority, &text[authority..path_end], is_public);
        let query_end = path_end + text[path_end..].find('#').unwrap_or(text.len() - path_end);
        self.query(start + path_end, &text[path_end..query_end]);
        self.fragment(start + query_end, &text[query_end..]);
    }

    fn userinfo(&mut self, start: usize, userinfo: &str) {
        let end = start + userinfo.len();
        if userinfo.is_empty() {
            return;
        }
        let colon = userinfo.find(':').filter(|_| is_clean(userinfo));
        match colon {
            Some(colon) if is_public_user(&userinfo[..colon]) => {
                self.show(start..start + colon + 1);
                self.hide(start + colon + 1..end - 1);
            }
            _ => self.hide(start..end - 1),
        }
        self.show(end - 1..end);
    }

    fn nodes(&mut self, start: usize, nodes: &str, after_userinfo: bool) {
        let mut at = start;
        for node in nodes.split_inclusive(',') {
            let bare = node.strip_suffix(',').unwrap_or(node);
            let (host, port) = split_port(bare);
            let is_ipv6 = bare.parse::<std::net::Ipv6Addr>().is_ok();
            let is_host = host
                .chars()
                .all(|c| !c.is_ascii() || c.is_ascii_control() || is_plain(c as u8));
            match port {
                _ if is_ipv6 => self.show(at..at + bare.len()),
                None => self.push(at..at + bare.len(), is_host),
                Some(port) => {
                    self.push(at..at + host.len(), is_host);
                    self.show(at + host.len()..at + host.len() + 1);
                    let short = is_short_number(port)
                        || after_userinfo
                            && port.len() <= 20
                            && port.bytes().all(|b| b.is_ascii_digit());
                    self.push(at + host.len() + 1..at + bare.len(), short);
                }
            }
            self.show(at + bare.len()..at + node.len());
            at += node.len();
        }
    }

    fn path(&mut self, start: usize, path: &str, is_public: bool) {
        let mut at = start;
        for segment in path.split_inclusive('/') {
            let bare = segment.strip_suffix('/').unwrap_or(segment);
            let is_word = bare
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
            let is_database = bare.len() <= 3 && is_short_number(bare);
            self.push(at..at + bare.len(), is_database || is_public && is_word);
            self.show(at + bare.len()..at + segment.len());
            at += segment.len();
        }
    }

    fn query(&mut self, start: usize, query: &str) {
        let mut at = start;
        for pair in query.split_inclusive(['?', '&']) {
            let bare = pair.strip_suffix(['?', '&']).unwrap_or(pair);
            match bare.split_once('=') {
                Some((name, _)) if parameter_table::is_known(name) => {
                    self.show(at..at + name.len() + 1);
                    self.hide(at + name.len() + 1..at + bare.len());
                }
                _ => self.push(at..at + bare.len(), parameter_table::is_known(bare)),
            }
            self.show(at + bare.len()..at + pair.len());
            at += pair.len();
        }
    }

    fn fragment(&mut self, start: usize, fragment: &str) {
        if fragment == "#insecure" {
            return self.show(start..start + fragment.len());
        }
        let sign = fragment.len().min(1);
        self.show(start..start + sign);
        self.hide(start + sign..start + fragment.len());
    }

    /// Writes the pieces out, and finds the span again.
    fn finish(self, span: Range<usize>) -> Masked {
        let mut text = String::new();
        let (mut start, mut end) = (None, None);
        for (range, shown) in self.pieces {
            let before = text.len();
            if shown {
                for (index, c) in self.input[range.clone()].char_indices() {
                    if range.start + index >= span.start {
                        start.get_or_insert(text.len());
                    }
                    if range.start + index >= span.end {
                        end.get_or_insert(text.len());
                    }
                    escape(c, &mut text);
                }
            } else {
                if range.end > span.start {
                    start.get_or_insert(before);
                }
                if range.start >= span.end {
                    end.get_or_insert(before);
                }
                text.push_str(MASK);
                if range.end >= span.end && span.end > range.start {
                    end.get_or_insert(text.len());
                }
            }
        }
        let start = start.unwrap_or(text.len());
        let end = end.unwrap_or(text.len()).max(start);
        Masked {
            text,
            span: start..end,
        }
    }
}

fn is_unix(name: &str) -> bool {
    scheme::known(name).is_some_and(|scheme| scheme.kind == super::UrlKind::Unix)
}

/// Returns whether `user:password@` can be told apart for sure.
fn is_clean(userinfo: &str) -> bool {
    let Some(inner) = userinfo.strip_suffix('@') else {
        return false;
    };
    inner.find(':').is_some_and(|colon| colon + 1 < inner.len())
        && !inner.contains(['@', '/', '?', '#', '\\', ' '])
}

fn is_public_user(user: &str) -> bool {
    user.len() <= 64
        && user
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn escape(c: char, text: &mut String) {
    if c == ' ' || c.is_ascii_graphic() {
        text.push(c);
    } else {
        text.extend(c.escape_default());
    }
}
