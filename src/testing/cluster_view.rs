//! What one node of a cluster knows of the others: `CLUSTER NODES`.

use std::io;

use redis::Connection;

use super::ask::query;

pub(super) const SLOTS: u16 = 16_384;

/// What is known of one node: a line.
pub(super) struct Line {
    pub(super) id: String,
    flags: Vec<String>,
    connected: bool,
    pub(super) slots: Vec<(u16, u16)>,
}

/// Asks a node for its view.
pub(super) fn view(node: &mut Connection) -> io::Result<Vec<Line>> {
    let nodes: String = query(node, &["CLUSTER", "NODES"])?;
    let lines: Option<Vec<Line>> = nodes.lines().map(Line::parse).collect();
    lines.ok_or_else(|| io::Error::other(format!("unknown form of `CLUSTER NODES`:\n{nodes}")))
}

impl Line {
    fn parse(line: &str) -> Option<Line> {
        let words: Vec<&str> = line.split(' ').collect();
        let slot = |text: &str| text.parse().ok();
        // Slots on their way are in brackets, besides.
        let ranges = words.get(8..)?.iter().filter(|it| !it.starts_with('['));
        let slots = ranges.map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some((slot(first)?, slot(last)?))
        });
        Some(Line {
            id: words[0].to_owned(),
            flags: words[2].split(',').map(str::to_owned).collect(),
            connected: words[7] == "connected",
            slots: slots.collect::<Option<_>>()?,
        })
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|it| it == flag)
    }

    pub(super) fn holds(&self, slot: u16) -> bool {
        let mut ranges = self.slots.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&slot))
    }

    /// How many slots it serves.
    pub(super) fn served(&self) -> u16 {
        let ranges = self.slots.iter();
        ranges.map(|(first, last)| last - first + 1).sum()
    }

    pub(super) fn is_linked(&self) -> bool {
        self.connected && !["handshake", "fail", "fail?"].iter().any(|it| self.has(it))
    }
}
