//! No text makes the parser panic, point outside, or contradict itself:
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz parse_url -- -dict=tests/fuzz/dictionaries/url.dict`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_ready::RedisUrl;

fuzz_target!(|text: &str| match RedisUrl::parse(text) {
    Ok(url) => {
        let shown = format!("{url} {url:?} {:?}", url.warnings());
        if let Some(password) = url.password().filter(|password| password.len() > 16) {
            let elsewhere = [
                url.username(),
                url.service_name(),
                url.path().and_then(|path| path.to_str()),
            ]
            .into_iter()
            .flatten()
            .chain(url.hosts().iter().map(|(host, _)| host.as_str()))
            .any(|part| part.contains(password));
            assert!(elsewhere || !shown.contains(password));
        }
    }
    Err(error) => {
        assert!(text.get(error.span()).is_some());
        assert!(!format!("{error}").contains(char::is_control));
        let _ = format!("{error:?}");
    }
});
