//! A primary, its replicas and the sentinels that watch them: failed over, killed and frozen from here.
//!
//! All of them are asked over their Unix sockets, by plain redis-rs: what a test does to them never
//! depends on the client that is tested.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, cmd, pipe};
use redis_ready::Client;
use redis_ready::testing::{self, SentinelsBuilder, Server};

use super::certificates::{Authority, Identity};
use super::open;
use super::process::{connect, query, wait_until};

/// The name that the sentinels know the primary by.
pub(crate) const SERVICE: &str = testing::Sentinels::SERVICE;

/// Time enough for callers to write.
const BATCH: Duration = Duration::from_millis(20);
/// What [`Sentinels`] are started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings<'a> {
    pub(crate) replicas: usize,
    pub(crate) sentinels: usize,
    /// What the primary and its replicas ask for.
    pub(crate) server_password: Option<&'a str>,
    /// What the sentinels ask for.
    pub(crate) sentinel_password: Option<&'a str>,
}

/// Processes that end when this is dropped. Servers have numbers, in the order of the start: 0 is the
/// primary then. So have sentinels.
#[derive(Debug)]
pub(crate) struct Sentinels(testing::Sentinels);

impl Sentinels {
    /// Starts a primary with `replicas`, watched by `sentinels`, and returns when all know all.
    pub(crate) fn start(replicas: usize, sentinels: usize) -> Sentinels {
        let builder = testing::Sentinels::builder().replicas(replicas);
        Sentinels::begin(builder.sentinels(sentinels))
    }

    pub(crate) fn start_with(settings: Settings) -> Sentinels {
        let mut server = Server::builder();
        if let Some(password) = settings.server_password {
            server = server.password(password);
        }
        let mut builder = testing::Sentinels::builder()
            .replicas(settings.replicas)
            .sentinels(settings.sentinels)
            .servers(server);
        if let Some(password) = settings.sentinel_password {
            builder = builder.sentinel_password(password);
        }
        Sentinels::begin(builder)
    }

    /// Starts a primary with a replica and 3 sentinels, all of which speak nothing but TLS.
    pub(crate) fn tls(authority: &Authority, identity: &Identity) -> Sentinels {
        Sentinels::begin(testing::Sentinels::builder().servers(authority.serve(identity)))
    }

    fn begin(builder: SentinelsBuilder) -> Sentinels {
        Sentinels(expect(builder.start()))
    }

    /// The URL with every sentinel, without a password of theirs.
    pub(crate) fn url(&self) -> String {
        self.url_with("")
    }

    /// The URL with every sentinel, and these parameters.
    pub(crate) fn url_with(&self, parameters: &str) -> String {
        let all: Vec<usize> = (0..self.0.sentinels().len()).collect();
        self.url_of(&all, parameters)
    }

    /// The URL with these sentinels in this order, and these parameters.
    pub(crate) fn url_of(&self, sentinels: &[usize], parameters: &str) -> String {
        let url = self.0.url();
        let (start, own) = url.split_once('?').unwrap_or((&url, ""));
        let all = (0..self.0.sentinels().len()).map(|it| self.address(it));
        let all: Vec<String> = all.collect();
        let these: Vec<String> = sentinels.iter().map(|it| self.address(*it)).collect();
        let start = start.replace(&all.join(","), &these.join(","));
        let own = own
            .split('&')
            .filter(|it| !it.starts_with("sentinel_password="));
        let parameters = own.chain([parameters]).filter(|it| !it.is_empty());
        let parameters: Vec<&str> = parameters.collect();
        let query = if parameters.is_empty() { "" } else { "?" };
        format!("{start}{query}{}", parameters.join("&"))
    }

    /// A client with these parameters of its URL.
    pub(crate) fn client(&self, parameters: &str) -> Client {
        open(&self.url_with(parameters), "")
    }

    /// The address of a sentinel, as the URL has it.
    pub(crate) fn address(&self, sentinel: usize) -> String {
        super::address(&self.0.sentinels()[sentinel])
    }

    /// The port of a server.
    pub(crate) fn port(&self, server: usize) -> u16 {
        let port = self.0.servers()[server].port();
        port.expect("it listens on a port")
    }

