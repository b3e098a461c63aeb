//! The words that documents write where a value belongs, as data: `your_redis_host`, `<db-number>`.

use super::randomness::looks_random;
use crate::placeholder;

/// A part of a URL that documents may name instead of filling it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Username,
    Password,
    Host,
    Port,
    Database,
}

/// Words that stand before or behind the name of a part and say nothing of what it is.
const AROUND: &str = "your my the a an our some this that here please enter insert put set fill in \
    redis valkey rds upstash cache default real actual own new secure strong super very long \
    random generated dein deine dem der die das ihr ihre mein meine hier tu su mi aqui el la de \
    del votre mon mot une un il tuo test dev local demo dummy fake sample example";

const HOST: &str = "host hostname hosts servername domain fqdn ipaddress ip address addr endpoint \
    anfitrion servidor rechner rechnername hote";
const PORT: &str = "port portnumber portnummer number num no puerto numero porta";
const DATABASE: &str = "db database dbnumber dbnum dbindex dbno dbid number num no index idx n x i \
    datenbank nummer basededatos base bd datos numero";
const USERNAME: &str =
    "user username name login acl benutzer benutzername usuario utilisateur nutzer";
const PASSWORD: &str = "password passwort passwd pass pssword passphrase pwd pw psw kennwort secret \
    contrasena clave senha motdepasse passe mdp wachtwoord heslo haslo parola geheim geheimes \
    geheimnis secreto secreta token key primary secondary access auth authtoken credential credentials \
    change changeme changeit me it replace with todo fixme placeholder redacted hidden masked \
    value string text word anderemich aendern aendere cambia cambiame cambiar minha \
    dummy sample demo fake test mock stub api apikey account azure rest db database prod production \
    staging encoded url any complex safe strong top not do use in for and or foo bar baz foobar \
    foobared abc abcd abcdef asdf qwerty letmein hello admin root guest tbd unknown generated \
    random snip removed sanitized none \
    0 1 12 123 1234 12345 123456 1234567 12345678 123456789";
/// Words that say that there is no Redis.
const NO_URL: &str = "none off disabled disable null nil empty unset memory inmemory false no nothing \
    optional undefined leer aus keine vacio ninguno ninguna desactivado vide aucun";
const URL: &str = "url uri dsn connection string link redisurl redisuri connectionstring";

/// Words for a secret, in lower case.
pub(super) const SECRETS: [&str; 16] = [
    "password",
    "passwort",
    "passwd",
    "kennwort",
    "contraseña",
    "clave",
    "senha",
    "пароль",
    "密码",
    "密碼",
    "パスワード",
    "비밀번호",
    "token",
    "secret",
    "requirepass",
    "pw",
];

/// Names of parameters that stand for any: `?key=value`.
const PARAMETERS: &str = "key option options param params parameter parameters opt opts query arg args \
    opcion parametro optionen";

/// Returns whether a query, without its `?`, names parameters instead of having some.
pub(super) fn stands_for_a_query(query: &str) -> bool {
    let query = query.trim_matches(['[', ']', '<', '>', '{', '}']);
    query.split('&').all(|pair| {
        let key = pair
            .split('=')
            .next()
            .unwrap_or(pair)
            .trim_end_matches(|c: char| c.is_ascii_digit());
        pair == "..." || pair == "…" || consists_of(key, PARAMETERS)
    })
}

impl Field {
    pub(super) const ALL: [Field; 5] = [
        Field::Username,
        Field::Password,
        Field::Host,
        Field::Port,
        Field::Database,
    ];

    /// Returns whether the whole text is a word for this part, such as `your_redis_host`.
    pub(super) fn is_named_by(self, text: &str) -> bool {
        let words = match self {
            Field::Username => USERNAME,
            Field::Password => PASSWORD,
            Field::Host => HOST,
            Field::Port => PORT,
            Field::Database => DATABASE,
        };
        // `host1:port1,host2:port2`
        let first = text.strip_suffix(|c: char| c.is_ascii_digit());
        consists_of(first.unwrap_or(text), words)
    }

    /// Returns an example for this part, which works in a copy of the file.
    pub(super) fn example(self) -> &'static str {
        match self {
            Field::Username => "username",
            Field::Password => "password",
            Field::Host => "localhost",
            Field::Port => "6379",
            Field::Database => "0",
        }
    }
}

