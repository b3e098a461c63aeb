//! [`Callers`]: on which runtime the callers of a connection are, by samples.

use tokio::runtime::Id;

/// How many callers in a row have to be of one runtime before the connection moves there. A connection with
/// callers in several places stays with the I/O thread, so that none of them waits for the runtime of another.
const AGREEING_CALLERS: u32 = 4;

/// On which runtime the callers of a connection are, by samples.
#[derive(Debug, Default)]
pub(in super::super) struct Callers {
    /// The runtime of the last callers; `None` for callers without one.
    runtime: Option<Id>,
    /// How many of the last ones were there.
    agreeing: u32,
    /// A resident is wanted.
    pub(in super::super) is_open: bool,
    /// The runtime of the last resident.
    home: Option<Id>,
    /// The runtimes that have a resident which has not been polled yet. A runtime that does not run would
    /// collect one after the other.
    awaited: Vec<Id>,
}

impl Callers {
    /// A caller is on `runtime`. Where callers need not `agree`, the last one counts.
    pub(in super::super) fn meet(&mut self, runtime: Option<Id>, agree: bool) {
        if !agree {
            self.agreeing = AGREEING_CALLERS;
        } else if self.runtime == runtime {
            self.agreeing = (self.agreeing + 1).min(AGREEING_CALLERS);
        } else {
            self.agreeing = 1;
        }
        self.runtime = runtime;
    }

    /// Returns whether a resident is to be made on the runtime of the last caller.
    pub(in super::super) fn invite(&mut self) -> bool {
        let Some(runtime) = self.runtime else {
            return false;
        };
        let agree = self.agreeing == AGREEING_CALLERS;
        if !self.is_open || !agree || self.awaited.contains(&runtime) {
            return false;
        }
        self.is_open = false;
        self.home = Some(runtime);
        self.awaited.push(runtime);
        true
    }

    /// The resident on `runtime` has been polled, or dropped before.
    pub(in super::super) fn has_come(&mut self, runtime: Id) {
        self.awaited.retain(|awaited| *awaited != runtime);
    }

    /// Returns whether the last caller was on another runtime than the last resident, or on none.
    pub(in super::super) fn have_moved(&self) -> bool {
        self.runtime != self.home
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_current_thread()
            .build()
            .expect("a runtime starts")
    }

    fn open() -> Callers {
        Callers {
            is_open: true,
            ..Callers::default()
        }
    }

    /// Meets these callers; returns after how many of them a resident is to be made.
    fn invited(callers: &mut Callers, runtimes: &[Option<Id>]) -> Option<usize> {
        let met = runtimes.iter().position(|runtime| {
            callers.meet(*runtime, true);
            callers.invite()
        });
        met.map(|index| index + 1)
    }

    #[test]
    fn callers_of_one_runtime_invite_a_resident() {
        let here = Some(runtime().handle().id());
        assert_eq!(invited(&mut open(), &[here; 9]), Some(4));
    }

    #[test]
    fn callers_of_several_places_invite_none() {
        let (one, other) = (runtime(), runtime());
        let (one, other) = (Some(one.handle().id()), Some(other.handle().id()));
        let mixed = [one, one, one, other, one, one, one, None, other, other];
        assert_eq!(invited(&mut open(), &mixed), None);
        assert_eq!(invited(&mut open(), &[None; 9]), None);
    }

    #[test]
    fn one_caller_elsewhere_is_a_move() {
        let (one, other) = (runtime(), runtime());
        let mut callers = open();
        invited(&mut callers, &[Some(one.handle().id()); 4]);
        assert!(!callers.have_moved());
        callers.meet(Some(other.handle().id()), true);
        assert!(callers.have_moved());
    }

    #[test]
    fn a_runtime_gets_no_second_resident_before_the_first_has_come() {
        let runtime = runtime();
        let here = runtime.handle().id();
        let mut callers = open();
        assert_eq!(invited(&mut callers, &[Some(here); 4]), Some(4));
        callers.is_open = true;
        assert_eq!(invited(&mut callers, &[Some(here); 4]), None);
        callers.has_come(here);
        assert_eq!(invited(&mut callers, &[Some(here); 4]), Some(1));
    }
}
