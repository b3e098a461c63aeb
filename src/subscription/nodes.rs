//! Which node of a cluster a link leads to, and where its topics go when that is another one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::errors::moved;
use super::hub::Hub;
use super::ids::LinkId;
use super::link::Scope;
use super::topic::Topic;
use crate::cluster::{Cluster, Place, Slot};
use crate::connect::random_below;
use crate::error::Error;

/// Time between two looks for the node of channels whose own node cannot be reached, for the first
/// [`LONG_OUTAGE`].
const PLACE_INTERVAL: Duration = Duration::from_millis(150);
/// Part of an outage in which the node of channels is looked for often.
const LONG_OUTAGE: Duration = Duration::from_secs(10);
/// Time between two such looks after [`LONG_OUTAGE`].
const LONG_OUTAGE_INTERVAL: Duration = Duration::from_millis(500);
/// Time between two looks whether the node of a connection still serves what the connection is for.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// How often any node is asked for before one is taken that has just failed.
const MAX_CHOICES: usize = 3;

/// Returns any primary, if possible another one than the last.
pub(super) async fn other_place(
    cluster: &Cluster,
    last: Option<&Place>,
    hub: &Hub,
) -> Result<Place, Error> {
    let limit = hub.config.connect_timeout();
    let mut place = cluster.any_place(limit).await?;
    for _ in 1..MAX_CHOICES {
        if last.map(Place::address) != Some(place.address()) {
            break;
        }
        place = cluster.any_place(limit).await?;
    }
    Ok(place)
}

/// Ends once a node does not serve slots any more: messages do not reach one that has left the cluster.
pub(super) async fn until_no_member(hub: &Hub, cluster: &Arc<Cluster>, place: &Place) {
    loop {
        look(hub, cluster, CHECK_INTERVAL).await;
        if !cluster.serves(place) {
            return;
        }
    }
}

/// Moves the channels of a connection whose slots another node serves by now, and calls `start_tasks` for the
/// links that this has made. A node that is cut off from its cluster does not say so.
pub(super) async fn follow_slots(
    hub: &Hub,
    cluster: &Arc<Cluster>,
    link: LinkId,
    place: &Place,
    start_tasks: impl Fn(),
) {
    let mut since = Instant::now();
    loop {
        look(hub, cluster, CHECK_INTERVAL).await;
        let error = moved(&place.target().to_string());
        if move_topics(hub, cluster, link, place, since, &error) {
            start_tasks();
        }
        since = Instant::now();
    }
}

/// Moves channels to the nodes that serve their slots now, again and again, while their own node cannot be
/// reached. Calls `start_tasks` as [`follow_slots`] does.
pub(super) async fn move_channels(
    hub: &Hub,
    cluster: &Arc<Cluster>,
    link: LinkId,
    place: &Place,
    start_tasks: impl Fn(),
) {
    let begin = Instant::now();
    loop {
        let interval = if begin.elapsed() < LONG_OUTAGE {
            PLACE_INTERVAL
        } else {
            LONG_OUTAGE_INTERVAL
        };
        look(hub, cluster, interval).await;
        let error = moved(&place.target().to_string());
        if move_topics(hub, cluster, link, place, begin, &error) {
            start_tasks();
        }
    }
}

/// Waits for `interval` and up to a half more, and then for a slot table of then, which all links share.
async fn look(hub: &Hub, cluster: &Arc<Cluster>, interval: Duration) {
    let part = u32::try_from(random_below(100)).unwrap_or(0);
    tokio::time::sleep(interval + interval * part / 200).await;
    let is_time = hub.lock().may_look(Instant::now(), interval / 2);
    if is_time {
        cluster.refresh(hub.config.response_timeout()).await;
    }
}

/// Moves the topics of a link that another node than that at `place` serves; returns whether there are any.
fn move_topics(
    hub: &Hub,
    cluster: &Cluster,
    link: LinkId,
    place: &Place,
    since: Instant,
    error: &Error,
) -> bool {
    let topics = hub.lock().topics.of_link(link);
    let mut moves: Vec<(Place, Vec<Topic>)> = Vec::new();
    for topic in topics {
        let Some(now) = cluster.known_place(Slot::of_key(&topic.name)) else {
            continue;
        };
        if now.address() == place.address() {
            continue;
        }
        let same = |(to, _): &&mut (Place, Vec<Topic>)| to.address() == now.address();
        match moves.iter_mut().find(same) {
            Some((_, topics)) => topics.push(topic),
            None => moves.push((now, vec![topic])),
        }
    }
    let has_moved = !moves.is_empty();
    hub.change(|switchboard, wakers| {
        for (to, topics) in moves {
            let to = switchboard.link_to(Scope::Node(to));
            switchboard.move_away(link, to, topics, since, error, wakers);
        }
    });
    has_moved
}
