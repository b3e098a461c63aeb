//! What has been seen in any order of a model: one that never comes to what it is about proves nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    /// Loom runs all threads of a model on the thread of its test.
    static SEEN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

pub(crate) fn saw(what: &'static str) {
    SEEN.with_borrow_mut(|seen| seen.insert(what));
}

/// All of `sights` have been seen so far.
pub(crate) fn assert_seen(sights: &[&str]) {
    SEEN.with_borrow(|seen| {
        for sight in sights {
            assert!(seen.contains(sight), "`{sight}` is not seen, only {seen:?}");
        }
    });
}
