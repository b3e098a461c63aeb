//! The settings of [`Check`] in a build script, read from its source.

use proc_macro2::TokenTree;

use super::tokens::{self, arguments, is_ident, is_one_of, is_path_separator, is_punct};
use crate::build::{Check, Format};
use crate::report::printable;

/// What a build script asks of `.env.example`.
pub(super) struct BuildScript {
    /// Each check that it makes; `Check::new()` where it has no settings.
    pub(super) checks: Vec<Check>,
    /// What it says and cannot be read.
    pub(super) unread: Vec<Unread>,
    /// Whether it names this crate, whatever for.
    pub(super) names_crate: bool,
}

/// What cannot be read in a build script, so that the check may be another one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The argument of this setting, which is not a literal.
    Argument(String),
    /// The settings of a check that is not made and run in one expression.
    Settings,
    /// All of it: it is not Rust.
    Script,
}

impl Unread {
    /// Returns what to tell of the build script of `package`.
    pub(super) fn warning(&self, package: &str) -> String {
        let script = format!("the build script of `{}`", printable(package));
        let what = match self {
            Unread::Argument(setting) => {
                format!(
                    "cannot read the argument of `{}` in {script}",
                    printable(setting)
                )
            }
            Unread::Settings => {
                format!(
                    "cannot read all settings of the check in {script}: `.run()` does not follow them"
                )
            }
            Unread::Script => format!("cannot read {script}: it is not Rust"),
        };
        format!("{what}; the result may differ from `cargo build`'s")
    }
}

impl BuildScript {
    /// Reads the script of a package that calls this crate by one of the names in `crates`.
    pub(super) fn read(text: &str, crates: &[String]) -> BuildScript {
        let tokens = tokens::read(text);
        let mut script = BuildScript {
            checks: Vec::new(),
            unread: Vec::new(),
            names_crate: false,
        };
        if tokens.is_none() {
            script.unread.push(Unread::Script);
        }
        tokens::walk(&tokens.unwrap_or_default(), &mut |tokens| {
            for at in 0..tokens.len() {
                script.names_crate |= is_one_of(tokens.get(at), crates);
                let is_new = ["new", "default"]
                    .iter()
                    .any(|name| is_ident(tokens.get(at + 3), name));
                if is_ident(tokens.get(at), "Check") && is_path_separator(tokens, at + 1) && is_new
                {
                    script.read_settings(&tokens[at + 4..]);
                }
            }
        });
        if script.checks.is_empty() {
            script.checks.push(Check::new());
        }
        script
    }

    /// Reads the methods that follow `Check::new`.
    fn read_settings(&mut self, tokens: &[TokenTree]) {
        let mut check = Check::new();
        let mut rest = tokens.get(1..).unwrap_or(&[]);
        let mut runs = false;
        while !runs
            && is_punct(rest.first(), '.')
            && let Some(TokenTree::Ident(method)) = rest.get(1)
            && let Some(arguments) = arguments(rest.get(2))
        {
            match setting(check.clone(), &method.to_string(), &arguments) {
                Some(changed) => check = changed,
                None => self.unread.push(Unread::Argument(method.to_string())),
            }
            runs = method == "run" || method == "try_run";
            rest = &rest[3..];
        }
        if !runs {
            self.unread.push(Unread::Settings);
        }
        self.checks.push(check);
    }
}

/// Returns the check with one more setting, or `None` where that cannot be read.
fn setting(check: Check, method: &str, arguments: &[TokenTree]) -> Option<Check> {
    match method {
        "variable" => Some(check.variable(only_string(arguments)?)),
        "optional" => Some(check.optional(only_string(arguments)?)),
        "only" => Some(check.only(only_string(arguments)?)),
        "ignore" => Some(check.ignore(only_string(arguments)?)),
        "file" => Some(check.file(only_string(arguments)?)),
        "formats" => Some(check.formats(formats(arguments)?)),
        "run" | "try_run" | "clone" => Some(check),
        _ => None,
    }
}

fn only_string(arguments: &[TokenTree]) -> Option<String> {
    let [argument] = arguments else {
        return None;
    };
    tokens::string(Some(argument))
}

/// Reads `[Format::Local, Format::Tls]`.
fn formats(arguments: &[TokenTree]) -> Option<Vec<Format>> {
    let [TokenTree::Group(list)] = arguments else {
        return None;
    };
    let mut formats = Vec::new();
    for token in tokens::inner(list) {
        let TokenTree::Ident(ident) = token else {
            continue;
        };
        match &*ident.to_string() {
            "Format" | "build" | "redis_ready" => {}
            "Local" => formats.push(Format::Local),
            "Password" => formats.push(Format::Password),
            "Tls" => formats.push(Format::Tls),
            _ => return None,
        }
    }
    Some(formats)
}

#[cfg(test)]
mod tests {
    use super::{BuildScript, Unread};
    use crate::build::{Check, Format};

    #[track_caller]
    fn check(body: &str, expected: &[Check], unread: &[Unread]) {
        let script = BuildScript::read(&format!("fn main() {{ {body} }}"), &[]);
        assert_eq!(format!("{:?}", script.checks), format!("{expected:?}"));
        assert_eq!(script.unread, unread);
    }

    #[test]
    fn reads_literal_settings() {
        let plain = Check::new;
        let argument = |name: &str| Unread::Argument(name.to_owned());
        check("redis_ready::build::check();", &[plain()], &[]);
        check("", &[plain()], &[]);
        check(
            "Check::new().file(\"deploy/env\").variable(\"CACHE\").formats([Format::Local]).run();",
            &[plain()
                .file("deploy/env")
                .variable("CACHE")
                .formats([Format::Local])],
            &[],
        );
        check(
            "Check::new().only(\"A\").optional(\"B\").ignore(\"C_*\").try_run()",
            &[plain().only("A").optional("B").ignore("C_*")],
            &[],
        );
        check(
            "if x { redis_ready::build::Check::default().variable(NAME).unknown().run() }",
            &[plain()],
            &[argument("variable"), argument("unknown")],
        );
        check(
            "Check::new().run(); Check::new().variable(\"A\").run();",
            &[plain(), plain().variable("A")],
            &[],
        );
        check(
            "let _ = Check::new().variable(\"A\").try_run().unwrap();",
            &[plain().variable("A")],
            &[],
        );
    }

    #[test]
    fn reads_a_list_of_formats() {
        let plain = Check::new;
        let unread = [Unread::Argument("formats".to_owned())];
        check(
            "Check::new().formats([Format::Password, redis_ready::build::Format::Tls]).run()",
            &[plain().formats([Format::Password, Format::Tls])],
            &[],
        );
        check("Check::new().formats(FORMATS).run()", &[plain()], &unread);
        check(
            "Check::new().formats([Format::New]).run()",
            &[plain()],
            &unread,
        );
    }

    #[test]
    fn tells_what_it_cannot_read() {
        let plain = Check::new;
        check(
            "let mut c = Check::new(); c = c.file(\"deploy/env\"); c.run()",
            &[plain()],
            &[Unread::Settings],
        );
        check("' broken", &[plain()], &[Unread::Script]);
        let script = BuildScript::read("fn main() { rr::build::check() }", &["rr".to_owned()]);
        assert!(script.names_crate);
    }
}
