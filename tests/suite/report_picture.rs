//! The picture of the README: the report of a file with five mistakes, as a terminal shows it.

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
    let svg = Term::new()
        .palette(WIN10_CONSOLE)
        .render_svg(shown.trim_end());
    expect_file!["report.svg"].assert_eq(&scalable(&svg));
}
