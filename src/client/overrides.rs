//! [`Overrides`]: what code under test finds instead of the real variables.
//!
//! They are kept by the thread that polls or runs the code, and never in the registry, so that neither
//! another test nor the rest of the process meets them.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use once_cell::sync::OnceCell;

use super::async_client::Client;
use crate::error::Error;

/// What one variable is instead.
pub(crate) struct Override {
    name: Box<str>,
    /// None for a variable that is not set.
    pub(crate) text: Option<Box<str>>,
    /// Opened at the first call; it lives as long as the overrides.
    pub(crate) client: OnceCell<Result<Client, Error>>,
}

/// Whether any overrides have been in force in this process. A thread sees its own stores, so no order
/// among threads is needed.
static USED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// What is in force on this thread; the last one of a name counts.
    static IN_FORCE: RefCell<Vec<Arc<Override>>> = const { RefCell::new(Vec::new()) };
}

/// Returns the override of `name` on this thread.
#[inline]
pub(crate) fn find(name: &str) -> Option<Arc<Override>> {
    if USED.load(Ordering::Relaxed) {
        find_in_force(name)
    } else {
        None
    }
}

#[cold]
fn find_in_force(name: &str) -> Option<Arc<Override>> {
    let found = |all: &RefCell<Vec<Arc<Override>>>| {
        let all = all.borrow();
        all.iter().rfind(|it| *it.name == *name).cloned()
    };
    // A destructor of another thread-local value may ask when the overrides are gone.
    IN_FORCE.try_with(found).ok().flatten()
}

/// Has [`redis_client!`](crate::redis_client) and [`Client::from_env`] find other values than those of the
/// environment, in the code of one test.
///
/// The process environment stays as it is, and so does what other tests, threads and tasks find. A
/// future is run in [`scope`](Overrides::scope), on any runtime; other code while the guard of
/// [`enter`](Overrides::enter) lives.
///
/// ```
/// use redis_ready::redis::AsyncCommands;
/// use redis_ready::testing::{Overrides, Server};
/// # use redis_ready::redis_client;
///
/// // The code under test: it names its variable itself.
/// async fn count_visit() -> Result<u64, Box<dyn std::error::Error>> {
///     Ok(redis_client!()?.incr("visits", 1).await?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// let overrides = Overrides::new().set("REDIS_URL", server.url());
/// let visits = overrides.scope(count_visit()).await?;
/// assert_eq!(visits, 1);
/// # Ok(())
/// # }
/// ```
///
/// A value is checked as that of the real variable is, with the same report, and a
/// [missing](Overrides::unset) variable is the same error. The URL is all that counts then: a password or a username
/// apart from it, such as `REDIS_URL_PASSWORD`, is not looked for. Every call finds the same client, also through
/// clones of these overrides, and another one than without them.
///
/// Overrides within others add to them: for a variable that both name, the inner one counts.
///
/// # What they do not reach
///
/// - Tasks that the code spawns, threads that it starts and closures for `spawn_blocking`, unless they run
///   with [`Overrides::current`], which carries over what is in force:
///
///   ```
///   # use redis_ready::testing::Overrides;
///   # async fn work() {}
///   # #[tokio::main(flavor = "current_thread")]
///   # async fn main() {
///   tokio::spawn(Overrides::current().scope(work()));
///
///   let overrides = Overrides::current();
///   tokio::task::spawn_blocking(move || {
///       let _entered = overrides.enter();
///       // …
///   });
///   # }
///   ```
///
///   On a runtime with one thread, as `#[tokio::test]` has it, a guard of [`enter`](Overrides::enter)
///   that lives for the whole test reaches spawned tasks, because they run on the same thread.
/// - A client that the application keeps in a `static` or passes on: it is what was found when it was
///   made.
/// - Code that reads the environment itself, and the processes that a test starts.
///
/// The check at compile time that a variable is documented stays.
#[derive(Clone, Default)]
#[must_use = "they are in force in `scope`, or while the guard of `enter` lives"]
pub struct Overrides(Vec<Arc<Override>>);

impl Overrides {
    /// Overrides nothing yet.
    pub fn new() -> Overrides {
        Overrides::default()
    }

    /// Returns all overrides that are in force here, to carry them over to a task or a thread.
    pub fn current() -> Overrides {
        let all = IN_FORCE.try_with(|all| all.borrow().clone());
        Overrides(all.unwrap_or_default())
    }

    /// Has the variable `name` be `url`. It is checked where the code under test asks for the client, as
    /// the real one is.
    pub fn set(self, name: impl Into<String>, url: impl Into<String>) -> Overrides {
        self.with(name.into(), Some(url.into().into()))
    }

    /// Has the variable `name` not be set, wherever it is set in reality.
    pub fn unset(self, name: impl Into<String>) -> Overrides {
        self.with(name.into(), None)
    }

    fn with(mut self, name: String, text: Option<Box<str>>) -> Overrides {
        self.0.push(Arc::new(Override {
            name: name.into(),
            text,
            client: OnceCell::new(),
        }));
        self
    }

    /// Runs `future` with these overrides, wherever it is polled: the task may move between threads.
    ///
    /// The future needs no particular runtime. It also finds the overrides while it is dropped.
    pub fn scope<F: Future>(self, future: F) -> Scope<F> {
        Scope {
            overrides: self,
            future: Some(Box::pin(future)),
        }
    }

    /// Puts these overrides in force on this thread until the guard is dropped, by a panic as well.
    ///
    /// For tests that are not asynchronous, or whose runtime has one thread. A future that others are
    /// polled beside takes [`scope`](Overrides::scope).
    pub fn enter(&self) -> Entered {
        USED.store(true, Ordering::Relaxed);
        IN_FORCE.with_borrow_mut(|all| all.extend(self.0.iter().cloned()));
        Entered {
            overrides: self.clone(),
            of_this_thread: PhantomData,
        }
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the values, because a URL may have a password.
        let names = self.0.iter().map(|it| &it.name);
        f.debug_list().entries(names).finish()
    }
}

/// Holds [`Overrides`] in force on the thread that made it.
#[derive(Debug)]
#[must_use = "the overrides end when it is dropped"]
pub struct Entered {
    overrides: Overrides,
    of_this_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let remove = |all: &RefCell<Vec<Arc<Override>>>| {
            let mut all = all.borrow_mut();
            for ours in self.overrides.0.iter().rev() {
                // Guards may be dropped in any order.
                if let Some(place) = all.iter().rposition(|it| Arc::ptr_eq(it, ours)) {
                    all.remove(place);
                }
            }
        };
        // At the end of the thread they may be gone already.
        let _ = IN_FORCE.try_with(remove);
    }
}

/// Runs a future with [`Overrides`]; made by [`Overrides::scope`].
#[must_use = "futures do nothing unless polled"]
pub struct Scope<F> {
    overrides: Overrides,
    /// None once it has ended.
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = self.overrides.enter();
        let future = self.future.as_mut().expect("it has not ended yet");
        let polled = future.as_mut().poll(context);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl<F> Drop for Scope<F> {
    fn drop(&mut self) {
        let _entered = self.overrides.enter();
        self.future = None;
    }
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.overrides).finish()
    }
}
