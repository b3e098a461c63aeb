//! Tokens of AWS IAM: a URL of the service, signed with the keys of the application, without its scheme.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Keys;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;

use crate::Failure;

/// How long a token is valid. A connection that was made with it lasts for 12 hours, and is closed after that
/// unless it has logged in again.
pub(crate) const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// A service whose servers take tokens.
pub(crate) struct Service {
    name: &'static str,
    /// What the URL has besides.
    parameters: &'static str,
}

pub(crate) const ELASTICACHE: Service = Service {
    name: "elasticache",
    parameters: "",
};
#[expect(dead_code, reason = "for a cache without servers of its own")]
pub(crate) const ELASTICACHE_SERVERLESS: Service = Service {
    name: "elasticache",
    parameters: "&ResourceType=ServerlessCache",
};
#[expect(dead_code, reason = "for MemoryDB")]
pub(crate) const MEMORYDB: Service = Service {
    name: "memorydb",
    parameters: "",
};

/// The keys of the environment. With `aws-config` they come from wherever the application runs:
/// `aws_config::load_defaults(…).await.credentials_provider()`.
pub(crate) fn keys() -> Result<Keys, Failure> {
    let variable = std::env::var;
    let session = variable("AWS_SESSION_TOKEN").ok();
    let (id, secret) = (
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
    );
    Ok(Keys::new(id, secret, session, None, "environment"))
}

/// Returns a token for `user` of the cache, or of the cluster of MemoryDB, with this name: its name in the console,
/// in lower case, and not the host of its URL.
pub(crate) fn token(
    service: &Service,
    region: &str,
    cache: &str,
    user: &str,
    keys: Keys,
) -> Result<String, Failure> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(LIFETIME);
    let identity = keys.into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service.name)
        .time(SystemTime::now())
        .settings(settings)
        .build()?
        .into();
    let url = format!(
        "http://{cache}/?Action=connect&User={user}{}",
        service.parameters
    );
    let unsigned = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (signature, _) = sign(unsigned, &parameters)?.into_parts();
    let mut request = http::Request::get(&url).body(())?;
    signature.apply_to_request_http1x(&mut request);
    let signed = request.uri().to_string();
    let token = signed
        .strip_prefix("http://")
        .expect("it is the URL of above");
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_signed_url_without_its_scheme() {
        let keys = Keys::new("AKIDEXAMPLE", "secret", None, None, "test");
        let token = token(&ELASTICACHE, "eu-central-1", "my-cache", "app", keys).unwrap();
        assert!(
            token.starts_with("my-cache/?Action=connect&User=app&"),
            "{token}"
        );
        for part in [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "%2Feu-central-1%2Felasticache%2Faws4_request",
            "X-Amz-Expires=900",
            "X-Amz-Signature=",
        ] {
            assert!(token.contains(part), "{part}: {token}");
        }
        assert!(!token.contains("secret"), "{token}");
    }
}
