//! RESP2 and RESP3: encodes commands, decodes replies, and classifies the errors of a server.

mod decode;
mod encode;
mod exec_abort;
mod server_error;

pub(crate) use self::decode::Decoder;
pub(crate) use self::encode::encode;
pub(crate) use self::exec_abort::exec_abort;
pub(crate) use self::server_error::{Redirect, Refusal, Unavailable, says_replica};
