//! Who asks when, with a supplier that counts.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::provider::Supplier;
use super::{ChangingCredentials, Credentials, CredentialsSource, Renewal};
use crate::error::{Error, ErrorKind};

const LIMIT: Duration = Duration::from_secs(60);

type Answer = fn(u32) -> Result<Credentials, Error>;

/// Answers by the number of the question, from 0.
struct Counting {
    asked: Arc<AtomicU32>,
    answer: Answer,
    is_cheap: bool,
}

impl Supplier for Counting {
    fn ask(&self) -> Pin<Box<dyn Future<Output = Result<Credentials, Error>> + '_>> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            // So that all who wait have asked.
            tokio::time::sleep(Duration::from_millis(100)).await;
            (self.answer)(number)
        })
    }

    fn name(&self) -> String {
        "the test".to_owned()
    }

    fn is_cheap(&self) -> bool {
        self.is_cheap
    }
}

fn counting(is_cheap: bool, answer: Answer) -> (Arc<ChangingCredentials>, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let counting = Counting {
        asked: Arc::clone(&asked),
        answer,
        is_cheap,
    };
    let source = CredentialsSource::changing(counting, Credentials::password("first"));
    let changing = source.as_changing().cloned();
    (changing.expect("it is made so"), asked)
}

#[expect(clippy::unnecessary_wraps, reason = "it is an `Answer`")]
fn numbered(number: u32) -> Result<Credentials, Error> {
    Ok(Credentials::password(format!("{number}")))
}

fn failing(_: u32) -> Result<Credentials, Error> {
    Err(Error::new(ErrorKind::InvalidFile, "no file"))
}

#[tokio::test]
async fn one_question_is_for_all_who_wait() {
    let (changing, asked) = counting(true, numbered);
    let all = (0..64).map(|_| changing.get(LIMIT));
    for issued in futures::future::join_all(all).await {
        let issued = issued.expect("it answers");
        assert_eq!(issued.credentials, Credentials::password("0"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    changing.get(LIMIT).await.expect("it answers");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "a file is read again");
}

#[tokio::test]
async fn what_was_refused_is_asked_for_once_more_for_all() {
    let (changing, asked) = counting(false, numbered);
    let first = changing.get(LIMIT).await.expect("it is known");
    assert_eq!(
        asked.load(Ordering::SeqCst),
        0,
        "it is good as long as it is taken"
    );
    let all = (0..64).map(|_| changing.other_than(&first, LIMIT));
    for other in futures::future::join_all(all).await {
        let other = other.expect("it answers");
        assert_eq!(other.credentials, Credentials::password("0"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_leaves_the_last_password_until_that_is_refused() {
    let (changing, _) = counting(true, failing);
    let first = changing.get(LIMIT).await.expect("it may be valid");
    assert_eq!(first.credentials, Credentials::password("first"));
    assert!(changing.other_than(&first, LIMIT).await.is_none());
    let error = changing.get(LIMIT).await.expect_err("it is not valid");
    assert_eq!(error.kind(), ErrorKind::InvalidFile, "{error:?}");
}

#[tokio::test]
async fn after_a_second_refusal_of_what_was_renewed_the_next_is_sent_later() {
    let (changing, _) = counting(false, |number| {
        let password = format!("{number}");
        Ok(Credentials::new("app", password).expires_in(LIMIT))
    });
    let refused = changing.get(LIMIT).await.expect("it is known");
    let issued = changing.other_than(&refused, LIMIT).await;
    let issued = issued.expect("it answers");
    let mut renewal = Renewal::of(Arc::clone(&changing), issued).expect("they expire");
    let mut next = 0;
    for later in [false, true, true] {
        renewal.refused("peer", "WRONGPASS");
        let start = Instant::now();
        let issued = renewal.due(LIMIT).await;
        let window = Duration::from_millis(500);
        assert!(!later || start.elapsed() >= window, "{:?}", start.elapsed());
        next += 1;
        let password = issued.credentials.password.as_deref();
        assert_eq!(password, Some(&*next.to_string()));
        renewal.sent(issued);
    }
}