/// Returns whether the whole text stands for a URL: `<your redis url>`, `${REDIS_URL}`, `xxx`.
pub(super) fn stands_for_a_url(text: &str) -> bool {
    let text = text.trim();
    let only = |marks: &str| text.chars().all(|c| marks.contains(c));
    placeholder::is_word_for_a_url(text)
        || placeholder::is_template(text)
        || placeholder::is_marked(text)
        || placeholder::is_expression(text)
        || only(".…xX*-_?~")
        || !text.is_ascii() && !text.contains("://")
        || consists_of(text, URL)
        || consists_of(text, PASSWORD)
        || consists_of(text.trim_end_matches("://"), NO_URL)
}

/// Returns whether the value of a password says that there is none.
pub(super) fn is_no_password(value: &str) -> bool {
    placeholder::is_nothing(value) || consists_of(value, NO_URL)
}

/// Returns whether the password, as a URL has it, is one that documents show as an example.
pub(super) fn is_example_password(password: &str) -> bool {
    if looks_random(password) {
        return false;
    }
    // Aiven's passwords begin so.
    let password = password.strip_prefix("AVNS_").unwrap_or(password);
    let lower = password.to_ascii_lowercase();
    // `p%40ssword` shows how to encode.
    let plain = lower.replace("%40", "a").replace("%24", "s");
    let plain = plain.trim_end_matches(['=', '!']);
    lower.chars().all(|c| "x*.•…_-?#~".contains(c))
        || ["example", "ejemplo", "beispiel", "placeholder", "..."]
            .iter()
            .any(|part| lower.contains(part))
        || has_word_for_a_user(password)
        // Neither a URL nor a generated password has letters of other alphabets.
        || !password.is_ascii() && !password.contains(|c: char| c.is_ascii_digit())
        || Field::ALL.iter().any(|field| field.is_named_by(plain))
        || consists_of(&without_escapes(plain), PASSWORD)
        || consists_of(&with_letters(plain), PASSWORD)
        || !placeholder::marked(password).is_empty()
        || placeholder::is_template(password)
        || placeholder::is_weak(password)
        || placeholder::is_nothing(password)
        || placeholder::is_placeholder(password)
}

/// Returns whether one of the words, which may be in camel case, tells to write another password: `your`,
/// `changeThis!`.
fn has_word_for_a_user(password: &str) -> bool {
    let mut words = String::new();
    let mut before = ' ';
    for c in password.chars() {
        if before.is_ascii_lowercase() && c.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(if c.is_ascii_alphabetic() {
            c.to_ascii_lowercase()
        } else {
            ' '
        });
        before = c;
    }
    let is_told = |word: &str| {
        let rest = word.strip_prefix("your").or(word.strip_prefix("change"));
        rest.is_some_and(|rest| rest.is_empty() || consists_of(rest, PASSWORD))
    };
    words.split_ascii_whitespace().any(is_told)
}

/// Writes `p@ssw0rd` as `password`.
fn with_letters(text: &str) -> String {
    let letter = |c| match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' => 'i',
        '0' => 'o',
        '5' | '$' => 's',
        c => c,
    };
    text.chars().map(letter).collect()
}

/// Removes `%2F` and the like.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |joined, part| {
        joined + part.get(2..).unwrap_or_default()
    })
}

/// Returns whether the text, letter case and separators left aside, is a sequence of the `words` and
/// of those of [`AROUND`], with one of `words` at least: `yourRedisHost` is `your`, `redis`, `host`.
pub(super) fn consists_of(text: &str, words: &str) -> bool {
    const LONGEST: usize = 64;
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_. ".contains(c);
    if text.len() > LONGEST || !text.chars().all(is_part) {
        return false;
    }
    let letters: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_lowercase();
    // For each length of the beginning: whether it is a sequence, and whether one of `words` is in it.
    let mut reached = vec![(false, false); letters.len() + 1];
    reached[0] = (true, false);
    for start in 0..letters.len() {
        if !reached[start].0 {
            continue;
        }
        let named = reached[start].1;
        for (list, names) in [(AROUND, false), (words, true)] {
            for word in list.split_ascii_whitespace() {
                if letters[start..].starts_with(word) {
                    let end = &mut reached[start + word.len()];
                    *end = (true, end.1 || named || names);
                }
            }
        }
    }
    reached[letters.len()].1
}

