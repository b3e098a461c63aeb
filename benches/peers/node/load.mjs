// The same closed loop for the clients of Node.js: takes the words and prints the line of src/measurement.rs
// and src/sample.rs. `tasks` is how many asynchronous functions call at the same time.
import { readFileSync } from "node:fs";

const words = Object.fromEntries(
  process.argv.slice(2).map((word) => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)];
  }),
);
const KEYS = 10_000;
const WARM_UP = 300;
const seconds = Number(words.seconds);
const pipeline = Number(words.pipeline);
const value = "0123456789".repeat(Math.ceil(words.value / 10)).slice(0, words.value);
const url = new URL(words.url);
const authority = url.searchParams.get("tls_ca");
const tls = authority ? { ca: readFileSync(authority) } : undefined;
url.search = "";

const clients = {
  async ioredis() {
    const { Redis } = await import("ioredis");
    const client =
      url.protocol === "unix:" ? new Redis({ path: url.pathname }) : new Redis(url.href, { tls });
    await client.ping();
    return {
      send: ({ key, set }) => (set ? client.set(key, value) : client.get(key)),
      async pipeline(commands) {
        const batch = client.pipeline();
        for (const { key, set } of commands) set ? batch.set(key, value) : batch.get(key);
        for (const [error] of await batch.exec()) if (error) throw error;
      },
    };
  },
  async "node-redis"() {
    const { createClient } = await import("redis");
    const client = createClient(
      url.protocol === "unix:"
        ? { socket: { path: url.pathname } }
        : { url: url.href, socket: tls && { tls: true, ...tls } },
    );
    await client.connect();
    return {
      send: ({ key, set }) => (set ? client.set(key, value) : client.get(key)),
      pipeline(commands) {
        const batch = client.multi();
        for (const { key, set } of commands) set ? batch.set(key, value) : batch.get(key);
        return batch.execAsPipeline();
      },
    };
  },
};

const next = () => ({
  key: `key:${Math.floor(Math.random() * KEYS)}`,
  set: Math.random() < 0.5,
});
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Work of src/work.rs: rounds of arithmetic, each of which needs the number of the round before.
let result = 1;
function spin(rounds) {
  let number = result;
  for (let round = 0; round < rounds; round++) {
    number ^= number << 13;
    number ^= number >>> 17;
    number ^= number << 5;
  }
  result = number;
}

// How many rounds take so many microseconds when nothing else runs on the core.
function rounds(micros) {
  if (micros === 0) return 0;
  const probe = 10_000;
  let shortest = Infinity;
  for (let probes = 0; probes < 1_000; probes++) {
    const start = process.hrtime.bigint();
    spin(probe);
    shortest = Math.min(shortest, Number(process.hrtime.bigint() - start));
  }
  return Math.floor((probe * micros * 1_000) / shortest);
}

const work = rounds(Number(words.work));
let counting = false;
let over = false;
const latencies = [];

async function task(client) {
  while (!over) {
    const start = performance.now();
    if (pipeline === 1) await client.send(next());
    else await client.pipeline(Array.from({ length: pipeline }, next));
    if (counting) latencies.push(performance.now() - start);
    spin(work);
  }
}

// User and system time of the server, in microseconds.
function serverCpu() {
  const stat = readFileSync(`/proc/${words.server}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const client = await clients[words.client]();
const running = Array.from({ length: Number(words.tasks) }, () => task(client));
await sleep(WARM_UP);
const before = { client: process.cpuUsage(), server: serverCpu() };
const start = performance.now();
counting = true;
await sleep(seconds * 1_000);
counting = false;
const elapsed = (performance.now() - start) / 1_000;
const spent = process.cpuUsage(before.client);
const spentByServer = serverCpu() - before.server;
over = true;
await Promise.all(running);

const commands = latencies.length * pipeline;
const sorted = Float64Array.from(latencies).sort();
const at = (share) => (sorted[Math.floor(sorted.length * share)] * 1_000).toFixed(1);
const cpu = ((spent.user + spent.system) / commands).toFixed(2);
console.log(Math.round(commands / elapsed), at(0.5), at(0.99), cpu, (spentByServer / commands).toFixed(2));
process.exit(0);
