//! Whether a text looks as if a machine had made it.

use std::ops::Range;

/// Returns whether a text looks as if a machine had made it: long, with letters and digits that
/// change places often.
pub(super) fn looks_random(text: &str) -> bool {
    const SHORTEST: usize = 14;
    let is_joint = |b: u8| !(b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    let mut runs = text.as_bytes().split(|b| is_joint(*b));
    runs.any(|run| run.len() >= SHORTEST && is_random(run)) || is_random_uuid(text)
}

fn is_random_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let lengths = [8, 4, 4, 4, 12];
    let is_uuid = groups.len() == 5
        && groups.iter().zip(lengths).all(|(group, length)| {
            group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit())
        });
    is_uuid && is_random(groups.concat().as_bytes())
}

fn is_random(run: &[u8]) -> bool {
    let class = |b: u8| {
        let is_letter = (b.is_ascii_lowercase(), b.is_ascii_uppercase());
        (b.is_ascii_digit(), is_letter)
    };
    let pairs = || run.windows(2).map(|pair| (pair[0], pair[1]));
    let changes = pairs().filter(|(a, b)| class(*a) != class(*b)).count();
    // `abcdefgh12345678`, `aaaa`
    let orderly = pairs().filter(|(a, b)| a.abs_diff(*b) <= 1).count();
    let digits = run.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = run.iter().filter(|b| b.is_ascii_alphabetic()).count();
    digits >= 2 && letters >= 2 && changes >= (run.len() / 6).max(4) && orderly <= run.len() / 3
}

/// Returns whether a text has both letters and digits, as many passwords do.
pub(super) fn has_letters_and_digits(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && text.contains(char::is_alphabetic)
}

/// Returns where a text has words that look random.
pub(super) fn random_words(text: &str) -> Vec<Range<usize>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/_-".contains(c);
    let mut found = Vec::new();
    let mut start = 0;
    for word in text.split(|c| !is_part(c)) {
        if looks_random(word) {
            found.push(start..start + word.len());
        }
        start += word.len();
        start += text[start..].chars().next().map_or(0, char::len_utf8);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{has_letters_and_digits, looks_random};

    #[test]
    fn tells_a_generated_text_from_words() {
        for text in [
            "AX8kd93ksl2LsPq0",
            "9f86d081884c7d659a2feaa0c55ad015",
            "p4c0b8d1e7f2a9c3b5",
        ] {
            assert!(looks_random(text), "{text}");
        }
        for text in [
            "hunter2",
            "my-redis-cluster-0001-001",
            "ThisIsMyPasswordForRedis",
            "password123",
            "0123456789abcdef0123456789abcdef",
            "abcdefghijklmnop1234",
            "mydatabasename2024prod01",
            "xxxxxxxxxxxxxxxxxxxx",
            "redis-12345.c1.us-east-1-2.ec2.cloud.redislabs.com",
            "correct-horse-battery-staple",
            "9g8h7k6j-1a2b-3c4d-5e6f-7g8h9k1m2n3p",
            "aaa1bbb2ccc3ddd4",
            "thequickbrownfox7jumpedoverthelazydog8whilehercatslepthere9too",
        ] {
            assert!(!looks_random(text), "{text}");
        }
    }

    #[test]
    fn letters_and_digits_are_both_there() {
        for (text, expected) in [
            ("hunter2", true),
            ("ключ7", true),
            ("hunter", false),
            ("6379", false),
        ] {
            assert_eq!(has_letters_and_digits(text), expected, "{text}");
        }
    }
}
