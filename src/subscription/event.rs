//! [`Event`]: what a subscription receives.

use super::gap::Gap;
use super::message::Message;
use crate::error::Error;

/// Tells what a [`Subscription`](crate::Subscription) has received.
///
/// There will be no other events: a `match` over these three is complete, and needs no `_`.
#[derive(Debug, Clone)]
pub enum Event {
    /// A message.
    Message(Message),
    /// From here on nothing is received from the channels, or from some of them, and a [`Gap`](Event::Gap)
    /// follows once they are subscribed again. What is kept up to date by messages is out of date until then.
    ///
    /// The error says why. It comes again with another error if something keeps the client from subscribing
    /// again that waiting alone does not change, such as a password that is not accepted any more; not with
    /// every attempt, though. The client goes on trying.
    Lost(Error),
    /// Messages may be missing at this place. The channels [that it is about](Gap::concerns) are
    /// subscribed again, and what follows is received as it comes.
    Gap(Gap),
}

impl Event {
    /// Returns the message, if it is one.
    #[must_use]
    pub fn into_message(self) -> Option<Message> {
        match self {
            Event::Message(message) => Some(message),
            Event::Lost(_) | Event::Gap(_) => None,
        }
    }
}
