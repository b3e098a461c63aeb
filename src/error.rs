//! [`Error`]: what went wrong, where, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::report;
use crate::timeout_cause::TimeoutCause;
use crate::url::UrlError;

/// Reports what went wrong, where, and what to do about it, without showing a secret.
///
/// `{}` is one line, `{:#}` adds the causes on the same line, and `{:?}` is the full report, so that
/// `fn main() -> Result<(), redis_ready::Error>` prints it. Its last line leads to [the explanation](crate::guide::errors).
///
/// Commands return [`redis::RedisError`]; [`Error::from_redis`] returns the error of this crate inside
/// it. For an error that the server itself has answered, such as `WRONGTYPE`, it returns `None`.
///
/// # Kinds, causes and cures
///
/// *Run* says whether the command may have run. [`may_have_run`](Error::may_have_run) tells it for the
/// error at hand: in a cluster a command or a pipeline can fail in one part, with any of these kinds,
/// after another part has run.
///
/// | kind | cause | run | cure |
/// |---|---|---|---|
/// | [`MissingVariable`](ErrorKind::MissingVariable) | The variable is not set: not in the process environment, no `NAME_FILE`, not in `.env`. | no | Set it. |
/// | [`InvalidName`](ErrorKind::InvalidName) | [`Client::from_env`](crate::Client::from_env) was called with a text that cannot be the name of a variable. | no | Pass a name such as `REDIS_URL`; a URL goes to [`Client::open`](crate::Client::open). |
/// | [`InvalidUrl`](ErrorKind::InvalidUrl) | The value is not a Redis URL with one meaning, or the password or username beside it contradicts it; or the server is not what the URL says: a node of a cluster, not one of a cluster, one of a cluster without the database, not a Sentinel. | no | Follow the help of the error; the codes are on [`UrlError`]. |
/// | [`InvalidFile`](ErrorKind::InvalidFile) | `.env`, the file of `NAME_FILE` or `NAME_PASSWORD_FILE`, a file of `tls_ca`, `tls_cert` or `tls_key`, or the one of `SSL_CERT_FILE` cannot be read or used. | no | Correct the path, the permissions or the content. TLS files are read again at the next attempt to connect. |
/// | [`Unsupported`](ErrorKind::Unsupported) | This build, this system or redis-rs cannot do what is asked, such as TLS without the feature `tls`, or `redis::Client::open(&client)` for a cluster; or the server does not know sharded channels. | no | Enable the feature, change the URL, or follow the help of the error. |
/// | [`Unreachable`](ErrorKind::Unreachable) | No connection was made within the deadline: the name was not found, the server refused, ended the connection or did not answer; with [`Client::fail_fast`](crate::Client::fail_fast) that there is none at the moment. | no | Start the server, or correct host, port or firewall. The client tries again by itself. |
/// | [`Tls`](ErrorKind::Tls) | The TLS handshake failed: a certificate that is not trusted or has expired, another name, a client certificate that is missing or refused, a port without TLS. | no | Follow the help of the error: correct the certificate, `tls_ca`, `tls_cert`, `tls_server_name` or the scheme. |
/// | [`Authentication`](ErrorKind::Authentication) | The server did not accept the username or password, or does not permit the user to connect, to ask a cluster for its slots, or to subscribe to a channel; or a [credentials provider](crate::CredentialsProvider) has failed. | no | Correct the URL, the file or the provider, or the server's users. Files and providers are asked again at the next attempt to connect. |
/// | [`ConnectionRefused`](ErrorKind::ConnectionRefused) | The server refused the connection for another reason: too many clients, protected mode, a database that it does not have. | no | Follow the help of the error. |
/// | [`NotReady`](ErrorKind::NotReady) | The server answers and does not serve yet: it loads its data, a failover is not over, no node serves the slot, the Sentinels have not been told of the service. Where the server has refused the command itself, its code is that of the [`RedisError`](redis::RedisError), such as `LOADING`. | no, unless it is a script | Wait; [`Client::ready`](crate::Client::ready) does at start-up. |
/// | [`TimedOut`](ErrorKind::TimedOut) | The command was written, and the server was silent for the response timeout; or the reply was not complete within the deadline; or this process did not run meanwhile. The error says which ([`timeout_cause`](Error::timeout_cause)), and how much has come. | yes | Look for slow commands and packet loss; if slow replies are normal, raise the parameter that the error names, or give single commands more time with [`Client::with_timeout`](crate::Client::with_timeout). |
/// | [`ConnectionLost`](ErrorKind::ConnectionLost) | The connection was lost after the command had been written. | yes | Check what the command has done, or send it through [`Client::idempotent`](crate::Client::idempotent) if it may run twice. |
/// | [`QueueFull`](ErrorKind::QueueFull) | In an outage, when the last attempt to connect has failed, 1,000 commands or 8 MiB wait already; or the command found no room beside `max_in_flight` others within its deadline, or at once with [`Client::fail_fast`](crate::Client::fail_fast). | no | Send less, or raise `max_in_flight`. |
/// | [`InvalidCommand`](ErrorKind::InvalidCommand) | The command would change the shared session, does not have exactly one reply, or its keys are in several slots of a cluster. | no | Follow the help of the error. |
/// | [`Protocol`](ErrorKind::Protocol) | The server sent bytes that are not RESP; or the reply is beyond the [limits of this client](crate::guide::delivery#limits-of-a-reply). Nothing is sent again after either. | yes, if the command was written | Correct host and port, or look for what changes the traffic on the way; or ask for less at once. |
/// | [`Deadlock`](ErrorKind::Deadlock) | A command was called on the I/O thread of this crate, which would have to answer it: by a logger to which another crate has logged there. | no | Let the logger hand its lines to a thread of its own. |
/// | [`Closed`](ErrorKind::Closed) | The client was closed, or a dedicated connection has ended. | yes, if the command was written | Ask the client for another dedicated connection; a closed client stays closed. |
///
/// # In terms of redis-rs
///
/// What a [`redis::RedisError`] that holds an error of this crate answers:
///
#[doc = include_str!("redis_error.md")]
///
/// `is_unrecoverable_error` is true where `retry_method` is `Reconnect`; `is_io_error` where the kind is
/// `Io`. The text of an error whose kind is not `Io` has the help in it. None of these predicates says
/// whether the command may have run: ask [`may_have_run`](Error::may_have_run) before you send a write again.
#[derive(Clone)]
pub struct Error(Arc<Diagnostic>);

