#![no_implicit_prelude]
#![deny(warnings)]

fn open() -> ::std::result::Result<::redis_ready::Client, ::redis_ready::Error> {
    ::redis_ready::redis_client!()
}

#[::core::prelude::v1::test]
fn it_works_without_the_prelude() {
    ::std::mem::drop(open());
    ::std::mem::drop(::redis_ready::redis_client!(REDIS_URL));
}
