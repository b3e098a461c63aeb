#![deny(warnings)]
#![allow(
    dead_code,
    non_camel_case_types,
    unused_macros,
    reason = "they are there to be in the way"
)]

mod std {}
mod core {}
mod redis_ready {}

struct Result;
struct Option;
struct Ok;
struct Err;
struct Some;
struct None;
struct REDIS_URL;
struct Client;

macro_rules! stringify {
    ($($any:tt)*) => {
        compile_error!("the wrong one")
    };
}
macro_rules! env {
    ($($any:tt)*) => {
        compile_error!("the wrong one")
    };
}
macro_rules! option_env {
    ($($any:tt)*) => {
        compile_error!("the wrong one")
    };
}
macro_rules! concat {
    ($($any:tt)*) => {
        compile_error!("the wrong one")
    };
}
macro_rules! panic {
    ($($any:tt)*) => {
        compile_error!("the wrong one")
    };
}
macro_rules! assert {
    ($($any:tt)*) => {
        compile_error!("the wrong one")
    };
}

#[test]
fn it_works_beside_names_of_the_same_spelling() {
    let _ = ::redis_ready::redis_client!();
    let _ = ::redis_ready::redis_client!(REDIS_URL);
}
