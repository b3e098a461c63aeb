//! What a reader is handed out of losses, gaps and messages in every order.

use std::num::NonZeroUsize;
use std::time::Instant;

use super::entry::Reception;
use super::event::Event;
use super::message::Message;
use super::reader::Reader;
use super::topic::{Kind, Topic};
use crate::error::{Error, ErrorKind};
use crate::runtime::Wakers;

/// A reader of `a` and `b`, and of what else is told.
struct Case {
    reader: Reader,
    number: u64,
    wakers: Wakers,
}

impl Case {
    fn new() -> Case {
        let mut reader = Reader::new(NonZeroUsize::new(100).expect("not zero"));
        reader.topics = ["a", "b"].map(topic).into();
        Case {
            reader,
            number: 0,
            wakers: Wakers::default(),
        }
    }

    fn lose(&mut self, cause: &str, topics: usize) {
        self.number += 1;
        let cause = error(cause);
        for _ in 0..topics {
            let now = Instant::now();
            self.reader.lose(self.number, now, &cause, &mut self.wakers);
        }
    }

    /// A lost topic comes back; what is received for it then has this reception.
    fn regain(&mut self, name: &str) -> Reception {
        self.regain_from(name, Reception::Lost)
    }

    fn regain_from(&mut self, name: &str, reception: Reception) -> Reception {
        self.number += 1;
        let (number, wakers) = (self.number, &mut self.wakers);
        self.reader.regain(&topic(name), reception, number, wakers);
        Reception::Since(number)
    }

    fn receive(&mut self, payload: &str, reception: Reception) {
        let message = Message::new("c", payload);
        self.reader.receive(message, reception, &mut self.wakers);
    }

    /// What the reader has received, such as `m1 lost(x) gap(x) m2`.
    fn received(&mut self) -> String {
        let events = std::iter::from_fn(|| self.reader.queue.pop());
        let shown = events.map(|event| match event {
            Event::Message(message) => String::from_utf8_lossy(message.payload()).into_owned(),
            Event::Gap(gap) => match gap.names() {
                None => format!("gap({})", gap.cause().expect("it has one")),
                Some(names) => {
                    let mut names: Vec<_> = names.map(String::from_utf8_lossy).collect();
                    names.sort_unstable();
                    format!("gap of {}", names.join("+"))
                }
            },
            Event::Lost(error) => format!("lost({error})"),
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

const NEVER_LOST: Reception = Reception::Since(0);

fn topic(name: &str) -> Topic {
    Topic::new(Kind::Channel, name)
}

fn error(text: &str) -> Error {
    Error::new(ErrorKind::ConnectionLost, text)
}

#[test]
fn the_gap_stands_before_what_comes_after_the_outage() {
    let mut case = Case::new();
    case.receive("1", NEVER_LOST);
    case.lose("x", 2);
    let a = case.regain("a");
    case.receive("2", a);
    case.receive("other", NEVER_LOST);
    assert_eq!(case.received(), "1 lost(x) other");
    case.regain("b");
    case.receive("3", a);
    assert_eq!(case.received(), "gap(x) 2 3");
    assert!(!case.reader.is_interrupted());
}

#[test]
fn a_loss_within_an_outage_changes_no_order() {
    let mut case = Case::new();
    case.lose("x", 2);
    let a = case.regain("a");
    case.receive("1", a);
    case.lose("y", 1);
    assert_eq!(case.received(), "lost(x) gap of a 1 lost(y)");
    let a = case.regain("a");
    case.receive("2", a);
    case.regain("b");
    case.receive("3", a);
    assert_eq!(case.received(), "gap(x) 2 3");
    case.lose("x", 2);
    case.lose("y", 0);
    case.regain("a");
    case.regain("b");
    assert_eq!(case.received(), "lost(x) gap(x)");
}

#[test]
fn an_outage_of_topics_that_were_left_meanwhile_ends_without_them() {
    let mut case = Case::new();
    case.lose("x", 2);
    for _ in 0..2 {
        case.reader.forget(Reception::Lost, 9, &mut case.wakers);
    }
    assert_eq!(case.received(), "lost(x)");
    assert!(!case.reader.is_interrupted());
    case.lose("x", 2);
    let a = case.regain("a");
    case.receive("1", a);
    case.reader.topics.remove(&topic("b"));
    case.reader.forget(Reception::Lost, 9, &mut case.wakers);
    assert_eq!(case.received(), "lost(x) gap(x) 1");
}

#[test]
fn a_topic_that_is_refused_does_not_hold_up_the_others() {
    let mut case = Case::new();
    case.lose("x", 2);
    let a = case.regain("a");
    case.receive("1", a);
    case.number += 1;
    case.reader
        .refuse(&error("refused"), case.number, &mut case.wakers);
    case.receive("2", a);
    assert_eq!(case.received(), "lost(x) gap of a 1 lost(refused) 2");
    // Another loss is told, and is over without it.
    case.lose("y", 1);
    case.regain("a");
    assert_eq!(case.received(), "lost(y) gap of a");
    case.regain_from("b", Reception::Refused);
    assert_eq!(case.received(), "gap of b");
    assert!(!case.reader.is_interrupted());
}

#[test]
fn what_is_held_is_handed_out_before_all_is_regained_if_that_takes_long() {
    let mut case = Case::new();
    case.lose("x", 2);
    let a = case.regain("a");
    case.receive("1", a);
    case.number += 1;
    case.reader.release_held(case.number, &mut case.wakers);
    case.receive("2", a);
    assert_eq!(case.received(), "lost(x) gap of a 1 2");
    let b = case.regain("b");
    case.receive("3", b);
    assert_eq!(case.received(), "gap of b 3");
}
