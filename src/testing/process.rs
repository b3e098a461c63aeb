//! The server's process and its directory, from start to end.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::builder::ServerBuilder;

const START_DEADLINE: Duration = Duration::from_secs(20);
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// Time between two checks whether the process has started or ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The variable that names the server's program where it is not in `PATH`.
const BINARY_VARIABLE: &str = "REDIS_READY_SERVER";
const BINARIES: [&str; 2] = ["redis-server", "valkey-server"];
const INSTALL: &str = if cfg!(target_os = "macos") {
    "brew install redis"
} else {
    "apt-get install -y redis-server"
};

/// A server process, running or not, and the directory in which it runs.
#[derive(Debug)]
pub(super) struct Process {
    directory: PathBuf,
    child: Option<Child>,
    paused: AtomicBool,
    /// Ends the server when this process has ended; see [`watch`].
    watcher: Option<Child>,
}

impl Process {
    /// Makes the directory, without starting a process.
    pub(super) fn new() -> io::Result<Process> {
        Ok(Process {
            directory: private_directory()?,
            child: None,
            paused: AtomicBool::new(false),
            watcher: None,
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub(super) fn log(&self) -> String {
        let log = fs::read(self.directory.join("redis.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Starts the process, without waiting until it is ready.
    pub(super) fn spawn(&mut self, directives: &str, settings: &ServerBuilder) -> io::Result<()> {
        fs::write(self.directory.join("redis.conf"), directives)?;
        let log = File::create(self.directory.join("redis.log"))?;
        let child = spawn_any(&binaries(), |command| {
            command
                .arg("redis.conf")
                .args(settings.arguments())
                .current_dir(&self.directory)
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log.try_clone()?);
            Ok(())
        })?;
        self.watcher = watch(&child, &self.directory);
        self.child = Some(child);
        Ok(())
    }

    /// Waits until the server answers; the error has its log.
    pub(super) fn wait_until_ready(&mut self, port: Option<u16>) -> io::Result<()> {
        let started = Instant::now();
        loop {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                return Err(self.start_error(&format!("the server ended with {status}")));
            }
            match self.ask(port) {
                // A server that asks for a password is ready.
                Ok(reply) if reply.starts_with("+PONG") || reply.starts_with("-NOAUTH") => {
                    return Ok(());
                }
                Ok(_) | Err(_) if started.elapsed() < START_DEADLINE => {
                    thread::sleep(POLL_INTERVAL);
                }
                Ok(reply) => return Err(self.start_error(&format!("expected PONG, found {reply}"))),
                Err(error) => return Err(self.start_error(&error.to_string())),
            }
        }
    }

    fn start_error(&self, problem: &str) -> io::Error {
        let log = self.log();
        let kind = if log.contains("Address already in use") {
            io::ErrorKind::AddrInUse
        } else {
            io::ErrorKind::Other
        };
        io::Error::new(kind, format!("{problem}\nlog of the server:\n{log}"))
    }

    /// Sends `PING` over the Unix socket, which every server has on Unix, so that TLS does not matter.
    #[cfg(unix)]
    fn ask(&self, _port: Option<u16>) -> io::Result<String> {
        let socket = self.directory.join("redis.sock");
        let stream = std::os::unix::net::UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(START_DEADLINE))?;
        ping(stream)
    }

    #[cfg(not(unix))]
    #[expect(
        clippy::unused_self,
        reason = "elsewhere the directory holds the socket"
    )]
    fn ask(&self, port: Option<u16>) -> io::Result<String> {
        let stream = std::net::TcpStream::connect(("127.0.0.1", port.unwrap_or(0)))?;
        stream.set_read_timeout(Some(START_DEADLINE))?;
        ping(stream)
    }

    /// Whether it was started and neither ended nor paused.
    pub(super) fn is_running(&self) -> bool {
        self.child.is_some() && !self.paused.load(Ordering::Relaxed)
    }

    pub(super) fn pause(&self) -> io::Result<()> {
        self.signal("STOP")?;
        self.paused.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn resume(&self) -> io::Result<()> {
        self.signal("CONT")?;
        self.paused.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn signal(&self, name: &str) -> io::Result<()> {
        let Some(child) = &self.child else {
            return Ok(());
        };
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(child.id().to_string())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!(
                "`kill -{name}` ended with {status}"
            )))
        }
    }

    /// Asks the server to end, and ends it if it does not.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        if self.child.is_some() && self.signal("TERM").is_ok() && self.resume().is_ok() {
            let started = Instant::now();
            while started.elapsed() < STOP_DEADLINE {
                if let Some(child) = &mut self.child
                    && child.try_wait()?.is_some()
                {
                    break;
                }
                thread::sleep(POLL_INTERVAL);
            }
        }
        self.kill()
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        // The watcher first: it knows the server by its process id, which may be used again afterwards.
        if let Some(mut watcher) = self.watcher.take() {
            watcher.kill()?;
            watcher.wait()?;
        }
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        self.paused.store(false, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A drop has no caller to report an error to.
        let _ = self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Makes a directory that only this user can write to.
fn private_directory() -> io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    loop {
        // A short name, because some systems limit the path of a socket to 103 bytes.
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("redis-ready-{}-{number}", std::process::id());
        let path = env::temp_dir().join(name);
        match builder.create(&path) {
            Ok(()) => return Ok(path),
            // Left behind by an earlier process with the same id.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

fn binaries() -> Vec<String> {
    match env::var(BINARY_VARIABLE) {
        Ok(binary) => vec![binary],
        Err(_) => BINARIES.map(str::to_owned).into(),
    }
}

/// Starts the first of `binaries` that exists.
fn spawn_any(
    binaries: &[String],
    mut set_up: impl FnMut(&mut Command) -> io::Result<()>,
) -> io::Result<Child> {
    for binary in binaries {
        let mut command = Command::new(binary);
        set_up(&mut command)?;
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
    }
    let names = binaries.join("` or `");
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("cannot find `{names}` in `PATH`\n  help: {INSTALL}"),
    ))
}

/// Starts a shell that waits for the end of its input, which comes when this process ends for any reason,
/// and then removes the server. A `static` is never dropped, and neither is anything in a test that was
/// killed.
fn watch(child: &Child, directory: &Path) -> Option<Child> {
    if !cfg!(unix) {
        return None;
    }
    Command::new("sh")
        .arg("-c")
        .arg("trap '' INT TERM HUP; read -r _; kill -9 \"$1\" 2>/dev/null; rm -rf \"$2\"")
        .arg("redis-ready")
        .arg(child.id().to_string())
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}

fn ping(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(b"PING\r\n")?;
    let mut reply = [0; 512];
    let length = stream.read(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_server_is_told_how_to_install_one() {
        let missing = ["no-such-server", "nor-this-one"].map(str::to_owned);
        let error = spawn_any(&missing, |_| Ok(())).expect_err("there is none");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let text = error.to_string();
        let start = "cannot find `no-such-server` or `nor-this-one` in `PATH`\n  help: ";
        assert!(
            text.starts_with(start) && text.contains("apt-get install"),
            "{text}"
        );
    }
}
