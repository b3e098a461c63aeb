//! [`Requests`]: the commands that a connection has sent, until they are answered.

use std::collections::VecDeque;
use std::time::Instant;

use redis::{Cmd, cmd};

use super::ids::BatchId;
use super::topic::{Kind, Name, Topic};
use crate::cluster::Slot;
use crate::resp::encode;

/// The most names of one command: enough that few commands are needed for many, and few enough that a
/// server does other work in between.
const MAX_NAMES: usize = 500;

/// The commands that a connection has sent, until they are answered.
///
/// A server confirms each name, in their order, and refuses a command as a whole.
#[derive(Default)]
pub(super) struct Requests {
    sent: VecDeque<Request>,
}

struct Request {
    what: What,
    at: Instant,
}

enum What {
    Subscribe(Kind, BatchId, VecDeque<Name>),
    Unsubscribe(Kind, VecDeque<Name>),
    Ping,
    Role,
    Auth,
}

/// What a server is asked besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Ping,
    Role,
    Auth,
}

/// What an error reply is about.
pub(super) enum Refused {
    /// The topics of a command, none of which is subscribed.
    Topics(Vec<Topic>, BatchId),
    Role,
    /// Another login.
    Auth,
    /// Nothing that has to be subscribed.
    Other,
    /// No command.
    Nothing,
}

impl Requests {
    /// Writes commands that subscribe to these topics. In a cluster, those of a command have to be in one
    /// slot.
    pub(super) fn subscribe(
        &mut self,
        topics: Vec<Topic>,
        batch: BatchId,
        is_cluster: bool,
        output: &mut Vec<u8>,
    ) {
        for (kind, names) in commands(topics, is_cluster) {
            write(kind.subscribe(), &names, output);
            self.push(What::Subscribe(kind, batch, names.into()));
        }
    }

    /// Writes commands that end the subscriptions to these topics.
    pub(super) fn unsubscribe(
        &mut self,
        topics: Vec<Topic>,
        is_cluster: bool,
        output: &mut Vec<u8>,
    ) {
        for (kind, names) in commands(topics, is_cluster) {
            write(kind.unsubscribe(), &names, output);
            self.push(What::Unsubscribe(kind, names.into()));
        }
    }

    pub(super) fn ping(&mut self, output: &mut Vec<u8>) {
        encode(&cmd("PING"), output);
        self.push(What::Ping);
    }

    pub(super) fn role(&mut self, output: &mut Vec<u8>) {
        encode(&cmd("ROLE"), output);
        self.push(What::Role);
    }

    /// Writes a command that logs in again.
    pub(super) fn auth(&mut self, auth: &Cmd, output: &mut Vec<u8>) {
        encode(auth, output);
        self.push(What::Auth);
    }

    fn push(&mut self, what: What) {
        let at = Instant::now();
        self.sent.push_back(Request { what, at });
    }

    /// Returns since when the oldest command waits for its reply.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.sent.front().map(|request| request.at)
    }

    /// The server has confirmed a subscription; returns of which batch. `None` if nothing was sent that it
    /// answers.
    pub(super) fn subscribed(&mut self, kind: Kind, name: &[u8]) -> Option<(Topic, BatchId)> {
        let request = self.sent.front_mut()?;
        let What::Subscribe(sent, batch, names) = &mut request.what else {
            return None;
        };
        if *sent != kind || names.front().is_none_or(|front| **front != *name) {
            return None;
        }
        let (batch, name) = (*batch, names.pop_front()?);
        if names.is_empty() {
            self.sent.pop_front();
        }
        Some((Topic { kind, name }, batch))
    }

    /// The server has ended a subscription; returns whether it was asked to.
    pub(super) fn unsubscribed(&mut self, kind: Kind, name: &[u8]) -> bool {
        let Some(request) = self.sent.front_mut() else {
            return false;
        };
        let What::Unsubscribe(sent, names) = &mut request.what else {
            return false;
        };
        if *sent != kind || names.front().is_none_or(|front| **front != *name) {
            return false;
        }
        names.pop_front();
        if names.is_empty() {
            self.sent.pop_front();
        }
        true
    }

    /// The server has sent a reply that is about no topic; returns which question it answers, if one was
    /// asked.
    pub(super) fn answered(&mut self) -> Option<Question> {
        let question = match self.sent.front()?.what {
            What::Ping => Question::Ping,
            What::Role => Question::Role,
            What::Auth => Question::Auth,
            What::Subscribe(..) | What::Unsubscribe(..) => return None,
        };
        self.sent.pop_front();
        Some(question)
    }

    /// The server has answered with an error.
    pub(super) fn refused(&mut self) -> Refused {
        match self.sent.pop_front().map(|request| request.what) {
            None => Refused::Nothing,
            Some(What::Ping | What::Unsubscribe(..)) => Refused::Other,
            Some(What::Role) => Refused::Role,
            Some(What::Auth) => Refused::Auth,
            Some(What::Subscribe(kind, batch, names)) => {
                let topics = names.into_iter().map(|name| Topic { kind, name });
                Refused::Topics(topics.collect(), batch)
            }
        }
    }
}

