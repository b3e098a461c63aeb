//! [`Model`]: a few parties, and what has to be true in every order of their steps.

use std::future::Future;
use std::task::{Context, Waker};

use loom::future::block_on;
use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;

use crate::io_thread::{IoThread, Until};
use crate::sightings::assert_seen;
use crate::world::{COMMANDS, Server, World};

/// How often a party may be interrupted in the middle of its steps, in one order. To lose a wake takes one
/// interruption: a party is about to sleep, and another acts meanwhile. The second lets a third party come in
/// between. With this bound all models end within a minute; with 3 some take more than five minutes each
/// (`LOOM_MAX_PREEMPTIONS=3` tries it).
const MAX_PREEMPTIONS: usize = 2;

/// The same with two parties, of which the I/O thread does not sleep before it drops its task: the resident has
/// to come in twice by interrupting it, and to be interrupted then.
const MAX_PREEMPTIONS_OF_TWO: usize = 4;

/// What runs beside the I/O thread, on a thread of its own.
pub(crate) type Party = fn(&Arc<World>);

/// A connection that the I/O thread has, and the other parties.
pub(crate) struct Model {
    pub(crate) server: Server,
    pub(crate) until: Until,
    /// The I/O thread takes the connection back as soon as it can.
    pub(crate) wants: bool,
    pub(crate) others: &'static [Party],
}

impl Model {
    /// Tries every order, in which each of `sights` has to be seen.
    pub(crate) fn check(self, sights: &[&str]) {
        self.check_with(MAX_PREEMPTIONS, |io_thread| {
            let until = io_thread.until();
            let answered = block_on(io_thread);
            let expected = if until == Until::Late { 0 } else { COMMANDS };
            assert_eq!(answered, expected, "answered");
        });
        assert_seen(sights);
    }

    /// The task of the I/O thread is dropped after so many polls.
    pub(crate) fn check_dropped_after(self, polls: u32) {
        self.check_with(MAX_PREEMPTIONS_OF_TWO, move |io_thread| {
            let mut io_thread = Box::pin(io_thread);
            for _ in 0..polls {
                let poll = io_thread
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()));
                assert!(poll.is_pending());
            }
        });
    }

    fn check_with(self, preemptions: usize, run: impl Fn(IoThread) + Send + Sync + 'static) {
        let mut builder = Builder::new();
        builder.preemption_bound.get_or_insert(preemptions);
        let Model {
            server,
            until,
            wants,
            others,
        } = self;
        builder.check(move || {
            let world = World::new(server);
            let io_thread = IoThread::new(&world, until, wants);
            let others: Vec<_> = others
                .iter()
                .map(|party| {
                    let world = Arc::clone(&world);
                    thread::spawn(move || party(&world))
                })
                .collect();
            run(io_thread);
            for other in others {
                other.join().unwrap();
            }
            assert_eq!(world.drops(), 1, "the connection is dropped once");
        });
    }
}
