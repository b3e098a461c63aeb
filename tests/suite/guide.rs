//! The guide: what it says of URLs and codes is what the crate does.
//!
//! `UPDATE_EXPECT=1` writes the reports in `src/guide/errors`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use redis_ready::build::Check;
use redis_ready::testing::Overrides;
use redis_ready::{Client, Config, RedisUrl};
use syn::visit::{self, Visit};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

struct Page {
    path: PathBuf,
    text: String,
}

/// The pages in a folder below the root.
fn pages(folder: &str) -> Vec<Page> {
    let entries = fs::read_dir(root().join(folder)).expect("the folder can be read");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "md"));
    paths.sort();
    paths.into_iter().map(page).collect()
}

fn page(path: PathBuf) -> Page {
    let text = fs::read_to_string(&path).expect("a page can be read");
    Page { path, text }
}

/// A value that a page shows, and what the page says of it.
#[derive(Debug, PartialEq, Eq)]
struct Shown<'a> {
    value: &'a str,
    /// The level and the code behind it: `("error", "invalid_port")`.
    says: Option<(&'a str, &'a str)>,
}

/// Finds the values in a line: each URL, and where the page says something of it, all of what follows `REDIS_URL=`.
fn values(line: &str) -> Vec<Shown<'_>> {
    let (text, says) = ["error", "warning"]
        .into_iter()
        .find_map(|level| {
            let (text, code) = line.split_once(&format!("# {level}: "))?;
            Some((text, Some((level, code.trim()))))
        })
        .unwrap_or((line, None));
    match text.strip_prefix("REDIS_URL=").filter(|_| says.is_some()) {
        Some(value) => {
            let in_quotes = value.strip_prefix('\'').and_then(|it| it.split_once('\''));
            let value = in_quotes.map_or(value, |(value, _)| value).trim_end();
            vec![Shown { value, says }]
        }
        None => urls(text).map(|value| Shown { value, says }).collect(),
    }
}

/// Finds the URLs in a text, without the punctuation behind them.
fn urls(text: &str) -> impl Iterator<Item = &str> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-".contains(c);
    let found = text.match_indices("://").map(move |(at, _)| {
        let scheme = text[..at].rfind(|c| !is_scheme(c)).map_or(0, |it| it + 1);
        // The character before may have several bytes.
        let scheme = (scheme..=at).find(|it| text.is_char_boundary(*it));
        let url = &text[scheme.expect("`at` is a boundary")..];
        let end = url.find(|c: char| c.is_whitespace() || "`\"')|".contains(c));
        url[..end.unwrap_or(url.len())].trim_end_matches(['.', ',', ';', ':'])
    });
    let is_ours = |url: &&str| {
        ["redis", "valkey", "unix"]
            .iter()
            .any(|it| url.starts_with(it))
    };
    found.filter(is_ours)
}

/// Returns whether a URL stands for others, such as `redis://:<password>@host` and `redis://…`.
fn is_template(url: &str) -> bool {
    let (_, rest) = url.split_once("://").expect("it is a URL");
    rest.is_empty() || rest.contains(['<', '…', '{', '*']) || rest.ends_with(":port")
}

/// Returns what the crate says of a value: the level and the code of each answer.
fn answers(value: &str) -> Vec<(&'static str, &'static str)> {
    match RedisUrl::parse(value) {
        Err(error) => vec![("error", error.code())],
        Ok(url) => {
            Config::try_from(&url).expect("all features are there");
            url.warnings()
                .iter()
                .map(|it| ("warning", it.code()))
                .collect()
        }
    }
}