#[cfg(test)]
mod tests {
    use super::{
        Field, HOST, consists_of, is_example_password, is_no_password, stands_for_a_query,
        stands_for_a_url,
    };

    #[test]
    fn words_around_a_word_for_the_part_say_nothing_of_it() {
        for (text, expected) in [
            ("host", true),
            ("yourRedisHost", true),
            ("redis-host-example", true),
            ("your-redis", false),
            ("hostile", false),
            (&"host".repeat(16), true),
            (&("host".repeat(16) + "s"), false),
        ] {
            assert_eq!(consists_of(text, HOST), expected, "{text}");
        }
    }

    #[test]
    fn a_query_may_name_parameters_instead_of_having_some() {
        for (query, expected) in [
            ("...", true),
            ("…", true),
            ("option1=value&...", true),
            ("[key=value]", true),
            ("db=1", false),
            ("key=value&db=1", false),
        ] {
            assert_eq!(stands_for_a_query(query), expected, "{query}");
        }
    }

    #[test]
    fn a_word_for_nothing_says_that_there_is_no_password() {
        for (value, expected) in [
            ("undefined", true),
            ("disabled", true),
            ("password", false),
            ("hunter2", false),
        ] {
            assert_eq!(is_no_password(value), expected, "{value}");
        }
    }

    #[test]
    fn a_template_stands_for_a_url_in_the_form_of_every_tool() {
        for text in [
            "${REDIS_URL}",
            "((redis-url))",
            "<your redis url>",
            "process.env.REDIS_URL",
        ] {
            assert!(stands_for_a_url(text), "{text}");
        }
        assert!(!stands_for_a_url("redis://localhost"));
    }

    #[test]
    fn knows_the_words_for_parts_in_every_spelling() {
        for (field, text) in [
            (Field::Host, "your_host"),
            (Field::Host, "REDIS_HOST"),
            (Field::Host, "my-redis-hostname"),
            (Field::Port, "yourPort"),
            (Field::Port, "puerto"),
            (Field::Database, "db-number"),
            (Field::Database, "N"),
            (Field::Database, "REDIS_DB"),
            (Field::Username, "benutzername"),
        ] {
            assert!(field.is_named_by(text), "{text}");
        }
        for text in ["x1", "6379", "", "redis", "port6379", "hunter"] {
            assert!(!Field::Port.is_named_by(text), "{text}");
        }
        assert!(!Field::Host.is_named_by("redis") && !Field::Host.is_named_by("cache"));
    }

    #[test]
    fn knows_the_passwords_of_documents() {
        #[rustfmt::skip]
        let examples = [
            "", "x", "**", "PASSWORD", "Secret", "my-example-1", "change-me", "change_me", "pwd",
            "mypassword", "token", "primaryKey", "redis_password", "YourPasswordHere", "geheim",
            "contraseña", "密码", "p%40ss%2Fword", "abc...xyz", "${REDIS_PASSWORD}", "password123",
            "mySuperSecretPassword", "Passwort", "clave_secreta", "passw0rd", "P@ssw0rd!", "foobared", "minha_senha", "AVNS_xxx", "api-key", "Your-Pass!", "changeThisNow!", "YOURPASSWORD!",
        ];
        for password in examples {
            assert!(is_example_password(password), "{password}");
        }
        #[rustfmt::skip]
        let others = [
            "hunter2", "xy", "examp1e", "AX8kd93ksl2LsPq0", "Exchange-Prod77", "Yourkshire2024",
        ];
        for password in others {
            assert!(!is_example_password(password), "{password}");
        }
    }

    #[test]
    fn knows_what_stands_for_a_whole_url() {
        #[rustfmt::skip]
        let texts = [
            "<your redis url>", "${REDIS_URL}", "{{ redis_url }}", "%REDIS_URL%", "xxx", "...", "…",
            "your-redis-url", "REDIS_URL", "连接地址", "REDIS_CONNECTION_STRING", "disabled", "memory://",
        ];
        for text in texts {
            assert!(stands_for_a_url(text), "{text}");
        }
        for text in ["localhost", "redis://x", "cache:6379"] {
            assert!(!stands_for_a_url(text), "{text}");
        }
    }
}
