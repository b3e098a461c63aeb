//! `GET /events`: the counts as they change, as server-sent events.

use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::routing::get;
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::watch;

use crate::counts::Counts;
use crate::directory::Account;
use crate::live::Board;

/// What the page of one tenant shows.
#[derive(Clone, Copy, PartialEq, Serialize)]
struct View {
    is_live: bool,
    #[serde(flatten)]
    counts: Counts,
}

pub fn router(boards: watch::Receiver<Board>) -> Router {
    Router::new()
        .route("/events", get(events))
        .with_state(boards)
}

/// The stream goes on until the page closes it or the application stops. It is the page that closes it when its
/// user signs out.
async fn events(
    State(mut boards): State<watch::Receiver<Board>>,
    account: Account,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // The first view is shown at once.
    boards.mark_changed();
    let views = stream::unfold((boards, None), move |(mut boards, shown)| {
        let tenant = account.tenant.clone();
        async move {
            let view = next_view(&mut boards, &tenant, shown).await?;
            let event = Event::default().json_data(view);
            let event = event.expect("a view has only numbers and a bool");
            Some((Ok(event), (boards, Some(view))))
        }
    });
    Sse::new(views).keep_alive(KeepAlive::default())
}

/// Waits until the view of this tenant is another one; `None` when the application stops.
async fn next_view(
    boards: &mut watch::Receiver<Board>,
    tenant: &str,
    shown: Option<View>,
) -> Option<View> {
    loop {
        boards.changed().await.ok()?;
        let board = boards.borrow_and_update();
        let view = View {
            is_live: board.is_live,
            counts: board.counts.get(tenant).copied().unwrap_or_default(),
        };
        if shown != Some(view) {
            return Some(view);
        }
    }
}
