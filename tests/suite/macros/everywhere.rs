#![deny(warnings, clippy::all, clippy::pedantic)]

use std::sync::LazyLock;

use redis_ready::{Client, Error, redis_client};

static CLIENT: LazyLock<Result<Client, Error>> = LazyLock::new(|| redis_client!());

fn in_a_function() -> Result<Client, Error> {
    redis_client!(REDIS_URL)
}

fn behind_a_question_mark() -> Result<(), Error> {
    let _client = redis_client!()?;
    Ok(())
}

fn in_a_generic_function<T: Default>() -> Result<(T, Client), Error> {
    Ok((T::default(), redis_client![REDIS_URL,]?))
}

async fn in_an_async_function() -> Result<Client, Error> {
    std::future::ready(()).await;
    redis_client! { REDIS_URL }
}

trait Cache {
    fn client(&self) -> Result<Client, Error> {
        redis_client!(REDIS_URL,)
    }
}

impl Cache for u8 {}

#[test]
fn it_works_in_every_place_that_takes_an_expression() {
    let in_a_closure = || redis_client!();
    let _ = in_a_closure();
    let _ = in_a_function();
    let _ = behind_a_question_mark();
    let _ = in_a_generic_function::<u8>();
    drop(in_an_async_function());
    let _ = 1_u8.client();
    assert!(CLIENT.is_ok() || CLIENT.is_err());
}
