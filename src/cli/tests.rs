//! What has to hold for every file: `init` and `fix` on random texts.

use std::collections::HashSet;

use super::completion::{asking_for, completed};
use super::diff::Change;
use super::fix::fixed;
use crate::build::{Check, Finding, Format, annotation};
use crate::dotenv::{self, LineKind};

/// What is real in the parts.
const SECRET: &str = "Zx8kQpLw3RtY";

/// What lines of files are put together from: good ones, every kind of mistake, and what confuses readers.
const PARTS: [&str; 51] = [
    "REDIS_URL=redis://localhost:6379",
    "# REDIS_URL=redis://:password@localhost:6379",
    "# REDIS_URL=rediss://:password@host:port",
    "# Redis Configuration",
    "REDIS_URL=",
    "REDIS_URL=\"\" # inline",
    "export REDIS_URL = ''",
    "REDIS_URL=redis://:p@ss@localhost",
    "REDIS_URL=redis://:a#b@localhost",
    "REDIS_URL=redis://${HOST}",
    "REDIS_URL=redis://localhost:70000",
    "QUEUE_REDIS_URL=redis://queue",
    "QUEUE_REDIS_URL=",
    "#QUEUE_REDIS_URL=redis://queue:6379",
    "# REDIS_URL=",
    "AI_REDIS_URL=rediss://u:Zx8kQpLw3RtY@prod-1.upstash.io",
    "AI_REDIS_URL=redis://ai",
    "AI_REDIS_URL=",
    "CACHE=redis://cache",
    "CACHE=",
    "#CACHE=redis://cache",
    "REDIS_HOST=redis",
    "A=my app",
    "A=it's",
    "A=\"open",
    "A='open",
    "A=\"two",
    "lines\"",
    "A=x y # z",
    "A=$HOME",
    "A=\\q",
    "A=rediss://u:Zx8kQpLw3RtY@prod-1.upstash.io",
    "# rediss://u:Zx8kQpLw3RtY@prod-1.upstash.io:6379",
    "REDIS_URL=rediss://u:Zx8kQpLw3RtY@prod-1.upstash.io",
    "# redis://:a@b@h、and redis://名前",
    "# キャッシュ",
    "KEY-WITH-DASH=1",
    "=",
    "#",
    "# =",
    "export",
    "REDIS_URL",
    "REDIS_URL: redis://localhost",
    "-----BEGIN KEY-----",
    "\u{feff}",
    "\t",
    " ",
    "",
    "",
    "\u{202e}\0\r",
    "é=1",
];

fn random_file(random: &mut fastrand::Rng) -> String {
    let mut text = String::new();
    if random.u8(..) < 16 {
        text.push('\u{feff}');
    }
    let end = if random.u8(..) < 64 { "\r\n" } else { "\n" };
    for _ in 0..random.usize(..9) {
        text += PARTS[random.usize(..PARTS.len())];
        // A glued line now and then, and a last line without an end.
        if random.u8(..) < 240 {
            text += end;
        }
    }
    text
}

/// The variables that build scripts and sources name.
const NAMES: [&str; 4] = ["REDIS_URL", "QUEUE_REDIS_URL", "AI_REDIS_URL", "CACHE"];

/// A check with settings, and what they say.
#[derive(Debug, Default)]
struct Settings {
    check: Check,
    /// Each name that is asked for, and whether that was as an optional one.
    asked: Vec<(&'static str, bool)>,
    is_closed: bool,
    ignores_queue: bool,
    /// What the sources name.
    used: Vec<String>,
}

impl Settings {
    fn random(random: &mut fastrand::Rng) -> Settings {
        let mut it = Settings::default();
        let mut check = Check::new();
        for _ in 0..random.usize(..4) {
            let name = NAMES[random.usize(..NAMES.len())];
            let kind = random.u8(..5);
            check = match kind {
                0 => check.variable(name),
                1 => check.optional(name),
                2 => check.only(name),
                3 => check.ignore("QUEUE_*"),
                _ => check.formats(
                    random.choose_multiple([Format::Local, Format::Password, Format::Tls], 2),
                ),
            };
            it.is_closed |= kind == 2;
            it.ignores_queue |= kind == 3;
            if kind < 3 && !it.asked.iter().any(|(asked, _)| *asked == name) {
                it.asked.push((name, kind == 1));
            }
        }
        let number = random.usize(..3);
        let used = random.choose_multiple(NAMES, number);
        it.used = used.into_iter().map(str::to_owned).collect();
        it.check = check;
        it
    }

    fn is_optional(&self, name: &'static str) -> bool {
        self.asked.contains(&(name, true))
    }

