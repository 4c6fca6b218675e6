//! What a new ledger begins with: its first three vouchers, from the contract's data files.
//!
//! `INIT-ACCESS` registers the three organisations of the province and their officials, `INIT-RULES`
//! adopts version 1 of every rule but the baseline, `INIT-AREAS` the area list. All are posted by PO44.
//! Source: domain contract, section 10, "First records".

use crate::field::Field;
use crate::ids::{Date, Unit};
use crate::kind::{Approval, Kind};
use crate::rules::flags::FlagId;
use crate::voucher::{HeaderText, Voucher, VoucherBuilder};
use crate::words::{OrgKind, Role};

const SHARES: &[u8] = include_bytes!("../../data/shares.csv");
const PAIRINGS: &[u8] = include_bytes!("../../data/pairings.csv");
const PURPOSES: &[u8] = include_bytes!("../../data/purposes.csv");
const FLOWS: &[u8] = include_bytes!("../../data/flows.csv");
const FLAGS: &[u8] = include_bytes!("../../data/flags.csv");
const AREAS: &[u8] = include_bytes!("../../data/areas_guangdong.csv");

/// Document of all first vouchers: the policy itself.
pub const DOC_NO: &str = "粤发〔2016〕13号";
/// Their voucher numbers, in the order in which they are posted.
pub const VOUCHER_NOS: [&str; 3] = ["INIT-ACCESS", "INIT-RULES", "INIT-AREAS"];

/// A role of one of the first officials, held for the whole province.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FirstGrant<'a> {
    /// The official.
    pub official: &'a str,
    /// Organisation: `PO44`, `FB44` or `OP44`.
    pub organisation: &'a str,
    /// The role.
    pub role: Role,
}

const fn grant(
    official: &'static str,
    organisation: &'static str,
    role: Role,
) -> FirstGrant<'static> {
    FirstGrant { official, organisation, role }
}

/// The officials of a ledger that names no others.
pub const GRANTS: &[FirstGrant<'static>] = &[
    grant("p.po44", "PO44", Role::RuleKeeper),
    grant("p.po44", "PO44", Role::Registrar),
    grant("a.po44", "PO44", Role::RuleKeeper),
    grant("a.po44", "PO44", Role::RegistrarApprover),
    grant("p.fb44", "FB44", Role::Preparer),
    grant("p.fb44", "FB44", Role::RuleKeeper),
    grant("a.fb44", "FB44", Role::Approver),
    grant("a.fb44", "FB44", Role::FinanceHead),
    grant("a.fb44", "FB44", Role::RuleKeeper),
    grant("p.op44", "OP44", Role::Operator),
    grant("a.op44", "OP44", Role::Operator),
];

/// Organisations that every ledger begins with.
const ORGANISATIONS: [(&str, OrgKind); 3] =
    [("PO44", OrgKind::Po), ("FB44", OrgKind::Fb), ("OP44", OrgKind::Op)];

/// First amount of a head. Source: 粤发〔2016〕13号 §13, 20,000 yuan a head.
const PER_HEAD_FEN: i64 = 2_000_000;
/// First threshold of approval: 50,000 yuan a voucher.
const THRESHOLD_FEN: i64 = 5_000_000;

