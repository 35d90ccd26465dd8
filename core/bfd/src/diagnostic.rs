use core::fmt;

/// The reason of the last change of state (RFC 5880 section 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Diagnostic {
    /// 0.
    #[default]
    None,
    /// 1: nothing came for the detection time.
    ControlDetectionTimeExpired,
    /// 2.
    EchoFunctionFailed,
    /// 3: the other side said so.
    NeighborSignaledSessionDown,
    /// 4.
    ForwardingPlaneReset,
    /// 5.
    PathDown,
    /// 6.
    ConcatenatedPathDown,
    /// 7.
    AdministrativelyDown,
    /// 8.
    ReverseConcatenatedPathDown,
    /// 9 to 31: not assigned by RFC 5880. Only the five lowest bits are ever sent.
    Other(u8),
}

impl Diagnostic {
    /// The number of it, 0 to 31.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::ControlDetectionTimeExpired => 1,
            Self::EchoFunctionFailed => 2,
            Self::NeighborSignaledSessionDown => 3,
            Self::ForwardingPlaneReset => 4,
            Self::PathDown => 5,
            Self::ConcatenatedPathDown => 6,
            Self::AdministrativelyDown => 7,
            Self::ReverseConcatenatedPathDown => 8,
            Self::Other(code) => code & 0b1_1111,
        }
    }

    /// As metrics, status and debug page name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::ControlDetectionTimeExpired => "ControlDetectionTimeExpired",
            Self::EchoFunctionFailed => "EchoFunctionFailed",
            Self::NeighborSignaledSessionDown => "NeighborSignaledSessionDown",
            Self::ForwardingPlaneReset => "ForwardingPlaneReset",
            Self::PathDown => "PathDown",
            Self::ConcatenatedPathDown => "ConcatenatedPathDown",
            Self::AdministrativelyDown => "AdministrativelyDown",
            Self::ReverseConcatenatedPathDown => "ReverseConcatenatedPathDown",
            Self::Other(_) => "Other",
        }
    }
}

impl From<u8> for Diagnostic {
    fn from(code: u8) -> Self {
        match code & 0b1_1111 {
            0 => Self::None,
            1 => Self::ControlDetectionTimeExpired,
            2 => Self::EchoFunctionFailed,
            3 => Self::NeighborSignaledSessionDown,
            4 => Self::ForwardingPlaneReset,
            5 => Self::PathDown,
            6 => Self::ConcatenatedPathDown,
            7 => Self::AdministrativelyDown,
            8 => Self::ReverseConcatenatedPathDown,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_as_it_is_written() {
        for code in 0..32 {
            assert_eq!(Diagnostic::from(code).code(), code);
        }
        assert_eq!(Diagnostic::Other(0xff).code(), 31, "five bits are sent");
    }
}
