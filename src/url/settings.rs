//! What some parameters of a URL choose between.

/// Names a version of the Redis protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RESP2.
    Resp2,
    /// RESP3.
    Resp3,
}

/// Says what of the server's certificate is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsVerify {
    /// The chain up to a trusted authority, and the host name.
    #[default]
    Full,
    /// The chain, not the host name.
    Ca,
    /// Nothing: anyone in between can read and change everything.
    None,
}

/// Says which node reads are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadFrom {
    /// The primary.
    Primary,
    /// A replica.
    Replica,
    /// A replica, the primary where there is none.
    PreferReplica,
}
