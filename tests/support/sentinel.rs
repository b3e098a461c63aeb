//! A primary, its replicas and the sentinels that watch them: failed over, killed and frozen from here.
//!
//! All of them are asked over their Unix sockets, by plain redis-rs: what a test does to them never
//! depends on the client that is tested.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, cmd, pipe};
use redis_ready::Client;
use redis_ready::testing::{Server, ServerBuilder};

use super::certificates::{Authority, Identity};
use super::process::{Process, query, wait_until};
use super::start;

/// The name that the sentinels know the primary by.
pub(crate) const SERVICE: &str = "mymaster";

/// Time enough for callers to write.
const BATCH: Duration = Duration::from_millis(20);
/// How often sentinels say hello to each other and look at the servers, in ms: as they have it, and
/// while a test waits for them.
const PERIODS: [(&str, &str, &str); 2] = [
    ("publish-period", "2000", "200"),
    ("info-period", "10000", "200"),
];
/// How long a server may be silent until the sentinels call it down, in ms: where a test has killed one,
/// or waits for them, and otherwise. Without it a busy machine would cause failovers that no test asks
/// for. Two seconds, because a sentinel asks once a second, and the one that promotes a server ends the
/// connections of the others to it.
const DOWN_AFTER: &str = "2000";
const NEVER_DOWN: &str = "60000";

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
pub(crate) struct Sentinels {
    servers: Vec<Process>,
    watchers: Vec<Process>,
    server_password: Option<String>,
    scheme: &'static str,
    /// Added to those of each URL.
    parameters: String,
}

impl Sentinels {
    /// Starts a primary with `replicas`, watched by `sentinels`, and returns when all know all.
    pub(crate) fn start(replicas: usize, sentinels: usize) -> Sentinels {
        Sentinels::start_with(Settings {
            replicas,
            sentinels,
            server_password: None,
            sentinel_password: None,
        })
    }

    pub(crate) fn start_with(settings: Settings) -> Sentinels {
        Sentinels::begin(settings, Server::builder().tcp())
    }

    /// Starts a primary with a replica and 3 sentinels, all of which speak nothing but TLS.
    pub(crate) fn tls(authority: &Authority, identity: &Identity) -> Sentinels {
        let settings = Settings {
            replicas: 1,
            sentinels: 3,
            server_password: None,
            sentinel_password: None,
        };
        let builder = authority.serve(identity);
        let mut all = Sentinels::begin(settings, builder.arg("--tls-replication").arg("yes"));
        all.scheme = "rediss-sentinel";
        all.parameters = format!("tls_ca={}", authority.certificate().display());
        all
    }

    fn begin(settings: Settings, builder: ServerBuilder) -> Sentinels {
        let mut server = builder.clone().arg("--repl-diskless-sync-delay").arg("0");
        if let Some(password) = settings.server_password {
            // Any of them may be a replica one day.
            server = server.arg("--masterauth").arg(password);
        }
        let sentinel = builder.arg("--sentinel");
        let several = |builder: &ServerBuilder, count: usize, password: Option<&str>| {
            let processes = (0..count).map(|_| launch(builder.clone(), password));
            processes.collect::<Vec<_>>()
        };
        let all = Sentinels {
            servers: several(&server, 1 + settings.replicas, settings.server_password),
            watchers: several(&sentinel, settings.sentinels, settings.sentinel_password),
            server_password: settings.server_password.map(str::to_owned),
            scheme: "redis-sentinel",
            parameters: String::new(),
        };
        for replica in 1..all.servers.len() {
            all.replicate(replica, 0);
        }
        all.wait_until_replicated(0);
        all.watch();
        all.wait_until_known();
        all
    }

    /// Has the sentinels watch the primary.
    fn watch(&self) {
        let quorum = self.watchers.len().min(2).to_string();
        let port = self.port(0).to_string();
        for sentinel in &self.watchers {
            let mut connection = sentinel.connect();
            let mut words = vec!["SENTINEL", "MONITOR", SERVICE, "127.0.0.1", &port, &quorum];
            let _: String = query(&mut connection, &words);
            words = vec!["SENTINEL", "SET", SERVICE];
            words.extend(["failover-timeout", "3000"]);
            words.extend(["parallel-syncs", "1"]);
            if let Some(password) = &self.server_password {
                words.extend(["auth-pass", password]);
            }
            let _: String = query(&mut connection, &words);
        }
    }