#[test]
fn every_url_of_the_guide_gets_the_answer_that_stands_behind_it() {
    let mut wrong = Vec::new();
    let mut count = 0;
    let readme = page(root().join("README.md"));
    for Page { path, text } in pages("src/guide").into_iter().chain([readme]) {
        for (index, line) in text.lines().enumerate() {
            for Shown { value, says } in values(line) {
                if says.is_none() && value.contains("://") && is_template(value) {
                    continue;
                }
                count += 1;
                let expected = Vec::from_iter(says);
                let found = answers(value);
                if found != expected {
                    let line = index + 1;
                    let page = path.display();
                    wrong.push(format!(
                        "{page}:{line}: `{value}`: {found:?}, not {expected:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 60, "only {count} URLs were found");
}

#[test]
fn the_values_of_a_line_are_found() {
    let shown = |value, says| Shown { value, says };
    assert_eq!(
        values("REDIS_URL=redis-cli -u redis://h:1   # error: cli_command"),
        [shown(
            "redis-cli -u redis://h:1",
            Some(("error", "cli_command"))
        )]
    );
    assert_eq!(
        values("REDIS_URL='redis://a#b@h' cargo run  # error: unescaped_delimiter"),
        [shown(
            "redis://a#b@h",
            Some(("error", "unescaped_delimiter"))
        )]
    );
    assert_eq!(
        values("… `redis://a:1`, or rediss://b. See https://c.example"),
        [shown("redis://a:1", None), shown("rediss://b", None)]
    );
    assert!(is_template("redis://:<password>@host") && !is_template("redis://:p@host"));
}

/// Writes a page anew, with what the crate says in the place of each report.
fn with_reports(page: &str) -> String {
    let mut written = String::new();
    let mut code = "";
    let mut document = None;
    for (index, part) in page.split("```").enumerate() {
        if index % 2 == 0 {
            code = headings(part).last().unwrap_or(code);
            written += part;
            continue;
        }
        let (language, text) = part.split_once('\n').expect("a block has a first line");
        let value = text
            .lines()
            .next()
            .and_then(|it| it.strip_prefix("REDIS_URL="));
        let text = match (document.take(), value) {
            (Some(document), _) => report(document, code),
            (None, Some(value)) if language == "text" => {
                format!("REDIS_URL={value}\n\n{}", answer(value, code))
            }
            _ => text.to_owned(),
        };
        written.extend(["```", language, "\n", &text, "```"]);
        document = (language == "env")
            .then_some(part)
            .and_then(|it| it.strip_prefix("env\n"));
    }
    written
}

fn headings(page: &str) -> impl Iterator<Item = &str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`'))
}

/// Returns what an application prints whose `REDIS_URL` is `value`. Its last line leads to the section of `code`.
fn answer(value: &str, code: &str) -> String {
    let value = value.replace('…', &"a".repeat(16 * 1024));
    let value = ["\u{20}", "\u{7}", "\u{200b}"]
        .iter()
        .fold(value, |value, c| {
            value.replace(&c.escape_unicode().to_string(), c)
        });
    let overrides = Overrides::new().set("REDIS_URL", &*value);
    let _entered = overrides.enter();
    if let Err(error) = Client::from_env("REDIS_URL") {
        let report = format!("Error: {error:?}\n");
        let report = report.replace("  note: read from an override of this test\n", "");
        let (report, link) = report
            .rsplit_once("  help: see ")
            .expect("it names its section");
        assert!(
            link.ends_with(&format!("/guide/errors/#{code}\n")),
            "{code}: {link}"
        );
        let lines = report.lines().map(str::trim_end);
        return lines.map(|line| line.to_owned() + "\n").collect();
    }
    let url = RedisUrl::parse(&value).expect("it was accepted above");
    let mut warnings = url.warnings().iter();
    let warning = warnings.find(|it| it.code() == code).expect(code);
    format!("WARN {code}: {warning} (`REDIS_URL`, read from the process environment)\n")
}

/// Returns what a build prints of the finding `code`, whose application has `document` for its `.env.example`.
fn report(document: &str, code: &str) -> String {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guide");
    fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let file = directory.join(".env.example");
    fs::write(&file, document).expect("the temporary directory is writable");
    let report = Check::new().file(&file).try_run().expect_err(code);
    let mut findings = report.findings().iter();
    let finding = findings.find(|it| it.code() == code).expect(code);
    let file = file.strip_prefix(root()).unwrap_or(&file);
    finding
        .to_string()
        .replace(&*file.to_string_lossy(), ".env.example")
}

#[test]
fn every_report_in_the_guide_is_what_the_crate_prints() {
    for Page { path, text } in pages("src/guide/errors") {
        expect_file![path].assert_eq(&with_reports(&text));
    }
}

/// The first column of a table that a test writes from the code.
fn rows(table: &str) -> impl Iterator<Item = String> {
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `"));
    cells.filter_map(|cells| Some(cells.split_once('`')?.0.to_owned()))
}

fn parsed(file: &Path) -> syn::File {
    let text = fs::read_to_string(file).expect("a file of the source");
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The names of the variants of an enum.
fn variants(file: &str, name: &str) -> Vec<String> {
    let file = parsed(&root().join(file));
    let found = file.items.iter().find_map(|item| match item {
        syn::Item::Enum(item) if item.ident == name => Some(&item.variants),
        _ => None,
    });
    let variants = found.expect("the file has the enum").iter();
    variants.map(|variant| variant.ident.to_string()).collect()
}

/// `NoReply` as `no_reply`.
fn in_snake_case(name: &str) -> String {
    let lower = |c: char| {
        let gap = if c.is_ascii_uppercase() { "_" } else { "" };
        format!("{gap}{}", c.to_ascii_lowercase())
    };
    name.chars()
        .map(lower)
        .collect::<String>()
        .trim_start_matches('_')
        .to_owned()
}

/// The codes in the calls that make a finding, and in constants for them.
#[derive(Default)]
struct FindingCodes(BTreeSet<String>);

impl FindingCodes {
    fn add<'a>(&mut self, expressions: impl IntoIterator<Item = &'a syn::Expr>) {
        for expression in expressions {
            if let syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) = expression
            {
                let text = text.value();
                let is_code = text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                self.0.extend(is_code.then_some(text));
            }
        }
    }
}

impl<'ast> Visit<'ast> for FindingCodes {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func
            && path.path.segments.iter().any(|it| it.ident == "Finding")
        {
            self.add(&call.args);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "finding" || call.method == "finding_at" {
            self.add(&call.args);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        if item.ident == "CODE" || item.ident == "MISSING_FORMAT" {
            self.add([&*item.expr]);
        }
    }
}

fn finding_codes() -> BTreeSet<String> {
    let mut codes = FindingCodes::default();
    for folder in ["src/build", "src/cli"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder of the source");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        // The folders hold tests.
        for path in paths.filter(|path| path.is_file()) {
            codes.visit_file(&parsed(&path));
        }
    }
    codes.0
}

#[test]
fn every_code_has_one_section_and_every_section_a_code() {
    let mut codes = finding_codes();
    assert!(codes.len() >= 14, "{codes:?}");
    for table in ["src/url/error_codes.md", "src/url/warning_codes.md"] {
        codes.extend(rows(&page(root().join(table)).text));
    }
    codes.extend(variants("src/error.rs", "ErrorKind"));
    let causes = variants("src/timeout_cause.rs", "TimeoutCause");
    codes.extend(causes.iter().map(|cause| in_snake_case(cause)));
    // A warning about variables, and not about the URL.
    codes.insert("both_set".to_owned());

    let pages = pages("src/guide/errors");
    let sections: Vec<_> = pages.iter().flat_map(|page| headings(&page.text)).collect();
    let of_codes: BTreeSet<_> = codes.iter().map(String::as_str).collect();
    let of_sections: BTreeSet<_> = sections.iter().copied().collect();
    let missing: Vec<_> = of_codes.difference(&of_sections).collect();
    let unknown: Vec<_> = of_sections.difference(&of_codes).collect();
    assert!(missing.is_empty(), "codes without a section: {missing:?}");
    assert!(unknown.is_empty(), "sections without a code: {unknown:?}");

    // rustdoc makes an anchor of a heading in this way; a second one of the same name would be another anchor.
    let anchors: BTreeSet<_> = sections.iter().map(|it| it.to_ascii_lowercase()).collect();
    assert_eq!(
        anchors.len(),
        sections.len(),
        "two sections have one anchor"
    );
    let guide = fs::read_to_string(root().join("src/guide/mod.rs")).expect("the guide");
    for page in pages {
        let name = page.path.file_name().expect("a file").to_string_lossy();
        assert!(
            guide.contains(&format!("errors/{name}")),
            "{name} is on no page"
        );
    }
}
