//! [`Child`]: another process of this program, and what it costs.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{self, ChildStdout, Command};

use crate::Result;

/// The kernel counts CPU time in steps of this length.
const TICK: Duration = Duration::from_millis(10);

/// It ends at the end of its input: also when this process dies.
pub struct Child {
    process: process::Child,
    output: BufReader<ChildStdout>,
}

impl Child {
    pub fn start(arguments: &[&str], log: Stdio) -> Result<Child> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().expect("its output is piped");
        Ok(Child {
            process,
            output: BufReader::new(output),
        })
    }

    /// Reads what it prints next.
    pub async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line).await? == 0 {
            return Err("a process has ended before it was ready".into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// User and system time so far.
    pub fn cpu_time(&self) -> Result<Duration> {
        let text = fs::read_to_string(self.file("stat")?)?;
        // Behind the name, which may have spaces: the state is field 3, and the times are fields 14 and 15.
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: std::result::Result<u32, _> = ticks.map(str::parse::<u32>).sum();
        Ok(TICK * ticks?)
    }

    /// The most memory that it has had, in KiB.
    pub fn peak_memory(&self) -> Result<u64> {
        let text = fs::read_to_string(self.file("status")?)?;
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|it| it.split_whitespace().next());
        Ok(peak.ok_or("the process has no memory")?.parse()?)
    }

    fn file(&self, name: &str) -> Result<String> {
        let id = self.process.id().ok_or("the process has ended")?;
        Ok(format!("/proc/{id}/{name}"))
    }

    /// Kills it as a crash does.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Lets it stop in an orderly way, and waits for that.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.process.stdin.take());
        let status = self.process.wait().await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("a process has ended with {status}").into())
        }
    }
}

/// In the other process: waits until [`Child::stop`], or until the process that could call it is gone.
pub async fn stopped() {
    let read = || std::io::stdin().read(&mut [0]);
    let _ = tokio::task::spawn_blocking(read).await;
}