/// Returns the first three vouchers, dated so, prepared and approved by these officials of PO44.
pub fn vouchers(date: Date, by: (&str, &str), grants: &[FirstGrant<'_>]) -> [Voucher; 3] {
    let lines: [&dyn Fn(&mut Lines); 3] = [&|out| access(out, grants), &rules, &areas];
    let mut made = VOUCHER_NOS.iter().zip(lines).map(|(voucher_no, write)| {
        let mut out = Lines { builder: VoucherBuilder::new(), count: 0 };
        out.builder.key("PO44", voucher_no, &date.to_string(), by.0);
        out.builder.header(HeaderText::DocNo, DOC_NO).header(HeaderText::ApprovedBy, by.1);
        write(&mut out);
        out.builder.state_totals();
        out.builder.finish()
    });
    std::array::from_fn(|_| made.next().unwrap_or_default())
}

/// The lines of a voucher that is being written.
struct Lines {
    builder: VoucherBuilder,
    count: u32,
}

impl Lines {
    fn begin(&mut self, kind: Kind) -> &mut VoucherBuilder {
        self.count = self.count.saturating_add(1);
        self.builder.begin_line(self.count, kind.name())
    }

    /// Begins version 1 of a rule that takes effect with the register.
    fn adopt(&mut self, kind: Kind) -> &mut VoucherBuilder {
        self.adopt_from(kind, &Date::REGISTER_START.to_string(), "")
    }

    fn adopt_from(&mut self, kind: Kind, from: &str, to: &str) -> &mut VoucherBuilder {
        self.begin(kind)
            .int(Field::Version, 1)
            .text(Field::EffectiveFrom, from)
            .text(Field::EffectiveTo, to)
    }
}

fn access(out: &mut Lines, grants: &[FirstGrant<'_>]) {
    for (organisation, kind) in ORGANISATIONS {
        out.begin(Kind::OrganisationRegistered)
            .text(Field::Organisation, organisation)
            .text(Field::OrgKind, kind.name())
            .text(Field::Unit, "44");
    }
    for grant in grants {
        out.begin(Kind::RoleGranted)
            .text(Field::Official, grant.official)
            .text(Field::Organisation, grant.organisation)
            .text(Field::Role, grant.role.name())
            .push_text(Field::Scope, "44");
    }
}

fn rules(out: &mut Lines) {
    for row in table(SHARES) {
        let weights =
            ["province_weight", "helper_weight", "home_weight"].map(|c| row.get(c).parse());
        let line =
            out.adopt_from(Kind::SchemeAdopted, row.get("effective_from"), row.get("effective_to"));
        line.text(Field::Scheme, row.get("scheme"))
            .text(Field::HomeCode, &unit_or_all(row.get("home_code")))
            .text(Field::HelperShareBorneBy, row.get("helper_share_borne_by"));
        for weight in weights {
            line.push_int(Field::Weights, weight.unwrap_or(0));
        }
    }
    for row in table(PAIRINGS) {
        out.adopt_from(Kind::PairingAdopted, row.get("effective_from"), row.get("effective_to"))
            .text(Field::Helper, &unit_or_all(row.get("helper_code")))
            .text(Field::Home, &unit_or_all(row.get("home_code")))
            .text(Field::Mode, row.get("mode"));
    }
    rows_of(out, Kind::PurposesAdopted, PURPOSES);
    rows_of(out, Kind::FlowsAdopted, FLOWS);
    let cap = out.adopt(Kind::CapRuleAdopted);
    cap.int(Field::PerHeadFen, PER_HEAD_FEN)
        .text(Field::PoolCap, "hard")
        .text(Field::HouseholdLine, "flag")
        .push_text(Field::Programmes, "dev")
        .text(Field::HeadBasis, "declared")
        .text(Field::DriftBasis, "labour");
    for year in 2_016..=2_018 {
        cap.push_int(Field::Years, year);
    }
    let approval = out.adopt(Kind::ApprovalRuleAdopted);
    approval.int(Field::ThresholdFen, THRESHOLD_FEN);
    for kind in Kind::ALL.iter().filter(|kind| kind.row().approval == Approval::Yes) {
        approval.push_text(Field::Always, kind.name());
    }
    approval.text(Field::SelfApproval, "never");
    for row in table(FLAGS) {
        let line = out.adopt(Kind::FlagParametersAdopted).text(Field::Flag, row.get("id"));
        for (name, value) in parameters(row.get("id"), row.get("params")) {
            line.begin_entry(Field::Params).member_text("name", name).member_int("value", value);
        }
    }
    out.adopt(Kind::PeriodRuleAdopted)
        .text(Field::PeriodUnit, "month")
        .int(Field::BackdateDays, 31)
        .int(Field::FutureDays, 0)
        .int(Field::RegistryBackdateDays, 366);
}

fn areas(out: &mut Lines) {
    rows_of(out, Kind::AreasAdopted, AREAS);
}

fn rows_of(out: &mut Lines, kind: Kind, data: &[u8]) {
    let line = out.adopt(kind);
    for row in table(data) {
        line.begin_entry(Field::Rows);
        for (column, value) in row.columns.iter().zip(&row.cells) {
            line.cell(column, value);
        }
    }
}

/// `440500` → `4405`; `*` stays.
fn unit_or_all(code: &str) -> String {
    Unit::parse(code).map_or_else(|| code.to_owned(), |unit| unit.to_string())
}

/// Values of a flag's parameters in `{"name":1,"other":2}`, in the contract's order.
fn parameters(id: &str, json: &str) -> Vec<(&'static str, i64)> {
    let names = FlagId::parse(id).map_or(&[][..], FlagId::parameters);
    let value = |name: &str| {
        let (_, rest) = json.split_once(&format!("\"{name}\":"))?;
        rest.split([',', '}']).next()?.trim().parse().ok()
    };
    names.iter().filter_map(|name| Some((*name, value(name)?))).collect()
}

struct TableRow {
    columns: csv::StringRecord,
    cells: csv::StringRecord,
}

impl TableRow {
    fn get(&self, column: &str) -> &str {
        let at = self.columns.iter().position(|c| c == column);
        at.and_then(|at| self.cells.get(at)).unwrap_or_default()
    }
}

/// The rows of an embedded data file. A test reads every cell of all of them.
fn table(data: &[u8]) -> impl Iterator<Item = TableRow> {
    let mut reader = csv::Reader::from_reader(data);
    let columns = reader.headers().cloned().unwrap_or_default();
    reader
        .into_records()
        .map_while(Result::ok)
        .map(move |cells| TableRow { columns: columns.clone(), cells })
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests;
