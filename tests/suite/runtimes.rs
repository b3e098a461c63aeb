//! One client serves every runtime, and none.

use std::sync::LazyLock;
use std::thread;

use redis::{AsyncCommands, Commands, RedisResult, pipe};
use redis_ready::Client;
use redis_ready::testing::Server;
use tokio::runtime::{Builder, Runtime};

use crate::support::start;

static SERVER: LazyLock<Server> = LazyLock::new(|| start(Server::builder()));
static CLIENT: LazyLock<Client> = LazyLock::new(|| SERVER.client());

/// A few commands, at once and one by one, on keys of the caller's own.
async fn work(name: &str) -> RedisResult<()> {
    let mut client = CLIENT.clone();
    let key = |suffix: &str| format!("{name}:{suffix}");
    let () = client.set(key("greeting"), name).await?;
    let greeting: String = client.get(key("greeting")).await?;
    assert_eq!(greeting, name);

    let counts = (0..8).map(|_| {
        let mut client = client.clone();
        let key = key("count");
        async move { client.incr::<_, _, u32>(key, 1).await }
    });
    let mut counts = futures::future::try_join_all(counts).await?;
    counts.sort_unstable();
    assert_eq!(counts, (1..=8).collect::<Vec<_>>());

    let mut transaction = pipe();
    transaction.atomic().get(key("count")).del(key("count"));
    let removed: (u32, u32) = transaction.query_async(&mut client).await?;
    assert_eq!(removed, (8, 1));
    Ok(())
}

fn work_blocking(name: &str) {
    let mut client = CLIENT.blocking();
    let key = format!("{name}:count");
    for expected in 1..=8 {
        assert_eq!(client.incr(&key, 1), Ok(expected));
    }
    let removed = pipe().get(&key).del(&key).query(&mut client);
    assert_eq!(removed, Ok((8, 1)));
}

fn current_thread() -> Runtime {
    Builder::new_current_thread()
        .build()
        .expect("a runtime starts")
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime starts")
}

// Neither runtime has timers or sockets: the client needs none of the application's.

#[test]
fn works_on_a_current_thread_runtime() {
    current_thread().block_on(work("current")).unwrap();
}

#[test]
fn works_on_a_multi_thread_runtime() {
    let tasks = |i: usize| async move { work(&format!("multi{i}")).await };
    multi_thread().block_on(async {
        let tasks: Vec<_> = (0..16).map(|i| tokio::spawn(tasks(i))).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
}

#[test]
fn works_on_one_runtime_after_the_other() {
    for i in 0..5 {
        let name = format!("after{i}");
        current_thread().block_on(work(&name)).unwrap();
        multi_thread().block_on(work(&name)).unwrap();
    }
}

#[test]
fn works_when_a_runtime_ends_with_commands_under_way() {
    let runtime = multi_thread();
    for i in 0..32 {
        runtime.spawn(async move { work(&format!("cut{i}")).await });
    }
    runtime.shutdown_background();
    current_thread().block_on(work("after the cut")).unwrap();
}

#[test]
fn works_on_two_runtimes_at_once() {
    thread::scope(|scope| {
        for i in 0..2 {
            scope.spawn(move || {
                let runtime = if i == 0 {
                    current_thread()
                } else {
                    multi_thread()
                };
                for round in 0..20 {
                    let name = format!("at once {i} {round}");
                    runtime.block_on(work(&name)).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_command_may_be_started_on_one_runtime_and_awaited_on_another() {
    let first = current_thread();
    let mut command = Box::pin(work("moved"));
    // Polled once there, so that the first waker is one of a runtime that will be gone.
    first.block_on(async {
        assert!(futures::poll!(&mut command).is_pending());
    });
    drop(first);
    current_thread().block_on(command).unwrap();
}

#[test]
fn works_on_smol() {
    smol::block_on(work("smol")).unwrap();
    let task = smol::spawn(work("smol's own threads"));
    smol::block_on(task).unwrap();
}

#[test]
fn works_on_the_executor_of_futures() {
    futures::executor::block_on(work("futures")).unwrap();
    let mut pool = futures::executor::LocalPool::new();
    pool.run_until(work("local pool")).unwrap();
}

#[test]
fn works_on_plain_threads() {
    thread::scope(|scope| {
        for i in 0..16 {
            scope.spawn(move || work_blocking(&format!("thread{i}")));
        }
    });
}

#[test]
fn works_inside_spawn_blocking() {
    multi_thread().block_on(async {
        tokio::task::spawn_blocking(|| work_blocking("spawn_blocking"))
            .await
            .unwrap();
    });
}

#[test]
fn blocking_calls_work_while_a_runtime_is_entered() {
    let runtime = current_thread();
    let _entered = runtime.enter();
    work_blocking("entered");
    // As a synchronous function called from asynchronous code does.
    runtime.block_on(async { work_blocking("inside block_on") });
}

#[test]
fn a_client_opened_in_a_runtime_that_is_gone_still_works() {
    let client = current_thread().block_on(async {
        let client = SERVER.client();
        client.ping().await.unwrap();
        client
    });
    smol::block_on(client.ping()).unwrap();
}

/// Each `#[tokio::test]` has a runtime of its own, and the client is in a `static`.
macro_rules! fifty {
    ($($name:ident)*) => {
        mod a_client_in_a_static_outlives_the_runtimes_of_tests {
            $(
                #[tokio::test]
                async fn $name() {
                    super::work(stringify!($name)).await.unwrap();
                }
            )*
        }
    };
}

fifty! {
    t01 t02 t03 t04 t05 t06 t07 t08 t09 t10 t11 t12 t13 t14 t15 t16 t17 t18 t19 t20 t21 t22 t23 t24
    t25 t26 t27 t28 t29 t30 t31 t32 t33 t34 t35 t36 t37 t38 t39 t40 t41 t42 t43 t44 t45 t46 t47 t48
    t49 t50
}
