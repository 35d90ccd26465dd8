use alloc::vec::Vec;

use super::attr::{AttributeFault, FaultReason, NextHop, PathAttribute, ReceivedAttributes};
use super::collect::Collected;
use super::{Action, AttributeCode, DecodeError, Dialect, PeerType, RawUpdate};
use crate::params::{Family, Prefix};

/// A defect and what it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The defect.
    pub fault: AttributeFault,
    /// What it asks for by itself; the most severe one of the UPDATE counts.
    pub action: Action,
}

/// Prefixes of one family with one next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Of the prefixes.
    pub family: Family,
    /// Where to.
    pub next_hop: NextHop,
    /// At least one.
    pub prefixes: Vec<Prefix>,
}

/// An UPDATE that can be relied on. Apply `withdrawn` first: a prefix in both is announced (RFC 4271 section 4.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// No longer reachable, both families.
    pub withdrawn: Vec<Prefix>,
    /// Reachable: at most one entry from the IPv4 fields and one from MP_REACH_NLRI.
    pub announced: Vec<Reach>,
    /// Of all that is announced; the default when nothing is.
    pub attributes: ReceivedAttributes,
    /// The peer has sent all it had (RFC 4724 section 2).
    pub end_of_rib: Option<Family>,
    /// What was wrong.
    pub findings: Vec<Finding>,
}

impl RawUpdate {
    /// Applies RFC 7606.
    ///
    /// # Errors
    /// A defect that only the end of the session can heal.
    pub fn treat(mut self, dialect: &Dialect) -> Result<Update, DecodeError> {
        let end_of_rib = self.end_of_rib(dialect);
        let announces = self.announces();
        // Without a prefix that could be read nothing tells what to withdraw (RFC 7606 section 5.2).
        let blind = !announces && self.has_more_than_unreach();
        self.pass_over_ipv4(dialect);
        self.find_semantic_faults(dialect);
        if announces {
            self.find_missing();
        }
        let findings: Vec<Finding> = self.faults.drain(..).map(Finding::new).collect();
        if let Some(finding) = findings.iter().find(|f| f.action == Action::SessionReset) {
            return Err(finding.to_error());
        }
        let withdraw = findings.iter().any(|f| f.action == Action::TreatAsWithdraw);
        if withdraw && blind {
            return Err(DecodeError::MalformedAttributeList);
        }
        let spoiled = |code| findings.iter().any(|finding| finding.spoils(code));
        self.attributes
            .retain(|attribute| !spoiled(attribute.code()));
        let update = Collected::from(self.attributes).into_update(self.announced);
        Ok(update.finish(withdraw, self.withdrawn, end_of_rib, findings))
    }

    /// No content at all, or an MP_UNREACH_NLRI alone that names no prefix (RFC 4724 section 2).
    fn end_of_rib(&self, dialect: &Dialect) -> Option<Family> {
        if !(self.withdrawn.is_empty() && self.announced.is_empty() && self.faults.is_empty()) {
            return None;
        }
        let family = match self.attributes.as_slice() {
            [] => Family::IPV4_UNICAST,
            [PathAttribute::MpUnreach(unreach)] if unreach.prefixes.is_empty() => unreach.family,
            _ => return None,
        };
        dialect.families.contains(family).then_some(family)
    }

    /// Whether the message says that anything can be reached, even if we do not want to know.
    fn announces(&self) -> bool {
        let passed_over = |fault: &AttributeFault| {
            fault.code == AttributeCode::MP_REACH_NLRI
                && matches!(fault.reason, FaultReason::FamilyNotNegotiated(_))
        };
        !self.announced.is_empty()
            || self
                .attributes
                .iter()
                .any(|a| matches!(a, PathAttribute::MpReach(reach) if !reach.prefixes.is_empty()))
            || self.faults.iter().any(passed_over)
    }

    fn has_more_than_unreach(&self) -> bool {
        let codes = self.attributes.iter().map(PathAttribute::code);
        let mut codes = codes.chain(self.faults.iter().map(|fault| fault.code));
        codes.any(|code| code != AttributeCode::MP_UNREACH_NLRI)
    }

    /// The fields outside the attributes are IPv4 unicast; without that family they are as good as not there.
    fn pass_over_ipv4(&mut self, dialect: &Dialect) {
        let family = Family::IPV4_UNICAST;
        let empty = self.withdrawn.is_empty() && self.announced.is_empty();
        if !empty && !dialect.families.contains(family) {
            self.withdrawn.clear();
            self.announced.clear();
            self.found(
                AttributeCode::NEXT_HOP,
                FaultReason::FamilyNotNegotiated(family),
            );
        }
    }

