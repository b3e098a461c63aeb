//! [`CommandLine`]: the arguments of `cargo redis-ready`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Checks and completes `.env.example`, the documentation of `REDIS_URL`.
#[derive(Parser)]
#[command(name = "cargo-redis-ready", bin_name = "cargo redis-ready", version)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Reports what the build would find, and names that only the code or only the document has
    Check(CheckArguments),
    /// Corrects findings that have exactly one right answer
    Fix(FixArguments),
    /// Adds what is missing to `.env.example`, and changes no line that is there
    Init(InitArguments),
}

/// Which files are meant.
#[derive(Args)]
pub(super) struct Selection {
    /// A package of the workspace; can be repeated
    #[arg(short, long = "package", value_name = "NAME")]
    pub(super) packages: Vec<String>,
    /// All packages of the workspace that depend on redis-ready
    #[arg(long, visible_alias = "all", conflicts_with = "packages")]
    pub(super) workspace: bool,
    /// The Cargo.toml of the package or workspace
    #[arg(long, value_name = "PATH")]
    pub(super) manifest_path: Option<PathBuf>,
    /// Another file than `.env.example`, from the current directory
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub(super) format: OutputFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// As the build script prints them
    Text,
    /// One object, described in the documentation of `redis_ready::cli`
    Json,
    /// Workflow commands, which GitHub Actions shows at their lines
    Github,
}

#[derive(Args)]
pub(super) struct FixArguments {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Prints the diff and writes nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Args)]
pub(super) struct InitArguments {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Prints the diff and writes nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Also changes Cargo.toml and build.rs
    #[arg(long)]
    pub(super) write: bool,
}
