//! The queue: how its driver and watcher are woken is the source of the crate, the rest only counts.

mod after_unlock;
mod alarm {
    include!(concat!(env!("OUT_DIR"), "/alarm.rs"));
}
mod command_queue;
mod driver_wakeup {
    include!(concat!(env!("OUT_DIR"), "/driver_wakeup.rs"));
}
mod parties {
    include!(concat!(env!("OUT_DIR"), "/parties.rs"));
}

pub(crate) use self::command_queue::CommandQueue;
