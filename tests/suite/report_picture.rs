//! The pictures of the README: the report of a file with five mistakes, and that of a wrong value at start-up, as
//! a terminal shows them.

use std::fs;
use std::path::Path;

use anstyle_svg::{Term, WIN10_CONSOLE};
use expect_test::expect_file;
use redis_ready::build::Check;

const FIVE_MISTAKES: &str = "\
# Cached pages
REDIS_URL=redis://localhost:70000
# REDIS_URL=redis://:Zx8kQpLw3RtYvN5m@cache.internal:6379

# Sessions
SESSION_REDIS_URL=reddis://localhost:6379

# Settings of the tests
REDIS_URL=redis://localhost:6379/1
";

fn picture(shown: &str) -> String {
    let terminal = Term::new().palette(WIN10_CONSOLE);
    scalable(&terminal.render_svg(shown.trim_end()))
}

/// A `viewBox` lets a narrow page scale a picture instead of cutting it off.
fn scalable(svg: &str) -> String {
    let mut quoted = svg.split('"').skip(1).step_by(2);
    let mut pixels = || quoted.next().expect("it has a size").trim_end_matches("px");
    let (width, height) = (pixels(), pixels());
    svg.replacen(
        "<svg ",
        &format!("<svg viewBox=\"0 0 {width} {height}\" "),
        1,
    )
}

#[test]
fn the_readme_shows_the_report_of_a_file_with_five_mistakes() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report-picture");
    fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let file = directory.join(".env.example");
    fs::write(&file, FIVE_MISTAKES).expect("the temporary directory is writable");
    let report = Check::new().file(&file).try_run().expect_err("it is wrong");
    assert_eq!(report.findings().len(), 5, "{report}");
    // A report names a file as seen from the package.
    let file = file
        .strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .unwrap_or(&file);
    let shown = format!("{report:#}").replace(&*file.to_string_lossy(), ".env.example");
    expect_file!["report.svg"].assert_eq(&picture(&shown));
}

#[cfg(feature = "client")]
#[test]
fn the_readme_shows_the_report_of_a_wrong_value_at_start_up() {
    use crate::support::scenario::Scenario;

    let dot_env = "# The cache\nREDIS_URL=redis://app:Zx8kQpLw3RtYvN5m@cache.internal:70000/0\n";
    let shown = Scenario::without_environment("runtime_value::child_process", "macro")
        .file(".env", dot_env)
        .output();
    expect_file!["start_up.svg"].assert_eq(&picture(&shown));
}
