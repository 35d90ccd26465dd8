use core::net::Ipv6Addr;

/// Why a message has no effect. All of it is the sender's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Discarded {
    /// It ends before its fixed part does.
    #[error("the message ends too early")]
    Short,
    /// Another ICMPv6 message.
    #[error("ICMPv6 type {0} is neither router solicitation nor advertisement")]
    Type(u8),
    /// Its ICMPv6 code is not 0.
    #[error("ICMPv6 code {0} is not 0")]
    Code(u8),
    /// It may have come from another link (RFC 4861 section 6.1).
    #[error("hop limit {0} is not 255")]
    HopLimit(u8),
    /// An advertisement from an address that is not link-local (RFC 4861 section 6.1.2).
    #[error("the source {0} of an advertisement is not link-local")]
    Source(Ipv6Addr),
    /// An option is empty, or longer than the message.
    #[error("an option does not have its length")]
    OptionLength,
    /// A solicitation without source gives a link-layer address (RFC 4861 section 6.1.1).
    #[error("a solicitation without source gives a link-layer address")]
    SourceOption,
    /// No peer is configured on the interface.
    #[error("no peer is on its interface")]
    Interface,
    /// It is ours, from another interface on the same segment.
    #[error("it comes from this node")]
    Own,
    /// More routers than are remembered.
    #[error("too many routers on the link")]
    TooMany,
}

impl Discarded {
    /// As metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "Short",
            Self::Type(_) => "Type",
            Self::Code(_) => "Code",
            Self::HopLimit(_) => "HopLimit",
            Self::Source(_) => "Source",
            Self::OptionLength => "OptionLength",
            Self::SourceOption => "SourceOption",
            Self::Interface => "Interface",
            Self::Own => "Own",
            Self::TooMany => "TooMany",
        }
    }
}