    /// Waits until every running sentinel sees all running servers as they are, and the other running
    /// sentinels.
    pub(crate) fn wait_until_known(&self) {
        self.hurry(true);
        wait_until("the Sentinels know each other and all servers", || {
            let running: Vec<&Process> = self.running_sentinels().map(|(_, it)| it).collect();
            running.iter().all(|sentinel| {
                let mut connection = sentinel.connect();
                // Valkey 9.1 goes on to call a Sentinel `master_down` that has said so of the primary.
                let has = |flags: &str, flag: &str| {
                    let mut flags = flags.split(',').filter(|it| *it != "master_down");
                    flags.next() == Some(flag) && flags.next().is_none()
                };
                let good = |what: &str, flag: &str, connection: &mut Connection| {
                    let of: Vec<HashMap<String, String>> =
                        query(connection, &["SENTINEL", what, SERVICE]);
                    let good = of.iter().filter(|it| {
                        let status = it.get("master-link-status");
                        has(&it["flags"], flag) && status.is_none_or(|status| status == "ok")
                    });
                    good.count()
                };
                let primary: HashMap<String, String> =
                    query(&mut connection, &["SENTINEL", "MASTER", SERVICE]);
                let servers = self.servers.iter().filter(|it| it.runs()).count();
                has(&primary["flags"], "master")
                    && good("REPLICAS", "slave", &mut connection) == servers - 1
                    && good("SENTINELS", "sentinel", &mut connection) == running.len() - 1
            })
        });
        self.hurry(false);
    }

    /// Has the running sentinels look at all the others more often. Servers older than 7.0 cannot be told
    /// to.
    fn hurry(&self, hurry: bool) {
        self.set_down_after(if hurry { DOWN_AFTER } else { NEVER_DOWN });
        for (_, sentinel) in self.running_sentinels() {
            let mut connection = sentinel.connect();
            for (name, usual, short) in PERIODS {
                let period = if hurry { short } else { usual };
                let mut debug = cmd("SENTINEL");
                debug.arg("DEBUG").arg(name).arg(period);
                let _ = debug.exec(&mut connection);
            }
        }
    }

    fn set_down_after(&self, milliseconds: &str) {
        for (_, sentinel) in self.running_sentinels() {
            let name = "down-after-milliseconds";
            let words = ["SENTINEL", "SET", SERVICE, name, milliseconds];
            let _: String = query(&mut sentinel.connect(), &words);
        }
    }

    /// The URL with every sentinel.
    pub(crate) fn url(&self) -> String {
        self.url_with("")
    }

    /// The URL with every sentinel, and these parameters.
    pub(crate) fn url_with(&self, parameters: &str) -> String {
        let all: Vec<usize> = (0..self.watchers.len()).collect();
        self.url_of(&all, parameters)
    }

    /// The URL with these sentinels in this order, and these parameters.
    pub(crate) fn url_of(&self, sentinels: &[usize], parameters: &str) -> String {
        let addresses: Vec<String> = sentinels.iter().map(|it| self.address(*it)).collect();
        let userinfo = match &self.server_password {
            Some(password) => format!(":{password}@"),
            None => String::new(),
        };
        let parameters = [&self.parameters, parameters];
        let parameters: Vec<&str> = parameters.into_iter().filter(|it| !it.is_empty()).collect();
        let query = if parameters.is_empty() { "" } else { "?" };
        let (scheme, addresses) = (self.scheme, addresses.join(","));
        let parameters = parameters.join("&");
        format!("{scheme}://{userinfo}{addresses}/{SERVICE}{query}{parameters}")
    }

    /// A client with these parameters of its URL.
    pub(crate) fn client(&self, parameters: &str) -> Client {
        let url = self.url_with(parameters);
        Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// The address of a sentinel, as the URL has it.
    pub(crate) fn address(&self, sentinel: usize) -> String {
        format!("127.0.0.1:{}", self.watchers[sentinel].port())
    }

    /// The port of a server.
    pub(crate) fn port(&self, server: usize) -> u16 {
        self.servers[server].port()
    }

    /// Which server listens on `port`.
    pub(crate) fn server_on(&self, port: u16) -> usize {
        let found = self.servers.iter().position(|it| it.port() == port);
        found.expect("it is one of ours")
    }

    /// The primary, as soon as all running sentinels name the same.
    pub(crate) fn primary(&self) -> usize {
        let mut primary = None;
        wait_until("the sentinels agree on the primary", || {
            let named = self.running_sentinels();
            let named: HashSet<usize> = named.map(|(number, _)| self.primary_by(number)).collect();
            primary = named.iter().next().copied();
            named.len() == 1
        });
        primary.expect("one of them runs")
    }

    /// The primary, as this sentinel names it.
    pub(crate) fn primary_by(&self, sentinel: usize) -> usize {
        let mut connection = self.watchers[sentinel].connect();
        let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE];
        let (_, port): (String, u16) = query(&mut connection, &words);
        self.server_on(port)
    }

