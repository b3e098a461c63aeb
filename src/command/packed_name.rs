//! A command's name as integers, to be compared and hashed in a few instructions.

/// The name of a command or subcommand in upper case.
///
/// Two names of up to [`PackedName::MAX`] bytes are equal exactly if they are packed equally, and no
/// longer name equals one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PackedName {
    first: u64,
    middle: u64,
    last: u64,
    /// The length in the lowest byte; above it the upper bits of the [`hash`](PackedName::hash) of the
    /// command that a subcommand belongs to.
    tag: u64,
}

impl PackedName {
    /// Longest name, in bytes, that is packed without loss.
    const MAX: usize = 24;

    /// # Panics
    ///
    /// If a name of the table is too long; the compiler says so.
    pub(super) const fn assert_without_loss(self) {
        let length = self.tag & LENGTH;
        assert!(0 < length && length <= PackedName::MAX as u64);
    }

    pub(super) const fn of_command(name: &[u8]) -> PackedName {
        PackedName::new(name, 0)
    }

    pub(super) const fn of_subcommand(self, name: &[u8]) -> PackedName {
        PackedName::new(name, self.hash() & !LENGTH)
    }

    #[inline]
    const fn new(name: &[u8], container: u64) -> PackedName {
        let (first, middle, last) = match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => (pack(*first), middle(name), pack(*last)),
            _ => (upper_case(pack_up_to_7_bytes(name)), 0, 0),
        };
        let length = if name.len() > PackedName::MAX {
            LENGTH
        } else {
            name.len() as u64
        };
        PackedName {
            first,
            middle,
            last,
            tag: container | length,
        }
    }

    /// Returns a hash, the upper bits of which are spread best.
    #[inline]
    pub(super) const fn hash(self) -> u64 {
        // 2^64 divided by the golden ratio: Fibonacci hashing.
        (self.first ^ self.last.rotate_left(29) ^ self.tag).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// The bits of a tag that are the length of the name, all of them set for a longer one.
const LENGTH: u64 = 0xFF;

#[inline]
const fn pack(bytes: [u8; 8]) -> u64 {
    upper_case(u64::from_le_bytes(bytes))
}

/// Returns the bytes that are neither among the first 8 nor the last 8.
#[inline]
const fn middle(name: &[u8]) -> u64 {
    match name.split_at_checked(8) {
        Some((_, rest)) if name.len() > 16 => match rest.first_chunk() {
            Some(middle) => pack(*middle),
            None => 0,
        },
        _ => 0,
    }
}

#[inline]
const fn pack_up_to_7_bytes(name: &[u8]) -> u64 {
    match *name {
        [] => 0,
        [one] => one as u64,
        [one, two] => one as u64 | (two as u64) << 8,
        [one, two, three] => one as u64 | (two as u64) << 8 | (three as u64) << 16,
        [one, two, three, four, ..] => {
            let first = u32::from_le_bytes([one, two, three, four]);
            let last = match name.last_chunk() {
                Some(last) => u32::from_le_bytes(*last),
                None => 0,
            };
            first as u64 | (last as u64) << 32
        }
    }
}

/// Returns eight bytes at once, letters in upper case.
///
/// It clears one bit of every byte. That also makes `-` and a carriage return equal, but not two letters:
/// a name that is mistaken for another is one that no server knows.
#[inline]
const fn upper_case(bytes: u64) -> u64 {
    bytes & u64::from_le_bytes([!0x20; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_packed_in_upper_case_and_differ_from_all_else() {
        let letters = (b'A'..=b'Z').map(|letter| (letter, letter.to_ascii_lowercase()));
        for (upper, lower) in letters {
            let packed = PackedName::of_command(&[upper]);
            for byte in 0..=u8::MAX {
                let is_equal = PackedName::of_command(&[byte]) == packed;
                assert_eq!(is_equal, [upper, lower].contains(&byte), "{upper}, {byte}");
            }
        }
    }

    #[test]
    fn names_up_to_24_bytes_are_packed_without_loss() {
        let name = b"ABCDEFGHIJKLMNOPQRSTUVWX";
        for length in 1..=name.len() {
            let packed = PackedName::of_command(&name[..length]);
            let lower_case = name[..length].to_ascii_lowercase();
            assert_eq!(PackedName::of_command(&lower_case), packed);
            assert_ne!(
                PackedName::of_command(&[&name[..length], b"\0"].concat()),
                packed
            );
            assert_ne!(packed.of_subcommand(&name[..length]), packed);
            for place in 0..length {
                let mut other = lower_case.clone();
                other[place] = b'-';
                assert_ne!(PackedName::of_command(&other), packed, "{length}, {place}");
            }
        }
    }
}
