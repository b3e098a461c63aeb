//! [`LearnedCommands`]: what a server has said of commands that the table of this crate lacks.
//!
//! A command that the table lacks may not share the connection before the server has been asked what it
//! is, by `COMMAND INFO`: it could block, or change the session of all callers. The question is asked once
//! for all callers, and again after a reconnect, behind which there may be a server of another version.
//! Where the server does not say, because a user may not ask or a proxy does not understand, the command
//! has a connection of its own, and the question is repeated after a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Value;
use tokio::sync::watch;

use super::call_options::CallOptions;
use super::errors::{has_not_run, no_answer_about_command};
use super::multiplexed::MultiplexedConnection;
use super::reply::Reply;
use crate::command::{CommandInfo, described};
use crate::error::{Error, ErrorKind};
use crate::runtime::{spawn, within};

/// Longest name, in bytes, that a server is asked about, far more than any command has.
const MAX_NAME: usize = 64;
/// Names that are remembered; with one more all are forgotten.
const MAX_COMMANDS: usize = 1024;
/// Time after which a server is asked again about a command that it has not described.
const ASK_AGAIN_INTERVAL: Duration = Duration::from_secs(60);

/// Time that is left to a caller when the deadline of its question has passed, so that it is told the cause.
const REPORT_TIME: Duration = Duration::from_millis(50);

/// What a server has said of commands that the table of this crate lacks.
#[derive(Clone, Default)]
pub(crate) struct LearnedCommands(Arc<Mutex<HashMap<Vec<u8>, Answer>>>);

enum Answer {
    /// The server has been asked.
    Awaited(Outcome),
    /// The server has described the command, on the connection with this number.
    Described {
        info: CommandInfo,
        has_subcommands: bool,
        connection: u64,
    },
    /// The server has not described the command at this time.
    NotDescribed(Instant),
}

/// Becomes `Some` when the server has been asked.
type Outcome = watch::Receiver<Option<Result<(), Error>>>;
type Asked = watch::Sender<Option<Result<(), Error>>>;

/// What a caller has to do to know what a command is.
enum Turn {
    /// Nothing: it is known.
    Known,
    /// Wait: the server has been asked.
    Awaited(Outcome),
    /// Ask.
    Ask(Asked, Outcome),
}

