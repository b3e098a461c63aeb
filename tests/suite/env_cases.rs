//! `env_cases.txt`: environment files as people write them, and what the check says of each.
//!
//! A case is `=== name | verdict`, then the text of the file. The verdict is `pass`, or each finding with
//! its line and column; settings of the check stand before it in brackets. `@model` is the block of the
//! documentation.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis_ready::build::{Check, Documented, Finding, Report};

use crate::thread_time::thread_time;

const CASES: &str = include_str!("env_cases.txt");
const MODEL: &str = "\
# Redis Configuration
REDIS_URL=redis://localhost:6379
# Or for Redis with password:
# REDIS_URL=redis://:password@localhost:6379
# Or for Redis Cloud:
# REDIS_URL=rediss://:password@host:port
";

struct Case {
    name: String,
    /// `optional=REDIS_URL` and the like.
    settings: Vec<(String, String)>,
    verdict: String,
    text: String,
}

fn cases() -> Vec<Case> {
    let blocks = CASES.split("\n=== ").skip(1);
    let case = |block: &str| {
        let (head, text) = block.split_once('\n').expect("a case has a text");
        let (name, verdict) = head.rsplit_once(" | ").expect("a case has a verdict");
        let bracket = verdict.strip_prefix('[').and_then(|it| it.split_once("] "));
        let (settings, verdict) = bracket.unwrap_or(("", verdict));
        let settings = settings.split_whitespace().map(|setting| {
            let (key, value) = setting.split_once('=').expect("a setting has a value");
            (key.to_owned(), value.to_owned())
        });
        Case {
            name: name.to_owned(),
            settings: settings.collect(),
            verdict: verdict.to_owned(),
            text: text.replace("@model\n", MODEL).trim_end().to_owned() + "\n",
        }
    };
    blocks.map(case).collect()
}

impl Case {
    /// A check without settings.
    fn plain() -> Case {
        Case {
            name: String::new(),
            settings: Vec::new(),
            verdict: String::new(),
            text: String::new(),
        }
    }

    fn check(&self, text: &str) -> Result<Documented, Report> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("case-{number}"));
        fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let file = directory.join(".env.example");
        fs::write(&file, text).expect("the temporary directory is writable");
        let settings = self.settings.iter();
        let check = settings.fold(Check::new(), |check, (key, value)| match &**key {
            "variable" => check.variable(value),
            "optional" => check.optional(value),
            "only" => check.only(value),
            "ignore" => check.ignore(value),
            other => panic!("`{other}` is not a setting"),
        });
        let result = check.file(&file).try_run();
        fs::remove_dir_all(directory).expect("it is ours");
        result
    }
}

fn verdict(result: &Result<Documented, Report>) -> String {
    let Err(report) = result else {
        return "pass".to_owned();
    };
    let findings = report
        .findings()
        .iter()
        .map(|finding| match finding.position() {
            Some((line, column)) => format!("{} {line}:{column}", finding.code()),
            None => finding.code().to_owned(),
        });
    findings.collect::<Vec<_>>().join(", ")
}

