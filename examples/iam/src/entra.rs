//! Tokens of Microsoft Entra.

use std::time::{Duration, SystemTime};

use crate::Failure;

pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) expires: SystemTime,
}

/// Returns a token for the scope `https://redis.azure.com/.default`. An application asks the crate
/// `azure_identity` for it:
///
/// ```ignore
/// let credential = azure_identity::ManagedIdentityCredential::new(None)?; // made once
/// let token = credential.get_token(&["https://redis.azure.com/.default"], None).await?;
/// Token { text: token.token.secret().to_owned(), expires: token.expires_on.into() }
/// ```
pub(crate) async fn token() -> Result<Token, Failure> {
    Ok(Token {
        text: std::env::var("AZURE_TOKEN")?,
        expires: SystemTime::now() + Duration::from_secs(3600),
    })
}
