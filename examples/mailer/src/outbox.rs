//! [`Outbox`]: delivers mails, here into files. With lettre's SMTP transport it would be a mail server.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fs, io};

use lettre::message::Mailbox;
use lettre::{FileTransport, Message, Transport};

use crate::mail::Mail;

/// What has become of a mail that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Done,
    /// It had been delivered already, by a worker that has died before it could say so.
    DoneBefore,
}

pub type DeliveryError = Box<dyn Error + Send + Sync>;

/// A directory with one file for each mail.
#[derive(Debug, Clone)]
pub struct Outbox {
    directory: PathBuf,
}

impl Outbox {
    /// Makes the directory, if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn open(directory: impl Into<PathBuf>) -> io::Result<Outbox> {
        let outbox = Outbox {
            directory: directory.into(),
        };
        fs::create_dir_all(outbox.unfinished())?;
        Ok(outbox)
    }

    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of a mail.
    #[must_use]
    pub fn file(&self, mail: &Mail) -> PathBuf {
        self.directory
            .join(format!("{}-{}.eml", mail.tenant, mail.id))
    }

    fn unfinished(&self) -> PathBuf {
        self.directory.join("unfinished")
    }

    /// Delivers a mail once, however often it is called and from how many workers.
    ///
    /// # Errors
    ///
    /// If an address is invalid, its host is one that does not exist, or the file cannot be written.
    pub async fn deliver(&self, mail: &Mail) -> Result<Delivery, DeliveryError> {
        let (outbox, mail) = (self.clone(), mail.clone());
        tokio::task::spawn_blocking(move || outbox.deliver_now(&mail)).await?
    }

    fn deliver_now(&self, mail: &Mail) -> Result<Delivery, DeliveryError> {
        let message = message(mail)?;
        // The transport makes a file with a random name. A second name for it appears at once and with all of its
        // content, and only if there is none yet: so of two workers one has delivered the mail.
        let unfinished = self.unfinished();
        let name = FileTransport::new(&unfinished).send(&message)?;
        let written = unfinished.join(format!("{name}.eml"));
        let linked = fs::hard_link(&written, self.file(mail));
        fs::remove_file(&written)?;
        match linked {
            Ok(()) => Ok(Delivery::Done),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Delivery::DoneBefore),
            Err(error) => Err(error.into()),
        }
    }
}

fn message(mail: &Mail) -> Result<Message, DeliveryError> {
    let to: Mailbox = mail.to.parse()?;
    // The name that never exists (RFC 2606) plays a mail server that cannot be reached.
    let domain = to.email.domain();
    if domain == "invalid" || domain.ends_with(".invalid") {
        return Err(format!("there is no host `{domain}`").into());
    }
    let message = Message::builder()
        .from(mail.from.parse()?)
        .to(to)
        .subject(&*mail.subject)
        .message_id(Some(format!("<{}@{}.example>", mail.id, mail.tenant)))
        .body(mail.text.clone())?;
    Ok(message)
}
