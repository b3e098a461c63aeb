//! The passes over the query: form, names, what is refused, duplicates, values.

use super::codes::{self, Problem};
use super::diagnostic::{Diagnostic, Parsed};
use super::foreign_parameters::FOREIGN;
use super::kind::UrlKind;
use super::parameters::{Known, PARAMETERS, Parameters, Scope, TOLERATED, Value};
use super::percent::decode_query;
use super::spanned::Spanned;

/// Returns the name that all spellings have in common; of an ignored parameter there is only one.
fn meant(Known { name, row }: Known) -> &'static str {
    match row.scope {
        Scope::Ignored => name,
        _ => row.names.split(' ').next().unwrap_or(name),
    }
}

/// Returns every known name, ours first.
fn all() -> impl Iterator<Item = Known> {
    let rows = PARAMETERS.iter().chain(&TOLERATED).chain(&FOREIGN);
    let is_name = |word: &&str| !word.ends_with(':'); // else it heads the names of one client
    rows.flat_map(move |row| {
        let names = row.names.split_whitespace().filter(is_name);
        names.map(move |name| Known { name, row })
    })
}

/// Finds a parameter by one of its names.
pub(super) fn find(name: &str) -> Option<Known> {
    all().find(|known| known.name == name)
}

/// One `name=value` of the query.
struct Pair<'a> {
    name: Spanned<'a>,
    value: Value<'a>,
}

impl Pair<'_> {
    fn error(&self, problem: Problem) -> Diagnostic {
        self.name.error(problem).about(self.value.known.name)
    }
}

/// Parses the query in passes: form, names, what is refused, duplicates, values.
pub(super) fn parse(kind: UrlKind, query: Option<Spanned<'_>>) -> Parsed<Parameters<'_>> {
    let mut parameters = Parameters::default();
    let mut pieces = Vec::new();
    let all_pieces = query.into_iter().flat_map(|query| query.split('&'));
    for piece in all_pieces.filter(|piece| !piece.is_empty()) {
        let without_value = (piece, piece.from(piece.text.len()));
        let (name, value) = piece.split_once('=').unwrap_or(without_value);
        check_form(piece, name, value)?;
        pieces.push((name, value));
    }
    let pairs = recognize(&pieces)?;
    for pair in &pairs {
        if let Some(problem) = pair.value.known.row.scope.refusal(kind) {
            return Err(pair.error(problem));
        }
    }
    check_duplicates(&pairs)?;
    for pair in pairs {
        (pair.value.known.row.set)(&mut parameters, pair.value)?;
    }
    let is_login = kind != UrlKind::Unix && parameters.password.is_some();
    if is_login || parameters.settings.sentinel_password.is_some() {
        parameters.warnings.push(codes::PASSWORD_IN_QUERY);
    }
    if !parameters.ignored.is_empty() {
        parameters.warnings.push(codes::FOREIGN_PARAM);
    }
    Ok(parameters)
}

/// A pair has a name, a `=` and a value, unless it is ignored anyway; `;` separates nothing.
fn check_form(piece: Spanned<'_>, name: Spanned<'_>, value: Spanned<'_>) -> Parsed<()> {
    if let Some(index) = piece.text.find(';') {
        return Err(piece.char_at(index).error(codes::SEMICOLON));
    }
    let is_name_byte = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b);
    let is_name = name.text.bytes().all(is_name_byte);
    let is_ignored = |known: Known| matches!(known.row.scope, Scope::Ignored);
    let says_nothing = value.is_empty() && is_name && !find(name.text).is_some_and(is_ignored);
    piece.refuse_if(says_nothing, codes::EMPTY_PARAM)
}

/// No more unknown names than this are compared with the known ones.
const MOST_UNKNOWN: usize = 16;

fn recognize<'a>(pieces: &[(Spanned<'a>, Spanned<'a>)]) -> Parsed<Vec<Pair<'a>>> {
    let mut pairs = Vec::with_capacity(pieces.len());
    let mut unknown = Vec::new();
    for &(name, raw) in pieces {
        let decoded = decode_query(name)?;
        match find(&decoded) {
            Some(known) => {
                let value = Value { known, raw };
                pairs.push(Pair { name, value });
            }
            None if unknown.len() == MOST_UNKNOWN => break,
            None => unknown.push((decoded, name)),
        }
    }
    let Some((_, first)) = unknown.first() else {
        return Ok(pairs);
    };
    let similar = |(name, part): &(String, Spanned<'_>)| misspelt(name, *part);
    let misspelt = unknown.iter().find_map(similar);
    Err(misspelt.unwrap_or_else(|| first.error(codes::UNKNOWN_PARAM)))
}

/// Finds the known parameter whose name is the most similar. Only a name that resembles a known one
/// is repeated: any other may be the rest of a secret.
fn misspelt(name: &str, part: Spanned<'_>) -> Option<Diagnostic> {
    if !name.is_ascii() {
        return None;
    }
    let allowed = (name.len() / 4).clamp(1, 3);
    // No distance is smaller than the difference of the lengths.
    let may_be_near = |known: &Known| known.name.len().abs_diff(name.len()) <= allowed;
    let (_, near) = all()
        .filter(may_be_near)
        .map(|known| (distance(name, known.name), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)?;
    let error = part.error(codes::MISSPELT_PARAM).about(name.to_owned());
    Some(error.suggest(near.name))
}

/// The Levenshtein distance of two short ASCII texts, in any case.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(!left.eq_ignore_ascii_case(&right));
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn check_duplicates(pairs: &[Pair<'_>]) -> Parsed<()> {
    // Except for `node`, a repetition comes within the length of the table.
    for (index, pair) in pairs.iter().enumerate() {
        let meaning = meant(pair.value.known);
        let same = |earlier: &Pair<'_>| meant(earlier.value.known) == meaning;
        if meaning != "node" && pairs[..index].iter().any(same) {
            return Err(pair.error(codes::DUPLICATE_PARAM));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn the_distance_counts_what_is_replaced_left_out_and_added() {
        for (a, b, expected) in [
            ("deadline", "DeadLine", 0),
            ("deadline", "deadlime", 1),
            ("deadline", "eadline", 1),
            ("deadline", "deadlines", 1),
            ("deadline", "", 8),
            ("", "deadline", 8),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
            ("abc", "xabcyz", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a:?} to {b:?}");
            assert_eq!(distance(b, a), expected, "{b:?} to {a:?}");
        }
    }
}
