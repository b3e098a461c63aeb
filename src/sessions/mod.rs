//! Stores of the session middlewares of axum and Actix Web, on a [`Client`](crate::Client).

#[cfg(feature = "actix-session")]
pub mod actix_session;
mod keys;
#[cfg(feature = "tower-sessions")]
pub mod tower_sessions;
