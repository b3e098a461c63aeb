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
    let class = |b: u8| match b {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
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
    use super::looks_random;

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
        ] {
            assert!(!looks_random(text), "{text}");
        }
    }
}
