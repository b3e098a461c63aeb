//! [`Waiters`]: a slab in which callers wait for their outcome, reused without allocation.

use std::task::Waker;

/// Identifies one caller that waits. Its holder has to release it, by [`Waiters::take`],
/// [`Waiters::abandon`] or [`Waiters::free`].
pub(in super::super) type WaiterId = u32;

/// A waker that is not needed any more. Dropping it can run any code of the application, so this is done
/// where no lock is held.
pub(in super::super) type OldWaker = Option<Waker>;

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
    ///
    /// # Errors
    /// There is none yet; with the waker that was left behind before, if it was another one.
    #[inline]
    pub(super) fn take(&mut self, id: WaiterId, waker: &Waker) -> Result<T, OldWaker> {
        let entry = &mut self.entries[id as usize];
        match entry {
            Entry::Waiting(current) if current.will_wake(waker) => Err(None),
            Entry::Waiting(current) => Err(Some(std::mem::replace(current, waker.clone()))),
            Entry::Done(_) => {
                let Entry::Done(outcome) = std::mem::replace(entry, Entry::Free) else {
                    return Err(None);
                };
                self.free.push(id);
                Ok(outcome)
            }
            Entry::Free | Entry::Abandoned => Err(None),
        }
    }

    /// The caller drops its future. Returns its waker if it was still waiting; if not, its entry is free.
    pub(super) fn abandon(&mut self, id: WaiterId) -> OldWaker {
        let entry = &mut self.entries[id as usize];
        if matches!(entry, Entry::Waiting(_)) {
            match std::mem::replace(entry, Entry::Abandoned) {
                Entry::Waiting(waker) => Some(waker),
                _ => None,
            }
        } else {
            self.free(id)
        }
    }

    /// Frees an entry whose caller has dropped its future; returns whether it has.
    pub(super) fn free_abandoned(&mut self, id: WaiterId) -> bool {
        let is_abandoned = self.is_abandoned(id);
        if is_abandoned {
            // Its waker has gone with its caller.
            let _ = self.free(id);
        }
        is_abandoned
    }

    /// Returns whether the caller has no outcome yet.
    pub(super) fn is_waiting(&self, id: WaiterId) -> bool {
        matches!(self.entries[id as usize], Entry::Waiting(_))
    }

    /// Frees an entry that gets no outcome any more.
    pub(super) fn free(&mut self, id: WaiterId) -> OldWaker {
        self.free.push(id);
        match std::mem::replace(&mut self.entries[id as usize], Entry::Free) {
            Entry::Waiting(waker) => Some(waker),
            _ => None,
        }
    }

    pub(super) fn is_abandoned(&self, id: WaiterId) -> bool {
        matches!(self.entries[id as usize], Entry::Abandoned)
    }
}
