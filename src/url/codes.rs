//! Every code of an error and of a warning, in two tables: what is wrong, and what to do about it.

/// One way in which a text is wrong, or in which a usable URL deserves a look.
#[derive(Clone, Copy)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    /// Says what is wrong with `{url}`, which is the name of the URL for the reader; `{}` is a
    /// value from the URL.
    pub(super) cause: &'static str,
    /// Says what to type instead, where that is certain; `{}` is a value that this client suggests.
    pub(super) cure: &'static str,
}

/// The warnings about a URL that is being parsed.
pub(super) type Warnings = Vec<Problem>;

/// Makes a constant of each row, and a list of the rows in their order.
macro_rules! table {
    ($(#[$attribute:meta])* $list:ident: $($name:ident: $code:literal, $cause:literal, $cure:literal;)*) => {
        $(pub(super) const $name: Problem = Problem { code: $code, cause: $cause, cure: $cure };)*
        $(#[$attribute])*
        pub(super) const $list: &[Problem] = &[$($name),*];
    };
}

// The errors; a code may have several rows. `UPDATE_EXPECT=1` writes `error_codes.md` from it.
#[rustfmt::skip]
table! { #[cfg(test)] ERRORS:
    TOO_LONG: "too_long", "{url} is too long: expected at most 16 KiB", "shorten it";
    EMPTY: "empty", "{url} is set but empty", "write `redis://localhost:6379`";
    TEMPLATE: "uninterpolated", "{url} is a template that nothing has filled in", "let the shell, the template engine or the deployment tool expand it first";
    UNEXPANDED: "uninterpolated", "variable in {url} was not expanded", "set the variable before the URL is put together; write a literal `$` as `%24`";
    SURROUNDING_QUOTES: "surrounding_quotes", "{url} starts or ends with a quote", "remove the quotes: `docker run --env-file` keeps them as part of the value";
    JSON: "json", "{url} is a JSON document, expected one URL", "keep only the URL that stands in it";
    CLI_COMMAND: "cli_command", "{url} is a shell command, expected a URL", "keep only the URL, from `redis://` to the next space; write `rediss://` for `--tls`";
    ASSIGNMENT: "assignment", "{url} holds a whole assignment, expected the value alone", "keep only what follows the name and its `=`";
    NAME_OF_A_URL: "placeholder", "{url} is a placeholder, expected a URL", "write `redis://localhost:6379` with your host and port";
    PLACEHOLDER: "placeholder", "placeholder in {url} was not replaced", "replace it by the real value, percent-encoded";
    STACKEXCHANGE_STRING: "stackexchange_string", "{url} is a StackExchange.Redis connection string, expected a URL", "write `redis://:<password>@<host>:<port>`, the password percent-encoded; write `rediss` for `ssl=True`";
    TRAILING_GARBAGE: "trailing_garbage", "text after the end of {url}", "remove what follows the URL; a comment does not belong into the value";
    CONTROL_CHAR: "control_char", "control character {} in {url}", "remove it; a newline at the end comes from `echo`, and `printf %s` writes none";
    ENCODED_CONTROL_CHAR: "control_char", "percent-encoded control character in {url}", "remove it; a newline at the end of a secret comes from `echo`, and `printf %s` writes none";
    INVISIBLE_CHAR: "invisible_char", "invisible character {} in {url}", "type the URL instead of pasting it";
    MISSING_SCHEME: "missing_scheme", "missing scheme in {url}", "write `redis://` in front, `rediss://` for TLS, `unix://` for the path of a socket";
    MISSING_SLASHES: "missing_slashes", "missing `//` after the scheme of {url}", "write `<scheme>://<host>:<port>`";
    UNKNOWN_SCHEME: "unknown_scheme", "unknown scheme in {url}", "write `redis://`, `rediss://` for TLS, or another scheme of the documentation";
    FOREIGN_SCHEME: "unknown_scheme", "scheme `{}` of {url} is not one of Redis", "write `redis://`, `rediss://` for TLS, `unix://` for a socket, or `redis-sentinel://`";
    HTTP_SCHEME: "http_scheme", "scheme `{}` of {url} is that of an HTTP API", "take the `redis://` or `rediss://` URL of the provider";
    REPEATED_SCHEME: "repeated_scheme", "second scheme in {url}", "keep one of the two";
    MULTIPLE_URLS: "multiple_urls", "several URLs in {url}, expected one", "write one URL; `redis-cluster://h1:6379,h2:6379` names several nodes";
    MULTIPLE_HOSTS: "multiple_hosts", "several hosts in {url}, expected one", "write `redis-cluster://` for a cluster, `redis-sentinel://` with a service name for Sentinel";
    RAW_SPACE: "raw_space", "unescaped space in {url}", "write `%20`, or remove it";
    RAW_QUOTE: "raw_quote", "unescaped quote `\"` in {url}", "write `%22`, or remove it";
    RAW_BACKSLASH: "raw_backslash", "unescaped backslash in {url}", "write `%5C`, or remove it";
    UNESCAPED_DELIMITER: "unescaped_delimiter", "unescaped `{}` in the password of {url}", "write `{}`";
    UNESCAPED_AT: "unescaped_at", "unescaped `@` in the password of {url}", "write `%40`";
    SHOULD_ENCODE_BRACKET: "should_encode_bracket", "unescaped bracket before the `@` of {url}", "write `%5B` for `[` and `%5D` for `]`";
    BAD_PERCENT: "bad_percent", "invalid percent-encoding in {url}: expected two hexadecimal digits after `%`", "write a literal `%` as `%25`";
    INVALID_UTF8: "invalid_utf8", "invalid UTF-8, percent-encoded, in {url}", "percent-encode the UTF-8 bytes of the text";
    USERINFO_WITHOUT_COLON: "userinfo_without_colon", "missing colon before the `@` in {url}: a password to some clients, a user name to others", "password alone: `:<password>@<host>`; with a user: `<user>:<password>@<host>`";
    MISSING_HOST: "missing_host", "missing host in {url}", "write `redis://localhost:6379` for a local server, `unix:///<path>` for a socket";
    INVALID_HOST: "invalid_host", "invalid host in {url}: expected parts of 1 to 63 characters between dots, 253 in all, no hyphen at the ends of a part", "correct the host; look for a spare comma or dot";
    HOST_CHARACTER: "invalid_host", "invalid character in the host of {url}", "a host consists of letters, digits, `-`, `_` and `.`; brackets hold an IPv6 address; a socket is `unix:///<path>`";
    INVALID_IPV4: "invalid_host", "invalid IPv4 address in {url}: expected four numbers from 0 to 255", "";
    INVALID_IPV6: "invalid_host", "invalid IPv6 address in {url}: brackets hold nothing else", "write `[::1]:6379`, or a name without brackets";
    AMBIGUOUS_HOST: "ambiguous_host", "ambiguous host in {url}: an IPv4 address in shorthand to some, a name to others", "write an address as four decimal numbers; write `localhost:6379` if it is a port";
    WILDCARD_HOST: "wildcard_host", "address to listen on in {url}, expected one to connect to", "write `127.0.0.1` or `[::1]` for this machine";
    NON_ASCII_HOST: "non_ascii_host", "character outside ASCII in the host of {url}", "write the host in ASCII: `xn--…`";
    IPV6_BRACKETS: "ipv6_brackets", "IPv6 address without brackets around it in {url}", "write `[::1]:6379`";
    ZONE_ID: "zone_id", "zone of an IPv6 address in {url}: expected an address without `%`", "use an address that is not link-local";
    DUPLICATE_HOST: "duplicate_host", "the same host and port twice in {url}", "name each node once";
    INVALID_PORT: "invalid_port", "invalid port in {url}: expected 1 to 65535", "write digits only, or leave the port out for 6379";
    PORT_OUT_OF_RANGE: "invalid_port", "invalid port in {url}: expected 1 to 65535, found `{}`", "leave the port out for 6379";
    KUBERNETES_PORT: "invalid_port", "invalid port in {url}: expected 1 to 65535, found a URL", "Kubernetes sets `REDIS_PORT=tcp://...` for a service named redis: use another name, or `enableServiceLinks: false`";
    HOST_IN_UNIX: "host_in_unix", "host in {url}: expected the absolute path of a socket after `//`", "write three slashes and an absolute path: `unix:///run/redis/redis.sock`";
    MISSING_PATH: "missing_path", "missing path of the socket in {url}", "write `unix:///run/redis/redis.sock`";
    PATH_TOO_LONG: "path_too_long", "path of the socket in {url} is too long: expected at most 107 bytes", "use a shorter path, or a symbolic link to it";
    INVALID_SOCKET_PATH: "invalid_path", "invalid path of the socket in {url}: expected a file, without `.` and `..`", "write the path as `realpath` prints it";
    INVALID_PATH: "invalid_path", "invalid path in {url}", "write `/<db>`, such as `/0`; with Sentinel `/<service name>/<db>`";
    INVALID_SERVICE_NAME: "invalid_path", "invalid service name in {url}: expected letters, digits, `.`, `-` and `_`", "write the name as `sentinel monitor` has it";
    INVALID_DB: "invalid_db", "invalid database in {url}: expected a number from 0 on, without a sign or leading zeros", "write a number, as in `/0`";
    CONFLICTING_DB: "conflicting_db", "two databases in {url}, in the path and in the query", "keep one of them";
    MISSING_MASTER: "missing_master", "missing service name in {url}: expected `/<service name>` or `/<service name>/<db>`", "write the name the Sentinels know the primary by, such as `/mymaster/0`";
    CONFLICTING_MASTER: "conflicting_master", "two service names in {url}", "name it once, as the first part of the path: `/<service name>/<db>`";
    CONFLICTING_USERNAME: "conflicting_username", "two user names in {url}", "keep the one before the `@`";
    CONFLICTING_PASSWORD: "conflicting_password", "two passwords in {url}", "keep the one before the `@`";
    INVALID_VALUE: "invalid_param", "invalid value of parameter `{}` in {url}", "write {}";
    EMPTY_PARAM: "invalid_param", "parameter without a value in {url}", "give it a value, or remove it: a variable may be unset";
    SEMICOLON: "invalid_param", "`;` between parameters of {url}", "separate parameters by `&`";
    TLS_PARAM_WITHOUT_TLS: "invalid_param", "TLS parameter `{}` in {url}, which does not use TLS", "write `rediss://`";
    UNITLESS_DURATION: "unitless_duration", "duration without a unit in parameter `{}` of {url}", "write a unit, as in `500ms` or `5s`";
    UNKNOWN_PARAM: "unknown_param", "unknown parameter in {url}", "correct its name, or remove it";
    MISSPELT_PARAM: "unknown_param", "unknown parameter `{}` in {url}", "a parameter with a similar name exists: `{}`";
    DUPLICATE_PARAM: "duplicate_param", "parameter `{}` twice in {url}", "keep one of them";
    FOREIGN_TOPOLOGY: "foreign_topology", "parameter `{}` of {url} would change which server is meant", "write `redis-sentinel://<host>:26379,<host>:26379/<service name>`, or the host in the URL";
    FOREIGN_AUTH: "foreign_auth", "parameter `{}` of {url} would change who logs in", "write `<user>:<password>@` in front of the host";
    FOREIGN_TLS_PARAM: "foreign_tls_param", "TLS parameter `{}` of another client in {url}", "the TLS parameters are `tls_ca`, `tls_cert`, `tls_key`, `tls_verify` and `tls_server_name`";
    FOREIGN_TLS_PARAM_WITHOUT_TLS: "foreign_tls_param", "TLS parameter `{}` in {url}, which does not use TLS", "write `rediss://`";
    TLS_CONTRADICTION: "foreign_tls_param", "parameter `{}` contradicts the scheme of {url}", "write `redis://` for no TLS";
    UNEXPECTED_FRAGMENT: "unexpected_fragment", "unexpected `#` in {url}", "remove it, write `%23` if it belongs to the password; `#insecure` belongs to `rediss://`";
    INVALID_URL: "invalid_url", "invalid URL in {url}: the WHATWG rules read another host or port", "";
}

// The warnings, the gravest first: what touches secrets and TLS before what is a matter of spelling.
// `UPDATE_EXPECT=1` writes `warning_codes.md` from it.
#[rustfmt::skip]
table! { WARNINGS:
    PLAINTEXT_TO_TLS_ONLY: "plaintext_to_tls_only", "the provider speaks TLS only at this host or port", "write `rediss` for `redis` in the scheme";
    TLS_VERIFY_OFF: "tls_verify_off", "the server's certificate is not verified, so that anyone in between can read the password", "name the authority with `tls_ca`";
    TLS_HOSTNAME_OFF: "tls_hostname_off", "the host name in the server's certificate is not verified", "name it with `tls_server_name`";
    PASSWORD_IN_QUERY: "password_in_query", "a password in the query ends up in logs", "write it before the `@`, or into a secret file";
    HONOURED_TLS_PARAM: "foreign_tls_param", "TLS parameter of another client, honoured here", "write `tls_ca`, `tls_cert`, `tls_key` or `tls_verify`";
    EMPTY_PASSWORD: "empty_password", "empty password", "check the variable that it comes from";
    EMPTY_USERINFO: "empty_userinfo", "nothing before the `@`", "check the variable of the password";
    WEAK_PASSWORD: "weak_password", "the password is one that asks to be changed", "change it";
    DUMMY_USERNAME: "dummy_username", "one-letter user name, as some providers write it", "leave it out where the server knows only a password";
    SENTINEL_PORT: "sentinel_port", "26379 is the port of Sentinel", "write `redis-sentinel://` and the service name";
    CLUSTER_ENDPOINT: "cluster_endpoint", "the host is the endpoint of a cluster", "write `redis-cluster://`, or `rediss-cluster://` for TLS";
    SENTINEL_MASTER_IN_FRAGMENT: "sentinel_master_in_fragment", "the service name stands after `#`", "write it as the first part of the path";
    SHOULD_ENCODE: "should_encode", "characters that a URL has percent-encoded only", "percent-encode them";
    EMPTY_PORT: "empty_port", "nothing after the colon of the port", "check the variable that it comes from";
    LEADING_ZERO_PORT: "leading_zero_port", "port with leading zeros", "write it without";
    EXTRA_SLASH: "extra_slash", "more than one slash before the path", "write one";
    TRAILING_SLASH: "trailing_slash", "slash after the last part of the path", "remove it";
    FOREIGN_PARAM: "foreign_param", "ignored parameters of other clients (`{}`)", "remove them";
    SCHEME_ALIAS: "scheme_alias", "the scheme is one that only other clients write", "write the one of the documentation";
    SURROUNDING_WHITESPACE: "surrounding_whitespace", "white space around the URL was removed", "remove it";
}
