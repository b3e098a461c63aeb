use std::task::Waker;
use std::time::{Duration, Instant};

use redis::Value;

use super::super::super::timeouts::Timeouts;
use super::super::waiters::Waiters;
use super::{
    NotReady, PROBE_INTERVAL, Question, Verdict, may_leave_replica, probe_command, verdict,
};
use crate::resp::{Refusal, Unavailable};
use crate::runtime::Wakers;

const TIMEOUTS: Timeouts = Timeouts {
    response_timeout: Duration::from_secs(1),
    deadline: Duration::from_secs(4),
};
const LOADING: Refusal = Refusal::Unavailable(Unavailable::Loading);
const CLUSTER_DOWN: Refusal = Refusal::Unavailable(Unavailable::ClusterDown);
const PRIMARY: &str = "*3\r\n$6\r\nmaster\r\n:0\r\n*0";
const REPLICA: &str = "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0";
const NOT_ALLOWED: &str = "-NOPERM no";

fn reply(text: &str) -> Value {
    redis::parse_redis_value(format!("{text}\r\n").as_bytes()).expect("RESP")
}

/// What waits for the server, at a time that the test counts.
struct Scene {
    not_ready: NotReady,
    waiters: Waiters<()>,
    now: Instant,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            not_ready: NotReady::default(),
            waiters: Waiters::default(),
            now: Instant::now(),
        }
    }

    /// Returns after which time the I/O thread has to look.
    fn park(&mut self, refusal: Refusal) -> Duration {
        let waiter = self.waiters.wait(Waker::noop().clone());
        let until = self.now + TIMEOUTS.deadline;
        let due = self
            .not_ready
            .park(waiter, until, refusal, TIMEOUTS, self.now);
        due.saturating_duration_since(self.now)
    }

    /// Looks after this time; returns the probe that is due, and after which time to look again.
    fn poll(&mut self, after: Duration) -> (Option<&'static str>, Option<Duration>) {
        self.now += after;
        let mut wakers = Wakers::default();
        let (next, probe) =
            self.not_ready
                .poll(self.now, true, || (), &mut self.waiters, &mut wakers);
        wakers.wake_all();
        let name = |command| {
            std::str::from_utf8(command)
                .expect("a command")
                .lines()
                .nth(2)
        };
        let probe = probe.and_then(|probe| name(probe.command));
        (
            probe,
            next.map(|next| next.saturating_duration_since(self.now)),
        )
    }

    fn answer(&mut self, text: &str) -> bool {
        self.not_ready.probed(Some(&reply(text)), self.now)
    }
}

#[test]
fn an_answer_tells_whether_the_server_serves() {
    for (cause, answer, expected) in [
        (&Refusal::ReadOnly, PRIMARY, Verdict::Serves),
        (&Refusal::ReadOnly, REPLICA, Verdict::Refuses),
        (&Refusal::ReadOnly, NOT_ALLOWED, Verdict::Unknown),
        (&CLUSTER_DOWN, "$16\r\ncluster_state:ok", Verdict::Serves),
        (&CLUSTER_DOWN, "$18\r\ncluster_state:fail", Verdict::Refuses),
        (&CLUSTER_DOWN, NOT_ALLOWED, Verdict::Unknown),
        (&LOADING, "+PONG", Verdict::Serves),
        (&LOADING, "-LOADING wait", Verdict::Refuses),
        (&LOADING, NOT_ALLOWED, Verdict::Unknown),
    ] {
        assert_eq!(verdict(cause, &reply(answer)), expected, "{answer}");
    }
}

#[test]
fn the_question_fits_the_refusal_or_is_one_that_most_may_ask() {
    for (cause, question, name) in [
        (&Refusal::ReadOnly, Question::First, "ROLE"),
        (&CLUSTER_DOWN, Question::First, "CLUSTER"),
        (&LOADING, Question::First, "PING"),
        (&Refusal::ReadOnly, Question::Second, "DBSIZE"),
        (&LOADING, Question::Second, "DBSIZE"),
    ] {
        let command = std::str::from_utf8(probe_command(cause, question)).expect("a command");
        assert_eq!(command.lines().nth(2), Some(name));
    }
}

#[test]
fn replicas_are_left_once_a_second_at_most() {
    let now = Instant::now();
    assert!(may_leave_replica(None, now));
    assert!(!may_leave_replica(Some(now), now));
    assert!(may_leave_replica(Some(now), now + Duration::from_secs(1)));
}

#[test]
fn a_server_that_refuses_is_probed_until_it_serves() {
    let mut scene = Scene::new();
    assert_eq!(scene.park(LOADING), PROBE_INTERVAL);
    assert_eq!(scene.poll(Duration::ZERO), (None, Some(PROBE_INTERVAL)));
    assert_eq!(scene.poll(PROBE_INTERVAL).0, Some("PING"));
    assert_eq!(
        scene.poll(PROBE_INTERVAL).0,
        None,
        "its answer is outstanding"
    );
    assert!(!scene.answer("-LOADING wait"));
    assert_eq!(scene.poll(PROBE_INTERVAL).0, Some("PING"));
    assert!(scene.answer("+PONG"));
}