fn write(command: &str, names: &[Name], output: &mut Vec<u8>) {
    let mut command = cmd(command);
    for name in names {
        command.arg(&**name);
    }
    encode(&command, output);
}

/// Returns the names of each command.
fn commands(topics: Vec<Topic>, is_cluster: bool) -> Vec<(Kind, Vec<Name>)> {
    let slot_of = |topic: &Topic| {
        let is_sharded = is_cluster && topic.kind == Kind::Sharded;
        is_sharded.then(|| Slot::of_key(&topic.name))
    };
    let mut keyed: Vec<_> = topics
        .into_iter()
        .map(|topic| (topic.kind as u8, slot_of(&topic), topic))
        .collect();
    keyed.sort_by_key(|(kind, slot, _)| (*kind, *slot));
    let same = |one: &(u8, Option<Slot>, Topic), other: &(u8, Option<Slot>, Topic)| {
        (one.0, one.1) == (other.0, other.1)
    };
    let groups = keyed
        .chunk_by(same)
        .flat_map(|group| group.chunks(MAX_NAMES));
    let command = |group: &[(u8, Option<Slot>, Topic)]| {
        let names = group.iter().map(|(_, _, topic)| Name::clone(&topic.name));
        (group[0].2.kind, names.collect())
    };
    groups.map(command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: BatchId = BatchId(1);

    fn topics(kind: Kind, names: &[&str]) -> Vec<Topic> {
        Topic::all(kind, names)
    }

    fn text(output: &mut Vec<u8>) -> String {
        let bytes = std::mem::take(output);
        let text = String::from_utf8(bytes).expect("names are text");
        let is_word = |line: &&str| !line.starts_with(['*', '$']);
        text.lines().filter(is_word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_of_one_kind_share_a_command_and_in_a_cluster_those_of_one_slot() {
        let (mut requests, mut output) = (Requests::default(), Vec::new());
        let mut all = topics(Kind::Sharded, &["{a}1", "{b}1", "{a}2"]);
        all.extend(topics(Kind::Channel, &["x", "y", "x"]));
        requests.subscribe(all.clone(), BATCH, false, &mut output);
        let expected = "SUBSCRIBE x y SSUBSCRIBE {a}1 {a}2 {b}1";
        assert_eq!(text(&mut output), expected);
        requests.subscribe(all, BATCH, true, &mut output);
        let (a, b) = ("SSUBSCRIBE {a}1 {a}2", "SSUBSCRIBE {b}1");
        let (first, second) = if Slot::of_key(b"a") < Slot::of_key(b"b") {
            (a, b)
        } else {
            (b, a)
        };
        assert_eq!(text(&mut output), format!("SUBSCRIBE x y {first} {second}"));
    }

    #[test]
    fn replies_are_taken_for_those_of_the_oldest_command() {
        let (mut requests, mut output) = (Requests::default(), Vec::new());
        requests.subscribe(
            topics(Kind::Channel, &["a", "b"]),
            BATCH,
            false,
            &mut output,
        );
        requests.ping(&mut output);
        requests.unsubscribe(topics(Kind::Channel, &["a"]), false, &mut output);
        assert!(!requests.unsubscribed(Kind::Channel, b"a"), "not asked for");
        assert!(requests.subscribed(Kind::Pattern, b"a").is_none());
        assert!(requests.subscribed(Kind::Channel, b"a").is_some());
        assert_eq!(requests.answered(), None);
        let rest = requests.refused();
        assert!(matches!(rest, Refused::Topics(topics, _) if *topics[0].name == *b"b"));
        assert_eq!(requests.answered(), Some(Question::Ping));
        assert!(requests.unsubscribed(Kind::Channel, b"a"));
        assert!(matches!(requests.refused(), Refused::Nothing));
    }
}
