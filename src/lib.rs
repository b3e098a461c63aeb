//! A Redis client that is ready: one documented variable, validated at build time and at start-up, and
//! one multiplexed connection that reconnects by itself.
//!
//! # In applications
//!
//! Three steps lead to the first `SET` and `GET`.
//!
//! **1. Depend on it**, in `Cargo.toml`:
//!
//! ```toml
//! [dependencies]
//! redis-ready = "0.1"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//!
//! [build-dependencies]
//! redis-ready = { version = "0.1", default-features = false, features = ["build"] }
//! ```
//!
//! **2. Document the variable.** A build script checks that `.env.example` does (see [`build`]):
//!
//! ```
//! # mod redis_ready { pub mod build { pub fn check() {} } }
//! fn main() { redis_ready::build::check(); } // build.rs
//! ```
//! ```env
//! # Redis: sessions and rate limits
//! REDIS_URL=redis://localhost:6379
//! # Or for Redis with password:
//! # REDIS_URL=redis://:password@localhost:6379
//! # Or for Redis Cloud:
//! # REDIS_URL=rediss://:password@host:port
//! ```
//!
//! **3. Use it.** Set the variable (`cp .env.example .env` is enough on your own machine), and call
//! [`redis_client!`] wherever you need the client. Every call returns the same one:
//!
//! ```no_run
//! use redis_ready::redis::AsyncCommands;
//! use redis_ready::redis_client;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut client = redis_client!()?; // does not connect yet
//!     let () = client.set("greeting", "hello").await?;
//!     let greeting: String = client.get("greeting").await?;
//!     println!("{greeting}");
//!     Ok(())
//! }
//! ```
//!
//! The commands are those of redis-rs, re-exported as [`redis`]: `AsyncCommands`,
//! `AsyncTypedCommands`, `cmd`, `pipe`, `Script`. What else an application needs:
//!
//! | to | use |
//! |---|---|
//! | stop at start-up if the server does not answer | [`Client::ready`] |
//! | call Redis from code that is not asynchronous | [`Client::blocking`] |
//! | change the session, as `WATCH` and redis-rs's `transaction_async` do | [`Client::dedicated_connection`], [`BlockingClient::dedicated_connection`] |
//! | receive what is published to channels | [`Client::subscribe`], and [the chapter](#subscriptions) |
//! | let a write be sent again after a lost connection | [`Client::idempotent`] |
//! | give single commands another time limit, or none of the wait for a server that is out of reach | [`Client::with_timeout`], [`Client::fail_fast`] |
//! | do without Redis where there is none | [a Redis that is optional](Client#a-redis-that-is-optional) |
//! | keep the password out of the URL | `REDIS_URL_PASSWORD` or `REDIS_URL_PASSWORD_FILE`, see [`Client::from_env`] |
//! | log in with tokens of IAM or Microsoft Entra | [`Config::with_credentials`] |
//! | know how the client is, for a probe or a dashboard | [`Client::health`], [`Client::statistics`], [`observability`] |
//! | end in an orderly way | [`Client::close`] |
//! | use another variable, or a URL | [`redis_client!(NAME)`](redis_client!), [`Client::from_env`], [`Client::open`] |
//! | change time limits | [parameters of the URL](Config#parameters-of-the-url), or the setters of [`Config`] |
//!
//! # In libraries
//!
//! Take `&mut impl redis::aio::ConnectionLike`, and depend on `redis` alone: the application chooses the
//! variable, the server and the client.
//!
//! ```
//! # use redis_ready::redis;
//! use redis::aio::ConnectionLike;
//! use redis::{AsyncCommands, RedisResult};
//!
//! pub async fn count_visit<C>(connection: &mut C) -> RedisResult<u64>
//! where
//!     C: ConnectionLike + Send + Sync,
//! {
//!     connection.incr("visits", 1).await
//! }
//! ```
//!
//! The library's redis-rs has to be the one of the application: 1.8.1 or a later 1.x. With another one, such
//! as 0.32, the compiler says ``the trait bound `Client: ConnectionLike` is not satisfied`` and notes ``there
//! are multiple different versions of crate `redis` in the dependency graph``; `cargo tree -i redis` shows
//! which dependency needs which. A library that opens connections of its own works beside this crate, without
//! its promises; where it takes an `impl IntoConnectionInfo`, pass `&client`.
//!
//! # In tests
//!
//! With the feature `testing`, [`testing::Server`] starts a real server for one test and stops it when it
//! is dropped. [`testing::Server::client`] is a client for it.
//!
//! ```
//! # #[cfg(feature = "testing")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use redis_ready::redis::Commands;
//! use redis_ready::testing::Server;
//!
//! let server = Server::start()?;
//! let mut client = server.client().blocking();
//! let visits: u64 = client.incr("visits", 1)?;
//! assert_eq!(visits, 1);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "testing"))]
//! # fn main() {}
//! ```
//!
//! Code that calls [`redis_client!`] itself meets that server through [`testing::Overrides`]. [`testing`] has
//! recipes: a server for each test, one for a process, faults, failovers, and a mock.
//!
//! # When you operate it
//!
//! ## What the log says
//!
//! The crate writes to the [`log`](https://docs.rs/log) facade with the target `redis_ready`. Keys, values
//! and secrets are never in it, and errors that a caller gets are not logged as well.
//!
//! | level | line | meaning |
//! |---|---|---|
//! | warn | a code of [`UrlWarning`], as in `weak_password: …` | The URL works, and should be corrected. The line names the variable and where it was read. Once per variable and process. |
//! | warn | `both_set: …` | The variable is set twice, as itself and as a file. The line says which one is used. |
//! | warn | `connection to … lost: …; reconnecting` | A shared connection has ended while it was in use. One that was idle, or had not answered any command, is replaced without a line. Two of these lines and of the next kind at once, and then one every three seconds at most; the next one says how many were left out. |
//! | warn | `…; trying again until it works` | The first failed attempt to connect of an outage, with its cause. Later attempts are not logged. |
//! | warn | `… ends connections that begin with HELLO or CLIENT; …` | The server is a proxy that does not know these commands, see [old servers and proxies](#old-servers-and-proxies). At most once in ten minutes. |
//! | info | `connected to …` | There is a shared connection again, or for the first time. |
//! | info | `… answers …; commands wait until it serves` | The server refuses commands for a while, as with `LOADING`. At most once in ten seconds. |
//! | warn | `cannot renew the credentials, which are valid for … s more: …; trying again until it works` | A [`CredentialsProvider`] has failed in a renewal. At most once a minute. |
//! | warn | `… answers … to the renewed credentials of …; trying again until it works` | A server refuses renewed credentials; the session goes on with the old ones. At most once a minute. |
//! | info | `the credentials are renewed again` | The renewal after failed ones. |
//! | warn | `cannot read certificates of …` | Some of the system's certificates could not be read. Once for each problem. |
//! | warn | `slots … are served by …, which announces no host` | Commands for these slots fail. Once for each change. |
//! | warn | `the system refuses …` | A socket option cannot be set. Once for each option and process. |
//! | warn | `the logger was too slow: lines missing here: …` | 256 lines were waiting for the logger. |
//!
//! The logger runs on a thread of its own, one line after the other: it may be slow, and it may write to
//! Redis through the same client. [`Client::close`] waits a moment, within its grace, for lines that it has
//! not seen yet. With the feature `tracing` and a subscriber for the process, the lines are events instead, see
//! [`observability`].
//!
//! ## Errors at three in the morning
//!
//! Restarting the application does not help: the client reconnects for ever, and at each attempt it looks
//! the host name up again, asks the Sentinels again and reads certificate files that have changed, and the
//! files with the password. Only a new value of `REDIS_URL`, or of `REDIS_URL_PASSWORD` in the process environment,
//! needs a restart. [`Error`](Error#kinds-causes-and-cures) lists every kind with
//! its cause and cure; in short:
//!
//! | the error says | look at |
//! |---|---|
//! | [`Unreachable`](ErrorKind::Unreachable) | Is the server up? Do name, port, firewall and security group let this machine in? |
//! | [`Authentication`](ErrorKind::Authentication), [`Tls`](ErrorKind::Tls), [`InvalidFile`](ErrorKind::InvalidFile), [`ConnectionRefused`](ErrorKind::ConnectionRefused) | What was changed last: a password, an ACL, a certificate, `maxclients`? Every caller gets this error at once, without waiting for its deadline, until an attempt succeeds. |
//! | [`NotReady`](ErrorKind::NotReady), or the server's own `LOADING`, `BUSY`, `READONLY`, `CLUSTERDOWN`, `MASTERDOWN` | The server loads its data, runs a long script, or waits for a failover. Commands wait for it within their deadline. One that fails with this has not run, unless it is a script. |
//! | [`TimedOut`](ErrorKind::TimedOut) | The connection is there and the reply does not come: `SLOWLOG GET`, `LATENCY DOCTOR`, large keys, swapping, packet loss. [`timeout_cause`](Error::timeout_cause) tells a silent server from a slow reply, and from a process that did not run. |
//! | [`ConnectionLost`](ErrorKind::ConnectionLost) | A restart, a failover, or a proxy that ends connections. The log has the cause. Check data that must not be written twice: [the command may have run](Error::may_have_run). |
//! | [`QueueFull`](ErrorKind::QueueFull) | Is there an outage? Then its cause. Otherwise the application sends more than the server answers. |
//! | [`Protocol`](ErrorKind::Protocol) | Bytes that are not RESP: is it the right port? A reply beyond the [limits of this client](crate#limits-of-a-reply): ask for less at once. |
//!
//! ## Time limits
//!
//! | limit | default | parameter | when it is over |
//! |---|---|---|---|
//! | one attempt to connect, from the name look-up to the answer to `HELLO` | 2 s | `connect_timeout` | The attempt has failed, and the next one follows after the back-off. With Sentinels it is the limit for asking them, and then for the server that they name. |
//! | silence of the server while a command waits for its reply | 1 s | `response_timeout` | The command fails with [`TimedOut`](ErrorKind::TimedOut). After three response timeouts without a byte from the server, the connection is replaced. |
//! | one command in all, waiting for a connection included; a pipeline counts as one | 3 s | `deadline` | The command fails, with the cause. |
//! | silence of a server on a connection with subscriptions | 2 s, and then `response_timeout` for its answer to `PING` | `response_timeout` | The connection is replaced, and the subscriptions get a [`Gap`](subscription::Gap). |
//! | silence after which the system probes an idle connection | 6 s | `keepalive` | Two probes without an answer, 2 s apart, end the connection: a dead peer is noticed within 10 s. |
//! | bytes sent and not acknowledged (Linux, Android) | 5 s | none | The system ends the connection. |
//! | an address of a name with *n* addresses that does not answer | `connect_timeout` / *n*, but at least 250 ms or half of `connect_timeout`, whichever is less | none | The next address is tried as well; one that does not even accept the connection has 250 ms. |
//! | the slower Sentinels, once one has answered | 300 ms from the question | none | The answers that have come decide; a majority that names the same primary decides at once. Until one has answered, the limit is `connect_timeout`. |
//!
//! While bytes arrive, the deadline alone bounds a command: a long pipeline, or a large value on a slow link,
//! may take longer than `response_timeout`, and so may the commands behind it. The error names the limit that
//! has passed, and how much has come: ``200 of 400 replies came from `cache:6379` within 3s (`deadline`)``.
//!
//! A handle may have limits of its own, for single commands: [`Client::with_timeout`], and
//! [`Client::fail_fast`] for commands that are not to wait for a server that is out of reach.
//!
//! A blocking command has the time of its own argument on top of `response_timeout` and `deadline`.
//! Between two attempts to connect the client waits a random part of a window: 400 ms at first, then
//! 800 ms and 1 s, and 5 s once the outage has lasted 10 s. For subscriptions it is from 450 to
//! 900 ms after the first, however long the outage lasts, unless its cause lasts as well.
//!
//! ## Permissions that the client needs (ACL)
//!
//! The user of the URL needs what the application's commands need, and:
//!
//! | permission | for | if it is missing |
//! |---|---|---|
//! | none | `HELLO` and `AUTH`, which every user may call | |
//! | `+select` | a database other than 0 | The connection fails with [`Authentication`](ErrorKind::Authentication). |
//! | `+ping` or `+dbsize` (part of `+@read`) | [`Client::ping`], [`Client::ready`]; after `LOADING`, `BUSY` and `MASTERDOWN` | With neither, these two take every answer for a server that serves, because it looks at permissions first. After `LOADING` and `BUSY` a command is tried again after half of the time that it has left, and a last time after half of the rest. |
//! | `+client\|setname` (RESP2), `+client\|setinfo` (Redis 7.2 and later) | the names in `CLIENT LIST` | The names are missing there. |
//! | `+role` | Sentinel: the role of the server is verified; every server: after `READONLY` and `MASTERDOWN`, and on a connection with subscriptions | The client trusts the Sentinels. After `READONLY` it reconnects and tries again without knowing the role. Subscriptions stay with a primary that has become a replica. |
//! | `+cluster\|slots` | a cluster: the slot table | Commands fail at once with [`Authentication`](ErrorKind::Authentication). |
//! | `+asking` | a cluster: slots that are being moved | Commands for these slots may fail. |
//! | `+cluster\|info` | a cluster: after `CLUSTERDOWN` | Commands may fail with `CLUSTERDOWN` before their deadline. |
//! | `+readonly` | a cluster with `read_from` | Replicas redirect every read to their primary. |
//! | `+subscribe`, `+psubscribe`, `+ssubscribe` and the channels, such as `&news.*` | [`Client::subscribe`] and its like | The call fails with [`Authentication`](ErrorKind::Authentication). |
//! | `+unsubscribe`, `+punsubscribe`, `+sunsubscribe` | subscriptions that end | The server sends what is not wanted any more until the connection ends; it is thrown away. |
//!
//! So these are enough, apart from what the application needs (`ACL SETUSER app on >password ~* +get +set …`):
//!
//! | deployment | the user of the URL | the user of the Sentinels |
//! |---|---|---|
//! | one server | nothing; `+select` for a database other than 0 | |
//! | Sentinel | `+role`; `+select` likewise | `&+switch-master +subscribe +sentinel\|get-master-addr-by-name +sentinel\|replicas` |
//! | cluster | `+cluster\|slots +asking` | |
//!
//! Valkey 9.1 and later also permits databases: a user with `db=1` can use `/1` in the URL and no other.
//!
//! The user of the Sentinels (`sentinel_username`) needs `+sentinel|get-master-addr-by-name`; with
//! `read_from` also `+sentinel|replicas`; and `+subscribe` with the channel `&+switch-master`. Without the
//! last one a failover is noticed only when the old primary closes its connections or refuses a write.
//!
//! ## Old servers and proxies
//!
//! A connection begins with `HELLO 3`, which carries the credentials. If the server answers anything that is
//! not about the client itself (a wrong password, protected mode, too many clients, a server that is not
//! ready), the client goes on with RESP2 on the same connection: `AUTH`, `SELECT`, and `PING`. So Redis before
//! 6, Envoy and other proxies, and accounts for which `HELLO`, `CLIENT` or `PING` is denied or renamed need no
//! parameter in the URL. A password that was refused is not sent again in the same attempt.
//!
//! Some proxies, such as twemproxy, end the connection on every command that they do not know. If a connection
//! ends during the handshake, the same attempt tries two more connections: with `AUTH`, `PING` and `SELECT` only,
//! and then with `AUTH` without the username and `GET` in place of `PING`. What works is used for the server for
//! ten minutes; after that, and after a failed attempt, the next connection begins with `HELLO` again. An attempt
//! that finds no way is repeated in full every 5 s at most. The scheme and the verification of TLS are the same for
//! all of these connections. With `?protocol=2` the client leaves `HELLO` out from the start.
//!
//! # Delivery
//!
//! Every command ends within its deadline, 3 s unless [configured](Config) otherwise, whatever happens
//! to the server and the network. A reply never reaches a caller other than the one that sent the command.
//! What happens to a command in between:
//!
//! | the command | what happens |
//! |---|---|
//! | had not been written when the connection was lost | It moves to the next connection. |
//! | was refused by the server without running: `LOADING`, `BUSY`, `TRYAGAIN`, `CLUSTERDOWN`, `MASTERDOWN`, `READONLY` | It waits until the server serves, and is sent again. However many callers wait, one small probe every 200 ms asks whether it does. A connection to a replica is left, and the name looked up again, at most once a second. |
//! | was written, and the connection was lost before any part of the reply came | It is sent again if it only reads, or if the caller has said that it is [idempotent](Client::idempotent). Otherwise it fails with [`ErrorKind::ConnectionLost`], because [it may have run](Error::may_have_run). |
//! | was written, and a part of its reply had come when the connection was lost | It fails with [`ErrorKind::ConnectionLost`], and may have run. It is not sent again, because the same reply may end the next connection, too. |
//! | has a reply that is not RESP | It fails with [`ErrorKind::Protocol`]. The connection is replaced, and for the commands behind it that is a loss. |
//! | has a reply beyond the [limits](crate#limits-of-a-reply) | It fails with [`ErrorKind::Protocol`], and has run. The connection is kept, and no other command is affected. |
//! | was written, and the server has been silent for the response timeout, 1 s | It fails with [`ErrorKind::TimedOut`], and may have run. A connection that stays silent for three response timeouts is replaced. |
//! | cannot be written, because the connection is down | It waits for the next one. Beyond 1,000 commands or 8 MiB it waits in line with its bytes not copied; but in an outage, which is when the last attempt to connect has failed, it fails at once with [`ErrorKind::QueueFull`]. Through a handle of [`Client::fail_fast`] every command fails at once then, with [`ErrorKind::Unreachable`]. |
//! | is dropped by its caller before it has been written | It is not written, and its place is free at once. |
//! | is one more than `max_in_flight` | It waits for room, within its deadline. |
//!
//! No command is written more than three times. What is sent again after a loss is bounded for all
//! callers together: 1,000 commands at once, and one more for every 10 replies. So the client does not
//! multiply the load after an outage.
//!
//! A command counts as refused only where the server's answer proves that it has not run. The error of a
//! script (`EVAL`, `FCALL`) proves nothing, because a script can write and then return any error. A
//! pipeline is sent again only if each of its commands was refused, and a transaction only if its commands
//! were not queued. Which commands only read is taken from the servers' own flags; a pipeline only reads
//! if all of its commands do.
//!
//! Whether a command may be sent again, and whether the server is a replica, are two questions. A `READONLY`
//! or `MASTERDOWN` in the reply of a script, of a transaction or of a pipeline that has run in part goes to
//! its caller. The client asks the server for its `ROLE` all the same, at most once a second, and leaves it
//! if it is a replica, unless `read_from` says that reads go to one. A dedicated connection that is told so
//! ends, because its session cannot move.
//!
//! After a timeout nothing is sent again on the same connection: a second command behind the first one
//! could only add load.
//!
//! ## Limits of a reply
//!
//! A reply may be nested 100 levels deep, a string in it 512 MiB long (`proto-max-bulk-len` of the server,
//! unless it was raised), and a reply may take 2 GiB of memory in all, so that a server that never ends one
//! cannot take all there is. What is beyond is skipped over without being kept, up to 10,000 levels and 4 GiB;
//! beyond that the connection ends.
//!
//! ## Blocking commands
//!
//! Blocking commands (`BLPOP`, `XREAD BLOCK` and the like) run on connections of their own, for as long as
//! their argument says, and so does a pipeline that holds one. `FLUSHALL` and `FLUSHDB` have one, too, unless
//! they are `ASYNC`. Commands that would change the shared session (`SELECT`, `SUBSCRIBE`, `CLIENT REPLY` and
//! the like) are refused, and the error says what to use instead. So are `WAIT` and `WAITAOF`, unless they
//! stand behind a write in a pipeline: they speak of the writes of their own connection. A pipeline without
//! commands, or with an empty one, is an error and never written.
//!
//! `SCRIPT KILL`, `FUNCTION KILL` and `SHUTDOWN` need no database: while a busy server refuses to select that
//! of the URL, they run on a connection without it, and all other commands wait.
//!
//! ## Unknown commands
//!
//! All of this follows a table of the commands of Redis 8.10 and Valkey 9.1. What a command is that the table
//! lacks, such as one of a module, the server is asked once for each connection, by `COMMAND INFO`. One that
//! blocks then has a connection of its own, for as many seconds as the largest number among its arguments; one
//! that may change the session is refused; one that only reads is sent again after a loss. Where the server
//! does not say, because the user may not ask (`+command`) or a proxy does not understand, each such command
//! has a connection of its own.
//!
//! The page [Reliability](reliability) has the figures that measure these promises.
//!
//! # Subscriptions
//!
//! [`Client::subscribe`], [`Client::psubscribe`] and [`Client::ssubscribe`] return a [`Subscription`]: a stream
//! that heals, and that says by a `Gap` where messages may be missing. The module [`subscription`] has its
//! promises, and examples for patterns, sharded channels, keyspace notifications and a local cache.
//!
//! ```no_run
//! use redis_ready::subscription::Event;
//!
//! # async fn example(client: redis_ready::Client) -> Result<(), redis_ready::Error> {
//! let mut subscription = client.subscribe("news").await?;
//! while let Some(event) = subscription.next().await {
//!     match event {
//!         Event::Message(message) => println!("{}: {:?}", message.channel(), message.payload()),
//!         Event::Lost(error) => println!("nothing is received for now: {error}"),
//!         Event::Gap(gap) => println!("read the state again: {gap}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Commands go on as before beside it: subscriptions have connections of their own, on which a heartbeat finds a
//! server that does not answer.
//!
//! # Sentinel and Cluster
//!
//! Moving to Sentinel or to a cluster changes the URL and not one line of code:
//! `redis-sentinel://h1:26379,h2:26379/name` and `redis-cluster://h1:6379,h2:6379`, or with `rediss-` over
//! TLS. Everything above holds there too.
//!
//! - The Sentinels are asked before every attempt to connect, and the role of the server that they name is
//!   verified. When one of them announces a new primary (`+switch-master`), all connections move at once.
//! - In a cluster redirections are followed, at most 16 for a command: `MOVED`, `ASK` and `TRYAGAIN` say
//!   that nothing has run, and a command goes on to the node and the slot that `MOVED` names, also one whose
//!   keys this crate does not know. A script can return such an error itself, so its node is asked about the
//!   keys before the script is sent again, at most 3 times. `MGET`, `MSET`, `DEL`, `EXISTS`, `TOUCH`, `UNLINK` and pipelines are split by
//!   node. They are not atomic then, and if one part fails the whole fails, and may have run. Transactions,
//!   scripts and other commands with several keys need all keys in one slot. Commands for all nodes
//!   (`DBSIZE`, `KEYS`, `FLUSHALL`, `SCRIPT LOAD`, …) combine the replies as redis-rs does. `SCAN`, `WAIT` and
//!   commands that are meant for one node are refused, and the error says what to do instead.
//! - A slot that no node serves, or whose node announces no host, costs the commands for this slot. They wait
//!   for a node until their deadline, and for a second after that such commands fail at once.
//! - A dedicated connection leads to the node that serves the first key it names. The state of its session
//!   until then, such as `MULTI` or a name, is set up again there. After that it stays: a redirection goes to its
//!   caller as an error.
//! - `redis-cluster://h1:6379,h2:6379/4` selects a database on every node, where the cluster has several, as
//!   since Valkey 9. Elsewhere that is an error that says so.
//! - `?read_from=replica` and `prefer_replica`: with Sentinel every command goes to a replica, in a cluster
//!   single commands that only read do.
//! - The nodes of a cluster and Sentinels announce addresses, which a container network, NAT or a tunnel can
//!   make useless. [`Config::with_address_map`] leads them to others.
//! - Replication is asynchronous: Redis itself can lose a write that it has acknowledged when a replica
//!   takes over. No client can prevent that.
//!
//! # Threads and runtimes
//!
//! One thread of the crate, `redis-ready`, makes and ends every connection of the process, keeps the time, and
//! reads and writes. On Unix, where the calls of a busy connection come from one tokio runtime, a task of the
//! crate reads and writes there instead, which saves switches between threads; the thread takes over within
//! some 20 ms when that runtime does not run, and at once when it ends. A runtime without `enable_io` gets no
//! such task; that it has no I/O is found out by a panic of tokio in the task, which is caught, and which a
//! panic hook sees once. An application that is built with `panic = "abort"` gets none either.
//! [`Config::with_io_thread_only`] and `REDIS_READY_DRIVER=io_thread` leave everything to the thread.
//!
//! The log (`redis-ready-log`), wakers of unknown kinds (`redis-ready-wake`), name look-ups and TLS files have
//! threads of their own, which end when they are idle. A client therefore works in every tokio runtime, in
//! other runtimes, in several of them at once and in none. It may stand in a `static`, and time limits are
//! right while an application blocks its executor. The child of a `fork`
//! without `exec` gets a thread and connections of its own, unless another thread of the parent was using
//! a client at that moment: a lock that it held stays locked in the child for ever.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `client` | yes | the client and [`redis_client!`] |
//! | `tls` | yes | `rediss://`, by rustls with ring |
//! | `build` | no | [`build`], for build scripts, with neither redis nor tokio |
//! | `testing` | no | [`testing`]: servers, Sentinels and clusters for tests, and overrides of variables |
//! | `tracing` | no | [a span for each command](observability), and the lines of the log as events |
//! | `metrics` | no | [metrics](observability) for the recorder of the `metrics` facade |
//! | `serde` | no | `Serialize` for [`Health`], [`Statistics`] and what they hold |
//! | `cli` | no | [the program `cargo redis-ready`](cli), with neither redis nor tokio |
//!
//! What redis-rs has as a feature, such as its commands for JSON, is switched on there. Cargo compiles one
//! redis-rs for both, so its items are in [`redis`] too, as `redis_ready::redis::JsonAsyncCommands` is:
//!
//! ```toml
//! [dependencies]
//! redis-ready = "0.1"
//! redis = { version = "1.8.1", features = ["json"] }
//! ```
//!
//! # Coming from redis-rs' `ConnectionManager`
//!
//! | you wrote | you write |
//! |---|---|
//! | `redis::Client::open(url)?`, `ConnectionManager::new(client).await?` | `redis_client!()?`, and `client.ready(limit).await?` to stop at start-up without a server |
//! | `use redis::AsyncCommands` | `use redis_ready::redis::AsyncCommands` |
//! | `manager.clone()` | `client.clone()` |
//! | `client.get_connection()?` for synchronous code | `client.blocking()` |
//! | `set_connection_timeout`, default 1 s | `?connect_timeout=`, default 2 s |
//! | `set_response_timeout`, default 500 ms | `?response_timeout=`, default 1 s, and `?deadline=` |
//! | `set_number_of_retries`, `set_min_delay`, `set_max_delay`, `set_exponent_base` | nothing: it reconnects for ever |
//! | `set_concurrency_limit` | `?max_in_flight=` |
//! | `transaction_async(manager, …)`, `transaction(&mut connection, …)` | the same with [`Client::dedicated_connection`] or [`BlockingClient::dedicated_connection`] |
//! | a second connection for `BLPOP` | nothing: a blocking command gets a connection of its own |
//! | `cluster::ClusterClient`, `sentinel::SentinelClient` | another URL |
//! | `as_pubsub`, `get_async_pubsub`, `subscribe`, `set_push_sender`, `set_automatic_resubscription` | [`Client::subscribe`], which subscribes again by itself and says when messages may be missing |
//!
//! What differs: the manager passes the error of a lost connection on to every caller, and fails commands
//! once its retries are used up. Here commands that were not written, and commands that only read, move to
//! the next connection, and every command waits for that until its deadline. Commands still return
//! `redis::RedisError`, and [`Error::from_redis`] adds the kind; [a table](Error#in-terms-of-redis-rs) has what
//! redis-rs's own `kind`, `is_timeout`, `is_connection_dropped` and `retry_method` say of each. Also on purpose:
//!
//! | in redis-rs | here, because all callers share the connection, and it heals |
//! |---|---|
//! | a connection is made when it is asked for | It is made by the first command: `MONITOR` elsewhere sees the handshake right before it. |
//! | `WATCH` works on every connection | It is refused on the client: the `EXEC` of another caller would end it. On a dedicated connection it works. |
//! | `CLIENT TRACKING`, `SELECT` and other changes of the session are sent | They are refused on the client, and work on a dedicated connection. |
//! | `CLIENT SETNAME` names the connection | It is refused on the client: `?client_name=` names every connection, also the next one. |
//! | `SCAN` on a cluster asks one node | It is refused: a cursor belongs to one node, and the keys of the others would be missing. A client for each primary can scan its keys. |
//! | the first command after `CLIENT KILL` or a restart fails | It goes to the next connection, so that its caller sees no error. |
//! | `is_open()` of a blocking connection is false once that is lost | [`BlockingClient`]'s is always true, as it reconnects; that of a [`BlockingDedicatedConnection`] is false once it has ended. |
//! | `CLIENT LIST` has `lib-name=redis-rs` | It has `lib-name=redis-ready`, and the version of this crate. |
//! | a connection to a replica stays open after `READONLY` | The shared connection leaves the replica, and a dedicated one ends. |
//! | `set_response_timeout`, `set_read_timeout` of one connection | `?response_timeout=` and `?deadline=`, for all callers of a client |
//! | `send_packed_command`, `recv_response`, push messages other than those of subscriptions | a connection of redis-rs, for which `redis_ready::redis::Client::open(&client)` takes server and login from the client |
//!
//! # Coming from deadpool-redis or bb8-redis
//!
//! | you wrote | you write |
//! |---|---|
//! | `Config::from_url(url).create_pool(Some(Runtime::Tokio1))?`, `Pool::builder().build(manager).await?` | `redis_client!()?` |
//! | `let mut connection = pool.get().await?;` | `let mut client = client.clone();` |
//! | `max_size` | nothing: all callers share one connection; `?max_in_flight=` bounds their commands |
//! | `Timeouts::wait`, `Builder::connection_timeout` | `?deadline=` |
//! | `WATCH` on a connection of the pool, `Connection::take`, `dedicated_connection` of bb8 | `client.dedicated_connection().await?`; a pool of them replaces one that has ended, as its errors are `is_unrecoverable_error()` |
//! | `PoolError`, `RunError` beside `RedisError` | `RedisError` alone |
//!
//! What differs: a pool sends a `PING` whenever it gives out a connection that it has kept; this client
//! does not. A caller does not wait for another one to return a connection. All replies come over one
//! connection, in order: while one reply of many megabytes arrives, the replies behind it wait. The state
//! of a session, such as a forgotten `WATCH`, cannot reach the next caller.
//!
//! # Coming from fred
//!
//! | you wrote | you write |
//! |---|---|
//! | `Builder::from_config(Config::from_url(url)?).build()?`, `client.init().await?` | `redis_client!()?` |
//! | `client.get::<Option<String>, _>(key).await?` | `let value: Option<String> = client.get(key).await?;` |
//! | `client.set(key, value, Some(Expiration::EX(60)), None, false)` | `client.set_ex(key, value, 60)` |
//! | `client.pipeline()`, `client.multi()` | `redis::pipe()`, `redis::pipe().atomic()` |
//! | `Pool::new(config, …, size)` | one client and its clones |
//! | `set_policy(ReconnectPolicy::…)` | nothing: it reconnects for ever |
//! | `default_command_timeout`, none by default | `?deadline=`, default 3 s |
//! | `connection_timeout`, default 10 s | `?connect_timeout=`, default 2 s |
//! | `client.quit().await?` | `client.close(grace).await` |
//! | `?node=`, `?sentinelServiceName=` in the URL | the same; their place here is the list of hosts and the path |
//! | `SubscriberClient`, `manage_subscriptions`, `message_rx`, `on_message` | [`Client::subscribe`], whose stream ends with what it has received, and tells gaps |
//!
//! What differs: with a reconnect policy fred sends any command again whose connection was lost, up to
//! `max_command_attempts`, 3 by default, so an `INCR` may run twice. Here only commands that read, and
//! those sent through [`Client::idempotent`], are sent again. Methods are those of redis-rs: they need
//! `AsyncCommands` in scope and `&mut` of a client, which is cheap to clone.
#![cfg_attr(docsrs, feature(doc_cfg))]
// The chapters above are for all readers, and link to the items of every feature.
#![cfg_attr(
    not(all(feature = "client", feature = "build", feature = "testing")),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the item is of a feature that is off"
    )
)]

