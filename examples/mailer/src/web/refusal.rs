//! [`Refusal`]: what a request gets that cannot be served.

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use redis_ready::redis::RedisError;

/// Why a request is refused.
#[derive(Debug)]
pub enum Refusal {
    NotSignedIn,
    WrongPassword,
    Invalid(&'static str),
    /// Over the limit of the tenant for so long.
    TooMany(Duration),
    /// Redis does not answer, or not as expected. The text is for the log: visitors get none of it.
    Unavailable(String),
}

impl From<RedisError> for Refusal {
    fn from(error: RedisError) -> Refusal {
        Refusal::Unavailable(error.to_string())
    }
}

impl From<tower_sessions::session::Error> for Refusal {
    fn from(error: tower_sessions::session::Error) -> Refusal {
        Refusal::Unavailable(error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::NotSignedIn => (StatusCode::UNAUTHORIZED, "Please sign in.").into_response(),
            Refusal::WrongPassword => {
                let text = "This is not the password of this user.";
                (StatusCode::UNAUTHORIZED, text).into_response()
            }
            Refusal::Invalid(what) => (StatusCode::UNPROCESSABLE_ENTITY, what).into_response(),
            Refusal::TooMany(wait) => {
                metrics::counter!("mailer.mails.limited").increment(1);
                let seconds = wait.as_millis().div_ceil(1000).to_string();
                let retry_after = [(header::RETRY_AFTER, seconds)];
                let text = "Too many mails at once.";
                (StatusCode::TOO_MANY_REQUESTS, retry_after, text).into_response()
            }
            Refusal::Unavailable(error) => {
                log::warn!("a request cannot be served: {error}");
                // With the id that the mail has, a request may be repeated without harm.
                let retry_after = [(header::RETRY_AFTER, "1")];
                let text = "The service is not available. Please try again: nothing is sent twice.";
                (StatusCode::SERVICE_UNAVAILABLE, retry_after, text).into_response()
            }
        }
    }
}
