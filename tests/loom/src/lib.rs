//! Every order of events in the hand-over of a connection between the I/O thread and a resident.
//!
//! ```sh
//! cargo test --manifest-path tests/loom/Cargo.toml
//! ```
//!
//! The value that is handed over is the number of commands that have been answered. Callers leave commands
//! in a queue and wake its driver as the queue of the crate does; a command that is left there at the end, a
//! value that is lost, or a value that two parties have at once, is a failure. So is a party that sleeps
//! while it has something to do, because loom reports that as a deadlock.

#![cfg(test)]
#![allow(dead_code, reason = "the control does not use all of the file")]

mod handover {
    include!(concat!(env!("OUT_DIR"), "/handover.rs"));
}
mod without_check {
    include!(concat!(env!("OUT_DIR"), "/handover_without_check.rs"));
}

macro_rules! models {
    ($handover:ident) => {
        use std::future::Future;
        use std::pin::Pin;
        use std::task::{Context, Poll, Waker};

        use loom::future::block_on;
        use loom::sync::{Arc, Mutex};
        use loom::thread;

        use crate::$handover::{Handover, Work};

        /// What callers have left, and who has to be woken for it.
        #[derive(Default)]
        struct Queue {
            unsent: u32,
            is_closed: bool,
            driver: Option<Waker>,
            is_asleep: bool,
            /// Wakes the I/O thread while a resident drives.
            watch: Option<Waker>,
        }

        struct World {
            handover: Handover<u32>,
            queue: Mutex<Queue>,
        }

        const COMMANDS: u32 = 1;

        impl World {
            fn submit(&self) {
                let waker = {
                    let mut queue = self.queue.lock().unwrap();
                    queue.unsent += 1;
                    let was_asleep = std::mem::take(&mut queue.is_asleep);
                    was_asleep.then(|| queue.driver.clone()).flatten()
                };
                if let Some(waker) = waker {
                    waker.wake();
                }
            }

            fn close(&self) {
                let (driver, watch) = {
                    let mut queue = self.queue.lock().unwrap();
                    queue.is_closed = true;
                    (queue.driver.clone(), queue.watch.clone())
                };
                for waker in driver.into_iter().chain(watch) {
                    waker.wake();
                }
            }

            /// One turn. Returns whether the connection is closed.
            fn turn(&self, answered: &mut u32, waker: &Waker) -> bool {
                let mut queue = self.queue.lock().unwrap();
                queue.driver = Some(waker.clone());
                queue.is_asleep = false;
                *answered += std::mem::take(&mut queue.unsent);
                queue.is_asleep = true;
                queue.is_closed
            }
        }

        /// The I/O thread: drives, gives to every resident that asks, and takes back at once if it `wants`. It
        /// ends when the connection is closed, or once it has taken it back.
        struct IoThread {
            world: Arc<World>,
            value: Option<u32>,
            wants: bool,
            has_taken_back: bool,
        }

        impl Future for IoThread {
            type Output = u32;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
                let world = Arc::clone(&self.world);
                loop {
                    if let Some(mut answered) = self.value.take() {
                        let is_closed = world.turn(&mut answered, cx.waker());
                        if answered == COMMANDS && (is_closed || self.has_taken_back) {
                            world.handover.end();
                            return Poll::Ready(answered);
                        }
                        self.value = Some(answered);
                        if !world.handover.has_candidate(cx.waker()) {
                            return Poll::Pending;
                        }
                        world.queue.lock().unwrap().watch = Some(cx.waker().clone());
                        match world.handover.give(answered, cx.waker()) {
                            Ok(()) => self.value = None,
                            Err(_) => continue,
                        }
                    }
                    let is_closed = {
                        let mut queue = world.queue.lock().unwrap();
                        queue.watch = Some(cx.waker().clone());
                        queue.is_closed
                    };
                    let wants = is_closed || self.wants;
                    if !wants && !world.handover.is_returned(cx.waker()) {
                        return Poll::Pending;
                    }
                    match world.handover.reclaim(cx.waker()) {
                        Some(answered) => {
                            world.queue.lock().unwrap().watch = None;
                            self.value = Some(answered);
                            self.has_taken_back = self.wants;
                        }
                        None => return Poll::Pending,
                    }
                }
            }
        }

        /// A resident that goes after this many turns.
        struct Resident {
            world: Arc<World>,
            id: u64,
            has_entered: bool,
            turns_left: u32,
        }

        impl Future for Resident {
            type Output = ();

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
                let world = Arc::clone(&self.world);
                if !self.has_entered {
                    world.handover.enter(self.id, cx.waker());
                    self.has_entered = true;
                }
                match world.handover.work(self.id) {
                    Work::Value(mut answered) => {
                        let is_closed = world.turn(&mut answered, cx.waker());
                        self.turns_left = self.turns_left.saturating_sub(1);
                        let leaves = is_closed || self.turns_left == 0;
                        if world.handover.rest(answered, leaves) {
                            Poll::Pending
                        } else {
                            Poll::Ready(())
                        }
                    }
                    Work::Later => Poll::Pending,
                    Work::Over => Poll::Ready(()),
                }
            }
        }

        impl Drop for Resident {
            fn drop(&mut self) {
                self.world.handover.leave(self.id);
            }
        }

        fn check(model: impl Fn() + Send + Sync + 'static) {
            let mut builder = loom::model::Builder::new();
            builder.preemption_bound = Some(2);
            builder.check(model);
        }

        fn world() -> Arc<World> {
            Arc::new(World {
                handover: Handover::new(),
                queue: Mutex::new(Queue::default()),
            })
        }

        /// The I/O thread, callers that submit and close unless it `wants` the connection back, and what `resident` does on a third thread.
        fn run(wants: bool, resident: impl Fn(Resident) + Copy + Send + Sync + 'static) {
            check(move || {
                let world = world();
                let callers = {
                    let world = Arc::clone(&world);
                    thread::spawn(move || {
                        for _ in 0..COMMANDS {
                            world.submit();
                        }
                        if !wants {
                            world.close();
                        }
                    })
                };
                let of_resident = {
                    let world = Arc::clone(&world);
                    thread::spawn(move || {
                        resident(Resident {
                            world,
                            id: 0,
                            has_entered: false,
                            turns_left: 2,
                        });
                    })
                };
                let io_thread = IoThread {
                    world,
                    value: Some(0),
                    wants,
                    has_taken_back: false,
                };
                assert_eq!(block_on(io_thread), COMMANDS);
                callers.join().unwrap();
                of_resident.join().unwrap();
            });
        }

        /// The runtime polls it until it ends.
        fn to_its_end(resident: Resident) {
            block_on(resident);
        }

        /// The runtime polls it once and is dropped.
        fn dropped(resident: Resident) {
            let mut resident = Box::pin(resident);
            let _ = resident
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            let _ = resident
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
        }

        pub(crate) fn residents_come_and_go() {
            run(false, to_its_end);
        }

        pub(crate) fn the_io_thread_takes_the_connection_back() {
            run(true, to_its_end);
        }

        pub(crate) fn a_runtime_is_dropped() {
            run(false, dropped);
        }
    };
}

mod real {
    models!(handover);

    #[test]
    fn nothing_is_lost_while_residents_come_and_go() {
        residents_come_and_go();
    }

    #[test]
    fn nothing_is_lost_when_the_io_thread_takes_the_connection_back() {
        the_io_thread_takes_the_connection_back();
    }

    #[test]
    fn nothing_is_lost_with_a_runtime() {
        a_runtime_is_dropped();
    }
}

mod control {
    models!(without_check);

    /// In a process of its own, which a failed model aborts.
    #[test]
    fn a_resident_that_does_not_look_whether_it_is_wanted_is_found() {
        let this = std::env::current_exe().unwrap();
        let model = ["--exact", "control::without_the_check", "--ignored"];
        let output = std::process::Command::new(this)
            .args(model)
            .arg("--nocapture")
            .output();
        let output = output.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "the model does not find it");
        assert!(errors.contains("deadlock"), "{errors}");
    }

    #[test]
    #[ignore = "runs in a child process of the other test, and fails"]
    fn without_the_check() {
        the_io_thread_takes_the_connection_back();
    }
}
