//! RESP2 and RESP3: encodes commands, decodes replies, and classifies the errors of a server.

mod decode;
mod element;
mod encode;
mod exec_abort;
mod long_string;
mod room;
mod server_error;
mod skip;

pub(crate) use self::decode::{Decoded, Decoder};
pub(crate) use self::encode::{encode, encoded_length};
pub(crate) use self::exec_abort::exec_abort;
pub(crate) use self::room::{READ_SIZE, make_room};
pub(crate) use self::server_error::{Redirect, Refusal, Unavailable, says_replica};
pub(crate) use self::skip::BeyondLimit;
