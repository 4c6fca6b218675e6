//! Which households a record names: the entries of the history index.

use ledger::codec::Codec;
use ledger::event::Event;
use ledger::ids::HouseholdCode;
use ledger::kind::{Group, Kind};
use record::Record;

/// The households that a record names, at most two.
pub type Mentions = [Option<HouseholdCode>; 2];

/// Returns the households that a record names. Money names them in its legs, so its payload is not
/// read; a record that cannot be read names none here, and is refused where it is applied.
pub fn mentions(record: &Record<'_>, codec: &mut Codec) -> Mentions {
    match Kind::of_number(record.kind()).map(Kind::group) {
        Some(Group::Registry) => {
            codec.decode(record).map_or([None; 2], |entry| of_event(&entry.event))
        }
        Some(_) => [in_legs(record), None],
        None => [None; 2],
    }
}

/// Whether a record names a household: cheaper than [`mentions`] for a search through many records.
pub fn names(record: &Record<'_>, household: HouseholdCode, codec: &mut Codec) -> bool {
    match Kind::of_number(record.kind()).map(Kind::group) {
        Some(Group::Registry) => {
            let code = household.to_string();
            // Only a payload that spells the code is worth reading.
            let spelled =
                record.payload().windows(code.len()).any(|found| found == code.as_bytes());
            spelled && mentions(record, codec).contains(&Some(household))
        }
        Some(_) => in_legs(record) == Some(household),
        None => false,
    }
}

/// Returns the household whose account a leg names: `C.hh.`, `B.hh.`, `I.hh.` and its code, which was
/// looked at before it was posted.
pub(crate) fn in_legs(record: &Record<'_>) -> Option<HouseholdCode> {
    record.legs().bytes().find_map(|(path, _)| {
        let [b'C' | b'B' | b'I', b'.', b'h', b'h', b'.', code @ ..] = path else { return None };
        HouseholdCode::parsed_before(std::str::from_utf8(code).ok()?)
    })
}

/// Returns the households that a registry event names.
#[expect(clippy::too_many_lines, reason = "a table: a line an event")]
fn of_event(event: &Event) -> Mentions {
    match event {
        Event::HouseholdRegistered(e) => [Some(e.household), None],
        Event::HouseholdAmended(e) => [Some(e.household), None],
        Event::HouseholdMoved(e) => [Some(e.household), None],
        Event::HouseholdSplit(e) => [Some(e.household), Some(e.new_household)],
        Event::HouseholdsMerged(e) => [Some(e.into), Some(e.from)],
        Event::HouseholdExited(e) => [Some(e.household), None],
        Event::HouseholdReturned(e) => [Some(e.household), None],
        Event::HouseholdRemoved(e) => [Some(e.household), None],
        Event::HouseholdReinstated(e) => [Some(e.household), None],
        Event::HouseholdDissolved(e) => [Some(e.household), None],
        Event::MemberAdded(e) => [Some(e.household), None],
        Event::MemberAmended(e) => [Some(e.household), None],
        Event::MemberLeft(e) => [Some(e.household), None],
        Event::MemberDied(e) => [Some(e.household), None],
        Event::MemberMoved(e) => [Some(e.from), Some(e.to)],
        Event::AccountBound(e) => [Some(e.household), None],
        Event::AccountReleased(e) => [Some(e.household), None],
        Event::LoanRegistered(e) => [Some(e.household), None],
        Event::LoanClosed(e) => [Some(e.household), None],
        // A project's share register may name thousands; it is told with the project. Money names its
        // household in a leg; the rest names none.
        Event::ProjectRegistered(_)
        | Event::ProjectAmended(_)
        | Event::ProjectClosed(_)
        | Event::AreaRegistered(_)
        | Event::AreaAmended(_)
        | Event::AreaClosed(_)
        | Event::VillageExited(_)
        | Event::VoucherPosted(_)
        | Event::OpeningBalance(_)
        | Event::TrancheOpened(_)
        | Event::QuotaIssued(_)
        | Event::QuotaReleased(_)
        | Event::QuotaWithdrawn(_)
        | Event::TransferSent(_)
        | Event::TransferReceived(_)
        | Event::TransferReturned(_)
        | Event::DisbursedToHousehold(_)
        | Event::DisbursedToProject(_)
        | Event::BenefitAttributed(_)
        | Event::BenefitWithdrawn(_)
        | Event::PaymentReturned(_)
        | Event::OverpaymentRepaid(_)
        | Event::ProjectSurplusReturned(_)
        | Event::FundsReturnedUp(_)
        | Event::Reversed(_)
        | Event::IncomeDeclared(_)
        | Event::IncomeDistributed(_)
        | Event::PeriodClosed(_)
        | Event::BalanceAsserted(_)
        | Event::FindingOpened(_)
        | Event::FindingExplained(_)
        | Event::FindingReferred(_)
        | Event::FindingClosed(_)
        | Event::FindingReopened(_)
        | Event::SchemeAdopted(_)
        | Event::PairingAdopted(_)
        | Event::PurposesAdopted(_)
        | Event::FlowsAdopted(_)
        | Event::CapRuleAdopted(_)
        | Event::ApprovalRuleAdopted(_)
        | Event::FlagParametersAdopted(_)
        | Event::AreasAdopted(_)
        | Event::BaselineSet(_)
        | Event::PeriodRuleAdopted(_)
        | Event::OrganisationRegistered(_)
        | Event::RoleGranted(_)
        | Event::RoleRevoked(_)
        | Event::OfficialKeyRegistered(_)
        | Event::CertificateBound(_)
        | Event::CertificateRevoked(_) => [None; 2],
    }
}
