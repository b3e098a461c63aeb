//! [`IoThread`]: the task of the I/O thread, as in `connection/connection_task.rs`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use loom::sync::Arc;

use crate::sightings::saw;
use crate::world::{COMMANDS, Transport, Turn, World};

/// Until when the connection lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// A caller closes it.
    Closed,
    /// All commands are answered, and the I/O thread drives.
    Answered,
    /// All commands are answered, and so many residents have had it.
    CameBack(u32),
    /// A command is past its deadline.
    Late,
    /// The task is dropped.
    Dropped,
}

/// The future of one connection: drives, gives to every resident that asks, and takes back when it has to. Its
/// output is how many commands have been answered.
pub(crate) struct IoThread {
    world: Arc<World>,
    place: Place,
    until: Until,
    /// It takes the connection back as soon as it can.
    wants: bool,
    /// The time of a command is up, and the timer has rung.
    is_due: bool,
    came_back: u32,
}

enum Place {
    Here(Transport),
    Away,
    Between,
}

impl IoThread {
    pub(crate) fn new(world: &Arc<World>, until: Until, wants: bool) -> IoThread {
        IoThread {
            world: Arc::clone(world),
            place: Place::Here(world.connect()),
            until,
            wants,
            is_due: false,
            came_back: 0,
        }
    }

    pub(crate) fn until(&self) -> Until {
        self.until
    }

    /// Drives for one turn; returns whether the connection ends.
    fn drive(&mut self, transport: &mut Transport, cx: &Context<'_>) -> bool {
        let mut alarm_is_late = {
            let mut queue = self.world.lock();
            queue.driver_runs(cx.waker());
            queue.alarm_is_late()
        };
        loop {
            if self.keep_time(alarm_is_late) {
                return true;
            }
            let turn = self.world.take_turn(transport, true, cx.waker());
            let is_answered = transport.answered == COMMANDS;
            let is_over = match self.until {
                Until::Answered => is_answered,
                Until::CameBack(times) => is_answered && self.came_back >= times,
                Until::Closed | Until::Late | Until::Dropped => false,
            };
            if is_over || turn == Turn::Asleep {
                return is_over;
            }
            let queue = self.world.lock();
            if queue.is_closed() && is_answered {
                return true;
            }
            alarm_is_late = queue.alarm_is_late();
        }
    }

    /// Sets the timer anew where the time of a command is up earlier than it knows; returns whether it has rung.
    /// It rings at once: whether it is set is at issue, and not how time passes.
    fn keep_time(&mut self, alarm_is_late: bool) -> bool {
        self.is_due |= alarm_is_late && self.world.lock().expire().is_some();
        self.is_due
    }

    /// Gives the connection to a resident, if there is one.
    fn offer(&self, transport: Transport, cx: &Context<'_>) -> Place {
        let handover = &self.world.handover;
        if handover.has_candidate(cx.waker()) {
            if self.world.lock().may_be_away() {
                return self.give(transport, cx);
            }
            saw("a candidate is dismissed");
            handover.dismiss();
        }
        Place::Here(transport)
    }

    fn give(&self, mut transport: Transport, cx: &Context<'_>) -> Place {
        self.world.detach(&mut transport);
        self.world.lock().set_watcher(Some(cx.waker()));
        match self.world.handover.give(transport, cx.waker()) {
            Ok(()) => Place::Away,
            Err(transport) => {
                saw("the candidate has gone");
                self.take_over(transport)
            }
        }
    }

    /// Watches over the resident. Returns the connection when it has come back.
    fn watch(&mut self, cx: &Context<'_>) -> Place {
        let (may_be_away, alarm_is_late) = {
            let mut queue = self.world.lock();
            queue.set_watcher(Some(cx.waker()));
            (queue.may_be_away(), queue.alarm_is_late())
        };
        let is_due = self.keep_time(alarm_is_late);
        if is_due {
            saw("the watcher learns of a deadline");
        }
        let is_wanted = !may_be_away || is_due || self.wants;
        let handover = &self.world.handover;
        if !is_wanted && !handover.is_returned(cx.waker()) {
            return Place::Away;
        }
        match handover.reclaim(cx.waker()) {
            Some(transport) => {
                self.came_back += 1;
                if let Until::CameBack(times) = self.until
                    && self.came_back < times
                {
                    self.world.invite();
                }
                self.take_over(transport)
            }
            None => Place::Away,
        }
    }

    fn take_over(&self, mut transport: Transport) -> Place {
        self.world.lock().set_watcher(None);
        self.world.attach(&mut transport);
        Place::Here(transport)
    }
}

impl Future for IoThread {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let this = &mut *self;
        loop {
            match std::mem::replace(&mut this.place, Place::Between) {
                Place::Here(mut transport) => {
                    if this.drive(&mut transport, cx) {
                        return Poll::Ready(transport.answered);
                    }
                    this.place = this.offer(transport, cx);
                    if matches!(this.place, Place::Here(_)) {
                        return Poll::Pending;
                    }
                }
                Place::Away => {
                    this.place = this.watch(cx);
                    if matches!(this.place, Place::Away) {
                        return Poll::Pending;
                    }
                }
                Place::Between => return Poll::Pending,
            }
        }
    }
}

impl Drop for IoThread {
    fn drop(&mut self) {
        let before = self.world.drops();
        self.world.handover.end();
        if self.world.drops() > before {
            saw("the connection is dropped while it rests");
        }
    }
}