    /// The servers that run and are not the primary.
    pub(crate) fn replicas(&self) -> Vec<usize> {
        let primary = self.primary();
        let running = (0..self.servers.len()).filter(|it| self.servers[*it].runs());
        running.filter(|it| *it != primary).collect()
    }

    /// Has a running sentinel fail over, whether or not the primary is well.
    pub(crate) fn failover(&self) {
        let (_, sentinel) = self.running_sentinels().next().expect("one of them runs");
        let mut connection = sentinel.connect();
        let _: String = query(&mut connection, &["SENTINEL", "FAILOVER", SERVICE]);
    }

    /// Has a running sentinel fail over in agreement with the primary, which stops to take writes first.
    /// Returns whether it can.
    pub(crate) fn coordinated_failover(&self) -> bool {
        let (_, sentinel) = self.running_sentinels().next().expect("one of them runs");
        let mut failover = cmd("SENTINEL");
        failover.arg("FAILOVER").arg(SERVICE).arg("COORDINATED");
        match failover.query::<String>(&mut sentinel.connect()) {
            Ok(_) => true,
            Err(error) if error.to_string().contains("wrong number of arguments") => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Kills a server at once, as a crash does. The sentinels call it down two seconds later.
    pub(crate) fn kill(&mut self, server: usize) {
        self.set_down_after(DOWN_AFTER);
        self.servers[server].kill();
    }

    /// Starts a killed server again where it was, as a replica without data. From then on all servers are
    /// taken to be well.
    pub(crate) fn restart(&mut self, server: usize) {
        self.set_down_after(NEVER_DOWN);
        self.servers[server].restart();
        self.replicate(server, self.primary());
    }

    /// Makes a replica of each server that is not the primary, as the sentinels do some seconds after a
    /// failover, and waits until all is as it was at the start.
    pub(crate) fn settle(&self) {
        let primary = self.primary();
        for replica in self.replicas() {
            let info: String = query(&mut self.connect(replica), &["INFO", "replication"]);
            let of = format!("master_port:{}\r", self.port(primary));
            if !info.contains(&of) {
                self.replicate(replica, primary);
            }
        }
        self.wait_until_replicated(primary);
        self.wait_until_known();
    }

    fn replicate(&self, replica: usize, primary: usize) {
        let port = self.port(primary).to_string();
        let words = ["REPLICAOF", "127.0.0.1", &port];
        let _: String = query(&mut self.connect(replica), &words);
    }

    fn wait_until_replicated(&self, primary: usize) {
        let replicas = self.servers.iter().enumerate();
        let replicas = replicas.filter(|(number, it)| *number != primary && it.runs());
        for (_, replica) in replicas {
            wait_until("a replica has the data", || {
                let info: String = query(&mut replica.connect(), &["INFO", "replication"]);
                info.contains("role:slave") && info.contains("master_link_status:up")
            });
        }
    }

    /// Freezes a sentinel: connections stay open, and nothing answers.
    pub(crate) fn stop_sentinel(&mut self, sentinel: usize) {
        self.watchers[sentinel].stop();
    }

    /// Lets a frozen sentinel go on.
    pub(crate) fn cont_sentinel(&mut self, sentinel: usize) {
        self.watchers[sentinel].cont();
    }

    /// Kills a sentinel for good.
    pub(crate) fn kill_sentinel(&mut self, sentinel: usize) {
        self.watchers[sentinel].kill();
    }

    /// Listens to the sentinels that run now.
    pub(crate) fn switches(&self) -> Switches {
        let switches = Switches::default();
        for (number, sentinel) in self.running_sentinels() {
            switches.listen(number, sentinel.connect());
        }
        switches
    }

    /// A connection to a server.
    pub(crate) fn connect(&self, server: usize) -> Connection {
        self.servers[server].connect()
    }

    /// A connection to a sentinel.
    pub(crate) fn connect_to_sentinel(&self, sentinel: usize) -> Connection {
        self.watchers[sentinel].connect()
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
        let server = self.servers[server].server();
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

    fn running_sentinels(&self) -> impl Iterator<Item = (usize, &Process)> {
        let all = self.watchers.iter().enumerate();
        all.filter(|(_, sentinel)| sentinel.runs())
    }
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url())
    }
}

fn launch(mut builder: ServerBuilder, password: Option<&str>) -> Process {
    if let Some(password) = password {
        builder = builder.password(password);
    }
    Process::of(start(builder), password)
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
