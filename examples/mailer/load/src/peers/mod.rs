//! What the application needs on connections of other clients.

mod pool;
mod sessions;

pub use self::pool::Pool;
pub use self::sessions::Sessions;