#[cfg(feature = "client")]
mod address;
#[cfg(feature = "build")]
pub mod build;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod cluster;
#[cfg(feature = "client")]
mod command;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod connect;
#[cfg(feature = "client")]
mod connection;
#[cfg(any(feature = "client", feature = "build"))]
#[cfg_attr(
    not(any(test, all(feature = "client", feature = "build"))),
    expect(dead_code, reason = "each of the two features uses a part of it")
)]
mod dotenv;
#[cfg(feature = "client")]
mod error;
#[cfg(doc)]
pub mod guide;
#[cfg(feature = "client")]
mod login;
#[cfg(doc)]
#[doc = include_str!("observability.md")]
pub mod observability {}
#[cfg(feature = "client")]
mod observe;
#[cfg_attr(
    not(any(test, feature = "build")),
    expect(dead_code, reason = "the build reads placeholders in documents, too")
)]
mod placeholder;
#[cfg(feature = "client")]
mod redis_error;
#[cfg(doc)]
#[doc = include_str!("reliability.md")]
pub mod reliability {}
#[cfg_attr(
    not(any(test, feature = "client", feature = "build")),
    expect(
        dead_code,
        reason = "without a feature only the parser of URLs uses it"
    )
)]
mod report;
#[cfg(feature = "client")]
mod resp;
#[cfg(feature = "client")]
mod runtime;
#[cfg(feature = "client")]
mod sentinel;
#[cfg(any(feature = "actix-session", feature = "tower-sessions"))]
mod sessions;
#[cfg(feature = "client")]
pub mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "client")]
mod timeout_cause;
mod url;

