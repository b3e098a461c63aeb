//! [`Entry`]: what is known of one topic, and who reads it.

use super::ids::{BatchId, CallId, LinkId, ReaderId};
use crate::error::Error;

/// What the server knows of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The command that subscribes has to be sent.
    Unsent,
    /// It was sent, with these others.
    Sent(BatchId),
    Subscribed,
    /// The server does not permit it, or does not know the command. It is tried again later.
    Refused,
}

/// A topic that is read.
pub(super) struct Entry {
    pub(super) link: LinkId,
    pub(super) progress: Progress,
    /// How often it was moved to another node since it was last subscribed.
    pub(super) moves: u32,
    /// What the server has said last, if that was not that it subscribes.
    pub(super) refusal: Option<Error>,
    pub(super) members: Vec<Member>,
    pub(super) calls: Vec<CallId>,
}

/// A reader of a topic.
pub(super) struct Member {
    pub(super) reader: ReaderId,
    pub(super) reception: Reception,
}

/// Whether a reader receives a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reception {
    /// It does, or will with the first confirmation; the number tells since when, 0 if it has lost nothing yet.
    Since(u64),
    /// The topic is lost, and is about to be subscribed again.
    Lost,
    /// The topic is lost, and the server refuses it: what else the reader has lost does not wait for it.
    Refused,
}

impl Entry {
    pub(super) fn new(link: LinkId) -> Entry {
        Entry {
            link,
            progress: Progress::Unsent,
            moves: 0,
            refusal: None,
            members: Vec::new(),
            calls: Vec::new(),
        }
    }

    pub(super) fn is_subscribed(&self) -> bool {
        self.progress == Progress::Subscribed
    }
}
