//! Rust source as tokens, of proc-macro2 and not of syn: a call may stand inside of another macro, such as
//! `select!`, whose content has no syntax tree.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Returns the tokens of a file, or `None` where it is not Rust.
pub(super) fn read(text: &str) -> Option<Vec<TokenTree>> {
    let text = text.trim_start_matches('\u{feff}');
    let tokens = text.parse::<TokenStream>().ok()?;
    Some(tokens.into_iter().collect())
}

/// Calls `visit` for the tokens themselves and for those of every group in them.
pub(super) fn walk(tokens: &[TokenTree], visit: &mut impl FnMut(&[TokenTree])) {
    visit(tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            walk(&inner(group), visit);
        }
    }
}

pub(super) fn inner(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

pub(super) fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if *ident == name)
}

pub(super) fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// Returns whether the token is one of these names.
pub(super) fn is_one_of(token: Option<&TokenTree>, names: &[String]) -> bool {
    names.iter().any(|name| is_ident(token, name))
}

/// Returns whether `::` starts at this index.
pub(super) fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

/// Returns the tokens in round brackets.
pub(super) fn arguments(token: Option<&TokenTree>) -> Option<Vec<TokenTree>> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            Some(inner(group))
        }
        _ => None,
    }
}

/// Returns the text of a string literal without escapes.
pub(super) fn string(token: Option<&TokenTree>) -> Option<String> {
    let Some(TokenTree::Literal(literal)) = token else {
        return None;
    };
    let literal = literal.to_string();
    let raw = literal.trim_start_matches('r').trim_matches('#');
    let text = raw.strip_prefix('"')?.strip_suffix('"')?;
    let is_escaped = !literal.starts_with('r') && text.contains('\\');
    (!is_escaped).then(|| text.to_owned())
}