#[test]
fn every_file_gets_the_verdict_of_its_case() {
    let cases = cases();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let result = case.check(&case.text);
        let found = verdict(&result);
        if found != case.verdict {
            let report = result.map_or_else(|report| report.to_string(), |_| String::new());
            wrong.push(format!(
                "=== {}\n  expected {}\n  found    {found}\n{report}\n",
                case.name, case.verdict
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The cases have every code that the documentation of the check lists, and no other.
#[test]
fn every_code_is_documented() {
    let documentation = include_str!("../../src/build/mod.rs");
    let table = documentation.split("# Findings").nth(1).expect("a table");
    let table = table
        .split("Warnings of the build")
        .next()
        .expect("it ends");
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `"));
    let mut documented: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    // About a file that is not there, or not a text.
    documented.retain(|code| !code.ends_with("_file"));
    documented.sort_unstable();
    let cases = cases();
    let verdicts = cases.iter().filter(|case| case.verdict != "pass");
    let mut found: Vec<_> = verdicts
        .flat_map(|case| case.verdict.split(", "))
        .filter_map(|finding| finding.split(' ').next())
        .collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, documented);
}

#[test]
fn names_of_cases_are_unique() {
    let mut names: Vec<_> = cases().into_iter().map(|case| case.name).collect();
    names.sort();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before);
}

/// Does what the help of one finding says, and nothing else.
fn obey(text: &str, finding: &Finding) -> String {
    let help = finding.help().next().expect("a finding has a help");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if let Some((_, block)) = help.split_once("add these lines:\n") {
        lines.extend(block.lines().map(str::to_owned));
        return lines.join("\n") + "\n";
    }
    let (line, column) = finding.position().expect("what is not added is at a place");
    let at = line - 1;
    let from: String = lines[at].chars().take(column - 1).collect();
    let rest = lines[at][from.len()..].to_owned();
    let quoted: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
    if help.starts_with("add a line above it") {
        lines.insert(at, quoted[0].to_owned());
    } else if help.starts_with("start a new line before") {
        lines[at] = from;
        lines.insert(at + 1, rest);
    } else if help.starts_with("write `# ` before") {
        lines[at].insert_str(0, "# ");
    } else if help.ends_with("at its end") || help.contains("at the end of line") {
        lines[at] += quoted[0];
    } else if help.contains("before the value and behind it") {
        lines[at] = format!("{from}{0}{rest}{0}", quoted[0]);
    } else if help.contains("and behind the last line of the value") {
        let first = lines
            .iter()
            .position(|line| line.contains(&format!("={}", quoted[1])));
        let first = first.expect("the value has a first line");
        lines[first] = lines[first].replacen(quoted[1], &quoted[..2].concat(), 1);
        let ends = ["-----END", "}", "]"];
        let is_last = |line: &String| ends.iter().any(|end| line.starts_with(end));
        let last = lines[first..]
            .iter()
            .position(is_last)
            .expect("and a last one");
        lines[first + last] += quoted[0];
    } else if help.ends_with("before what follows the URL") {
        lines[at] = match rest.split_once(' ') {
            Some((url, behind)) => format!("{from}{url} # {behind}"),
            None => panic!("nothing follows: {rest}"),
        };
    } else if help.starts_with("write `%") || help.starts_with("write `$` as") {
        let sign = quoted
            .iter()
            .find(|it| it.starts_with('%'))
            .expect("the escape");
        let mut rest = rest.chars();
        rest.next();
        lines[at] = format!("{from}{sign}{}", rest.as_str());
    } else if help == "write ` #` for `#`" {
        lines[at] = lines[at].replacen('#', " #", 1);
    } else if help.starts_with("write ` #` for `#`") {
        lines[at] = format!("{from} {rest}");
    } else if help.ends_with("or remove it") {
        let end = rest.find([' ', '&']).unwrap_or(rest.len());
        lines[at] = format!("{}{}", &from[..from.len() - 1], &rest[end..]);
    } else if help.contains("` for `") {
        lines[at] = lines[at].replacen(quoted[1], quoted[0], 1);
    } else if help.ends_with("in front") {
        lines[at] = format!("{from}{}{rest}", quoted[0]);
    } else if help.starts_with("write `") && help.contains('=') {
        let start = lines[at]
            .find(quoted[0].split('=').next().unwrap())
            .unwrap_or(0);
        let comment = if help.ends_with("keep the comment behind it") {
            lines[at][lines[at].find(" #").expect("it has one")..].to_owned()
        } else {
            String::new()
        };
        lines[at] = format!("{}{}{comment}", &lines[at][..start], quoted[0]);
    } else if help.ends_with("instead of this URL") {
        let is_part = |c: char| c.is_ascii_alphanumeric() || ":/@.,-_?=&[]".contains(c);
        let start = from.rfind(|c| !is_part(c) || c == '=');
        let start = start.map_or(0, |at| {
            at + from[at..].chars().next().map_or(0, char::len_utf8)
        });
        let end = rest.find(|c| !is_part(c) && c != '#').unwrap_or(rest.len());
        lines[at] = format!("{}{}{}", &from[..start], quoted[0], &rest[end..]);
    } else if help.ends_with("` instead") {
        let is_end = |c: char| " @&'\"`,。".contains(c);
        let end = rest.rfind('@').or(rest.find(is_end)).unwrap_or(rest.len());
        lines[at] = format!("{from}{}{}", quoted[0], &rest[end..]);
    } else {
        // What it asks for needs a person, who knows what is meant.
        let is_open = [
            "such as",
            "spell out",
            "percent-encode",
            "for",
            "choose",
            "remove",
            "correct",
        ];
        assert!(
            is_open.iter().any(|word| help.contains(word)),
            "not obeyed: {help}"
        );
        return text.to_owned();
    }
    lines.join("\n") + "\n"
}

/// Returns what of the text before is no longer there: comments, hosts, the values of other variables.
fn lost(before: &str, after: &str) -> Vec<String> {
    let mut lost = Vec::new();
    for line in before.lines() {
        let is_comment = line.trim_start().starts_with("# ") && !line.contains(['=', ':']);
        if is_comment && !after.contains(line.trim()) {
            lost.push(format!("lost `{line}`:\n{after}\n"));
        }
    }
    let is_host_char = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    for host in before.split(|c| !is_host_char(c)) {
        let ends = [".net", ".io", ".com", ".internal", ".localhost"];
        if ends.iter().any(|end| host.ends_with(end)) && !after.contains(host) {
            lost.push(format!("lost `{host}`:\n{after}\n"));
        }
    }
    let read = |text: &str| {
        let lines = text.to_owned();
        dotenvy::from_read_iter(lines.as_bytes())
            .map_while(Result::ok)
            .collect::<Vec<_>>()
    };
    let now = read(after);
    for (name, value) in read(before) {
        // Of a value over several lines it was the first one.
        let is_begun = ["{", "["].contains(&&*value);
        let is_other = !name.contains("REDIS") && !value.contains("REDIS") && !is_begun;
        if is_other && !now.contains(&(name.clone(), value)) {
            lost.push(format!("`{name}` changed:\n{after}\n"));
        }
    }
    lost
}

/// Types every help into the file, from the last line to the first: at most three times until it
/// passes, and nothing that was there is lost.
#[test]
fn obeying_every_help_mends_the_file_and_harms_nothing() {
    let mut rounds = Vec::new();
    let mut stuck = Vec::new();
    for case in cases() {
        let mut text = case.text.clone();
        let mut round = 0;
        while let Err(report) = case.check(&text) {
            round += 1;
            if round > 3 {
                stuck.push(format!("=== {}\n{text}\n{report}\n", case.name));
                break;
            }
            let mut findings: Vec<_> = report.findings().iter().collect();
            findings.sort_by_key(|it| std::cmp::Reverse(it.position().unwrap_or((usize::MAX, 0))));
            for finding in findings {
                text = obey(&text, finding);
            }
        }
        if case.verdict != "pass" {
            rounds.push(round);
        }
        // A secret is replaced wherever it stands.
        if !case.verdict.contains("committed_secret") {
            stuck.extend(lost(&case.text, &text));
        }
    }
    assert!(stuck.is_empty(), "{}", stuck.join("\n"));
    rounds.sort_unstable();
    assert_eq!(rounds[rounds.len() / 2], 1, "the median of the rounds");
}

/// A password at a place in front of every kind of mistake: no report shows it, whether it looks generated
/// or is a word.
#[test]
fn no_report_shows_a_password_whatever_surrounds_it() {
    const CANARIES: [&str; 2] = ["AX8kd93ksl2LsPq0Zz", "hunter2canary"];
    let places = [
        "REDIS_URL=redis://:{}@prod-1.upstash.io:6379",
        "REDIS_URL=redis://:{}@localhost:99999 # x",
        "REDIS_URL=prod:6380,password={},ssl=True",
        "REDIS_URL=prod:6380,password=a@{},ssl=True",
        "REDIS_URL=redis://default:{}prod-1.upstash.io:6379",
        "REDIS_URL=redis://localhost:6379 # rediss://default:{}@prod-1.upstash.io:6379",
        "REDIS_URL=redis://localhost?password={}",
        "REDIS_URL=redis://prod.x.net?pass={}",
        "REDIS_URL=redis://:hun?{}@prod.x.net",
        "REDIS_URL= # redis://:hun?{}@prod.x.net",
        "REDIS_URL= # rediss://default:{}@prod.x.net",
        "REDIS_URL={}",
        "REDIS_URL={} # see https://wiki.x.net",
        "REDIS_URL=\"redis://:{}@localhost",
        "REDIS_URL=\"redis://:\\'{}\\\"é@h?ssl=true\"",
        "REDIS_HOST=prod.x.net\nREDIS_PASSWORD={}",
        "REDIS_HOST=prod.x.net\nREDIS_PASSWORD={} # see https://wiki.x.net",
        "REDIS_HOST=prod.x.net\nREDIS_PASSWORD='{}' # see https://wiki.x.net",
        "REDIS_HOST=prod.x.net\n# REDIS_PASSWORD={} see https://wiki.x.net",
        "REDIS_URL: redis://:{}@localhost",
        "REDIS_URL=redis://:{}@h x",
        "# REDIS_URL=redis://:{}@prod.x.net:6379、x",
        "REDIS_URL=redis://${HOST} # prod.x.net:6380,password={}",
        "REDIS_URL=redis://${HOST} # password: {}",
        "REDIS_URL={\"host\":\"prod.x.net\",\"password\":\"{}\"}",
        "# rediss://default:pass/{}@prod.x.net:6379",
        "VALKEY_URL={}",
        "A={} x\n# REDIS_URL=redis://a",
        "VALKEY_URL=redis://:{}@prod.x.net",
        "A=1REDIS_URL=redis://:{}@prod.x.net",
        "REDIS_PASSPORT={} x",
    ];
    for place in places {
        for canary in CANARIES {
            let mut passwords = vec![canary.to_owned(), format!("{canary}/{canary}")];
            // Without an `@` behind it, what follows the `@` is a host.
            passwords.extend(place.contains("{}@").then(|| format!("a@{canary}")));
            for password in passwords {
                let text = format!("# Redis\n{}\n", place.replace("{}", &password));
                let report = Case::plain().check(&text).expect_err(place);
                let shown = format!("{report:#}{report:?}");
                assert!(!shown.contains(canary), "{text}{report}");
            }
        }
    }
}

#[test]
fn any_mutation_of_a_case_is_read_without_a_panic() {
    let mut random = fastrand::Rng::with_seed(11);
    let cases = cases();
    let pieces = [
        "://",
        "、",
        "[",
        "]",
        "<",
        "${",
        "@",
        "redis(s)://",
        "…",
        "\"",
        "\\",
        "\\'\\'",
        "\\\"",
        "=",
        "#",
        "密",
    ];
    for _ in 0..2000 {
        let case = &cases[random.usize(..cases.len())];
        let mut text: Vec<char> = case.text.chars().collect();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..=text.len());
            let end = (at + random.usize(..6)).min(text.len());
            let piece = pieces[random.usize(..pieces.len())];
            text.splice(at..end, piece.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(report) = case.check(&text) {
            let _ = report.to_string();
        }
    }
}

/// Ten times the text takes about ten times as long; with a square in it, a hundred times.
#[test]
fn the_time_grows_with_the_length_of_the_text() {
    for piece in [
        "",
        "redis://",
        "[",
        "<",
        "${",
        "redis://a,",
        "…",
        "[:",
        "***,",
        "x@",
        "A=redis://[:p@]h\n# redis://h:6379、\n",
        "redis://h:x ",
        "redis://:hunter2@prod.x.net ",
        "\nREDIS_URL= # redis://a:x redis://a:x redis://a:x",
    ] {
        let time = |count: usize| {
            let lines = (0..count).map(|it| format!("A{it}_REDIS_URL=redis://h{it}\n"));
            let lines = lines.collect::<Vec<_>>().concat();
            let text = match piece {
                "" => lines,
                _ => format!("# Redis\n# redis://{}\n", piece.repeat(count)),
            };
            let least = (0..3).map(|_| {
                let start = thread_time();
                let _ = Case::plain().check(&text);
                thread_time().saturating_sub(start)
            });
            least.min().unwrap_or_default()
        };
        let (short, long) = (time(500), time(5_000));
        let limit = short * 40 + Duration::from_millis(200);
        assert!(long < limit, "`{piece}`: {short:?}, {long:?}");
    }
}
