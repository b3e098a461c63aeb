//! The crash run: every mail is delivered once, whatever ends in between.

mod confirming;
mod faults;
mod producers;
mod result;
mod run;
mod work;

pub use self::run::run;
pub use self::work::work;