#[cfg(feature = "client")]
#[doc(hidden)]
pub use crate::client::__private;
#[cfg(feature = "client")]
pub use crate::client::{BlockingClient, BlockingDedicatedConnection, Client, DedicatedConnection};
#[cfg(feature = "client")]
pub use crate::config::Config;
#[cfg(feature = "client")]
pub use crate::error::{Error, ErrorKind};
#[cfg(feature = "client")]
pub use crate::login::{Credentials, CredentialsProvider};
#[cfg(feature = "client")]
pub use crate::observe::{
    ConnectionState, Health, NodeHealth, Role, Statistics, SubscriptionCounts, TimeoutCounts,
};
#[cfg(feature = "actix-session")]
pub use crate::sessions::actix_session;
#[cfg(feature = "tower-sessions")]
pub use crate::sessions::tower_sessions;
#[cfg(feature = "client")]
pub use crate::subscription::{BlockingSubscription, Subscription};
#[cfg(feature = "client")]
pub use crate::timeout_cause::TimeoutCause;
pub use crate::url::{Protocol, ReadFrom, RedisUrl, TlsVerify, UrlError, UrlKind, UrlWarning};
#[cfg(feature = "client")]
pub use redis;

/// The code blocks of README.md, as tests.
#[cfg(all(doctest, feature = "client", feature = "build", feature = "testing"))]
#[doc(hidden)]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;
