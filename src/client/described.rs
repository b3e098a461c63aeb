//! What a caller does, described for spans and metrics: never a key, a value or a script.

use redis::{Cmd, Pipeline};

use crate::command::{CommandInfo, arguments};
use crate::connection::Packed;
use crate::observe::Operation;

/// Stands for a command that the table lacks.
const OTHER: &str = "OTHER";

/// Describes one command.
pub(super) fn command(command: &Cmd) -> Operation {
    single(arguments(command))
}

/// Describes a pipeline or a transaction.
pub(super) fn pipeline(pipeline: &Pipeline) -> Operation {
    batch(pipeline.len(), pipeline.is_transaction())
}

/// Describes packed commands.
pub(super) fn packed(packed: &Packed<'_>) -> Operation {
    let commands = packed.commands();
    match &*commands {
        [command] if !packed.is_transaction() => single(command.iter().copied()),
        _ => batch(commands.len(), packed.is_transaction()),
    }
}

fn single<'a>(arguments: impl Iterator<Item = &'a [u8]> + Clone) -> Operation {
    let name = CommandInfo::of(arguments.clone()).name().unwrap_or(OTHER);
    Operation {
        name,
        commands: 1,
        digest: digest(name, arguments),
    }
}

fn batch(commands: usize, is_transaction: bool) -> Operation {
    Operation {
        name: if is_transaction { "MULTI" } else { "PIPELINE" },
        commands,
        digest: None,
    }
}

/// Returns the digest of the script that is run. What is not a digest could be anything.
fn digest<'a>(name: &str, mut arguments: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    if !matches!(name, "EVALSHA" | "EVALSHA_RO") {
        return None;
    }
    let digest = std::str::from_utf8(arguments.nth(1)?).ok()?;
    let is_digest = digest.len() == 40 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| digest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use redis::{cmd, pipe};

    use super::*;

    #[test]
    fn a_command_is_described_without_its_arguments() {
        let check = |words: &[&str], expected: &str, digest: Option<&str>| {
            let mut command = Cmd::new();
            command.arg(words);
            let operation = super::command(&command);
            assert_eq!(operation.name, expected, "{words:?}");
            assert_eq!(operation.digest.as_deref(), digest, "{words:?}");
            let packed = Packed::command(command.get_packed_command()).expect("one command");
            assert_eq!(super::packed(&packed).name, expected, "{words:?}");
        };
        let digest = "0123456789ABCDEF0123456789abcdef01234567";
        let lower_case = digest.to_ascii_lowercase();
        check(&["get", "key"], "GET", None);
        check(&["config", "get", "secret"], "CONFIG|GET", None);
        check(&["config", "secret"], "OTHER", None);
        check(&["secret", "key"], "OTHER", None);
        check(&["EVALSHA", digest, "0"], "EVALSHA", Some(&lower_case));
        check(&["EVALSHA", "secret", "0"], "EVALSHA", None);
        check(&["EVAL", digest, "0"], "EVAL", None);
    }

    #[test]
    fn a_batch_is_described_by_its_kind_and_size() {
        let mut pipeline = pipe();
        pipeline.add_command(cmd("PING")).add_command(cmd("PING"));
        let operation = super::pipeline(&pipeline);
        assert_eq!((operation.name, operation.commands), ("PIPELINE", 2));
        let packed = Packed::pipeline(pipeline.get_packed_pipeline(), 0, 2).expect("two commands");
        let operation = super::packed(&packed);
        assert_eq!((operation.name, operation.commands), ("PIPELINE", 2));
        let operation = super::pipeline(pipeline.atomic());
        assert_eq!((operation.name, operation.commands), ("MULTI", 2));
    }
}
