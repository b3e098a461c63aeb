//! Room for what a server sends: how a buffer of input grows and shrinks.

/// Size of a read, and of the buffer while what is read is small, in bytes. 64 KiB were no faster, with
/// values of 100 bytes or of 16 KiB.
pub(crate) const READ_SIZE: usize = 16 * 1024;
/// The most that a buffer grows at once beyond what has arrived, in bytes.
const MAX_GROWTH: usize = 1024 * 1024;

/// Makes room in `input`, of which so much is `filled`, where there is none. Grows it by what the reply at
/// hand is known to be `missing`, little by little; shrinks it once a large one has passed, if more than
/// `kept` bytes are allocated.
#[inline]
pub(crate) fn make_room(input: &mut Vec<u8>, filled: usize, missing: usize, kept: usize) {
    if filled == input.len() {
        let growth = missing.clamp(READ_SIZE, MAX_GROWTH);
        input.resize(filled + growth, 0);
    } else if filled == 0 && input.len() > kept {
        input.truncate(READ_SIZE);
        input.shrink_to_fit();
    }
}
