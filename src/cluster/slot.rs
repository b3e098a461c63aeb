//! Hash slots: which part of a cluster's keys a key belongs to.

/// CRC-16/XMODEM of each byte. A test compares the slots with those of a server, so that these lines
/// need no dependency.
const CRC: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte: u16 = 0;
    while byte < 256 {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ (0x1021 * (crc >> 15));
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

/// The number of a hash slot, less than [`Slot::COUNT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(u16);

impl Slot {
    /// Number of hash slots in a cluster.
    pub(crate) const COUNT: u16 = 16_384;

    /// Returns the slot with this number; `None` if a cluster has no such slot.
    pub(crate) fn new(number: u16) -> Option<Slot> {
        (number < Slot::COUNT).then_some(Slot(number))
    }

    /// Returns the slot of a key: that of its hash tag `{…}`, if it has one.
    pub(crate) fn of_key(key: &[u8]) -> Slot {
        let crc = hashed_part(key).iter().fold(0u16, |crc, byte| {
            let [high, _] = crc.to_be_bytes();
            (crc << 8) ^ CRC[usize::from(high ^ byte)]
        });
        Slot(crc % Slot::COUNT)
    }

    /// Returns the number of the slot.
    pub(crate) fn number(self) -> u16 {
        self.0
    }
}

/// Returns what stands between the first `{` and the next `}`; the whole key if that is nothing.
fn hashed_part(key: &[u8]) -> &[u8] {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        Some(&rest[..close])
    });
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_or_its_hash_tag_has_a_slot() {
        let check = |key: &str, expected: u16| {
            assert_eq!(Slot::of_key(key.as_bytes()).number(), expected, "{key}");
        };
        check("123456789", 0x31C3);
        check("", 0);
        check("foo", 12182);
        check("{foo}bar", 12182);
    }

    #[test]
    fn the_hash_tag_is_the_first_that_is_not_empty() {
        let check = |key: &str, expected: &str| {
            assert_eq!(hashed_part(key.as_bytes()), expected.as_bytes(), "{key}");
        };
        check("{user1000}.following", "user1000");
        check("foo{}{bar}", "foo{}{bar}");
        check("foo{{bar}}zap", "{bar");
        check("foo{bar}{zap}", "bar");
        check("foo}bar{", "foo}bar{");
        check("foo{bar", "foo{bar");
        check("{}", "{}");
    }

    #[test]
    fn a_slot_has_a_number_below_16384() {
        assert_eq!(Slot::new(0).map(Slot::number), Some(0));
        assert_eq!(Slot::new(16_383).map(Slot::number), Some(16_383));
        assert_eq!(Slot::new(16_384), None);
    }

    #[cfg(all(feature = "testing", unix))]
    #[test]
    fn slots_are_those_of_the_server() {
        let server = crate::testing::Server::builder()
            .arg("--cluster-enabled")
            .arg("yes")
            .start()
            .unwrap_or_else(|error| panic!("{error}"));
        let mut client = server.client().blocking();
        let mut random = fastrand::Rng::with_seed(7);
        let mut pipeline = redis::pipe();
        let mut expected = Vec::new();
        for _ in 0..500 {
            let length = random.usize(0..12);
            let byte = |_| *random.choice(b"ab{}\0\xff").expect("some");
            let key: Vec<u8> = (0..length).map(byte).collect();
            expected.push(Slot::of_key(&key).number());
            pipeline.cmd("CLUSTER").arg("KEYSLOT").arg(key);
        }
        let slots: Vec<u16> = pipeline.query(&mut client).expect("slots");
        assert_eq!(slots, expected);
    }
}
