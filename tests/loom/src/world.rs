//! [`World`]: what the parties share, the connection that they hand over, and a turn of driving it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;

use loom::sync::atomic::AtomicBool;
use loom::sync::{Arc, Mutex, MutexGuard, Notify};

use crate::handover::Handover;
use crate::queue::CommandQueue;
use crate::runtime::Wakers;

/// How many commands there are in a model: with one, an order in which a wake gets lost is never mended by
/// the wake for another.
pub(crate) const COMMANDS: u32 = 1;

/// When the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// As soon as a command is written.
    AtOnce,
    /// The command has been written before, and the reply comes at any time.
    AtAnyTime,
    Never,
}

pub(crate) struct World {
    pub(crate) handover: Handover<Transport>,
    queue: Mutex<CommandQueue>,
    server: Server,
    socket: Mutex<Socket>,
    /// The next resident may come, in the model of two.
    is_invited: AtomicBool,
    invitation: Notify,
    /// How many connections have been dropped.
    drops: std::sync::Arc<AtomicU32>,
}

/// The end of the socket where replies come that take their time.
#[derive(Default)]
struct Socket {
    unread: u32,
    /// Whom the reactor wakes for it, since the last read in vain.
    reader: Option<Waker>,
}

/// What it takes to drive.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) answered: u32,
    is_attached: bool,
    drops: std::sync::Arc<AtomicU32>,
}

/// How a turn has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Asleep,
    IoThread,
}

impl World {
    pub(crate) fn new(server: Server) -> Arc<World> {
        Arc::new(World {
            handover: Handover::new(),
            queue: Mutex::new(CommandQueue::new()),
            server,
            socket: Mutex::default(),
            is_invited: AtomicBool::new(false),
            invitation: Notify::new(),
            drops: std::sync::Arc::default(),
        })
    }

    pub(crate) fn connect(&self) -> Transport {
        Transport {
            answered: 0,
            is_attached: true,
            drops: std::sync::Arc::clone(&self.drops),
        }
    }

    pub(crate) fn drops(&self) -> u32 {
        self.drops.load(Ordering::Relaxed)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, CommandQueue> {
        self.queue.lock().unwrap()
    }

    // What callers and the server do.

    pub(crate) fn submit(&self) {
        let has_deadline = self.server == Server::Never;
        let next = self.lock().submit(has_deadline);
        next.run();
    }

    pub(crate) fn close(&self) {
        let mut wakers = Wakers::default();
        self.lock().close(&mut wakers);
        wakers.wake_all();
    }

    /// Waits until a resident is wanted.
    pub(crate) fn await_invitation(&self) {
        while !self.is_invited.load(Ordering::Acquire) {
            self.invitation.wait();
        }
    }

    pub(crate) fn reply(&self) {
        let reader = {
            let mut socket = self.socket.lock().unwrap();
            socket.unread += 1;
            socket.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    // What those who drive do.

    pub(crate) fn invite(&self) {
        self.is_invited.store(true, Ordering::Release);
        self.invitation.notify();
    }

    /// Writes what callers have left, reads, and sleeps if there is nothing more.
    pub(crate) fn take_turn(
        &self,
        transport: &mut Transport,
        keeps_time: bool,
        waker: &Waker,
    ) -> Turn {
        loop {
            let written = self.lock().take_unsent();
            let read = self.read(written, transport, waker);
            if read > 0 {
                transport.answered += read;
                continue;
            }
            let mut queue = self.lock();
            if queue.is_closed() || keeps_time && queue.alarm_is_late() {
                return Turn::IoThread;
            }
            if !queue.has_unsent() {
                queue.driver_sleeps();
                return Turn::Asleep;
            }
        }
    }

    /// Returns how many replies there are to what was `written` just now, or earlier.
    fn read(&self, written: u32, transport: &Transport, waker: &Waker) -> u32 {
        match self.server {
            Server::AtOnce => written,
            Server::Never => 0,
            Server::AtAnyTime => {
                assert!(transport.is_attached, "a reactor tells of replies");
                let mut socket = self.socket.lock().unwrap();
                if socket.unread == 0 {
                    socket.reader = Some(waker.clone());
                }
                std::mem::take(&mut socket.unread)
            }
        }
    }

    /// Registers the socket with the reactor of the party at hand, of which that wakes none yet.
    pub(crate) fn attach(&self, transport: &mut Transport) {
        self.detach(transport);
        transport.is_attached = true;
    }

    pub(crate) fn detach(&self, transport: &mut Transport) {
        transport.is_attached = false;
        if self.server == Server::AtAnyTime {
            let reader = self.socket.lock().unwrap().reader.take();
            drop(reader);
        }
    }
}

impl Transport {
    pub(crate) fn is_attached(&self) -> bool {
        self.is_attached
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}