    /// Which server listens on `port`.
    pub(crate) fn server_on(&self, port: u16) -> usize {
        let mut servers = 0..self.0.servers().len();
        let found = servers.find(|server| self.port(*server) == port);
        found.expect("it is one of ours")
    }

    /// The primary, as soon as all running sentinels name the same.
    pub(crate) fn primary(&self) -> usize {
        expect(self.0.primary())
    }

    /// The primary, as this sentinel names it.
    pub(crate) fn primary_by(&self, sentinel: usize) -> usize {
        let mut connection = self.connect_to_sentinel(sentinel);
        let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE];
        let (_, port): (String, u16) = query(&mut connection, &words);
        self.server_on(port)
    }

    /// The servers that run and are not the primary.
    pub(crate) fn replicas(&self) -> Vec<usize> {
        let primary = self.primary();
        let servers = self.0.servers();
        let running = (0..servers.len()).filter(|it| servers[*it].is_running());
        running.filter(|it| *it != primary).collect()
    }

    /// Has a running sentinel fail over, whether or not the primary is well.
    pub(crate) fn failover(&self) {
        let mut connection = self.connect_to_running_sentinel();
        let _: String = query(&mut connection, &["SENTINEL", "FAILOVER", SERVICE]);
    }

    /// Has a running sentinel fail over in agreement with the primary, which stops to take writes first.
    /// Returns whether it can.
    pub(crate) fn coordinated_failover(&self) -> bool {
        let mut failover = cmd("SENTINEL");
        failover.arg("FAILOVER").arg(SERVICE).arg("COORDINATED");
        match failover.query::<String>(&mut self.connect_to_running_sentinel()) {
            Ok(_) => true,
            Err(error) if error.to_string().contains("wrong number of arguments") => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Kills a server at once, as a crash does. The sentinels call it down two seconds later.
    pub(crate) fn kill(&mut self, server: usize) {
        expect(self.0.kill(server));
    }

    /// Starts a killed server again where it was, as a replica without data. From then on all servers are
    /// taken to be well.
    pub(crate) fn restart(&mut self, server: usize) {
        expect(self.0.restart(server));
    }

    /// Makes a replica of each server that is not the primary, as the sentinels do some seconds after a
    /// failover, and waits until all is as it was at the start.
    pub(crate) fn settle(&self) {
        expect(self.0.wait_until_ready());
    }

    /// Freezes a sentinel: connections stay open, and nothing answers.
    pub(crate) fn stop_sentinel(&mut self, sentinel: usize) {
        expect(self.0.sentinels()[sentinel].pause());
    }

    /// Lets a frozen sentinel go on.
    pub(crate) fn cont_sentinel(&mut self, sentinel: usize) {
        expect(self.0.sentinels()[sentinel].resume());
    }

    /// Kills a sentinel for good.
    pub(crate) fn kill_sentinel(&mut self, sentinel: usize) {
        expect(self.0.sentinel_mut(sentinel).kill());
    }

    /// Listens to the sentinels that run now.
    pub(crate) fn switches(&self) -> Switches {
        let switches = Switches::default();
        for (number, sentinel) in self.0.sentinels().iter().enumerate() {
            if sentinel.is_running() {
                switches.listen(number, connect(sentinel));
            }
        }
        switches
    }

    /// A connection to a server.
    pub(crate) fn connect(&self, server: usize) -> Connection {
        connect(&self.0.servers()[server])
    }

    /// A connection to a sentinel.
    pub(crate) fn connect_to_sentinel(&self, sentinel: usize) -> Connection {
        connect(&self.0.sentinels()[sentinel])
    }

    fn connect_to_running_sentinel(&self) -> Connection {
        let mut running = self.0.sentinels().iter().filter(|it| it.is_running());
        connect(running.next().expect("one of them runs"))
    }

    /// How many connections a server has from clients of this name.
    pub(crate) fn connections(&self, server: usize, client_name: &str) -> usize {
        connections(&mut self.connect(server), client_name)
    }

    /// Has a server end its connections from clients of this name, after it has run what came
    /// meanwhile and before it answers. Says how many there were.
    pub(crate) fn cut(&self, server: usize, client_name: &str) -> usize {
        let mut connection = self.connect(server);
        let ids = ids(&mut connection, client_name);
        if ids.is_empty() {
            return 0;
        }
        let mut kill = pipe();
        for id in &ids {
            kill.cmd("CLIENT").arg("KILL").arg("ID").arg(id);
        }
        let server = &self.0.servers()[server];
        server.pause().expect("it runs");
        thread::sleep(BATCH);
        let sent = connection.send_packed_command(&kill.get_packed_pipeline());
        server.resume().expect("it is frozen");
        sent.expect("it is there");
        let killed = ids.iter().map(|_| connection.recv_response());
        killed
            .filter(|killed| *killed == Ok(redis::Value::Int(1)))
            .count()
    }

    /// How often a server was called `command`, in lower case, by clients and by its primary.
    pub(crate) fn calls(&self, server: usize, command: &str) -> u64 {
        let name = format!("cmdstat_{command}:calls=");
        self.info(server, "commandstats", &name)
    }

    /// How many errors of this code, such as `READONLY`, a server has answered since it started.
    pub(crate) fn errors(&self, server: usize, code: &str) -> u64 {
        let name = format!("errorstat_{code}:count=");
        self.info(server, "errorstats", &name)
    }

    /// How many connections a server has accepted since it started.
    pub(crate) fn accepted(&self, server: usize) -> u64 {
        self.info(server, "stats", "total_connections_received:")
    }

    fn info(&self, server: usize, section: &str, name: &str) -> u64 {
        let info: String = query(&mut self.connect(server), &["INFO", section]);
        let count = info.lines().find_map(|line| line.strip_prefix(name));
        let count = count.and_then(|count| count.split(',').next());
        count.map_or(0, |count| count.trim().parse().expect("a count"))
    }
}

fn expect<T>(result: io::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// How many connections a server has from clients of this name.
pub(crate) fn connections(connection: &mut Connection, client_name: &str) -> usize {
    ids(connection, client_name).len()
}

/// The numbers that a server gives the connections from clients of this name.
fn ids(connection: &mut Connection, client_name: &str) -> Vec<String> {
    let list: String = query(connection, &["CLIENT", "LIST"]);
    let name = format!(" name={client_name} ");
    let ours = list.lines().filter(|line| line.contains(&name));
    let id = |line: &str| line.split([' ', '=']).nth(1).map(str::to_owned);
    ours.filter_map(id).collect()
}

/// What was heard of new primaries, by threads that end with the sentinels they listen to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches(Arc<Mutex<Vec<Switch>>>);

/// A `+switch-master`, as one sentinel told it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switch {
    pub(crate) sentinel: usize,
    /// Of the new primary.
    pub(crate) port: u16,
    pub(crate) heard: Instant,
}

impl Switches {
    fn listen(&self, sentinel: usize, mut connection: Connection) {
        connection
            .set_read_timeout(None)
            .expect("a socket can do without");
        let heard = Arc::clone(&self.0);
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let mut subscription = connection.as_pubsub();
            subscription
                .subscribe("+switch-master")
                .expect("a sentinel has this channel");
            let _ = tell.send(());
            while let Ok(message) = subscription.get_message() {
                let text: String = message.get_payload().expect("it is a text");
                let port = text.rsplit(' ').next().and_then(|port| port.parse().ok());
                heard
                    .lock()
                    .expect("no thread panics with the lock held")
                    .push(Switch {
                        sentinel,
                        port: port.expect("the last word is a port"),
                        heard: Instant::now(),
                    });
            }
        });
        told.recv().expect("it listens");
    }

    /// All switches so far, in the order in which they were heard.
    pub(crate) fn so_far(&self) -> Vec<Switch> {
        self.0
            .lock()
            .expect("no thread panics with the lock held")
            .clone()
    }

    /// Waits until some sentinel tells of a switch to another server than `old`, beyond the first
    /// `known`.
    pub(crate) fn wait_for(&self, known: usize, old: u16) -> Switch {
        let mut found = None;
        wait_until("a sentinel tells of a new primary", || {
            let heard = self.so_far().into_iter().skip(known);
            found = heard.into_iter().find(|it| it.port != old);
            found.is_some()
        });
        found.expect("it was waited for")
    }
}
