use redis_ready::redis::{self, AsyncCommands, Commands};
use std::time::Duration;
fn main() {
    let url = std::env::args().nth(1).unwrap();
    let rt = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    rt.block_on(async {
        let mut c = redis_ready::Client::open(&url).unwrap();
        println!("{:?}", c.ping().await);
        println!("{:?}", c.set::<_, _, ()>("a", 1).await);
        println!("{:?}", c.get::<_, i64>("a").await);
        let r: redis::RedisResult<(i64, i64)> = redis::pipe()
            .atomic()
            .incr("a", 1)
            .incr("a", 1)
            .query_async(&mut c)
            .await;
        println!("{r:?}");
        let r: redis::RedisResult<(i64, i64)> = redis::pipe()
            .atomic()
            .incr("a", 1)
            .cmd("NOSUCH")
            .query_async(&mut c)
            .await;
        println!("{r:?}");
        let mut d = c.dedicated_connection().await.unwrap();
        println!(
            "{:?}",
            redis::cmd("BLPOP")
                .arg("x")
                .arg(2)
                .query_async::<redis::Value>(&mut d)
                .await
        );
        println!(
            "{:?}",
            redis::cmd("CLIENT")
                .arg("LIST")
                .query_async::<String>(&mut d)
                .await
        );
        let t = std::time::Instant::now();
        let mut hs = vec![];
        for _ in 0..64 {
            let mut c = c.clone();
            hs.push(tokio::spawn(async move {
                for i in 0..5000 {
                    let _: Option<String> = c.get(i).await.unwrap();
                }
            }));
        }
        for h in hs {
            h.await.unwrap();
        }
        println!(
            "64 tasks: {:?} per s",
            (64.0 * 5000.0 / t.elapsed().as_secs_f64()) as u64
        );
        let b = c.blocking();
        std::thread::spawn(move || {
            let mut b = b;
            println!("{:?}", b.get::<_, i64>("a"));
        })
        .join()
        .unwrap();
        println!("{:?}", c.ready(Duration::from_secs(1)).await);
        c.close(Duration::from_secs(1)).await;
        println!("{:?}", c.get::<_, i64>("a").await);
    });
}
