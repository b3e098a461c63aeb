//! Which variables of the file are those of this application.

use super::words;

/// What a build script asks for, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Variables that have to be assigned.
    pub(super) required: Vec<String>,
    /// Variables that may also be commented out or empty.
    pub(super) optional: Vec<String>,
    /// Whether all other variables are left unchecked.
    pub(super) is_closed: bool,
    /// Variables that are not checked unless they are asked for: names in which `*` stands for any text.
    pub(super) ignored: Vec<String>,
    /// The package, whose name a variable may begin with.
    pub(super) package: String,
}

/// What a variable is to the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// It is checked.
    Ours,
    /// It is a Redis URL whose name begins with another service.
    OtherService,
    /// It is not checked: no Redis URL, or left out by the build script.
    Unrelated,
}

/// What an application uses Redis for, and its environments: a variable that begins with such words
/// is its own. Any other beginning, such as `UPSTASH_` or `AI_`, shows another service.
const PURPOSES: &str = "cache caching caches session sessions queue queues job jobs task tasks lock \
    locks locking rate limit limits limiter ratelimit throttle pubsub pub sub events event stream \
    streams store storage data message messages messaging broker result results backend counter \
    counters presence realtime ws socket notifications leaderboard index search vector state \
    primary secondary replica master slave read reader write writer main default shared common \
    global local dev development test tests testing staging stage prod production ci backup \
    my app application the second other tls secure cluster sentinel new old";

/// Beginnings that are never an application's own, even where the file has no other Redis URL.
const SERVICES: &str = "upstash kv vercel heroku celery django flask rails sidekiq bull bullmq next \
    public vite n8n rq node python laravel spring gitlab sentry airflow superset kong";

impl Names {
    /// Returns the names that have to be in the file.
    pub(super) fn asked_for(&self) -> impl Iterator<Item = &String> {
        self.required.iter().chain(&self.optional)
    }

    pub(super) fn is_optional(&self, name: &str) -> bool {
        self.optional.iter().any(|optional| optional == name)
    }

    pub(super) fn owner(&self, name: &str) -> Owner {
        if self.asked_for().any(|asked| asked == name) {
            return Owner::Ours;
        }
        let Some(beginning) = name.strip_suffix("REDIS_URL") else {
            return Owner::Unrelated;
        };
        let is_ignored = self.ignored.iter().any(|pattern| matches(pattern, name));
        if self.is_closed || is_ignored {
            return Owner::Unrelated;
        }
        let is_ours = beginning.trim_matches('_').is_empty()
            || words::consists_of(beginning, PURPOSES)
            || self.is_package(beginning);
        if is_ours {
            Owner::Ours
        } else {
            Owner::OtherService
        }
    }

    /// Returns which of the `written` names is the application's own although it begins with another
    /// service: the only Redis URL of a file.
    pub(super) fn adopted<'a>(&self, written: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let mut adopted = None;
        for name in written {
            match self.owner(name) {
                Owner::OtherService if adopted.is_none_or(|it| it == name) => adopted = Some(name),
                Owner::OtherService | Owner::Ours => return None,
                Owner::Unrelated => {}
            }
        }
        let is_ours = |name: &&str| {
            let first = name.split('_').next().unwrap_or(name).to_ascii_lowercase();
            !SERVICES.split_ascii_whitespace().any(|it| it == first)
        };
        adopted
            .filter(|_| self.asked_for().next().is_none())
            .filter(is_ours)
    }

    /// Returns whether the beginning is made of words of the package's name: `ACME_` in `acme-shop`.
    fn is_package(&self, beginning: &str) -> bool {
        let package = self.package.to_ascii_lowercase().replace('-', "_");
        let mut words = beginning.split('_').filter(|word| !word.is_empty());
        !package.is_empty()
            && words.all(|word| {
                let word = word.to_ascii_lowercase();
                package.split('_').any(|part| part == word) || words::consists_of(&word, PURPOSES)
            })
    }
}

/// Returns whether `name` is `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Names, Owner, matches};

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in [
            ("A", "A"),
            ("*", ""),
            ("A_*", "A_"),
            ("*_URL", "B_URL"),
            ("A*B*C", "AxBxBxC"),
            ("a*", "aé"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("A", "AB"),
            ("A_*", "A"),
            ("*_URL", "URL"),
            ("A*A", "A"),
            ("A*BB*BC", "ABBC"),
            ("", "A"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn the_beginning_of_a_name_shows_whose_it_is() {
        let names = Names {
            required: vec!["BILLING_REDIS_URL".to_owned()],
            ignored: vec!["OLD_*".to_owned()],
            package: "acme-shop".to_owned(),
            ..Names::default()
        };
        for (name, owner) in [
            ("REDIS_URL", Owner::Ours),
            ("QUEUE_REDIS_URL", Owner::Ours),
            ("RATE_LIMIT_REDIS_URL", Owner::Ours),
            ("ACME_REDIS_URL", Owner::Ours),
            ("BILLING_REDIS_URL", Owner::Ours),
            ("AI_REDIS_URL", Owner::OtherService),
            ("UPSTASH_REDIS_URL", Owner::OtherService),
            ("OLD_REDIS_URL", Owner::Unrelated),
            ("DATABASE_URL", Owner::Unrelated),
        ] {
            assert_eq!(names.owner(name), owner, "{name}");
        }
        assert_eq!(Names::default().owner("CACHE_REDIS_URL"), Owner::Ours);
    }
}
