//! Sending a mail.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Form, Json};
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use super::App;
use super::refusal::Refusal;
use crate::directory::Account;
use crate::handles::Redis;
use crate::mail::{Mail, is_id};

#[derive(Deserialize)]
pub struct Letter {
    id: String,
    to: String,
    subject: String,
    text: String,
}

#[derive(Serialize)]
pub struct Queued {
    id: String,
    /// False if this mail was queued by an earlier request.
    is_new: bool,
}

/// `POST /mails`: queues a mail; with the same id only once.
///
/// # Errors
///
/// [`Refusal::Invalid`], [`Refusal::TooMany`]; [`Refusal::Unavailable`] if Redis does not answer.
pub async fn send<R: Redis>(
    State(app): State<Arc<App<R>>>,
    account: Account,
    Form(letter): Form<Letter>,
) -> Result<(StatusCode, Json<Queued>), Refusal> {
    check(&letter)?;
    let tenant = account.tenant;
    let profile = app.profiles.get(&tenant).await;
    let profile = profile.ok_or(Refusal::NotSignedIn)?;
    if let Some(wait) = app.rate_limit.take(&tenant, &profile).await? {
        return Err(Refusal::TooMany(wait));
    }
    let Letter {
        id,
        to,
        subject,
        text,
    } = letter;
    let mail = Mail {
        id: id.clone(),
        tenant,
        from: profile.sender.clone(),
        to,
        subject,
        text,
    };
    let is_new = app.queue.enqueue(&mail).await?;
    if is_new {
        metrics::counter!("mailer.mails.queued").increment(1);
    }
    Ok((StatusCode::ACCEPTED, Json(Queued { id, is_new })))
}

fn check(letter: &Letter) -> Result<(), Refusal> {
    if !is_id(&letter.id) {
        return Err(Refusal::Invalid("The id of the mail is not valid."));
    }
    if letter.to.parse::<Mailbox>().is_err() {
        return Err(Refusal::Invalid("The recipient is not a mail address."));
    }
    Ok(())
}
