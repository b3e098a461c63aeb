//! Every row of `corpus.tsv`, and of `corpus_ours.tsv`: the rows we expect to exist.

use redis_ready::{Protocol, RedisUrl, TlsVerify, UrlKind};

/// One connection string and what it is to be read as.
struct Row {
    id: String,
    url: String,
    verdict: String,
    kind: String,
    host: String,
    port: String,
    username: String,
    password: Option<String>,
    database: String,
    extra: Vec<(String, String)>,
}

#[test]
fn every_row_of_the_corpus_is_read_as_it_says() {
    check(include_str!("corpus.tsv"), 369);
}

#[test]
fn every_row_of_our_own_is_read_as_it_says() {
    check(include_str!("corpus_ours.tsv"), 500);
}

fn check(table: &str, at_least: usize) {
    let rows: Vec<Row> = table
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(Row::read)
        .collect();
    assert!(rows.len() >= at_least, "{} rows", rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            row.check()
                .err()
                .map(|found| format!("{} {:.120}\n    {found}", row.id, row.url))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} rows:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

impl Row {
    fn read(line: &str) -> Row {
        let cells: Vec<String> = line.split('\t').map(repeat).collect();
        let cell = |index: usize| cells.get(index).cloned().unwrap_or_default();
        let password = match cell(7).as_str() {
            "" => None,
            "\"\"" => Some(String::new()),
            text => Some(unescape(text)),
        };
        let extra = cell(9)
            .split("; ")
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Row {
            id: cell(0),
            url: unescape(&cell(1)),
            verdict: cell(2),
            kind: cell(3),
            host: unescape(&cell(4)),
            port: cell(5),
            username: unescape(&cell(6)),
            password,
            database: cell(8),
            extra,
        }
    }

    fn check(&self) -> Result<(), String> {
        match RedisUrl::parse(&self.url) {
            Err(error) => {
                let span = error.span();
                if self.url.get(span.clone()).is_none() {
                    return Err(format!("span {span:?} is not inside the text"));
                }
                let expected = if self.verdict == "reject" {
                    self.extra("error")
                } else {
                    None
                };
                same("error", Some(error.code()), expected)
            }
            Ok(_) if self.verdict == "reject" => {
                Err(format!("accepted, expected {:?}", self.extra("error")))
            }
            Ok(url) => self.check_fields(&url),
        }
    }

    fn check_fields(&self, url: &RedisUrl) -> Result<(), String> {
        let first = url.warnings().first().map(redis_ready::UrlWarning::code);
        same("warning", first, self.extra("warn"))?;
        same(
            "kind",
            Some(kind_name(url.kind())),
            Some(self.kind.as_str()),
        )?;
        let nodes: Vec<String> = url
            .hosts()
            .iter()
            .map(|(host, port)| node(host, *port))
            .collect();
        let is_sentinel = matches!(url.kind(), UrlKind::Sentinel | UrlKind::SentinelTls);
        let first = url.hosts().first().filter(|_| !is_sentinel);
        same(
            "host",
            first.map(|(host, _)| host.as_str()),
            some(&self.host),
        )?;
        let port = first.map(|(_, port)| port.to_string());
        same("port", port.as_deref(), some(&self.port))?;
        same("username", url.username(), some(&self.username))?;
        same("password", url.password(), self.password.as_deref())?;
        same(
            "database",
            Some(url.database().to_string().as_str()),
            some(&self.database),
        )?;
        let is_list = is_sentinel || matches!(url.kind(), UrlKind::Cluster | UrlKind::ClusterTls);
        let nodes = is_list.then(|| nodes.join(","));
        let single = (is_list && !is_sentinel).then(|| format!("{}:{}", self.host, self.port));
        same(
            "nodes",
            nodes.as_deref(),
            self.extra("nodes").or(single.as_deref()),
        )?;
        same(
            "path",
            url.path().and_then(std::path::Path::to_str),
            self.extra("path"),
        )?;
        same("master", url.service_name(), self.extra("master"))?;
        let protocol = url.protocol().map(|protocol| {
            if protocol == Protocol::Resp3 {
                "3"
            } else {
                "2"
            }
        });
        same("protocol", protocol, self.extra("protocol"))?;
        same("client_name", url.client_name(), self.extra("client_name"))?;
        same(
            "ca_file",
            url.tls_ca().and_then(std::path::Path::to_str),
            self.extra("ca_file"),
        )?;
        same(
            "sentinel_username",
            url.sentinel_username(),
            self.extra("sentinel_username"),
        )?;
        same(
            "sentinel_password",
            url.sentinel_password(),
            self.extra("sentinel_password"),
        )?;
        let timeout = url
            .response_timeout()
            .map(|timeout| format!("{}s", timeout.as_secs_f64()));
        same("timeout", timeout.as_deref(), self.extra("timeout"))?;
        let ignored: Vec<&str> = url
            .warnings()
            .iter()
            .flat_map(|w| w.ignored().iter().copied())
            .collect();
        same("ignored", some(&ignored.join(",")), self.extra("ignored"))?;
        let verify = match (url.tls_verify(), self.extra("tls_verify")) {
            (TlsVerify::Full, None) => None,
            (TlsVerify::Full, _) => Some("full"),
            (TlsVerify::Ca, _) => Some("ca"),
            (TlsVerify::None, _) => Some("off"),
        };
        same("tls_verify", verify, self.extra("tls_verify"))?;
        match self.extra("sni") {
            Some(name) => same("sni", url.server_name(), Some(name)),
            None => Ok(()),
        }
    }

    fn extra(&self, key: &str) -> Option<&str> {
        self.extra
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

fn same(what: &str, found: Option<&str>, expected: Option<&str>) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: found {found:?}, expected {expected:?}"))
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn node(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn kind_name(kind: UrlKind) -> &'static str {
    match kind {
        UrlKind::Tcp => "tcp",
        UrlKind::Tls => "tls",
        UrlKind::Unix => "unix",
        UrlKind::Sentinel => "sentinel",
        UrlKind::SentinelTls => "sentinel-tls",
        UrlKind::Cluster => "cluster",
        UrlKind::ClusterTls => "cluster-tls",
        _ => "a new kind",
    }
}

/// Writes `{{repeat:TEXT:N}}` out.
fn repeat(cell: &str) -> String {
    let Some((before, rest)) = cell.split_once("{{repeat:") else {
        return cell.to_owned();
    };
    let (inner, after) = rest.split_once("}}").expect("a repetition is closed");
    let (text, count) = inner.rsplit_once(':').expect("a repetition has a count");
    let count = count.parse().expect("a count is a number");
    format!("{before}{}{}", text.repeat(count), repeat(after))
}

fn unescape(cell: &str) -> String {
    let mut text = String::new();
    let mut rest = cell;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let (c, used) = match after.as_bytes() {
            [b't', ..] => ('\t', 1),
            [b'r', ..] => ('\r', 1),
            [b'n', ..] => ('\n', 1),
            [b'0', ..] => ('\0', 1),
            [b'\\', ..] => ('\\', 1),
            [b'u', b'{', ..] => {
                let end = after.find('}').expect("an escape is closed");
                let point =
                    u32::from_str_radix(&after[2..end], 16).expect("an escape is hexadecimal");
                (
                    char::from_u32(point).expect("an escape is a character"),
                    end + 1,
                )
            }
            _ => panic!("unknown escape in {cell:?}"),
        };
        text.push(c);
        rest = &after[used..];
    }
    text + rest
}

/// Passwords of every shape that people have.
fn canaries() -> Vec<String> {
    let mut canaries: Vec<String> = [
        "Kanari7plain",
        "Kanari7-with_dots.and~tilde",
        "7305926148",
        "83620",
        "kanari7lower",
        "KANARI7UPPER",
    ]
    .map(str::to_owned)
    .into();
    for delimiter in [
        "/", "?", "#", "@", ":", "%", "&", "=", "+", ";", ",", "$", "!", "*", "[", "]", "\\", " ",
        "\"", "'", "|", "\n",
    ] {
        canaries.push(format!("Kanari7a{delimiter}Kanari7b"));
    }
    for encoded in ["%2F", "%3F", "%40", "%23", "%25"] {
        canaries.push(format!("Kanari7a{encoded}Kanari7b"));
    }
    canaries.extend([
        "eyJLYW5hcmki.eyJLYW5hcmk3IjoxfQ.S2FuYXJpN3NpZw".to_owned(),
        "S2FuYXJp/N3NlY3Jl+dA==".to_owned(),
        "Kanari7\u{e4}\u{f6}\u{fc}\u{1f511}".to_owned(),
        "Kanari7\u{200b}hidden".to_owned(),
        "$Kanari7".to_owned(),
        "${Kanari7}".to_owned(),
        "<Kanari7>".to_owned(),
        "Kanari7://x".to_owned(),
        "K7".repeat(300),
    ]);
    canaries
}

/// The forms in which a secret could show up again, in lower case.
fn needles(canary: &str) -> Vec<String> {
    let encoded: String = canary
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    let escaped: String = canary.chars().flat_map(char::escape_default).collect();
    let mut needles = vec![
        canary.to_owned(),
        encoded,
        escaped,
        base64(canary.as_bytes()),
    ];
    for (from, to) in [
        ("%2F", "/"),
        ("%3F", "?"),
        ("%40", "@"),
        ("%23", "#"),
        ("%25", "%"),
    ] {
        if canary.contains(from) {
            needles.push(canary.replace(from, to));
        }
    }
    needles.iter().map(|needle| needle.to_lowercase()).collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = bytes.len() - bytes.len() % 3; // the tail depends on what follows
    bytes[..whole]
        .chunks(3)
        .flat_map(|chunk| {
            let word = chunk
                .iter()
                .fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
            [18, 12, 6, 0].map(|shift| char::from(ALPHABET[word >> shift & 63]))
        })
        .collect()
}

/// Everything a user could see of a text.
fn outputs(text: &str) -> String {
    match RedisUrl::parse(text) {
        Ok(url) => {
            let warnings = url.warnings();
            format!(
                "{url}\n{url:#}\n{url:?}\n{url:#?}\n{warnings:?}\n{}",
                warnings.iter().map(ToString::to_string).collect::<String>()
            )
        }
        Err(error) => format!(
            "{error}\n{error:#}\n{error:?}\n{error:#?}\n{}",
            error.help().unwrap_or_default()
        ),
    }
}

/// The row with the secret in each place where secrets stand or strand.
fn planted(row: &Row, canary: &str) -> Vec<String> {
    let url = row.url.as_str();
    let mut texts = Vec::new();
    let known = [
        "s3cr3t-example",
        "secret",
        "password2",
        "passwd",
        "FakePw00",
        "FakePw",
        "verysecurepassword",
        "authpassword",
    ];
    let is_other = |password: &&str| password.len() > 1 && **password != row.username;
    let own = row.password.iter().map(String::as_str).filter(is_other);
    for password in own.chain(known).filter(|password| url.contains(password)) {
        texts.extend(
            url.match_indices(password)
                .map(|(at, _)| format!("{}{canary}{}", &url[..at], &url[at + password.len()..])),
        );
        texts.push(url.replace(password, canary));
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        let tail = rest.rsplit_once('@').map_or(rest, |(_, tail)| tail);
        for userinfo in [
            format!(":{canary}"),
            format!("user:{canary}"),
            canary.to_owned(),
            format!("{canary}:"),
        ] {
            texts.push(format!("{scheme}://{userinfo}@{tail}"));
        }
        texts.push(format!("{scheme}:{canary}@{tail}"));
        texts.push(format!("{scheme}:/:{canary}@{tail}"));
        texts.push(format!(":{canary}@{tail}"));
        texts.push(format!("{scheme}://user:{canary}@"));
        texts.push(format!("{scheme}://:{canary}"));
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    for name in ["password", "sentinel_password", "pasword", "unknown"] {
        texts.push(format!("{url}{separator}{name}={canary}"));
    }
    texts
}

/// Secrets where there is no URL around them.
fn stranded(canary: &str) -> Vec<String> {
    [
        "{}",
        ":{}@redis:6379",
        "user:{}@redis:6379",
        "redis://user:{}",
        "rediss://:{}",
        "redis:{}@h",
        "{}://h",
        "redis-cli -h h -a {}",
        "REDIS_URL=redis://:{}@h",
        "REDIS_PASSWORD={}",
        "export X=\"{}\"",
        "{\"password\":\"{}\"}",
        "h.example:6380,password={},ssl=True",
        "password={},ssl=True",
        "\"redis://:{}@h\"",
        "http://user:{}@h",
        "tcp://{}@h",
        "postgres://u:{}@h/db",
        "redis://:{}@h1:6379,redis://h2",
        "redis://redis://:{}@h",
        "redis://:{}@h # note",
        "redis://h:6379 {}",
        "redis://u:{}@h:70000/0",
        "redis://u:{}@h:port",
        "redis://u:{}@h/x/y",
        "unix://{}/run/r.sock",
        "redis-sentinel://u:{}@h1,h2",
        "redis://u:{}@[::1",
        "redis://u:{}@h?conect_timeout=5s",
        "redis:///{}",
    ]
    .iter()
    .map(|text| text.replace("{}", canary))
    .collect()
}

#[test]
fn no_output_shows_a_secret() {
    let rows: Vec<Row> = include_str!("corpus.tsv")
        .lines()
        .skip(1)
        .map(Row::read)
        .filter(|row| row.url.len() < 20_000)
        .collect();
    let canaries = canaries();
    assert!(canaries.len() >= 40, "{} canaries", canaries.len());
    let halves = canaries.split_at(canaries.len() / 2);
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| search(&rows, halves.1));
        (
            search(&rows, halves.0),
            other.join().expect("the search does not panic"),
        )
    });
    let (seen, hits) = (first.0 + second.0, [first.1, second.1].concat());
    let some = hits[..hits.len().min(12)].join("\n\n");
    assert!(
        hits.is_empty(),
        "{} hits in {seen} texts:\n{some}",
        hits.len()
    );
    assert!(seen > 100_000, "{seen} texts");
    println!("{seen} texts");
}

fn search(rows: &[Row], canaries: &[String]) -> (usize, Vec<String>) {
    let mut seen = 0;
    let mut hits = Vec::new();
    for canary in canaries {
        let needles = needles(canary);
        for text in rows
            .iter()
            .flat_map(|row| planted(row, canary))
            .chain(stranded(canary))
        {
            seen += 1;
            let shown = outputs(&text).to_lowercase();
            // A short number may stand where a port does, and is one then.
            let port = canary.len() == 5
                && text.contains(&format!(":{canary}"))
                && !text.contains(&format!(":{canary}@"));
            if !port && needles.iter().any(|needle| shown.contains(needle.as_str())) {
                hits.push(format!("{text:.200?}\n{shown:.400}"));
            }
        }
    }
    (seen, hits)
}
