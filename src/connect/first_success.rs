//! [`first_success`]: several ways to the same end, each of which starts before the last one has used up
//! the time of all.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

/// Runs `attempts` in their order: the next one starts once one has failed, or once `wait` is over.
/// Those that have started go on. Returns the first success, and drops the others.
///
/// `wait` is given the number of the attempt that was started last, and for how long it has run. It
/// returns how much longer the next one waits.
///
/// # Errors
/// Those of all attempts, in the order of the attempts.
pub(crate) async fn first_success<T, E, A: Future<Output = Result<T, E>>>(
    attempts: impl ExactSizeIterator<Item = A>,
    wait: impl Fn(usize, Duration) -> Duration,
) -> Result<T, Vec<E>> {
    let mut not_started = attempts.enumerate();
    let mut running = FuturesUnordered::new();
    let mut failures = Vec::new();
    while let Some((number, attempt)) = not_started.next() {
        running.push(async move { attempt.await.map_err(|error| (number, error)) });
        let start = Instant::now();
        let is_last = not_started.len() == 0;
        loop {
            let wait = if is_last {
                Duration::MAX
            } else {
                wait(number, start.elapsed())
            };
            if wait.is_zero() {
                break;
            }
            match tokio::time::timeout(wait, running.next()).await {
                Ok(Some(Ok(success))) => return Ok(success),
                Ok(Some(Err(failure))) => {
                    failures.push(failure);
                    if !is_last {
                        break;
                    }
                }
                Ok(None) => break,
                // The wait may have changed.
                Err(_) => {}
            }
        }
    }
    failures.sort_by_key(|(number, _)| *number);
    Err(failures.into_iter().map(|(_, error)| error).collect())
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::Pin;

    use super::*;

    type Attempt = Pin<Box<dyn Future<Output = Result<u8, u8>>>>;

    fn fails(error: u8) -> Attempt {
        Box::pin(async move { Err(error) })
    }

    fn silent() -> Attempt {
        Box::pin(pending())
    }

    /// Succeeds some time after its start.
    fn slow(success: u8, after: u64) -> Attempt {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            Ok(success)
        })
    }

    async fn run(attempts: Vec<Attempt>, wait: u64) -> Result<u8, Vec<u8>> {
        let wait = Duration::from_millis(wait);
        first_success(attempts.into_iter(), |_, ran| wait.saturating_sub(ran)).await
    }

    #[tokio::test]
    async fn the_next_one_starts_when_one_fails_or_is_silent() {
        // Waits for ever unless the failures start the others at once.
        assert_eq!(
            run(vec![fails(1), fails(2), slow(3, 0)], u64::MAX).await,
            Ok(3)
        );
        assert_eq!(run(vec![silent(), silent(), slow(3, 0)], 10).await, Ok(3));
    }

    #[tokio::test]
    async fn one_that_is_slow_is_not_given_up_for_the_next() {
        assert_eq!(run(vec![slow(1, 100), silent()], 10).await, Ok(1));
    }

    #[tokio::test]
    async fn all_failures_are_returned_in_order() {
        let late = Box::pin(async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Err(1)
        });
        assert_eq!(run(vec![late, fails(2)], 10).await, Err(vec![1, 2]));
        assert_eq!(run(vec![], 10).await, Err(vec![]));
    }
}
