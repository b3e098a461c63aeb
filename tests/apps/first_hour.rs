//! The first hour of the guide: its commands are run and its files are written, in their order, by one shell.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{OURS, apps, package, repository, target};

const PAGE: &str = include_str!("../../src/guide/first_hour.md");
/// Stands between the outputs of two blocks. What follows is `yes` if a command of the block has failed.
const MARK: &str = "=== has a command failed? ";

/// What a block of the page is for.
enum Block {
    /// `sh`: commands.
    Commands(String),
    /// `text`: lines that the commands before it print.
    Shown(String),
    /// Any other: a file, which the last line before it names, as in "`src/main.rs`:".
    File { path: String, text: String },
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut named = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            if !line.is_empty() {
                named = line;
            }
            continue;
        };
        let text = lines.by_ref().take_while(|line| *line != "```");
        let text = text.collect::<Vec<_>>().join("\n");
        blocks.push(match language {
            "sh" => Block::Commands(text),
            "text" => Block::Shown(text),
            _ => {
                let path = named
                    .strip_prefix('`')
                    .and_then(|it| it.strip_suffix("`:"))
                    .unwrap_or_else(|| panic!("no name of a file before {text}"));
                Block::File {
                    path: path.to_owned(),
                    text,
                }
            }
        });
    }
    blocks
}

/// Puts what this machine has in the place of what the page says: `(page, here)`.
fn stand_ins(port: u16) -> [(&'static str, String); 3] {
    let installed = "$(command -v redis-server || command -v valkey-server)";
    let server = env::var("REDIS_READY_SERVER").unwrap_or_else(|_| installed.to_owned());
    [
        (
            "cargo install redis-ready --no-default-features --features cli",
            "command -v cargo-redis-ready".to_owned(),
        ),
        (
            "cp .env.example .env",
            format!(
                "sed 's/:6379/:{port}/' .env.example > .env; cp '{}' .",
                repository().join("Cargo.lock").display()
            ),
        ),
        (
            "redis-server --save '' > redis.log",
            format!("\"{server}\" --port {port} --save '' > redis.log 2>&1"),
        ),
    ]
}

/// One script of all blocks, whose output has [`MARK`] behind that of each block of commands.
fn script(blocks: &[Block], stand_ins: &[(&str, String)]) -> String {
    let start = "exec 2>&1\ntrap 'kill $(jobs -p)' EXIT\ntrap 'failed=yes' ERR";
    let steps = blocks.iter().map(|block| match block {
        Block::Commands(text) => format!("failed=no\n{text}\nprintf '\\n{MARK}%s\\n' $failed"),
        Block::File { path, text } => format!("cat > {path} <<'END OF FILE'\n{text}\nEND OF FILE"),
        Block::Shown(_) => String::new(),
    });
    let steps = std::iter::once(start.to_owned()).chain(steps);
    let mut script = steps.collect::<Vec<_>>().join("\n");
    for (page, here) in stand_ins {
        assert_eq!(script.matches(page).count(), 1, "{page}");
        script = script.replace(page, here);
    }
    script
}

fn run(script: &str) -> String {
    let root = apps().join("first-hour");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join(".cargo")).expect("the directory is writable");
    let config = format!(
        "[patch.crates-io]\nredis-ready = {{ path = '{}' }}\n\n[net]\noffline = true\n",
        package().display()
    );
    fs::write(root.join(".cargo/config.toml"), config).expect("the directory is writable");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_cargo-redis-ready"));
    let programs = program.parent().into_iter().map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(programs.chain(env::split_paths(&path))).expect("it was a path");
    let mut shell = Command::new("bash");
    shell
        .args(["-c", script])
        .current_dir(&root)
        .stdin(Stdio::null())
        .env("PATH", path)
        .env("CARGO_TARGET_DIR", target().join("apps-target"))
        .env("CARGO_TERM_COLOR", "never");
    for name in OURS.iter().chain(&["REDIS_URL"]) {
        shell.env_remove(name);
    }
    let output = shell.output().expect("bash is there");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether `line` is what the page shows, in which `…` stands for any text.
fn is_shown(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
        is_open = part.is_empty();
    }
    is_open || rest.is_empty()
}

/// Whether the lines that the page shows follow each other in `output`. Cargo indents those of a build script.
fn contains(output: &str, shown: &str) -> bool {
    let shown: Vec<_> = shown.lines().collect();
    let lines: Vec<_> = output.lines().map(str::trim_end).collect();
    lines.windows(shown.len()).any(|lines| {
        ["", "  "].iter().any(|indent| {
            shown
                .iter()
                .zip(lines)
                .all(|(shown, line)| is_shown(format!("{indent}{shown}").trim_end(), line))
        })
    })
}

/// What each block of commands has printed, and whether a command of it has failed.
fn outcomes(output: &str) -> Vec<(&str, bool)> {
    let mut outcomes = Vec::new();
    let mut rest = output;
    while let Some((printed, after)) = rest.split_once(MARK) {
        let (failed, after) = after.split_once('\n').expect("the script ends the line");
        outcomes.push((printed, failed == "yes"));
        rest = after;
    }
    outcomes
}

#[test]
fn the_first_hour_goes_as_the_guide_says() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr());
    let port = free.expect("a port is free").port();
    let blocks = blocks(PAGE);
    let output = run(&script(&blocks, &stand_ins(port))).replace(&port.to_string(), "6379");
    let mut outcomes = outcomes(&output).into_iter();
    let mut printed = "";
    for (index, block) in blocks.iter().enumerate() {
        match block {
            Block::Commands(text) => {
                let is_error =
                    |it: &Block| matches!(it, Block::Shown(it) if it.starts_with(['e', 'E']));
                let fails = blocks.get(index + 1).is_some_and(is_error);
                let (output, failed) = outcomes
                    .next()
                    .unwrap_or_else(|| panic!("the shell has ended before\n{text}\n{output}"));
                assert_eq!(failed, fails, "does it fail?\n{text}\n{output}");
                printed = output;
            }
            Block::Shown(text) => assert!(contains(printed, text), "{printed}\nis not\n{text}"),
            Block::File { .. } => {}
        }
    }
}
