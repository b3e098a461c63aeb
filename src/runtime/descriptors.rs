//! Errors that mean that this process, or this machine, has no more of something.

use std::io;

/// Returns what to do about an error that says that there are no more file descriptors.
pub(crate) fn limit_help(error: &io::Error) -> Option<&'static str> {
    match error.raw_os_error() {
        // EMFILE and ENFILE, by the same numbers on every Unix.
        Some(24) if cfg!(unix) => {
            Some("close files and sockets, or raise the limit of this process (`ulimit -n`)")
        }
        Some(23) if cfg!(unix) => Some("close files and sockets, or raise `fs.file-max`"),
        _ => None,
    }
}

/// Returns the error of opening one more file, if that is not possible.
pub(crate) fn exhaustion() -> Option<io::Error> {
    let error = std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0)).err()?;
    limit_help(&error).is_some().then_some(error)
}
