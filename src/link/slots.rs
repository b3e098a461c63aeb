//! Where callers wait for their replies: a slab of slots, reused without allocation.

use std::task::Waker;

use super::queue::Outcome;

/// The index of a slot; whoever holds one must release it.
pub(super) type SlotId = u32;

#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<SlotId>,
}

#[derive(Debug)]
enum Slot {
    Free,
    Waiting(Waker),
    Done(Outcome),
    /// The caller has gone; the reply will be discarded.
    Abandoned,
}

impl Slots {
    #[inline]
    pub(super) fn wait(&mut self, waker: Waker) -> SlotId {
        let slot = Slot::Waiting(waker);
        if let Some(id) = self.free.pop() {
            self.slots[id as usize] = slot;
            id
        } else {
            self.slots.push(slot);
            SlotId::try_from(self.slots.len() - 1).expect("in flight is bounded far below 2³²")
        }
    }

    /// Settles a slot and returns who to wake; frees it if its caller has gone.
    #[inline]
    pub(super) fn settle(
        &mut self,
        id: SlotId,
        outcome: impl FnOnce() -> Outcome,
    ) -> Option<Waker> {
        let slot = &mut self.slots[id as usize];
        match std::mem::replace(slot, Slot::Free) {
            Slot::Waiting(waker) => {
                *slot = Slot::Done(outcome());
                Some(waker)
            }
            Slot::Abandoned => {
                self.free.push(id);
                None
            }
            done @ (Slot::Done(_) | Slot::Free) => {
                *slot = done;
                None
            }
        }
    }

    /// Takes the outcome, and with it the slot; leaves `waker` behind while there is none.
    #[inline]
    pub(super) fn take(&mut self, id: SlotId, waker: &Waker) -> Option<Outcome> {
        let slot = &mut self.slots[id as usize];
        match slot {
            Slot::Waiting(current) => {
                current.clone_from(waker);
                None
            }
            Slot::Done(_) => {
                let Slot::Done(outcome) = std::mem::replace(slot, Slot::Free) else {
                    return None;
                };
                self.free.push(id);
                Some(outcome)
            }
            Slot::Free | Slot::Abandoned => None,
        }
    }

    /// The caller of this slot goes away.
    pub(super) fn abandon(&mut self, id: SlotId) {
        let slot = &mut self.slots[id as usize];
        if let Slot::Waiting(_) = slot {
            *slot = Slot::Abandoned;
        } else {
            self.free(id);
        }
    }

    /// Frees a slot that nothing will settle any more.
    pub(super) fn free(&mut self, id: SlotId) {
        self.slots[id as usize] = Slot::Free;
        self.free.push(id);
    }

    pub(super) fn is_abandoned(&self, id: SlotId) -> bool {
        matches!(self.slots[id as usize], Slot::Abandoned)
    }
}
