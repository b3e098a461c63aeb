//! [`Waiters`]: a slab in which callers wait for their outcome, reused without allocation.

use std::task::Waker;

/// Identifies one caller that waits. Its holder has to release it, by [`Waiters::take`],
/// [`Waiters::abandon`] or [`Waiters::free`].
pub(in super::super) type WaiterId = u32;

/// The callers that wait, and the outcomes `T` that they have not taken yet.
#[derive(Debug)]
pub(super) struct Waiters<T> {
    entries: Vec<Entry<T>>,
    free: Vec<WaiterId>,
}

#[derive(Debug)]
enum Entry<T> {
    Free,
    Waiting(Waker),
    Done(T),
    /// The caller has dropped its future; the outcome will be discarded.
    Abandoned,
}

impl<T> Default for Waiters<T> {
    fn default() -> Waiters<T> {
        Waiters {
            entries: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Waiters<T> {
    #[inline]
    pub(super) fn wait(&mut self, waker: Waker) -> WaiterId {
        let entry = Entry::Waiting(waker);
        if let Some(id) = self.free.pop() {
            self.entries[id as usize] = entry;
            id
        } else {
            self.entries.push(entry);
            WaiterId::try_from(self.entries.len() - 1)
                .expect("the bounds of the queue are far below 2³²")
        }
    }

    /// Gives a caller its outcome and returns its waker; frees the entry if the caller is gone.
    #[inline]
    pub(super) fn complete(&mut self, id: WaiterId, outcome: impl FnOnce() -> T) -> Option<Waker> {
        let entry = &mut self.entries[id as usize];
        match std::mem::replace(entry, Entry::Free) {
            Entry::Waiting(waker) => {
                *entry = Entry::Done(outcome());
                Some(waker)
            }
            Entry::Abandoned => {
                self.free.push(id);
                None
            }
            done @ (Entry::Done(_) | Entry::Free) => {
                *entry = done;
                None
            }
        }
    }

    /// Takes the outcome, and frees the entry; leaves `waker` behind while there is none.
    #[inline]
    pub(super) fn take(&mut self, id: WaiterId, waker: &Waker) -> Option<T> {
        let entry = &mut self.entries[id as usize];
        match entry {
            Entry::Waiting(current) => {
                current.clone_from(waker);
                None
            }
            Entry::Done(_) => {
                let Entry::Done(outcome) = std::mem::replace(entry, Entry::Free) else {
                    return None;
                };
                self.free.push(id);
                Some(outcome)
            }
            Entry::Free | Entry::Abandoned => None,
        }
    }

    /// The caller drops its future. Returns whether it was still waiting; if not, its entry is free.
    pub(super) fn abandon(&mut self, id: WaiterId) -> bool {
        let entry = &mut self.entries[id as usize];
        let waits = matches!(entry, Entry::Waiting(_));
        if waits {
            *entry = Entry::Abandoned;
        } else {
            self.free(id);
        }
        waits
    }

    /// Frees an entry whose caller has dropped its future; returns whether it has.
    pub(super) fn free_abandoned(&mut self, id: WaiterId) -> bool {
        let is_abandoned = self.is_abandoned(id);
        if is_abandoned {
            self.free(id);
        }
        is_abandoned
    }

    /// Returns whether the caller has no outcome yet.
    pub(super) fn is_waiting(&self, id: WaiterId) -> bool {
        matches!(self.entries[id as usize], Entry::Waiting(_))
    }

    /// Frees an entry that gets no outcome any more.
    pub(super) fn free(&mut self, id: WaiterId) {
        self.entries[id as usize] = Entry::Free;
        self.free.push(id);
    }

    pub(super) fn is_abandoned(&self, id: WaiterId) -> bool {
        matches!(self.entries[id as usize], Entry::Abandoned)
    }
}
