//! The load run: many users at once, and what the application needs for them.

mod http;
mod run;
mod sample;
mod serve;
mod table;
mod users;
mod variant;

pub use self::run::run;
pub use self::serve::serve;
pub use self::variant::Variant;