#[test]
fn without_a_question_that_may_be_asked_half_of_the_time_is_waited() {
    let mut scene = Scene::new();
    scene.park(LOADING);
    let start = scene.now;
    scene.poll(PROBE_INTERVAL);
    assert!(!scene.answer(NOT_ALLOWED));
    assert_eq!(scene.poll(PROBE_INTERVAL).0, Some("DBSIZE"));
    assert!(!scene.answer(NOT_ALLOWED));
    let (probe, next) = scene.poll(PROBE_INTERVAL);
    let half = TIMEOUTS.deadline / 2;
    assert_eq!(
        (probe, next),
        (
            None,
            Some(half.saturating_sub(scene.now.saturating_duration_since(start)))
        )
    );
    assert_eq!(scene.park(LOADING), half);
    scene.poll(half);
    assert!(!scene.not_ready.has_parked());
}

#[test]
fn of_a_cluster_that_is_down_nothing_else_is_asked() {
    let mut scene = Scene::new();
    scene.park(CLUSTER_DOWN);
    assert_eq!(scene.poll(PROBE_INTERVAL).0, Some("CLUSTER"));
    assert!(!scene.answer(NOT_ALLOWED));
    assert_eq!(scene.poll(PROBE_INTERVAL).0, None);
}

#[test]
fn no_probe_is_sent_for_callers_that_have_gone() {
    let mut scene = Scene::new();
    scene.park(LOADING);
    scene.poll(TIMEOUTS.deadline.saturating_sub(PROBE_INTERVAL * 2));
    assert!(!scene.answer("-LOADING wait"));
    assert_eq!(scene.poll(PROBE_INTERVAL * 2), (None, None));
}

#[test]
fn a_replica_is_probed_at_once_and_left_once_what_it_owes_has_had_its_time() {
    let mut scene = Scene::new();
    assert_eq!(scene.park(Refusal::ReadOnly), Duration::ZERO);
    assert_eq!(scene.poll(Duration::ZERO).0, Some("ROLE"));
    assert!(!scene.answer(REPLICA));
    let until = scene.now + TIMEOUTS.response_timeout;
    assert_eq!(scene.not_ready.leaving_until(), Some(until));
    let (probe, next) = scene.poll(PROBE_INTERVAL);
    assert_eq!(
        (probe, next),
        (None, Some(until.saturating_duration_since(scene.now)))
    );
    // The next server is a replica as well: that has to be looked at for a second.
    assert!(scene.not_ready.reconnected(scene.now));
    assert_eq!(scene.poll(Duration::ZERO).0, Some("ROLE"));
    assert!(!scene.answer(REPLICA));
    assert_eq!(scene.not_ready.leaving_until(), None);
    assert_eq!(scene.poll(PROBE_INTERVAL).0, Some("ROLE"));
    // It does not tell, but it is another server than the one that refused.
    assert!(scene.answer(NOT_ALLOWED));
}

/// Another server is found only by leaving this one.
#[test]
fn a_replica_that_does_not_tell_its_role_is_left() {
    let mut scene = Scene::new();
    scene.park(Refusal::ReadOnly);
    scene.poll(Duration::ZERO);
    assert!(!scene.answer(NOT_ALLOWED));
    assert!(scene.not_ready.leaving_until().is_some());
}

#[test]
fn the_role_is_asked_for_once_a_second_without_a_caller_that_waits() {
    let mut scene = Scene::new();
    assert!(scene.not_ready.ask_role(TIMEOUTS, scene.now));
    assert!(
        !scene
            .not_ready
            .ask_role(TIMEOUTS, scene.now + TIMEOUTS.deadline),
        "it is being asked"
    );
    assert_eq!(scene.poll(Duration::ZERO).0, Some("ROLE"));
    assert!(scene.answer(PRIMARY));
    assert_eq!(scene.poll(PROBE_INTERVAL), (None, None));
    assert!(!scene.not_ready.ask_role(TIMEOUTS, scene.now));
    assert!(
        scene
            .not_ready
            .ask_role(TIMEOUTS, scene.now + Duration::from_secs(1))
    );
}

#[test]
fn a_connection_that_is_left_is_asked_nothing() {
    let mut scene = Scene::new();
    scene
        .not_ready
        .leave_connection(scene.now + TIMEOUTS.deadline);
    assert!(!scene.not_ready.ask_role(TIMEOUTS, scene.now));
    assert_eq!(scene.poll(Duration::ZERO), (None, Some(TIMEOUTS.deadline)));
}