    /// Returns whether the value of a variable is surely not for `fix` to change.
    fn is_foreign(&self, name: &str, text: &str) -> bool {
        if self.asked.iter().any(|(asked, _)| *asked == name) {
            return false;
        }
        let is_own = |name: &str| match name {
            "REDIS_URL" => !self.is_closed,
            "QUEUE_REDIS_URL" => !self.is_closed && !self.ignores_queue,
            _ => false,
        };
        // The only Redis URL of a file is checked, whatever its name begins with.
        let may_be_adopted =
            || self.asked.is_empty() && !values(text)[0].iter().any(|it| is_own(&it.0));
        !(is_own(name) || name == "AI_REDIS_URL" && may_be_adopted())
    }
}

fn for_every_file(test: impl Fn(&str, &Settings)) {
    let mut random = fastrand::Rng::with_seed(6379);
    for index in 0..3_000 {
        let file = random_file(&mut random);
        let settings = match index % 3 {
            0 => Settings::default(),
            _ => Settings::random(&mut random),
        };
        test(&file, &settings);
    }
}

fn findings(text: &str, check: &Check) -> Vec<Finding> {
    check.inspect(text, "").findings
}

/// Name and value of each variable, as our reader and as dotenvy itself has them.
fn values(text: &str) -> [Vec<(String, String)>; 2] {
    let ours = dotenv::lines(text)
        .into_iter()
        .filter_map(|line| match line.kind {
            LineKind::Assignment(it) => Some((text[it.written.name].to_owned(), it.value)),
            _ => None,
        });
    let theirs = dotenvy::from_read_iter(text.as_bytes()).map_while(Result::ok);
    [ours.collect(), theirs.collect()]
}

#[track_caller]
fn are_kept<T: PartialEq + std::fmt::Debug>(before: &[T], after: &[T], text: &str) {
    let mut rest = after.iter();
    for value in before {
        let is_kept = rest.any(|it| it == value);
        assert!(is_kept, "{value:?} is lost from {text:?}: {after:?}");
    }
}

fn lines(text: &str) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.split('\n');
    lines
        .map(|line| line.trim_end_matches('\r').to_owned())
        .collect()
}

/// Returns how often a variable is assigned.
fn assignments(name: &str, text: &str) -> usize {
    let [ours, _] = values(text);
    ours.iter().filter(|(assigned, _)| assigned == name).count()
}

#[test]
fn init_adds_lines_and_the_check_passes_for_any_file_without_a_mistake() {
    let additions = [
        "missing_variable",
        "commented_out",
        "missing_format",
        "no_comment",
    ];
    for_every_file(|text, settings| {
        let case = || format!("{text:?} with {settings:?}");
        let check = asking_for(&settings.check, &settings.used);
        let after = completed(text, &check);
        are_kept(&lines(text), &lines(&(after.clone() + "\n")), text);
        let [ours, theirs] = values(text);
        let [ours_after, theirs_after] = values(&after);
        are_kept(&ours, &ours_after, text);
        are_kept(&theirs, &theirs_after, text);
        for name in NAMES {
            let before = assignments(name, text);
            let bound = before.max(usize::from(!settings.is_optional(name)));
            assert!(
                assignments(name, &after) <= bound,
                "{name}: {after:?} from {}",
                case()
            );
        }
        let known: HashSet<_> = findings(text, &check)
            .iter()
            .filter(|it| !additions.contains(&it.code()))
            .map(|it| it.message().to_owned())
            .collect();
        for finding in findings(&after, &check) {
            assert!(
                known.contains(finding.message()),
                "{after:?} from {}: {finding}",
                case()
            );
        }
        assert_eq!(completed(&after, &check), after, "twice: {}", case());
    });
}

#[test]
fn fix_changes_lines_with_a_finding_and_a_second_run_nothing() {
    for_every_file(|text, settings| {
        let case = || format!("{text:?} with {settings:?}");
        let check = &settings.check;
        let after = fixed(text, check);
        assert_eq!(fixed(&after, check), after, "twice: {}", case());
        assert_eq!(text.matches('\n').count(), after.matches('\n').count());
        let found: HashSet<_> = findings(text, check)
            .iter()
            .filter_map(|it| Some(it.position()?.0))
            .collect();
        for (index, (old, new)) in text.split('\n').zip(after.split('\n')).enumerate() {
            assert!(
                old == new || found.contains(&(index + 1)),
                "{old:?} -> {new:?} in {}",
                case()
            );
        }
        let others = |of: &str| {
            let [ours, _] = values(of);
            let others = ours.into_iter();
            let others = others.filter(|(name, _)| settings.is_foreign(name, text));
            others.collect::<Vec<_>>()
        };
        are_kept(&others(text), &others(&after), &case());
        assert!(findings(&after, check).len() <= findings(text, check).len());
    });
}

#[test]
fn no_output_shows_a_secret() {
    for_every_file(|text, settings| {
        let check = &settings.check;
        for finding in findings(text, check) {
            let source = finding.source().unwrap_or_default();
            let shown = format!("{finding}{source}{}", annotation(&finding, "env"));
            assert!(!shown.contains(SECRET), "{text:?}: {shown}");
        }
        for after in [completed(text, check), fixed(text, check)] {
            let change = Change {
                path: "env".into(),
                before: text.to_owned(),
                after,
                holds_values: true,
            };
            let diff = change.diff();
            assert!(!diff.contains(SECRET), "{text:?}: {diff}");
        }
    });
}
