//! [`Error`]: what went wrong, where, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use redis::RedisError;

use crate::report;

/// An error of this crate: a diagnostic that never shows a secret.
///
/// `{}` is one line, `{:#}` adds the causes on the same line, and `{:?}` is the full report, so that
/// `fn main() -> Result<(), redis_ready::Error>` prints it.
///
/// Commands return [`redis::RedisError`]; [`Error::from_redis`] gives back the error of this crate
/// inside it, if there is one.
#[derive(Clone)]
pub struct Error(Arc<Diagnostic>);

struct Diagnostic {
    kind: ErrorKind,
    message: String,
    variable: Option<String>,
    excerpt: Option<(String, Range<usize>)>,
    notes: Vec<String>,
    help: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    may_have_run: bool,
}

/// What kind of failure an [`Error`] is: one kind per decision a caller can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The variable is set nowhere: not in the process environment, no `NAME_FILE`, not in `.env`.
    MissingVariable,
    /// The value is not a usable Redis URL.
    InvalidUrl,
    /// A file that holds a value, a certificate or a key cannot be read or used.
    InvalidFile,
    /// This build cannot do what the URL asks for.
    Unsupported,
    /// No connection to the server: no address, refused, or no answer within the connect timeout.
    Unreachable,
    /// The TLS handshake failed.
    Tls,
    /// The server did not accept the username or password.
    Authentication,
    /// The server refused the connection for another reason, such as too many clients.
    ConnectionRefused,
    /// The server is there and does not serve yet, such as while it loads its data.
    NotReady,
    /// No reply within the response timeout or the deadline.
    TimedOut,
    /// The connection was lost after the command had been written: it may have run.
    ConnectionLost,
    /// Too many commands are waiting already.
    QueueFull,
    /// The command cannot be sent on this connection.
    InvalidCommand,
    /// The server answered something that is not RESP.
    Protocol,
    /// The client was closed.
    Closed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Arc::new(Diagnostic {
            kind,
            message: message.into(),
            variable: None,
            excerpt: None,
            notes: Vec::new(),
            help: None,
            source: None,
            may_have_run: false,
        }))
    }

    /// Names the variable whose value is at fault.
    pub(crate) fn about(mut self, variable: &str) -> Error {
        self.edit().variable = Some(variable.to_owned());
        self
    }

    /// Adds the line to draw, free of secrets, and the byte range in it to underline.
    pub(crate) fn excerpt(mut self, line: impl Into<String>, span: Range<usize>) -> Error {
        self.edit().excerpt = Some((line.into(), span));
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Error {
        self.edit().notes.push(note.into());
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Error {
        self.edit().help = Some(help.into());
        self
    }

    pub(crate) fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Error {
        self.edit().source = Some(Arc::new(source));
        self
    }

    /// Says that the command had been written.
    pub(crate) fn after_writing(mut self) -> Error {
        self.edit().may_have_run = true;
        self.note("the command may have run")
    }

    /// What to tell where this came after `lost`, which leaves open whether the command has run.
    pub(crate) fn after_loss(self, lost: Option<Error>) -> Error {
        match lost {
            Some(lost) if lost.may_have_run() && !self.may_have_run() => lost.caused_by(self),
            _ => self,
        }
    }

    /// An error is edited only while it is built, so nobody shares it yet; if somebody does, they
    /// keep theirs.
    fn edit(&mut self) -> &mut Diagnostic {
        if Arc::get_mut(&mut self.0).is_none() {
            let Diagnostic {
                kind,
                message,
                variable,
                excerpt,
                notes,
                help,
                source,
                may_have_run,
            } = &*self.0;
            self.0 = Arc::new(Diagnostic {
                kind: *kind,
                message: message.clone(),
                variable: variable.clone(),
                excerpt: excerpt.clone(),
                notes: notes.clone(),
                help: help.clone(),
                source: source.clone(),
                may_have_run: *may_have_run,
            });
        }
        Arc::get_mut(&mut self.0).expect("the line above made it ours")
    }

    /// Returns the kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the name of the environment variable at fault, such as `REDIS_URL`.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        self.0.variable.as_deref()
    }

    /// Returns what to do about it, where that is certain.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Whether the server may have run the command: it had been written, and no reply came. `false`
    /// is a promise that it has not run and will not, so it can be sent again.
    #[must_use]
    pub fn may_have_run(&self) -> bool {
        self.0.may_have_run
    }

    /// Returns the error of this crate that travels inside `error`, if there is one.
    ///
    /// ```
    /// # fn example(error: &redis_ready::redis::RedisError) {
    /// if let Some(error) = redis_ready::Error::from_redis(error) {
    ///     eprintln!("{:?}: {error}", error.kind());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn from_redis(error: &RedisError) -> Option<&Error> {
        // redis-rs hands out its `Arc<dyn Error>` itself as the source, not what is in it.
        error
            .source()?
            .downcast_ref::<Arc<dyn StdError + Send + Sync>>()?
            .downcast_ref::<io::Error>()?
            .get_ref()?
            .downcast_ref::<Error>()
    }

    /// Whether waiting may be all it takes.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Unreachable
                | ErrorKind::NotReady
                | ErrorKind::TimedOut
                | ErrorKind::ConnectionLost
        )
    }

    /// The I/O error kind under which redis-rs's own helpers (`is_timeout`,
    /// `is_connection_dropped`, `retry_method`) give the right answer.
    fn io_kind(&self) -> io::ErrorKind {
        match self.0.kind {
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::ConnectionLost => io::ErrorKind::ConnectionAborted,
            ErrorKind::Unreachable => io::ErrorKind::NotConnected,
            _ => io::ErrorKind::PermissionDenied,
        }
    }
}

impl From<Error> for RedisError {
    fn from(error: Error) -> RedisError {
        RedisError::from(io::Error::new(error.io_kind(), error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if f.alternate() {
            let mut cause = self.source();
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic {
            kind: _,
            message,
            variable: _,
            excerpt,
            notes,
            help,
            source: _,
            may_have_run: _,
        } = &*self.0;
        f.write_str(message)?;
        if let Some((line, span)) = excerpt {
            let (shown, carets) = (report::printable(line), report::carets(line, span.clone()));
            write!(f, "\n  {shown}\n  {carets}")?;
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  cause: {error}")?;
            cause = error.source();
        }
        for note in notes {
            write!(f, "\n  note: {note}")?;
        }
        if let Some(help) = help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
