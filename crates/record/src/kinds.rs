//! The names of the kinds, for readers that know nothing else about them.
//!
//! Lives elsewhere: what a kind means, its fields and rules (`ledger`, whose table a test of the whole
//! program holds equal to this one). Always: a number keeps its name for ever.

use crate::system;

/// The ledger's kinds: number and name, ascending.
#[rustfmt::skip]
pub const DOMAIN_KINDS: [(u16, &str); 72] = [
    (101, "AreaRegistered"), (102, "AreaAmended"), (103, "AreaClosed"), (104, "VillageExited"),
    (110, "HouseholdRegistered"), (111, "HouseholdAmended"), (112, "HouseholdMoved"),
    (113, "HouseholdSplit"), (114, "HouseholdsMerged"), (115, "HouseholdExited"),
    (116, "HouseholdReturned"), (117, "HouseholdRemoved"), (118, "HouseholdReinstated"),
    (119, "HouseholdDissolved"), (120, "MemberAdded"), (121, "MemberAmended"), (122, "MemberLeft"),
    (123, "MemberDied"), (124, "MemberMoved"), (130, "AccountBound"), (131, "AccountReleased"),
    (140, "ProjectRegistered"), (141, "ProjectAmended"), (142, "ProjectClosed"),
    (145, "LoanRegistered"), (146, "LoanClosed"), (201, "SchemeAdopted"), (202, "PairingAdopted"),
    (203, "PurposesAdopted"), (204, "FlowsAdopted"), (205, "CapRuleAdopted"),
    (206, "ApprovalRuleAdopted"), (207, "FlagParametersAdopted"), (208, "AreasAdopted"),
    (209, "BaselineSet"), (210, "PeriodRuleAdopted"), (300, "VoucherPosted"),
    (310, "OpeningBalance"), (311, "TrancheOpened"), (312, "QuotaIssued"), (313, "QuotaReleased"),
    (314, "QuotaWithdrawn"), (320, "TransferSent"), (321, "TransferReceived"),
    (322, "TransferReturned"), (330, "DisbursedToHousehold"), (331, "DisbursedToProject"),
    (332, "BenefitAttributed"), (333, "BenefitWithdrawn"), (340, "PaymentReturned"),
    (341, "OverpaymentRepaid"), (342, "ProjectSurplusReturned"), (343, "FundsReturnedUp"),
    (350, "Reversed"), (360, "IncomeDeclared"), (361, "IncomeDistributed"), (370, "PeriodClosed"),
    (371, "BalanceAsserted"), (401, "FindingOpened"), (402, "FindingExplained"),
    (403, "FindingReferred"), (404, "FindingClosed"), (405, "FindingReopened"),
    (500, "OrganisationRegistered"), (501, "RoleGranted"), (502, "RoleRevoked"),
    (503, "OfficialKeyRegistered"), (504, "CertificateBound"), (505, "CertificateRevoked"),
    (510, "PersonErased"), (511, "LegalHoldSet"), (512, "LegalHoldReleased"),
];

/// Returns the name of a kind, the format's own or the ledger's; `None` for a number that had none
/// when this was built.
pub fn kind_name(kind: u16) -> Option<&'static str> {
    let of_domain = || {
        let at = DOMAIN_KINDS.binary_search_by_key(&kind, |(number, _)| *number).ok()?;
        DOMAIN_KINDS.get(at).map(|(_, name)| *name)
    };
    system::name(kind).or_else(of_domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(DOMAIN_KINDS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(DOMAIN_KINDS.iter().all(|(kind, name)| kind_name(*kind) == Some(name)));
        assert_eq!((kind_name(330), kind_name(7)), (Some("DisbursedToHousehold"), None));
        assert_eq!(kind_name(system::SEAL), Some("Seal"));
    }
}
