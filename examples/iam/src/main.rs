//! Connects with a token in place of a password: of AWS IAM for ElastiCache and MemoryDB, or of Microsoft Entra for
//! Azure Managed Redis. Both are renewed on the connections that live.

mod aws;
mod entra;

use redis_ready::{Client, Config, Credentials};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    // Its value has neither user nor password: `rediss-cluster://my-cache.serverless.euc1.cache.amazonaws.com`.
    let config: Config = std::env::var("REDIS_URL")?.parse()?;
    let config = match std::env::var("AZURE_OBJECT_ID") {
        Ok(object_id) => with_entra(config, object_id),
        Err(_) => with_iam(config),
    };
    Client::with_config(config).ping().await?;
    Ok(())
}

/// Signs a token for the user `app` of the cache `my-cache` whenever one is needed.
fn with_iam(config: Config) -> Config {
    config.with_credentials(|| async {
        let keys = aws::keys()?;
        let token = aws::token(&aws::ELASTICACHE, "eu-central-1", "my-cache", "app", keys)?;
        Ok::<_, Failure>(Credentials::new("app", token).expires_in(aws::LIFETIME))
    })
}

/// The username is the object id of the user, the service principal or the managed identity.
fn with_entra(config: Config, object_id: String) -> Config {
    config.with_credentials(move || {
        let object_id = object_id.clone();
        async move {
            let token = entra::token().await?;
            Ok::<_, Failure>(Credentials::new(object_id, token.text).expires_at(token.expires))
        }
    })
}
