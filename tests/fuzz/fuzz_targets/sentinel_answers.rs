//! What Sentinels say leads to servers that they have named, and one reply has one meaning wherever it is read:
//! answers and messages in [`notation`].
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/address.rs"]
#[expect(dead_code, reason = "the client uses the rest")]
mod address;
#[path = "../support/notation.rs"]
mod notation;

#[path = "../../../src/sentinel"]
mod sentinel {
    #[expect(dead_code, reason = "errors have the reasons")]
    mod answers;

    use redis::Value;

    use crate::address::Address;
    use crate::notation::Words;
    use answers::{SWITCH_CHANNEL, announced_primary, primary, replicas};

    const SERVICE: &str = "main";

    pub fn check(answer: &Value) {
        let words = Words::of(answer);
        let discovered = primary(answer).ok();
        discovered.iter().for_each(|it| is_named(it, &words));
        let announced = announced_primary(answer, SERVICE);
        match switch(answer) {
            Some(text) => {
                let words = Words {
                    texts: text.split(' ').map(str::to_owned).collect(),
                    numbers: Vec::new(),
                };
                announced.iter().for_each(|it| is_named(it, &words));
                assert!(announced.is_none() || words.texts[0] == SERVICE);
                if let [SERVICE, _, _, host, port] = *text.split(' ').collect::<Vec<_>>() {
                    let port = port.parse().ok().filter(|port| *port > 0);
                    let expected = port.and_then(|port| Address::announced(host, port));
                    assert_eq!(announced, expected);
                }
            }
            // The listener reads what the discovery reads.
            None if matches!(answer, Value::Array(_)) => assert_eq!(announced, discovered),
            None => {}
        }
        let found = replicas(answer);
        found.iter().for_each(|it| is_named(it, &words));
        if let Value::Array(entries) = answer {
            // An entry that cannot be read costs no other one.
            let each = entries
                .iter()
                .flat_map(|entry| replicas(&Value::Array(vec![entry.clone()])));
            assert_eq!(found, each.collect::<Vec<_>>());
        }
    }

    /// The text of the message about a switch.
    fn switch(answer: &Value) -> Option<&str> {
        let (Value::Array(words) | Value::Push { data: words, .. }) = answer else {
            return None;
        };
        match words.as_slice() {
            [.., Value::BulkString(channel), Value::BulkString(text)] => {
                let text = std::str::from_utf8(text).unwrap_or_default();
                (channel == SWITCH_CHANNEL).then_some(text)
            }
            _ => None,
        }
    }

    fn is_named(Address { host, port }: &Address, words: &Words) {
        assert!(!host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic()));
        // redis-rs takes a number for a text.
        let is_number = |number: &i64| number.to_string() == *host;
        let is_said = words.texts.contains(host) || words.numbers.iter().any(is_number);
        assert!(is_said, "{host:?}");
        let as_text = words
            .texts
            .iter()
            .filter_map(|text| text.parse::<u16>().ok());
        let as_number = words
            .numbers
            .iter()
            .filter_map(|number| u16::try_from(*number).ok());
        assert!(
            *port > 0 && as_text.chain(as_number).any(|known| known == *port),
            "{port}"
        );
    }
}

fuzz_target!(|input: &[u8]| notation::values(input).iter().for_each(sentinel::check));
