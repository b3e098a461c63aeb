//! A pipeline: its commands run in their order where they have a slot in common, or go to the same node.

use std::sync::Arc;

use redis::Value;

use super::deadline::Deadline;
use super::errors::partly_run;
use super::nodes::Nodes;
use super::refresh::{Refresher, Waiting};
use super::routed::Routed;
use super::{batch, fan_out};
use crate::connection::CallOptions;
use crate::error::Error;

/// Runs the commands of a pipeline, and returns their replies in the same order.
pub(super) async fn run(
    refresher: &Arc<Refresher>,
    deadline: Deadline,
    commands: &[Routed<'_>],
    options: CallOptions,
) -> Result<Vec<Value>, Error> {
    // Without a slot table it is not known which commands go to the same node.
    let waiting = Waiting::until(deadline, options);
    refresher
        .wait_for(waiting, None, Nodes::any_primary)
        .await?;
    let mut replies = Vec::with_capacity(commands.len());
    let stages = run_stages(refresher, deadline, commands, options, &mut replies);
    match stages.await {
        Ok(()) => Ok(replies),
        Err(error) => {
            let mut ran = commands.iter().take(replies.len());
            Err(if ran.any(|command| !command.info.reads()) {
                partly_run(error)
            } else {
                error
            })
        }
    }
}

/// Runs consecutive commands for one node each together, and a command for several nodes after all that
/// stand before it.
async fn run_stages(
    refresher: &Arc<Refresher>,
    deadline: Deadline,
    commands: &[Routed<'_>],
    options: CallOptions,
    replies: &mut Vec<Value>,
) -> Result<(), Error> {
    let go_together =
        |one: &Routed<'_>, next: &Routed<'_>| one.is_for_one_node() && next.is_for_one_node();
    for stage in commands.chunk_by(go_together) {
        match stage {
            [command] if !command.is_for_one_node() => {
                replies.push(fan_out::run(refresher, deadline, command, options).await?);
            }
            _ => replies.extend(batch::run(refresher, deadline, stage, options).await?),
        }
    }
    Ok(())
}
