//! The models: which parties meet.

use crate::io_thread::Until;
use crate::model::{Model, Party};
use crate::resident::Resident;
use crate::sightings::assert_seen;
use crate::world::Server;

/// Turns after which no resident leaves.
const MANY: u32 = 9;

#[test]
fn a_resident_comes_and_goes() {
    Model {
        server: Server::AtOnce,
        until: Until::CameBack(1),
        wants: false,
        others: &[
            |world| world.submit(),
            |world| Resident::new(world, 0, 1).run(),
        ],
    }
    .check(&[]);
}

#[test]
fn one_resident_follows_another() {
    Model {
        server: Server::AtOnce,
        until: Until::CameBack(2),
        wants: false,
        others: &[|world| {
            Resident::new(world, 0, 1).run();
            world.submit();
            world.await_invitation();
            Resident::new(world, 1, 1).run();
        }],
    }
    .check(&[]);
}

#[test]
fn a_caller_closes_the_connection() {
    Model {
        server: Server::AtOnce,
        until: Until::Closed,
        wants: false,
        others: &[
            |world| {
                world.submit();
                world.close();
            },
            |world| Resident::new(world, 0, MANY).run(),
        ],
    }
    .check(&["a candidate is dismissed"]);
}

#[test]
fn the_io_thread_takes_the_connection_back() {
    Model {
        server: Server::AtOnce,
        until: Until::CameBack(1),
        wants: true,
        others: &[
            |world| world.submit(),
            |world| Resident::new(world, 0, MANY).run(),
        ],
    }
    .check(&["the connection is wanted in the middle of a poll"]);
}

/// The task that was never polled is dropped once its successor may have come.
#[test]
fn a_runtime_is_dropped_before_the_first_poll() {
    Model {
        server: Server::AtOnce,
        until: Until::CameBack(1),
        wants: false,
        others: &[
            |world| {
                world.submit();
                Resident::new(world, 0, MANY).run_for(0);
            },
            |world| Resident::new(world, 1, 1).run(),
        ],
    }
    .check(&[]);
}

#[test]
fn a_runtime_is_dropped_after_one_poll() {
    Model {
        server: Server::AtOnce,
        until: Until::Answered,
        wants: false,
        others: &[
            |world| world.submit(),
            |world| Resident::new(world, 0, MANY).run_for(1),
        ],
    }
    .check(&["a candidate is dropped", "the candidate has gone"]);
}

#[test]
fn a_runtime_is_dropped_after_two_polls() {
    Model {
        server: Server::AtOnce,
        until: Until::Answered,
        wants: false,
        others: &[
            |world| world.submit(),
            |world| Resident::new(world, 0, MANY).run_for(2),
        ],
    }
    .check(&[
        "a candidate is dropped",
        "a resident is dropped that has had the connection",
    ]);
}

/// The socket has left the reactor of the I/O thread by then, and a reply comes.
#[test]
fn a_candidate_is_dropped_while_the_io_thread_gives() {
    Model {
        server: Server::AtAnyTime,
        until: Until::Answered,
        wants: false,
        others: &[
            |world| world.reply(),
            |world| Resident::new(world, 0, MANY).run_for(1),
        ],
    }
    .check(&["the candidate has gone"]);
}

#[test]
fn a_reply_comes_while_a_resident_leaves() {
    Model {
        server: Server::AtAnyTime,
        until: Until::Answered,
        wants: false,
        others: &[
            |world| world.reply(),
            |world| Resident::new(world, 0, 1).run(),
        ],
    }
    .check(&[]);
}

#[test]
fn a_candidate_is_replaced() {
    Model {
        server: Server::AtOnce,
        until: Until::CameBack(1),
        wants: true,
        others: &[
            |world| {
                world.submit();
                Resident::new(world, 0, MANY).run();
            },
            |world| Resident::new(world, 1, MANY).run(),
        ],
    }
    .check(&["a candidate gets nothing"]);
}

/// The I/O thread has to learn of it from the caller: the resident has no reason to wake it.
#[test]
fn a_deadline_is_up_before_the_timer_rings() {
    Model {
        server: Server::Never,
        until: Until::Late,
        wants: false,
        others: &[
            |world| world.submit(),
            |world| Resident::new(world, 0, MANY).run(),
        ],
    }
    .check(&["the watcher learns of a deadline"]);
}

/// The task of the I/O thread is dropped after a few polls.
fn check_end(resident: &'static [Party; 1]) {
    for polls in [0, 1, 2] {
        Model {
            server: Server::AtOnce,
            until: Until::Dropped,
            wants: false,
            others: resident,
        }
        .check_dropped_after(polls);
    }
}

#[test]
fn the_connection_ends() {
    check_end(&[|world| Resident::new(world, 0, MANY).run()]);
    assert_seen(&[
        "a candidate gets nothing",
        "the connection is dropped while it rests",
        "the connection is wanted in the middle of a poll",
    ]);
}

#[test]
fn the_connection_ends_while_a_resident_leaves() {
    check_end(&[|world| Resident::new(world, 0, 1).run()]);
}

#[test]
fn the_connection_ends_while_a_runtime_is_dropped() {
    check_end(&[|world| Resident::new(world, 0, MANY).run_for(1)]);
    check_end(&[|world| Resident::new(world, 0, MANY).run_for(2)]);
    assert_seen(&[
        "a candidate is dropped",
        "a resident is dropped that has had the connection",
    ]);
}
