//! No client at all: what is left is the cost of the loop that calls it.

use std::hint::black_box;

use crate::load::{Client, Command};

#[derive(Clone)]
pub(super) struct Nothing;

impl Client for Nothing {
    async fn send(&mut self, command: Command) {
        black_box(command);
    }

    async fn pipeline(&mut self, commands: &[Command]) {
        black_box(commands);
    }
}
