//! The kinds as the model knows them: written out by hand, a row each.

/// A kind: number, name, group, whether it always needs approval, whether it needs a document, its fields.
pub(crate) struct Row {
    pub(crate) no: u32,
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) approval: bool,
    pub(crate) doc: bool,
    /// `name:type`, with `?` when it may be missing; of names joined by `|` one must be there.
    pub(crate) fields: &'static str,
}

/// Those whose row has no event here: what the vault and the findings bring.
pub(crate) fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

const fn r(
    no: u32,
    name: &'static str,
    group: &'static str,
    marks: &'static str,
    fields: &'static str,
) -> Row {
    // Marks: `a` approval, `d` document.
    let bytes = marks.as_bytes();
    let (mut i, mut approval, mut doc) = (0, false, false);
    while i < bytes.len() {
        if bytes[i] == b'a' {
            approval = true;
        } else {
            doc = true;
        }
        i += 1;
    }
    Row { no, name, group, approval, doc, fields }
}

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    r(101, "AreaRegistered", "registry", "a", "code:area name_zh:name parent:area poor:any? direct_county:any?"),
    r(102, "AreaAmended", "registry", "a", "code:area name_zh:name? poor:any? direct_county:any?"),
    r(103, "AreaClosed", "registry", "a", "code:area successor:area?"),
    r(104, "VillageExited", "registry", "a", "code:area year:any"),
    r(110, "HouseholdRegistered", "registry", "ad", "household:household village:village class:class causes:causes helping_unit:org? members:members"),
    r(111, "HouseholdAmended", "registry", "d", "household:household class:class? causes:causes? helping_unit:org?"),
    r(112, "HouseholdMoved", "registry", "ad", "household:household village:village"),
    r(113, "HouseholdSplit", "registry", "ad", "household:household new_household:household members:any"),
    r(114, "HouseholdsMerged", "registry", "ad", "into:household from:household"),
    r(115, "HouseholdExited", "registry", "ad", "household:household year:any"),
    r(116, "HouseholdReturned", "registry", "ad", "household:household reason:text"),
    r(117, "HouseholdRemoved", "registry", "ad", "household:household reason:words"),
    r(118, "HouseholdReinstated", "registry", "ad", "household:household reason:words"),
    r(119, "HouseholdDissolved", "registry", "ad", "household:household reason:dissolved"),
    r(120, "MemberAdded", "registry", "", "household:household member:any reason:added"),
    r(121, "MemberAmended", "registry", "", "household:household no:member ability:ability? dibao:any? student:any? insured:any?"),
    r(122, "MemberLeft", "registry", "", "household:household no:member reason:left"),
    r(123, "MemberDied", "registry", "", "household:household no:member died:died"),
    r(124, "MemberMoved", "registry", "a", "from:household no:member to:household new_no:member"),
    r(130, "AccountBound", "registry", "a", "household:household account:token account_kind:account_kind holder:token guardian_reason:text? primary:any"),
    r(131, "AccountReleased", "registry", "a", "household:household account:token"),
    r(140, "ProjectRegistered", "registry", "a", "project:project unit:unit purpose:purpose planned:amount operator:token procurement_ref:text? shares:any?"),
    r(141, "ProjectAmended", "registry", "a", "project:project planned:amount? shares:any? state:accepted?"),
    r(142, "ProjectClosed", "registry", "a", "project:project"),
    r(145, "LoanRegistered", "registry", "a", "loan:id household:household bank:token principal:amount months:any rate_bp:any start:date"),
    r(146, "LoanClosed", "registry", "", "loan:id"),
    r(201, "SchemeAdopted", "rules", "ad", "version:any effective_from:date? effective_to:date? scheme:text home_code:city_or_all weights:any helper_share_borne_by:borne"),
    r(202, "PairingAdopted", "rules", "ad", "version:any effective_from:date? effective_to:date? helper:city home:city mode:mode"),
    r(203, "PurposesAdopted", "rules", "ad", "version:any effective_from:date? effective_to:date? rows:any"),
    r(204, "FlowsAdopted", "rules", "ad", "version:any effective_from:date? effective_to:date? rows:any"),
    r(205, "CapRuleAdopted", "rules", "ad", "version:any effective_from:date? effective_to:date? per_head_fen:any pool_cap:any household_line:any programmes:any head_basis:any drift_basis:any years:any"),
    r(206, "ApprovalRuleAdopted", "rules", "ad", "version:any effective_from:date? effective_to:date? threshold_fen:any always:any self_approval:any"),
    r(207, "FlagParametersAdopted", "rules", "ad", "version:any effective_from:date? effective_to:date? flag:any params:any?"),
    r(208, "AreasAdopted", "rules", "ad", "version:any effective_from:date? effective_to:date? rows:any"),
    r(209, "BaselineSet", "rules", "ad", "version:any effective_from:date? effective_to:date? home_city:city heads:any as_of:date counties:any?"),
    r(210, "PeriodRuleAdopted", "rules", "ad", "version:any effective_from:date? effective_to:date? period:any backdate_days:any future_days:any registry_backdate_days:any"),
    r(310, "OpeningBalance", "opening", "ad", "quota:id source:source treasury:unit home_city:city programme:programme unit:unit issued:amount cash_in:amount paid_before:amount amount:amount"),
    r(311, "TrancheOpened", "tranche", "ad", "tranche:tranche home_city:city year:any amount:amount"),
    r(312, "QuotaIssued", "quota", "ad", "quota:id source:source treasury:unit home_city:city tranche:tranche? programme:programme to_unit:unit amount:amount"),
    r(313, "QuotaReleased", "quota", "ad", "quota:id from_unit:unit to_unit:unit amount:amount"),
    r(314, "QuotaWithdrawn", "quota", "ad", "quota:id from_unit:unit amount:amount"),
    r(320, "TransferSent", "cash", "a", "quota:id from|from_unit:sender to_unit:unit bank_ref:bank_ref amount:amount"),
    r(321, "TransferReceived", "cash", "", "quota:id ref:ref amount:amount"),
    r(322, "TransferReturned", "cash", "a", "quota:id ref:ref amount:amount"),
    r(330, "DisbursedToHousehold", "payment", "", "quota:id unit:unit household:household member_no:member? account:token purpose:purpose loan:id? bank_ref:bank_ref amount:amount"),
    r(331, "DisbursedToProject", "payment", "", "quota:id unit:unit project:project purpose:purpose bank_ref:bank_ref amount:amount"),
    r(332, "BenefitAttributed", "payment", "", "project:project household|village:target amount:amount"),
    r(333, "BenefitWithdrawn", "payment", "", "project:project household|village:target amount:amount"),
    r(340, "PaymentReturned", "refund", "", "quota:id ref:ref reason:returned amount:amount"),
    r(341, "OverpaymentRepaid", "refund", "", "quota:id ref:ref reason:repaid amount:amount"),
    r(342, "ProjectSurplusReturned", "refund", "", "quota:id ref:ref reason:word amount:amount"),
    r(343, "FundsReturnedUp", "cash", "a", "quota:id from_unit:unit to:src? to_unit:unit bank_ref:bank_ref amount:amount"),
    r(350, "Reversed", "reversal", "a", "ref:ref reason:reversed amount:amount"),
    r(360, "IncomeDeclared", "income", "", "project:project period:month amount:amount"),
    r(361, "IncomeDistributed", "income", "", "project:project household|village:target account:token? amount:amount"),
    r(370, "PeriodClosed", "period", "a", "unit:unit period:month records:any amount:zero"),
    r(371, "BalanceAsserted", "assertion", "", "unit:unit quota:quota_or_all date:date amount:zero"),
    r(401, "FindingOpened", "finding", "", "alert|text:any severity:any evidence:any"),
    r(402, "FindingExplained", "finding", "", "finding:token text:long evidence:any?"),
    r(403, "FindingReferred", "finding", "", "finding:token to:text"),
    r(404, "FindingClosed", "finding", "", "finding:token outcome:outcome recovered:amount? evidence:any?"),
    r(405, "FindingReopened", "finding", "", "finding:token text:long"),
    r(500, "OrganisationRegistered", "access", "a", "organisation:org org_kind:any unit:unit"),
    r(501, "RoleGranted", "access", "a", "official:official organisation:org role:role scope:any person:token?"),
    r(502, "RoleRevoked", "access", "a", "official:official organisation:org role:role"),
    r(503, "OfficialKeyRegistered", "access", "a", "official:official public_key:any"),
    r(504, "CertificateBound", "access", "a", "organisation:org key_hash:any not_after:date"),
    r(505, "CertificateRevoked", "access", "a", "key_hash:any"),
];
