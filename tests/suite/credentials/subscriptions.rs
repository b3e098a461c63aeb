//! Credentials that expire are renewed on the connections with subscriptions.

use std::time::Duration;

use redis::cmd;
use redis_ready::subscription::Event;
use redis_ready::{Client, Config, Credentials, Subscription};

use super::{Counter, Stage, until};
use crate::support::errors::ok;
use crate::support::run;

/// Gives `pw0`, `pw1` and so on, each for a second, and `wrong` in place of `wrong_one`.
fn with_tokens(stage: &mut Stage, protocol: u8, wrong_one: u32) -> (Client, Counter) {
    let passwords: Vec<_> = (0..64).map(|number| format!("pw{number}")).collect();
    let passwords: Vec<_> = passwords.iter().map(String::as_str).collect();
    stage.set_passwords(&passwords);
    let asked = Counter::default();
    let count = asked.clone();
    let url = format!("{}?protocol={protocol}", stage.url());
    let config: Config = url.parse().expect("valid");
    let provider = move || {
        let number = count.next();
        let word = if number == wrong_one { "wrong" } else { "pw" };
        let token = Credentials::new("app", format!("{word}{number}"));
        async move { Ok::<_, std::io::Error>(token.expires_in(Duration::from_secs(1))) }
    };
    (
        Client::with_config(config.with_credentials(provider)),
        asked,
    )
}

/// Publishes `text` and returns the events up to its message.
fn events_until(stage: &mut Stage, subscription: &mut Subscription, text: &str) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        // It may be subscribed again only now.
        ok(cmd("PUBLISH")
            .arg("news")
            .arg(text)
            .exec(&mut stage.operator));
        let limit = Duration::from_millis(200);
        let next = run(async { tokio::time::timeout(limit, subscription.next()).await });
        match next.map(|event| event.expect("it does not end")) {
            Ok(Event::Message(message)) if *message.payload() == *text.as_bytes() => return events,
            Ok(event) => events.push(event),
            Err(_late) => {}
        }
    }
}

#[test]
fn a_subscription_logs_in_again_without_a_gap_and_after_a_refusal() {
    let mut stage = Stage::new(&[]);
    let (client, asked) = with_tokens(&mut stage, 3, 1);
    let mut subscription = run(client.subscribe("news")).expect("it is let in");
    until("renewals", || asked.count() >= 5);
    // `pw0`, the one that is refused, and at least two others.
    until("AUTH", || stage.auths() >= 3);
    let events = events_until(&mut stage, &mut subscription, "last");
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn with_resp2_the_connection_is_replaced_and_the_gap_says_why() {
    let mut stage = Stage::new(&[]);
    let (client, asked) = with_tokens(&mut stage, 2, u32::MAX);
    let mut subscription = run(client.subscribe("news")).expect("it is let in");
    until("a renewal", || asked.count() >= 2);
    let mut gaps = Vec::new();
    while gaps.is_empty() {
        let events = events_until(&mut stage, &mut subscription, "next");
        gaps.extend(events.into_iter().filter_map(|event| match event {
            Event::Gap(gap) => Some(gap.to_string()),
            _ => None,
        }));
    }
    assert!(gaps[0].contains("the credentials are renewed"), "{gaps:?}");
}
