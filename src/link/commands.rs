//! What a command says of itself: its arguments, and what it does to its connection.

use std::time::Duration;

use redis::{Arg, Cmd};

/// Parts encoded commands (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n…`) into their arguments.
///
/// `None` where the bytes are not whole commands, or one of them is empty.
pub(crate) fn split(mut bytes: &[u8]) -> Option<Vec<Vec<&[u8]>>> {
    let mut commands = Vec::new();
    while !bytes.is_empty() {
        let count = header(&mut bytes, b'*').filter(|count| *count > 0)?;
        let mut arguments = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            let length = header(&mut bytes, b'$')?;
            let (argument, rest) = bytes.split_at_checked(length)?;
            arguments.push(argument);
            bytes = rest.strip_prefix(b"\r\n")?;
        }
        commands.push(arguments);
    }
    Some(commands)
}

/// Parts encoded commands, which have to be whole, without decoding them.
pub(crate) fn encoded_commands(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let start = rest;
        let count = header(&mut rest, b'*')?;
        for _ in 0..count {
            let length = header(&mut rest, b'$')?;
            rest = rest.get(length + 2..)?;
        }
        Some(&start[..start.len() - rest.len()])
    })
}

/// Takes a line such as `*2\r\n` from the front.
fn header(bytes: &mut &[u8], kind: u8) -> Option<usize> {
    let line = bytes.strip_prefix(&[kind])?;
    let end = line.iter().position(|byte| *byte == b'\r')?;
    *bytes = line[end..].strip_prefix(b"\r\n")?;
    number(&line[..end])
}

fn number<T: std::str::FromStr>(argument: &[u8]) -> Option<T> {
    std::str::from_utf8(argument).ok()?.parse().ok()
}

/// Returns the arguments of `command`, the first of which is its name.
pub(crate) fn arguments(command: &Cmd) -> impl Iterator<Item = &[u8]> + Clone {
    command.args_iter().map(|argument| match argument {
        Arg::Simple(argument) => argument,
        // The cursor of a scan, which says nothing about its effect.
        _ => &[],
    })
}

/// What a command does to the connection it is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing that others would notice.
    None,
    /// The server may hold back its answer for so long, [`Duration::MAX`] for ever.
    Blocks(Duration),
    /// Changes the session; the text says what to do instead.
    ChangesSession(&'static str),
    /// Is not answered by one reply, so that no connection of ours can take it.
    NoSingleReply(&'static str),
}

/// Returns the effect of the command with these arguments, the first of which is its name.
pub(crate) fn effect<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> Effect {
    // Upper case without an allocation, for this runs on every call.
    let mut buffer = [0; 16];
    let Some(name) = arguments
        .next()
        .and_then(|name| upper_case(name, &mut buffer))
    else {
        return Effect::None;
    };
    match name {
        b"BLPOP" | b"BRPOP" | b"BRPOPLPUSH" | b"BLMOVE" | b"BZPOPMIN" | b"BZPOPMAX" => {
            blocks(seconds(arguments.last()))
        }
        b"BLMPOP" | b"BZMPOP" => blocks(seconds(arguments.next())),
        b"WAIT" | b"WAITAOF" => blocks(milliseconds(arguments.last())),
        b"XREAD" => stream_read(arguments),
        // The names of group and consumer are no options.
        b"XREADGROUP" => stream_read(arguments.skip(3)),
        b"MULTI" | b"EXEC" | b"DISCARD" => {
            Effect::ChangesSession("send the transaction whole: `redis::pipe().atomic()`")
        }
        b"SELECT" => Effect::ChangesSession("write the database into the URL"),
        b"AUTH" | b"HELLO" => {
            Effect::ChangesSession("write username, password and `protocol` into the URL")
        }
        b"QUIT" | b"RESET" => Effect::ChangesSession("call `Client::close`"),
        b"WATCH" | b"UNWATCH" | b"READONLY" | b"READWRITE" | b"ASKING" => DEDICATED,
        b"MONITOR" | b"SYNC" | b"PSYNC" | b"REPLCONF" | b"SUBSCRIBE" | b"PSUBSCRIBE"
        | b"SSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" | b"SUNSUBSCRIBE" => BY_REDIS,
        b"CLIENT" => match arguments
            .next()
            .and_then(|name| upper_case(name, &mut buffer))
        {
            Some(b"SETNAME") => Effect::ChangesSession("call `Config::with_client_name`"),
            Some(b"REPLY") => Effect::NoSingleReply("call `Cmd::set_no_response`"),
            Some(b"TRACKING" | b"CACHING" | b"NO-EVICT" | b"NO-TOUCH") => DEDICATED,
            _ => Effect::None,
        },
        b"SCRIPT" => match arguments
            .next()
            .and_then(|name| upper_case(name, &mut buffer))
        {
            Some(b"DEBUG") => DEDICATED,
            _ => Effect::None,
        },
        _ => Effect::None,
    }
}

const DEDICATED: Effect =
    Effect::ChangesSession("use a connection of its own: `Client::dedicated_connection`");

/// The options of XREAD end where its keys begin.
fn stream_read<'a>(options: impl Iterator<Item = &'a [u8]>) -> Effect {
    let mut options = options
        .take_while(|option| !option.eq_ignore_ascii_case(b"STREAMS"))
        .skip_while(|option| !option.eq_ignore_ascii_case(b"BLOCK"));
    match options.next() {
        Some(_) => blocks(milliseconds(options.next())),
        None => Effect::None,
    }
}

