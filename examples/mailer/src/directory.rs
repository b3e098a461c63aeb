//! [`Directory`]: who may send mails. A table with a delay plays the database of the company.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// What the platform knows of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Whom its mails come from.
    pub sender: String,
    pub mails_per_minute: u32,
    /// How many of them may come at once.
    pub burst: u32,
}

/// A user who has signed in; the session holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub user: String,
    pub tenant: String,
}

struct User {
    account: Account,
    password: String,
}

/// Users and tenants.
pub struct Directory {
    users: Vec<User>,
    tenants: Vec<(String, Profile)>,
    /// How long a profile takes to read.
    delay: Duration,
    reads: AtomicU64,
}

impl Directory {
    #[must_use]
    pub fn new(delay: Duration) -> Directory {
        Directory {
            users: Vec::new(),
            tenants: Vec::new(),
            delay,
            reads: AtomicU64::new(0),
        }
    }

    /// The tenants of the demonstration: two companies with three users.
    #[must_use]
    pub fn example() -> Directory {
        let profile = |sender: &str, mails_per_minute, burst| Profile {
            sender: sender.to_owned(),
            mails_per_minute,
            burst,
        };
        Directory::new(Duration::from_millis(200))
            .with_tenant("acme", profile("ACME <news@acme.example>", 60, 10))
            .with_tenant("globex", profile("Globex <post@globex.example>", 12, 3))
            .with_user("ada", "analytical-engine", "acme")
            .with_user("bob", "blueprints", "acme")
            .with_user("grace", "compiler", "globex")
    }

    #[must_use]
    pub fn with_tenant(mut self, tenant: &str, profile: Profile) -> Directory {
        self.tenants.push((tenant.to_owned(), profile));
        self
    }

    #[must_use]
    pub fn with_user(mut self, user: &str, password: &str, tenant: &str) -> Directory {
        self.users.push(User {
            account: Account {
                user: user.to_owned(),
                tenant: tenant.to_owned(),
            },
            password: password.to_owned(),
        });
        self
    }

    /// Returns the account, if this is its password.
    ///
    /// This is an example: an application keeps hashes of passwords (Argon2), never the passwords. What holds there
    /// as well is that the time must not tell whether the user exists, or how much of the password is right.
    #[must_use]
    pub fn sign_in(&self, user: &str, password: &str) -> Option<Account> {
        let user = self.users.iter().find(|it| it.account.user == user);
        let expected = user.map_or("the password of no user", |it| &it.password);
        let is_right = bool::from(expected.as_bytes().ct_eq(password.as_bytes()));
        user.filter(|_| is_right).map(|it| it.account.clone())
    }

    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        self.tenants.iter().map(|(tenant, _)| tenant.as_str())
    }

    /// Reads a profile, slowly; `None` if there is no such tenant.
    pub async fn profile(&self, tenant: &str) -> Option<Profile> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.delay).await;
        let found = self.tenants.iter().find(|(name, _)| name == tenant);
        found.map(|(_, profile)| profile.clone())
    }

    /// How many profiles were read so far.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}
