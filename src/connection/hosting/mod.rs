//! Where a connection may be driven: the value that it takes, how that changes hands, and the rules about who
//! gets it. Nothing in here reads or writes; that is the [`driver`](super::driver).

mod callers;
mod handover;
mod load;
mod mode;
mod residence;
mod rules;
mod transport;

pub(super) use self::handover::{ResidentId, Work};
pub(super) use self::mode::DriverMode;
pub(super) use self::residence::Residence;
pub(super) use self::rules::Hosting;
pub(super) use self::transport::Transport;