const BY_REDIS: Effect =
    Effect::NoSingleReply("use a connection of redis-rs: `redis::Client::open`");

/// `None` where the name is too short or too long to be of interest: `GET` and `SET` go by here.
fn upper_case<'a>(name: &[u8], buffer: &'a mut [u8; 16]) -> Option<&'a [u8]> {
    if name.len() < 4 {
        return None;
    }
    let upper = buffer.get_mut(..name.len())?;
    upper.copy_from_slice(name);
    upper.make_ascii_uppercase();
    Some(upper)
}

/// An argument that is no number is for the server to refuse, at once.
fn blocks(limit: Option<Duration>) -> Effect {
    limit.map_or(Effect::None, Effect::Blocks)
}

/// Zero is for ever.
fn seconds(argument: Option<&[u8]>) -> Option<Duration> {
    let seconds = number::<f64>(argument?).filter(|seconds| *seconds >= 0.0)?;
    let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    Some(if limit.is_zero() {
        Duration::MAX
    } else {
        limit
    })
}

fn milliseconds(argument: Option<&[u8]>) -> Option<Duration> {
    let milliseconds = number::<u64>(argument?)?;
    Some(if milliseconds == 0 {
        Duration::MAX
    } else {
        Duration::from_millis(milliseconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expected: Effect) {
        assert_eq!(
            effect(command.split(' ').map(str::as_bytes)),
            expected,
            "{command}"
        );
    }

    #[test]
    fn blocking_commands_say_how_long() {
        let blocks = |milliseconds| Effect::Blocks(Duration::from_millis(milliseconds));
        check("BLPOP a b 5", blocks(5000));
        check("blpop a 0.25", blocks(250));
        check("BRPOP a 0", Effect::Blocks(Duration::MAX));
        check("BLMOVE a b LEFT LEFT 1", blocks(1000));
        check("BLMPOP 1.5 1 a LEFT", blocks(1500));
        check("WAIT 1 200", blocks(200));
        check("XREAD COUNT 1 BLOCK 300 STREAMS s $", blocks(300));
        check(
            "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
            Effect::Blocks(Duration::MAX),
        );
        check("XREAD STREAMS s 0", Effect::None);
        check("XREAD STREAMS block 0", Effect::None);
        check("XREADGROUP GROUP block c STREAMS s >", Effect::None);
        check("XREADGROUP GROUP block c BLOCK 5 STREAMS s >", blocks(5));
        check("BLPOP a soon", Effect::None);
        check("GET block", Effect::None);
    }

    fn is_refused(effect: Effect) -> bool {
        matches!(effect, Effect::ChangesSession(_) | Effect::NoSingleReply(_))
    }

    #[test]
    fn session_commands_are_known_in_any_case_and_as_subcommands() {
        for command in
            "MULTI EXEC DISCARD WATCH UNWATCH SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE \
             PUNSUBSCRIBE SUNSUBSCRIBE MONITOR SYNC PSYNC REPLCONF SELECT AUTH HELLO RESET QUIT \
             READONLY READWRITE ASKING"
                .split_ascii_whitespace()
        {
            for command in [
                command.to_owned(),
                command.to_lowercase(),
                format!("{command} x"),
            ] {
                let effect = effect(command.split(' ').map(str::as_bytes));
                assert!(is_refused(effect), "{command}");
            }
        }
        for command in [
            "REPLY OFF",
            "TRACKING ON",
            "CACHING YES",
            "SETNAME a",
            "no-evict on",
            "NO-TOUCH ON",
        ] {
            let effect = effect(format!("client {command}").split(' ').map(str::as_bytes));
            assert!(is_refused(effect), "{command}");
        }
        check("CLIENT LIST", Effect::None);
        check("CLIENT", Effect::None);
        check("SCRIPT LOAD x", Effect::None);
        check("A-COMMAND-WITH-A-LONG-NAME x", Effect::None);
    }

    #[test]
    fn splits_whole_commands_only() {
        let get = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        assert_eq!(split(b""), Some(vec![]));
        assert_eq!(split(get), Some(vec![vec![&b"GET"[..], b"k"]]));
        assert_eq!(
            split(&get.repeat(3)).map(|commands| commands.len()),
            Some(3)
        );
        assert_eq!(split(&[get, &b"*0\r\n"[..]].concat()), None);
        assert_eq!(split(&get[..get.len() - 1]), None);
        assert_eq!(split(b"PING\r\n"), None);
    }
}