impl LearnedCommands {
    /// Returns what is known about the command with these arguments; `None` if the server has to be
    /// asked, on the connection with this number.
    pub(crate) fn get<'a>(
        &self,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
        connection: u64,
    ) -> Option<CommandInfo> {
        let unknown = CommandInfo::of(arguments.clone());
        let Some((name, argument)) = name(unknown, arguments) else {
            return Some(unknown);
        };
        let answers = self.lock();
        match answers.get(&name)? {
            Answer::Awaited(_) => None,
            Answer::NotDescribed(since) => {
                (since.elapsed() < ASK_AGAIN_INTERVAL).then_some(unknown)
            }
            Answer::Described { connection: on, .. } if *on != connection => None,
            Answer::Described {
                info,
                has_subcommands,
                ..
            } => {
                let subcommand = || [&name, &b"|"[..], &argument.to_ascii_uppercase()].concat();
                let subcommand = has_subcommands
                    .then(|| answers.get(&subcommand()))
                    .flatten();
                match subcommand {
                    Some(Answer::Described { info, .. }) => Some(*info),
                    _ => Some(*info),
                }
            }
        }
    }

    /// Returns what is known about the command with these arguments; asks the server if need be, within
    /// the deadline of `options`. `number` returns the number of the connection.
    ///
    /// # Errors
    ///
    /// Why the server could not be asked. The command has not run.
    pub(crate) async fn look_up<'a>(
        &self,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
        connection: &MultiplexedConnection,
        number: impl Fn() -> u64 + Clone + Send + 'static,
        options: CallOptions,
    ) -> Result<CommandInfo, Error> {
        let start = Instant::now();
        loop {
            if let Some(info) = self.get(arguments.clone(), number()) {
                return Ok(info);
            }
            let unknown = CommandInfo::of(arguments.clone());
            let Some((name, _)) = name(unknown, arguments.clone()) else {
                return Ok(unknown);
            };
            let timeouts = options.timeouts;
            let left = timeouts.deadline.saturating_sub(start.elapsed());
            let timeouts = timeouts.with_deadline(left.saturating_sub(REPORT_TIME.min(left / 10)));
            let (mut outcome, is_shared) = match self.turn(&name, number()) {
                // The answer has come in between.
                Turn::Known => continue,
                Turn::Awaited(outcome) => (outcome, true),
                Turn::Ask(done, outcome) => {
                    self.ask(
                        &name,
                        connection,
                        number.clone(),
                        options.with_timeouts(timeouts),
                        done,
                    )?;
                    (outcome, false)
                }
            };
            let outcome = within(left, outcome.wait_for(Option::is_some)).await;
            match outcome.and_then(|outcome| outcome.ok()?.clone()) {
                Some(Ok(())) => {
                    let info = self.get(arguments, number());
                    // All may have been forgotten meanwhile.
                    return Ok(info.unwrap_or(unknown));
                }
                // Its deadline was that of another caller.
                Some(Err(error)) if is_shared && error.is_transient() && !left.is_zero() => {}
                Some(Err(error)) => return Err(has_not_run(error)),
                // The deadline has passed, or the task has ended with the I/O thread.
                None => {
                    self.lock().remove(&name);
                    return Err(no_answer_about_command(
                        connection.target(),
                        timeouts.deadline,
                    ));
                }
            }
        }
    }

    /// Decides, for one caller at a time, whether the server is asked about `name`.
    fn turn(&self, name: &[u8], connection: u64) -> Turn {
        let mut answers = self.lock();
        match answers.get(name) {
            Some(Answer::Awaited(outcome)) => return Turn::Awaited(outcome.clone()),
            Some(Answer::NotDescribed(since)) if since.elapsed() < ASK_AGAIN_INTERVAL => {
                return Turn::Known;
            }
            Some(Answer::Described { connection: on, .. }) if *on == connection => {
                return Turn::Known;
            }
            _ => {}
        }
        let (done, outcome) = watch::channel(None);
        insert(
            &mut answers,
            name.to_vec(),
            Answer::Awaited(outcome.clone()),
        );
        Turn::Ask(done, outcome)
    }

    /// Asks the server, in a task of the I/O thread: no caller depends on the task of another one.
    fn ask(
        &self,
        name: &[u8],
        connection: &MultiplexedConnection,
        number: impl Fn() -> u64 + Send + 'static,
        options: CallOptions,
        done: Asked,
    ) -> Result<(), Error> {
        let mut question = redis::cmd("COMMAND");
        question.arg("INFO").arg(name);
        let call = connection.ask(question, options);
        let (learned, name) = (self.clone(), name.to_vec());
        spawn(async move {
            let result = call.await;
            done.send_replace(Some(learned.take(&name, result, number())));
        })
    }

    /// Takes the answer about `name`, which came on the connection with this number.
    fn take(
        &self,
        name: &[u8],
        result: Result<Reply, Error>,
        connection: u64,
    ) -> Result<(), Error> {
        let described = match result {
            Ok(Reply::One(value)) if !matches!(value, Value::ServerError(_)) => described(&value),
            Ok(_) => None,
            // Some proxies end the connection on which they are asked.
            Err(error) if error.kind() == ErrorKind::ConnectionLost => None,
            Err(error) => {
                self.lock().remove(name);
                return Err(error);
            }
        };
        let Some(described) = described else {
            self.insert(name.to_vec(), Answer::NotDescribed(Instant::now()));
            return Ok(());
        };
        let answer = |info, has_subcommands| Answer::Described {
            info,
            has_subcommands,
            connection,
        };
        let has_subcommands = !described.subcommands.is_empty();
        for (subcommand, info) in described.subcommands {
            self.insert([name, b"|", &subcommand].concat(), answer(info, false));
        }
        self.insert(name.to_vec(), answer(described.info, has_subcommands));
        Ok(())
    }

    fn insert(&self, name: Vec<u8>, answer: Answer) {
        insert(&mut self.lock(), name, answer);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert(answers: &mut HashMap<Vec<u8>, Answer>, name: Vec<u8>, answer: Answer) {
    if answers.len() >= MAX_COMMANDS && !answers.contains_key(&name) {
        answers.clear();
    }
    answers.insert(name, answer);
}

/// Returns the name that a server is asked about, in upper case, and the argument behind it, if it is not
/// longer than a name; `None` for a name that is longer than any.
fn name<'a>(
    unknown: CommandInfo,
    mut arguments: impl Iterator<Item = &'a [u8]>,
) -> Option<(Vec<u8>, &'a [u8])> {
    let mut next = || arguments.next().filter(|name| name.len() <= MAX_NAME);
    let (command, argument) = (next()?, next());
    let name = if unknown.is_subcommand() {
        [command, b"|", argument?].concat()
    } else {
        command.to_vec()
    };
    Some((name.to_ascii_uppercase(), argument.unwrap_or_default()))
}
