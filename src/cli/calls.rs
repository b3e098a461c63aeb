//! [`Call`]: an expression that reads a variable of a Redis URL.

use proc_macro2::{Delimiter, Span, TokenTree};

use super::tokens::{self, is_ident, is_one_of, is_path_separator, is_punct};

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.len() <= 64 && text.chars().all(is_part)
}

/// `redis_client!(NAME)` or `Client::from_env("NAME")`.
pub(super) struct Call {
    pub(super) name: String,
    pub(super) start: Span,
    pub(super) end: Span,
    /// Whether it is surely this crate that reads the variable.
    pub(super) is_certain: bool,
}

/// What a file calls this crate, its macro and its type.
pub(super) struct Names<'a> {
    crates: &'a [String],
    macros: Vec<String>,
    clients: Vec<String>,
    /// Whether `Client` is imported from this crate.
    imports_client: bool,
}

impl Names<'_> {
    /// Reads what a file imports from the crate of one of these names.
    pub(super) fn read<'a>(tokens: &[TokenTree], crates: &'a [String]) -> Names<'a> {
        let mut names = Names {
            crates,
            macros: vec!["redis_client".to_owned()],
            clients: vec!["Client".to_owned()],
            imports_client: false,
        };
        tokens::walk(tokens, &mut |tokens| {
            for at in 0..tokens.len() {
                let starts = is_ident(tokens.get(at), "use")
                    && (at + 1..at + 4).any(|at| is_one_of(tokens.get(at), crates));
                if starts {
                    let end = tokens[at..]
                        .iter()
                        .position(|token| is_punct(Some(token), ';'));
                    let end = end.map_or(tokens.len(), |end| at + end);
                    tokens::walk(&tokens[at..end], &mut |tokens| names.import(tokens));
                }
            }
        });
        names
    }

    /// Reads the names that one level of a `use` brings in.
    fn import(&mut self, tokens: &[TokenTree]) {
        for at in 0..tokens.len() {
            let alias = match tokens.get(at + 2) {
                Some(TokenTree::Ident(alias)) if is_ident(tokens.get(at + 1), "as") => {
                    Some(alias.to_string())
                }
                _ => None,
            };
            if is_ident(tokens.get(at), "redis_client") {
                self.macros.extend(alias);
            } else if is_ident(tokens.get(at), "Client") {
                self.imports_client = true;
                self.clients.extend(alias);
            } else if is_punct(tokens.get(at), '*') {
                self.imports_client = true;
            }
        }
    }

    /// Returns the call that starts at this index.
    pub(super) fn call(&self, tokens: &[TokenTree], at: usize) -> Option<Call> {
        let call = self.macro_call(tokens, at);
        call.or_else(|| self.call_of_from_env(tokens, at))
    }

    fn macro_call(&self, tokens: &[TokenTree], at: usize) -> Option<Call> {
        let TokenTree::Ident(ident) = &tokens[at] else {
            return None;
        };
        if !self.macros.iter().any(|name| ident == name) || !is_punct(tokens.get(at + 1), '!') {
            return None;
        }
        let Some(TokenTree::Group(group)) = tokens.get(at + 2) else {
            return None;
        };
        let arguments = tokens::inner(group);
        let name = match &*arguments {
            [] if group.delimiter() != Delimiter::None => "REDIS_URL".to_owned(),
            [TokenTree::Ident(name)] => name.to_string(),
            [TokenTree::Ident(name), comma] if is_punct(Some(comma), ',') => name.to_string(),
            _ => return None,
        };
        Some(Call {
            name,
            start: ident.span(),
            end: group.span_close(),
            is_certain: true,
        })
    }

    fn call_of_from_env(&self, tokens: &[TokenTree], at: usize) -> Option<Call> {
        let TokenTree::Ident(ident) = &tokens[at] else {
            return None;
        };
        let is_call = self.clients.iter().any(|name| ident == name)
            && is_path_separator(tokens, at + 1)
            && is_ident(tokens.get(at + 3), "from_env");
        if !is_call {
            return None;
        }
        let Some(TokenTree::Group(group)) = tokens.get(at + 4) else {
            return None;
        };
        // What is not a name may be a URL with its password.
        let name = tokens::string(tokens::inner(group).first()).filter(|name| is_name(name))?;
        let is_qualified = at >= 3
            && is_path_separator(tokens, at - 2)
            && is_one_of(tokens.get(at - 3), self.crates);
        let is_foreign = at >= 2 && is_path_separator(tokens, at - 2) && !is_qualified;
        Some(Call {
            name,
            start: ident.span(),
            end: group.span_close(),
            is_certain: is_qualified || self.imports_client && !is_foreign,
        })
    }
}