#[derive(Clone)]
struct Diagnostic {
    kind: ErrorKind,
    /// The code of the mistake in the URL.
    url_code: Option<&'static str>,
    message: String,
    variable: Option<String>,
    excerpt: Option<(String, Range<usize>)>,
    notes: Vec<String>,
    help: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    may_have_run: bool,
    /// What redis-rs's predicates go by, where the kind alone does not say it.
    io_kind: Option<io::ErrorKind>,
    /// The code with which a server would have answered.
    code: Option<&'static str>,
    timeout_cause: Option<TimeoutCause>,
}

/// Tells what kind of failure an [`Error`] is: one kind for each decision that a caller can take.
///
/// The causes and cures of all kinds are [a table on `Error`](Error#kinds-causes-and-cures).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The variable is not set: not in the process environment, no `NAME_FILE`, not in `.env`.
    MissingVariable,
    /// The text cannot be the name of an environment variable.
    InvalidName,
    /// The value is not a Redis URL, or the server is not what the URL says.
    InvalidUrl,
    /// A file that holds a value, a certificate or a key cannot be read or used.
    InvalidFile,
    /// This build or this system cannot do what is asked.
    Unsupported,
    /// No connection was made: the name was not found, the server refused or did not answer in time.
    Unreachable,
    /// The TLS handshake failed.
    Tls,
    /// The server did not accept the username or password, or does not permit the user to connect.
    Authentication,
    /// The server refused the connection for another reason, such as too many clients.
    ConnectionRefused,
    /// The server answers and does not serve yet, such as while it loads its data.
    NotReady,
    /// The command was written, and no reply came in time: it may have run.
    TimedOut,
    /// The connection was lost after the command had been written: it may have run.
    ConnectionLost,
    /// Too many commands are waiting already.
    QueueFull,
    /// The command cannot be sent on this connection, or to this cluster.
    InvalidCommand,
    /// The server sent bytes that are not RESP, or a reply beyond the limits of this client.
    Protocol,
    /// The command was called on the thread that would have to answer it.
    Deadlock,
    /// The client was closed, or a dedicated connection has ended.
    Closed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Arc::new(Diagnostic {
            kind,
            url_code: None,
            message: message.into(),
            variable: None,
            excerpt: None,
            notes: Vec::new(),
            help: None,
            source: None,
            may_have_run: false,
            io_kind: None,
            code: None,
            timeout_cause: None,
        }))
    }

    /// Reports `error` about the URL in `subject`, such as a variable.
    pub(crate) fn invalid_url(error: &UrlError, subject: &str) -> Error {
        let (line, span) = error.shown();
        let mut report = Error::new(ErrorKind::InvalidUrl, error.message(subject));
        report.edit().url_code = Some(error.code());
        report.excerpt(line, span).with_help_if(error.help())
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

    /// Does the same as [`with_help`](Error::with_help), where there is a help.
    pub(crate) fn with_help_if(self, help: Option<impl Into<String>>) -> Error {
        match help {
            Some(help) => self.with_help(help),
            None => self,
        }
    }

    pub(crate) fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Error {
        self.edit().source = Some(Arc::new(source));
        self
    }

    /// Makes redis-rs's predicates answer as for an I/O error of this kind.
    pub(crate) fn with_io_kind(mut self, kind: io::ErrorKind) -> Error {
        self.edit().io_kind = Some(kind);
        self
    }

    /// Makes redis-rs's predicates answer as they do for `cause`.
    pub(crate) fn with_io_kind_of(mut self, cause: &Error) -> Error {
        self.edit().io_kind = cause.0.io_kind;
        self
    }

    /// Gives it the code with which a server would have answered.
    pub(crate) fn with_code(mut self, code: &'static str) -> Error {
        self.edit().code = Some(code);
        self
    }

    /// Records what the command was waiting for when its time was up.
    pub(crate) fn timed_out(mut self, cause: TimeoutCause) -> Error {
        self.edit().timeout_cause = Some(cause);
        self
    }

    /// Records that the command had been written.
    pub(crate) fn after_writing(mut self) -> Error {
        self.edit().may_have_run = true;
        self.note("the command may have run")
    }

    /// Notes that the command was not written.
    pub(crate) fn not_run(self) -> Error {
        self.note("the command has not run")
    }

    /// Returns the error for a caller whose earlier attempt failed with `lost`: if that may have run, no
    /// later error takes it back.
    pub(crate) fn after_loss(self, lost: Option<Error>) -> Error {
        match lost {
            Some(lost) if lost.may_have_run() && !self.may_have_run() => lost.caused_by(self),
            _ => self,
        }
    }

    /// Gives access to the diagnostic. While an error is built it is not shared; if it is, the other
    /// holders keep theirs unchanged.
    fn edit(&mut self) -> &mut Diagnostic {
        Arc::make_mut(&mut self.0)
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

    /// Returns what to do about the error, where that is certain.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Returns whether the server may have run the command: it had been written, and no reply came.
    ///
    /// `false` is a promise that the command has not run and will not, so it can be sent again.
    #[must_use]
    pub fn may_have_run(&self) -> bool {
        self.0.may_have_run
    }

    /// Returns what the command was waiting for when its time was up; `None` for an error that is no time-out.
    ///
    /// It is `Some` for [`ErrorKind::TimedOut`], and for [`ErrorKind::Unreachable`], [`ErrorKind::QueueFull`] and
    /// [`ErrorKind::NotReady`] where the command has waited until its time was up.
    #[must_use]
    pub fn timeout_cause(&self) -> Option<TimeoutCause> {
        self.0.timeout_cause
    }

    /// Returns the kind of I/O error that redis-rs's predicates go by, where it is not that of
    /// [`kind`](Error::kind).
    pub(crate) fn io_kind(&self) -> Option<io::ErrorKind> {
        self.0.io_kind
    }

    /// Returns the code with which a server would have answered.
    pub(crate) fn code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// Returns the code under which the guide explains the error: the most precise one that it has.
    fn explained_code(&self) -> &'static str {
        let cause = self.0.timeout_cause.map(TimeoutCause::as_str);
        let code = self.0.url_code.or(cause);
        code.unwrap_or_else(|| self.0.kind.as_str())
    }

    /// Returns all that a reader needs on one line: message, causes, notes, and the help if the message
    /// does not have it.
    pub(crate) fn on_one_line(&self) -> String {
        let notes = self.0.notes.iter().map(|note| format!("; {note}"));
        let help = self.help().filter(|help| !self.0.message.contains(help));
        let help = help.map(|help| format!("; help: {help}"));
        format!("{self:#}") + &notes.chain(help).collect::<String>()
    }

    /// Returns whether the cause may pass without a change of the configuration or the server.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Unreachable
                | ErrorKind::NotReady
                | ErrorKind::TimedOut
                | ErrorKind::ConnectionLost
        )
    }

    /// Returns whether the cause lasts until the configuration or the server is changed, so that
    /// callers are told at once.
    pub(crate) fn is_lasting(&self) -> bool {
        !matches!(
            self.0.kind,
            ErrorKind::Unreachable | ErrorKind::NotReady | ErrorKind::ConnectionLost
        )
    }
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Error {
        Error::invalid_url(&error, "the URL")
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
            url_code: _,
            message,
            variable: _,
            excerpt,
            notes,
            help,
            source: _,
            may_have_run: _,
            io_kind: _,
            code: _,
            timeout_cause: _,
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
        write!(f, "\n  help: {}", report::see([self.explained_code()]))
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
