//! [`Operation`]: what a caller does.

/// A command, a pipeline or a transaction, as spans and metrics tell of it.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "tracing"),
    expect(
        dead_code,
        reason = "metrics have its name alone, and without them there is nothing to tell"
    )
)]
pub(crate) struct Operation {
    /// The name of the command as the table has it, so never a text of the caller.
    pub(crate) name: &'static str,
    /// How many commands it has.
    pub(crate) commands: usize,
    /// The digest of the script that it runs, which is not the script.
    pub(crate) digest: Option<String>,
}
