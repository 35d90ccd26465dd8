/// Why a datagram was discarded: the sender's fault, but for `UnknownPeer` and `AdminDown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Discarded {
    /// Shorter than a BFD Control packet, or so its Length says.
    #[error("shorter than the 24 octets of a BFD Control packet")]
    TooShort,
    /// Another version than 1.
    #[error("not version 1")]
    Version,
    /// The datagram ends before Length does.
    #[error("Length is more than what came")]
    Length,
    /// Detect Mult is 0.
    #[error("Detect Mult is 0")]
    DetectMultiplier,
    /// The M bit is set.
    #[error("the Multipoint bit is set")]
    Multipoint,
    /// My Discriminator is 0.
    #[error("My Discriminator is 0")]
    MyDiscriminator,
    /// The A bit is set, and no session here has authentication.
    #[error("authentication is not in use here")]
    Authentication,
    /// Your Discriminator is 0, and the state says that the sender knows us.
    #[error("Your Discriminator is 0 in state Init or Up")]
    YourDiscriminator,
    /// Your Discriminator is not of a session here: it may be one from before a restart.
    #[error("Your Discriminator is not of a session here")]
    UnknownDiscriminator,
    /// Your Discriminator is 0, and the addresses are not of a configured peer.
    #[error("not from a configured peer")]
    UnknownPeer,
    /// A session over a single hop was spoken to at the port of multihop, or the other way round.
    #[error("came to the port of the other kind of session (single hop, multihop)")]
    Port,
    /// It passed more routers than it may have: TTL (hop limit) below 255 for a single hop (RFC 5881 section 5), below
    /// the configured minimum for multihop.
    #[error("TTL or hop limit is too low")]
    TimeToLive,
    /// The session is taken down by us.
    #[error("the session is administratively down")]
    AdminDown,
}

impl Discarded {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::TooShort,
        Self::Version,
        Self::Length,
        Self::DetectMultiplier,
        Self::Multipoint,
        Self::MyDiscriminator,
        Self::Authentication,
        Self::YourDiscriminator,
        Self::UnknownDiscriminator,
        Self::UnknownPeer,
        Self::Port,
        Self::TimeToLive,
        Self::AdminDown,
    ];

    /// As metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooShort => "TooShort",
            Self::Version => "Version",
            Self::Length => "Length",
            Self::DetectMultiplier => "DetectMultiplier",
            Self::Multipoint => "Multipoint",
            Self::MyDiscriminator => "MyDiscriminator",
            Self::Authentication => "Authentication",
            Self::YourDiscriminator => "YourDiscriminator",
            Self::UnknownDiscriminator => "UnknownDiscriminator",
            Self::UnknownPeer => "UnknownPeer",
            Self::Port => "Port",
            Self::TimeToLive => "TimeToLive",
            Self::AdminDown => "AdminDown",
        }
    }
}
