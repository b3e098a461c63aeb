//! Whether it was the server that has refused a script, or the script itself.
//!
//! A script can write and then return any error, `MOVED` with its own slot and the address of a node too.
//! So the server is asked again: it looks at the keys of a script before it runs the script, and refuses
//! one that does nothing for the same keys alike.

use std::borrow::Cow;
use std::time::Duration;

use redis::Cmd;

use super::deadline::Deadline;
use super::hop::Hop;
use super::node_request::NodeRequest;
use super::routed::Routed;
use super::slot::Slot;
use crate::command::{number, split};
use crate::connection::CallOptions;
use crate::resp::{Redirect, Refusal, encode};
use crate::runtime::sleep;

/// Time between two questions while the server says `TRYAGAIN`.
const ASK_AGAIN_DELAY: Duration = Duration::from_millis(100);

/// Returns why the node of `hop` refuses the keys of `script`, which was answered with `refusal`;
/// `None` if the node runs scripts with these keys, so that the script may have run.
///
/// Waits until the node does not say `TRYAGAIN` any more: then the script is worth another attempt.
pub(super) async fn confirmed(
    refusal: Refusal,
    script: &Routed<'_>,
    hop: &Hop,
    options: CallOptions,
    deadline: Deadline,
) -> Option<Refusal> {
    if !is_about_the_keys(&refusal, script) {
        return None;
    }
    let question = question(script)?;
    let mut confirmed = None;
    loop {
        let left = options.timeouts.with_deadline(deadline.left());
        match answer(&question, hop, options.with_timeouts(left)).await {
            Some(Refusal::TryAgain) => confirmed = Some(Refusal::TryAgain),
            Some(refusal) if is_about_the_keys(&refusal, script) => return Some(refusal),
            _ => return confirmed,
        }
        if deadline.left() <= ASK_AGAIN_DELAY {
            return confirmed;
        }
        sleep(ASK_AGAIN_DELAY).await;
    }
}

/// Returns whether a server that refuses `script` for its keys may answer so.
fn is_about_the_keys(refusal: &Refusal, script: &Routed<'_>) -> bool {
    let keys = script.slot().map(Slot::number);
    match refusal {
        Refusal::Redirect(Redirect::Moved { slot, .. } | Redirect::Ask { slot, .. }) => {
            keys == Some(*slot)
        }
        Refusal::TryAgain => keys.is_some(),
        Refusal::Unavailable(_) | Refusal::ReadOnly => false,
    }
}

async fn answer(question: &Routed<'_>, hop: &Hop, options: CallOptions) -> Option<Refusal> {
    let request = NodeRequest::command(question, options.idempotent());
    let (result, _) = hop.run(&request, options, 0).await;
    Refusal::of(&result.ok()?.single())
}

/// Returns the command of `script` with its keys, and with a script that does nothing, or that does not
/// exist: so it needs no other permission.
fn question<'a>(script: &Routed<'_>) -> Option<Routed<'a>> {
    let commands = split(&script.bytes)?;
    let [name, _, count, rest @ ..] = commands.first()?.as_slice() else {
        return None;
    };
    let nothing: &[u8] = match name.to_ascii_uppercase().as_slice() {
        b"EVAL" | b"EVAL_RO" => b"return 0",
        b"EVALSHA" | b"EVALSHA_RO" => &[b'0'; 40],
        _ => b"redis_ready_asks_for_the_slot",
    };
    let mut question = Cmd::new();
    question.arg(*name).arg(nothing).arg(*count);
    question.arg(rest.get(..number(count)?)?);
    let mut bytes = Vec::new();
    encode(&question, &mut bytes);
    Some(Routed {
        bytes: Cow::Owned(bytes),
        ..script.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::CommandInfo;

    fn script(words: &[&str]) -> Routed<'static> {
        let mut command = Cmd::new();
        command.arg(words);
        let mut bytes = Vec::new();
        encode(&command, &mut bytes);
        let words = words.iter().map(|word| word.as_bytes());
        let info = CommandInfo::of(words.clone());
        Routed::new(bytes, words, info).expect("its keys are in one slot")
    }

    #[test]
    fn the_question_has_the_keys_and_does_nothing() {
        let check = |words: &[&str], expected: &[&str]| {
            let question = question(&script(words)).expect("it has keys");
            let commands = split(&question.bytes).expect("RESP");
            let expected: Vec<_> = expected.iter().map(|word| word.as_bytes()).collect();
            assert_eq!(commands, [expected]);
        };
        check(
            &["eval", "return redis.call('incr', KEYS[1])", "1", "k", "7"],
            &["eval", "return 0", "1", "k"],
        );
        let (sha, zeros) = ("5".repeat(40), "0".repeat(40));
        check(
            &["EVALSHA", &sha, "2", "{k}1", "{k}2"],
            &["EVALSHA", &zeros, "2", "{k}1", "{k}2"],
        );
        check(
            &["FCALL", "f", "1", "k"],
            &["FCALL", "redis_ready_asks_for_the_slot", "1", "k"],
        );
        assert!(question(&script(&["EVAL", "return 1", "-1"])).is_none());
        assert!(question(&script(&["EVAL", "return 1", "3", "k"])).is_none());
    }

    #[test]
    fn only_what_names_the_slot_of_the_keys_is_asked_about() {
        let with_keys = script(&["EVAL", "return 1", "1", "123456789"]);
        let without = script(&["EVAL", "return 1", "0"]);
        let check = |refusal: Refusal, expected: bool| {
            assert_eq!(is_about_the_keys(&refusal, &with_keys), expected);
            assert!(!is_about_the_keys(&refusal, &without));
        };
        let address = || "h:1".to_owned();
        let (slot, other) = (12_739, 1);
        let moved = |slot| {
            Refusal::Redirect(Redirect::Moved {
                slot,
                address: address(),
            })
        };
        let ask = |slot| {
            Refusal::Redirect(Redirect::Ask {
                slot,
                address: address(),
            })
        };
        check(moved(slot), true);
        check(moved(other), false);
        check(ask(slot), true);
        check(ask(other), false);
        check(Refusal::TryAgain, true);
        check(Refusal::ReadOnly, false);
    }
}