    /// What can be read and may not be there.
    fn find_semantic_faults(&mut self, dialect: &Dialect) {
        let found: Vec<_> = self
            .attributes
            .iter()
            .filter_map(|attribute| Some((attribute.code(), semantic_fault(attribute, dialect)?)))
            .collect();
        found
            .into_iter()
            .for_each(|(code, reason)| self.found(code, reason));
    }

    /// Mandatory attributes (RFC 4271 section 5, RFC 4760 section 3); one that is there but spoiled was reported already.
    fn find_missing(&mut self) {
        let next_hop = (!self.announced.is_empty()).then_some(AttributeCode::NEXT_HOP);
        for code in [AttributeCode::ORIGIN, AttributeCode::AS_PATH]
            .into_iter()
            .chain(next_hop)
        {
            let there = self
                .attributes
                .iter()
                .any(|attribute| attribute.code() == code)
                || self.faults.iter().any(|fault| fault.code == code);
            if !there {
                self.found(code, FaultReason::Missing);
            }
        }
    }

    fn found(&mut self, code: AttributeCode, reason: FaultReason) {
        self.faults.push(AttributeFault {
            code,
            reason,
            octets: Vec::new(),
        });
    }
}

impl Update {
    fn finish(
        mut self,
        withdraw: bool,
        withdrawn: Vec<Prefix>,
        end_of_rib: Option<Family>,
        findings: Vec<Finding>,
    ) -> Self {
        self.withdrawn.splice(..0, withdrawn);
        if withdraw {
            self.withdrawn
                .extend(self.announced.drain(..).flat_map(|reach| reach.prefixes));
        }
        if self.announced.is_empty() {
            self.attributes = ReceivedAttributes::default();
        }
        Self {
            end_of_rib,
            findings,
            ..self
        }
    }
}

impl Finding {
    fn new(fault: AttributeFault) -> Self {
        Self {
            action: Action::for_fault(fault.code, fault.reason),
            fault,
        }
    }

    /// Whether the attribute with this code is not to be used. Of multiprotocol attributes the prefixes still count.
    fn spoils(&self, code: AttributeCode) -> bool {
        let multiprotocol = matches!(
            code,
            AttributeCode::MP_REACH_NLRI | AttributeCode::MP_UNREACH_NLRI
        );
        self.fault.code == code && !multiprotocol && self.fault.reason != FaultReason::Duplicate
    }

    /// The NOTIFICATION's data is the attribute (RFC 4271 section 6.3), but for a list that is wrong as a whole.
    fn to_error(&self) -> DecodeError {
        let octets = || self.fault.octets.clone();
        if self.fault.reason == FaultReason::Duplicate {
            return DecodeError::MalformedAttributeList;
        }
        if self.fault.reason == FaultReason::Unrecognized {
            return DecodeError::UnrecognizedWellKnown(octets());
        }
        DecodeError::OptionalAttribute(octets())
    }
}

fn semantic_fault(attribute: &PathAttribute, dialect: &Dialect) -> Option<FaultReason> {
    match attribute {
        PathAttribute::AsPath(path) => path.defect(dialect.peer_type),
        // Its confederation segments are passed over in the merge (RFC 6793 section 6).
        PathAttribute::As4Path(path) => path.defect(PeerType::Internal),
        PathAttribute::Aggregator(aggregator) | PathAttribute::As4Aggregator(aggregator) => {
            aggregator.asn.is_zero().then_some(FaultReason::AsZero)
        }
        PathAttribute::MpReach(reach) => {
            let fault = !reach.prefixes.is_empty() && !reach.next_hop.is_usable();
            fault.then_some(FaultReason::Value)
        }
        PathAttribute::Origin(_)
        | PathAttribute::NextHop(_)
        | PathAttribute::MultiExitDisc(_)
        | PathAttribute::LocalPref(_)
        | PathAttribute::AtomicAggregate
        | PathAttribute::Communities(_)
        | PathAttribute::OriginatorId(_)
        | PathAttribute::ClusterList(_)
        | PathAttribute::MpUnreach(_)
        | PathAttribute::ExtendedCommunities(_)
        | PathAttribute::LargeCommunities(_)
        | PathAttribute::Unknown(_) => None,
    }
}
