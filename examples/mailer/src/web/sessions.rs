//! Sessions of the browser: a cookie with a random id, and a record in a store.

use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::service::PlaintextCookie;
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore};

/// How long a session lives after its last change.
const LIFETIME: Duration = Duration::hours(8);

/// Returns the layer, for any store. Over HTTPS, and so everywhere but on one's own machine, `is_secure` is true.
///
/// Scripts cannot read the cookie, and no other site can send it along: that makes tokens against forged requests
/// unnecessary here.
pub fn layer<S: SessionStore>(
    store: S,
    is_secure: bool,
) -> SessionManagerLayer<S, PlaintextCookie> {
    SessionManagerLayer::new(store)
        .with_name("session")
        .with_http_only(true)
        .with_same_site(SameSite::Strict)
        .with_secure(is_secure)
        .with_expiry(Expiry::OnInactivity(LIFETIME))
}
