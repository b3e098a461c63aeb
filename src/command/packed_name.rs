//! A command's name as two integers, to be compared and hashed in a few instructions.

/// The name of a command or subcommand in upper case.
///
/// Two names of up to [`PackedName::EXACT`] bytes are equal exactly if they are packed equally. Of a
/// longer name only the first 8 and last 8 bytes are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PackedName {
    first: u64,
    last: u64,
    length: usize,
    /// The [`hash`](PackedName::hash) of the command that a subcommand belongs to; 0 for a command.
    container: u64,
}

impl PackedName {
    /// Longest name, in bytes, that is packed without loss.
    pub(super) const EXACT: usize = 16;

    pub(super) const fn of_command(name: &[u8]) -> PackedName {
        PackedName::new(name, 0)
    }

    pub(super) const fn of_subcommand(self, name: &[u8]) -> PackedName {
        PackedName::new(name, self.hash())
    }

    #[inline]
    const fn new(name: &[u8], container: u64) -> PackedName {
        let (first, last) =
            if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
                (
                    upper_case(u64::from_le_bytes(*first)),
                    upper_case(u64::from_le_bytes(*last)),
                )
            } else {
                (upper_case(pack_up_to_7_bytes(name)), 0)
            };
        PackedName {
            first,
            last,
            length: name.len(),
            container,
        }
    }

    /// Returns a hash whose upper bits are the best.
    pub(super) const fn hash(self) -> u64 {
        // 2^64 divided by the golden ratio: Fibonacci hashing.
        (self.first ^ self.last.rotate_left(29) ^ self.container)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
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

/// Returns eight bytes at once as [`u8::to_ascii_uppercase`] returns each.
#[inline]
const fn upper_case(bytes: u64) -> u64 {
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let seven_bits = bytes & each(0x7F);
    // The upper bit of each byte says whether it is at least `a`, or more than `z`.
    let from_a = seven_bits + each(0x80 - b'a');
    let behind_z = seven_bits + each(0x7F - b'z');
    let lower_case = from_a & !behind_z & !bytes & each(0x80);
    bytes ^ (lower_case >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_case_is_that_of_ascii() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut bytes = *b"aZ{@z`[\xff";
                bytes[place] = byte;
                let upper = upper_case(u64::from_le_bytes(bytes)).to_le_bytes();
                assert_eq!(upper[..], bytes.to_ascii_uppercase(), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn names_up_to_16_bytes_are_packed_without_loss() {
        let name = b"ABCDEFGHIJKLMNOP";
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
