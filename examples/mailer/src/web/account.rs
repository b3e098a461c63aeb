//! Signing in and out.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::{Form, Json};
use serde::Deserialize;
use tower_sessions::Session;

use super::App;
use super::refusal::Refusal;
use crate::directory::Account;
use crate::handles::Redis;

/// Where the session keeps the [`Account`].
const ACCOUNT: &str = "account";

#[derive(Deserialize)]
pub struct SignIn {
    user: String,
    password: String,
}

/// `POST /sign-in`
///
/// # Errors
///
/// [`Refusal::WrongPassword`], also for a user who does not exist.
pub async fn sign_in<R: Redis>(
    State(app): State<Arc<App<R>>>,
    session: Session,
    Form(form): Form<SignIn>,
) -> Result<Json<Account>, Refusal> {
    let account = app.directory.sign_in(&form.user, &form.password);
    let account = account.ok_or(Refusal::WrongPassword)?;
    // An id that was known before, perhaps to an attacker who has planted it, is not that of the signed-in user.
    session.cycle_id().await?;
    session.insert(ACCOUNT, &account).await?;
    metrics::counter!("mailer.sign_ins").increment(1);
    Ok(Json(account))
}

/// `POST /sign-out`
///
/// # Errors
///
/// If the store does not answer.
pub async fn sign_out(session: Session) -> Result<(), Refusal> {
    Ok(session.flush().await?)
}

/// `GET /account`: who is signed in.
pub async fn show(account: Account) -> Json<Account> {
    Json(account)
}

/// A handler that takes an [`Account`] serves only users who have signed in.
impl<S: Send + Sync> FromRequestParts<S> for Account {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Account, Refusal> {
        let session = Session::from_request_parts(parts, state).await;
        let session = session.map_err(|_| Refusal::NotSignedIn)?;
        session.get(ACCOUNT).await?.ok_or(Refusal::NotSignedIn)
    }
}
