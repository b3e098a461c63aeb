//! What the browser and the operator ask for.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};

use crate::directory::Directory;
use crate::handles::{Handles, Redis};
use crate::profiles::Profiles;
use crate::queue::Queue;
use crate::rate_limit::RateLimit;

pub mod account;
pub mod events;
pub mod mails;
pub mod page;
pub mod probes;
pub mod refusal;
pub mod sessions;

/// What requests need, on any connection to Redis.
pub struct App<R> {
    pub directory: Arc<Directory>,
    pub profiles: Profiles<R>,
    pub rate_limit: RateLimit<R>,
    pub queue: Queue<R>,
}

impl<R: Redis> App<R> {
    /// For [`Profiles`] see there what `nearby` is.
    #[must_use]
    pub fn new(handles: &Handles<R>, directory: Arc<Directory>, nearby: Duration) -> App<R> {
        App {
            profiles: Profiles::new(handles, Arc::clone(&directory), nearby),
            rate_limit: RateLimit::new(handles),
            queue: Queue::new(handles),
            directory,
        }
    }
}

/// Returns the routes that change something. They need the layer of [`sessions`].
pub fn router<R: Redis>(app: App<R>) -> Router {
    Router::new()
        .route("/sign-in", post(account::sign_in::<R>))
        .route("/sign-out", post(account::sign_out))
        .route("/account", get(account::show))
        .route("/mails", post(mails::send::<R>))
        .with_state(Arc::new(app))
}
