//! The event kinds: one row each, with its fields, poster, approval and refusals.
//!
//! Lives here: everything about a kind that is a fact and not a computation. Form checks, content
//! digest, readers of files and documentation run over this table.
//! Lives elsewhere: what a kind's refusals test and what it changes (`kinds`), the fields themselves
//! (`field`), which words a field may hold (`words`).
//!
//! Always: a test holds the table equal to the contract's `kinds.csv`. Numbers are on disk for ever: add
//! rows, retire rows, never renumber or reuse one.

use std::fmt;

use crate::field::Field;
use crate::words::{
    Ability, AccountKind, AddedReason, Cause, Class, DissolvedReason, LeftReason, OrgKind,
    Programme, Role, Sex,
};

/// Kinds that may stand together in one voucher are of one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Areas, households, members, accounts, projects, loans.
    Registry,
    /// Rule versions and baselines.
    Rules,
    /// The header record of a voucher.
    Header,
    /// Opening balances.
    Opening,
    /// Tranches.
    Tranche,
    /// Quota issued, released, withdrawn.
    Quota,
    /// Cash sent, received, returned.
    Cash,
    /// Payments to households and projects, attribution.
    Payment,
    /// Money that came back from households and projects.
    Refund,
    /// Reversals.
    Reversal,
    /// Asset income.
    Income,
    /// Period closes.
    Period,
    /// Bank balances.
    Assertion,
    /// Inspectors' cases.
    Finding,
    /// Organisations, roles, keys, certificates.
    Access,
    /// Erasure and legal holds.
    Vault,
}

impl Group {
    /// Its name in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Rules => "rules",
            Self::Header => "header",
            Self::Opening => "opening",
            Self::Tranche => "tranche",
            Self::Quota => "quota",
            Self::Cash => "cash",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Reversal => "reversal",
            Self::Income => "income",
            Self::Period => "period",
            Self::Assertion => "assertion",
            Self::Finding => "finding",
            Self::Access => "access",
            Self::Vault => "vault",
        }
    }

    /// Whether its kinds move or state money (310-371): dated from the start of the programme, in an
    /// open period, with a total in the header.
    pub const fn is_money(self) -> bool {
        !matches!(
            self,
            Self::Registry
                | Self::Rules
                | Self::Header
                | Self::Finding
                | Self::Access
                | Self::Vault
        )
    }
}

/// Whether a second official must approve. Source: column `approval` of the contract's table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Approval {
    /// Always.
    Yes,
    /// Only with an exception.
    No,
    /// When the voucher's total reaches the threshold of the approval rule.
    ByThreshold,
    /// Not a line of a voucher.
    None,
}

impl Approval {
    /// Its spelling in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::ByThreshold => "by threshold",
            Self::None => "-",
        }
    }
}

/// Who may post a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Poster {
    /// A poverty office of county level or above, whose unit contains the area.
    PoOfCounty,
    /// A poverty office whose unit contains the unit of account.
    PoOfArea,
    /// A poverty office whose unit contains both villages.
    PoOfBoth,
    /// PO44 or FB44.
    Province,
    /// FB44.
    Fb44,
    /// PO44.
    Po44,
    /// The ledger itself.
    System,
    /// May post for `unit`.
    Unit,
    /// May post for `treasury`.
    Treasury,
    /// May post for `from_unit`.
    FromUnit,
    /// At the top the quota's issuer, below the parent.
    IssuerOrParent,
    /// May post for the sender; from the source: the quota's issuer.
    SenderOrIssuer,
    /// May post for the receiver of the transfer referred to.
    Receiver,
    /// May post for the sender of the transfer referred to.
    Sender,
    /// May post for the project's unit.
    ProjectUnit,
    /// May post for the unit that made the payment referred to.
    PayingUnit,
    /// The organisation of the original, or its superior finance bureau.
    OriginalOrSuperior,
    /// Discipline inspection or audit.
    Inspectors,
    /// The organisation concerned by the finding.
    Concerned,
}

impl Poster {
    /// Its spelling in the contract.
    pub const fn text(self) -> &'static str {
        match self {
            Self::PoOfCounty => "PO of the county or above",
            Self::PoOfArea => "PO of the area",
            Self::PoOfBoth => "PO of the common superior area",
            Self::Province => "PO44 or FB44",
            Self::Fb44 => "FB44",
            Self::Po44 => "PO44",
            Self::System => "system",
            Self::Unit => "may post for unit",
            Self::Treasury => "may post for treasury",
            Self::FromUnit => "may post for from_unit",
            Self::IssuerOrParent => "at the top issuer; below parent",
            Self::SenderOrIssuer => "may post for sender; src: issuer",
            Self::Receiver => "may post for receiver",
            Self::Sender => "may post for sender",
            Self::ProjectUnit => "may post for project unit",
            Self::PayingUnit => "may post for paying unit",
            Self::OriginalOrSuperior => "organisation of the original or superior FB",
            Self::Inspectors => "DI AU",
            Self::Concerned => "organisation concerned",
        }
    }
}

/// What must stand in a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Quota id.
    Quota,
    /// Quota id, or `*` for all quotas of the unit.
    QuotaOrAll,
    /// `P`, `H`, `L`, `U` or `S`.
    Source,
    /// Unit code of any level.
    Unit,
    /// Unit code of a city.
    City,
    /// Unit code of a city, or `*` for every city without a row of its own.
    CityOrAll,
    /// Area code, 12 digits, of any level.
    Area,
    /// Area code, 12 digits, of a village.
    Village,
    /// Household code (1014).
    Household,
    /// Token, 16 bytes.
    Token,
    /// Bytes of this length.
    Blob(u8),
    /// Purpose code: a letter and two digits.
    Purpose,
    /// Loan id.
    Loan,
    /// Project id.
    Project,
    /// Tranche id: `T`, two digits, `-`, a city, `-`, a number.
    Tranche,
    /// Bank reference, 1-64 printable ASCII.
    BankRef,
    /// Reference to a record: `organisation/voucher_no/line_no` or a decimal position.
    Ref,
    /// Organisation id.
    Org,
    /// Official id.
    Official,
    /// Id of a red flag, `F01` to `F99`.
    Flag,
    /// Money, 1 fen to the largest amount (1021, 1029).
    Amount,
    /// Money, 0 fen to the largest amount (1029).
    AmountOrZero,
    /// Date `YYYY-MM-DD`.
    Date,
    /// Month `YYYY-MM`.
    Month,
    /// Calendar year of four digits.
    Year,
    /// Year of birth: 1900 to the year of the effective date.
    BirthYear,
    /// Free text of this many characters (1027).
    Text {
        /// Fewest characters.
        min: u16,
        /// Most characters.
        max: u16,
    },
    /// Free text of 10 to 500 characters (1028).
    Reason,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any word of 1 to 40 printable ASCII; a rule's content check says which (4006).
    AnyWord,
    /// Whole number in this range.
    Int {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// Yes or no.
    Bool,
    /// A list of this many entries.
    List {
        /// Fewest entries.
        min: u32,
        /// Most entries.
        max: u32,
        /// What each entry is.
        of: &'static Type,
    },
    /// A structure with these members.
    Struct(&'static [Sub]),
    /// Rows of a data file with these columns. Cells are written and stored in the order of the
    /// columns, empty cells left out; columns that are not listed are a matter of content (4006).
    Rows(&'static [&'static str]),
}

/// Whether a field must be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// It must (1018).
    Required,
    /// It may.
    Optional,
    /// Exactly one of the kind's fields with this number must.
    OneOf(u8),
}

/// A field of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spec {
    /// Which field.
    pub field: Field,
    /// What must stand in it.
    pub ty: Type,
    /// Whether it must be there.
    pub need: Need,
}

/// A member of a structure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sub {
    /// Its name.
    pub name: &'static str,
    /// What must stand in it.
    pub ty: Type,
    /// Whether it must be there.
    pub need: Need,
}

/// The row of a kind.
#[derive(Debug)]
pub struct Row {
    /// The kind.
    pub kind: Kind,
    /// Its number, on disk for ever.
    pub number: u16,
    /// Its name in the API, in files and in the content digest.
    pub name: &'static str,
    /// Its Chinese name.
    pub zh: &'static str,
    /// What it may stand together with.
    pub group: Group,
    /// Who may post it.
    pub poster: Poster,
    /// Whether a second official must approve.
    pub approval: Approval,
    /// The unit that scope and period checks look at, in the contract's words.
    pub account: &'static str,
    /// Its fields in the order of the contract, which is that of the content digest; there a line's memo
    /// comes last, of 350 too.
    pub fields: &'static [Spec],
    /// Its refusals in the order in which they answer.
    pub refusals: &'static [u16],
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $number:literal $name:ident $zh:literal $group:ident $poster:ident
        $approval:ident $account:literal [$($field:expr),* $(,)?] [$($code:literal)*];)*) => {
        /// A kind of event.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u16)]
        pub enum Kind {
            $($(#[$doc])* $name = $number,)*
        }

        impl Kind {
            /// All kinds, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its row.
            pub fn row(self) -> &'static Row {
                match self {
                    $(Self::$name => {
                        static ROW: Row = Row {
                            kind: Kind::$name,
                            number: $number,
                            name: stringify!($name),
                            zh: $zh,
                            group: Group::$group,
                            poster: Poster::$poster,
                            approval: Approval::$approval,
                            account: $account,
                            fields: &[$($field),*],
                            refusals: &[$($code),*],
                        };
                        &ROW
                    })*
                }
            }

            /// Its number.
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// Returns the kind of a number.
            pub const fn of_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// Returns the kind of a name.
            pub fn of_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its group.
            pub const fn group(self) -> Group {
                match self {
                    $(Self::$name => Group::$group,)*
                }
            }
        }
    };
}

impl Kind {
    /// Whether the header must name a document (1026).
    pub fn needs_document(self) -> bool {
        self.row().refusals.contains(&1026)
    }

    /// The row of one of its fields.
    pub fn spec(self, field: Field) -> Option<&'static Spec> {
        self.row().fields.iter().find(|spec| spec.field == field)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

const fn req(field: Field, ty: Type) -> Spec {
    Spec { field, ty, need: Need::Required }
}

const fn opt(field: Field, ty: Type) -> Spec {
    Spec { field, ty, need: Need::Optional }
}

const fn one(field: Field, ty: Type) -> Spec {
    Spec { field, ty, need: Need::OneOf(1) }
}

const fn sub(name: &'static str, ty: Type) -> Sub {
    Sub { name, ty, need: Need::Required }
}

const fn text(min: u16, max: u16) -> Type {
    Type::Text { min, max }
}

const fn int(min: i64, max: i64) -> Type {
    Type::Int { min, max }
}

const fn list(min: u32, max: u32, of: &'static Type) -> Type {
    Type::List { min, max, of }
}

/// The word that stands for the source of a quota where a unit may stand too.
pub const SRC: &str = "src";
/// What stands for all quotas of a unit where one may stand too.
pub const ALL_QUOTAS: &str = "*";

/// Most members of a household at one time. Refusal 2022 guards it, so a line may list more.
pub const MEMBERS_MAX: u32 = 30;
/// Most entries of a share register.
pub const SHARES_MAX: u32 = 2_000;
/// Most records that a finding names as evidence.
const EVIDENCE_MAX: u32 = 1_000;
/// Most units of a role's scope, counties of a baseline, kinds of an approval rule.
const UNITS_MAX: u32 = 200;

const MEMBER_NO: Type = int(1, 99);
const MEMBER: Type = Type::Struct(&[
    sub("no", MEMBER_NO),
    sub("person", Type::Token),
    sub("birth_year", Type::BirthYear),
    sub("sex", Type::Word(Sex::WORDS)),
    sub("ability", Type::Word(Ability::WORDS)),
    sub("dibao", Type::Bool),
    sub("student", Type::Bool),
    sub("insured", Type::Bool),
]);
const MEMBER_OF_SPLIT: Type = Type::Struct(&[sub("no", MEMBER_NO)]);
const SHARE: Type = Type::Struct(&[
    Sub { name: "household", ty: Type::Household, need: Need::OneOf(1) },
    Sub { name: "village", ty: Type::Village, need: Need::OneOf(1) },
    // The range is the share register's own refusal, 2041.
    sub("shares", int(0, 4_294_967_295)),
]);
const PARAM: Type =
    Type::Struct(&[sub("name", Type::AnyWord), sub("value", int(i64::MIN, i64::MAX))]);
const HEADS: Type = int(1, 20_000_000);
const COUNTY: Type = Type::Struct(&[sub("unit", Type::Unit), sub("heads", HEADS)]);
const CAUSES: Type = list(1, 3, &Type::Word(Cause::WORDS));
const SHARES: Type = list(0, SHARES_MAX, &SHARE);
const EVIDENCE: Type = list(0, EVIDENCE_MAX, &int(0, i64::MAX));
const U32: Type = int(0, 4_294_967_295);
const WORDS: Type = list(1, UNITS_MAX, &Type::AnyWord);
const NOTE: Type = text(1, 200);
const SOURCE_ONLY: Type = Type::Word(&[SRC]);

/// Columns of `purposes.csv`.
pub const PURPOSE_COLUMNS: &[&str] = &[
    "code",
    "name_zh",
    "name_en",
    "programme",
    "allowed",
    "counts_to_cap",
    "payee",
    "after_exit",
    "evidence",
    "source",
    "note",
];
/// Columns of `flows.csv`.
pub const FLOW_COLUMNS: &[&str] = &["id", "event", "from", "to", "relation", "note"];
/// Columns of `areas_guangdong.csv`, and the optional one that names province-managed counties.
pub const AREA_COLUMNS: &[&str] =
    &["code", "name_zh", "name_en", "parent", "level", "valid_from", "direct_county"];

#[rustfmt::skip]
mod table {
    #[allow(clippy::wildcard_imports, reason = "the table uses every name above")]
    use super::*;
    use Field as F;
    use Type as T;

kinds! {
    /// Town or village enters the area tree.
    101 AreaRegistered "登记区划" Registry PoOfCounty Yes "the area"
        [req(F::Code, T::Area), req(F::NameZh, text(1, 40)), req(F::Parent, T::Area), opt(F::Poor, T::Bool), opt(F::DirectCounty, T::Bool)]
        [2060 5013 2011 2012];
    /// Name or marks of an area change.
    102 AreaAmended "区划变更" Registry PoOfCounty Yes "the area"
        [req(F::Code, T::Area), opt(F::NameZh, text(1, 40)), opt(F::Poor, T::Bool), opt(F::DirectCounty, T::Bool)]
        [2060 5013 2010 2004];
    /// Area ends.
    103 AreaClosed "区划撤销" Registry PoOfCounty Yes "the area"
        [req(F::Code, T::Area), opt(F::Successor, T::Area)]
        [2060 5013 2010];
    /// Village leaves the list of poor villages 出列.
    104 VillageExited "贫困村出列" Registry PoOfCounty Yes "the area"
        [req(F::Code, T::Area), req(F::Year, T::Year)]
        [2060 5013 2010 2004];
    /// First entry of a household.
    110 HouseholdRegistered "纳入" Registry PoOfArea Yes "village of the line"
        [req(F::Household, T::Household), req(F::Village, T::Village), req(F::Class, T::Word(Class::WORDS)), req(F::Causes, CAUSES),
         opt(F::HelpingUnit, T::Org), req(F::Members, list(1, 99, &MEMBER))]
        [1026 1014 2060 5013 2001 2010 2021 2022];
    /// Class, causes or helping unit change.
    111 HouseholdAmended "户信息变更" Registry PoOfArea No "village of the household"
        [req(F::Household, T::Household), opt(F::Class, T::Word(Class::WORDS)), opt(F::Causes, CAUSES), opt(F::HelpingUnit, T::Org)]
        [1026 2060 2002 5013 2004];
    /// Household moves to another village.
    112 HouseholdMoved "迁移" Registry PoOfBoth Yes "village before and after"
        [req(F::Household, T::Household), req(F::Village, T::Village)]
        [1026 2060 2002 5013 2010 2004];
    /// Members leave for a household of their own.
    113 HouseholdSplit "分户" Registry PoOfArea Yes "village of the household"
        [req(F::Household, T::Household), req(F::NewHousehold, T::Household), req(F::Members, list(1, 99, &MEMBER_OF_SPLIT))]
        [1026 1014 2060 2002 5013 2003 2001 2020 2023];
    /// All members of one household join another.
    114 HouseholdsMerged "并户" Registry PoOfArea Yes "village of both"
        [req(F::Into, T::Household), req(F::From, T::Household)]
        [1026 2060 2002 5013 2003 2004 2022];
    /// Out of poverty.
    115 HouseholdExited "脱贫" Registry PoOfArea Yes "village of the household"
        [req(F::Household, T::Household), req(F::Year, T::Year)]
        [1026 2060 2002 5013 2003];
    /// Back into poverty.
    116 HouseholdReturned "返贫" Registry PoOfArea Yes "village of the household"
        [req(F::Household, T::Household), req(F::Reason, NOTE)]
        [1026 2060 2002 5013 2003];
    /// Was never entitled.
    117 HouseholdRemoved "清退" Registry PoOfArea Yes "village of the household"
        [req(F::Household, T::Household), req(F::Reason, T::Reason)]
        [1026 1028 2060 2002 5013 2003];
    /// Removal was wrong, or a dissolved household enters again.
    118 HouseholdReinstated "重新纳入" Registry PoOfArea Yes "village of the household"
        [req(F::Household, T::Household), req(F::Reason, T::Reason)]
        [1026 1028 2060 2002 5013 2003];
    /// Nobody left, or left the province.
    119 HouseholdDissolved "注销" Registry PoOfArea Yes "village of the household"
        [req(F::Household, T::Household), req(F::Reason, T::Word(DissolvedReason::WORDS))]
        [1026 2060 2002 5013 2003];
    /// A person joins.
    120 MemberAdded "增员" Registry PoOfArea No "village of the household"
        [req(F::Household, T::Household), req(F::Member, MEMBER), req(F::Reason, T::Word(AddedReason::WORDS))]
        [2060 2002 5013 2003 2021 2022];
    /// Marks of a member change.
    121 MemberAmended "成员变更" Registry PoOfArea No "village of the household"
        [req(F::Household, T::Household), req(F::No, MEMBER_NO), opt(F::Ability, T::Word(Ability::WORDS)), opt(F::Dibao, T::Bool),
         opt(F::Student, T::Bool), opt(F::Insured, T::Bool)]
        [2060 2002 5013 2020 2004];
    /// A member leaves.
    122 MemberLeft "减员" Registry PoOfArea No "village of the household"
        [req(F::Household, T::Household), req(F::No, MEMBER_NO), req(F::Reason, T::Word(LeftReason::WORDS))]
        [2060 2002 5013 2020];
    /// A member died.
    123 MemberDied "死亡" Registry PoOfArea No "village of the household"
        [req(F::Household, T::Household), req(F::No, MEMBER_NO), req(F::Died, T::Date)]
        [1024 2060 2002 5013 2020];
    /// A member passes to another household.
    124 MemberMoved "成员转户" Registry PoOfArea Yes "village of both"
        [req(F::From, T::Household), req(F::No, MEMBER_NO), req(F::To, T::Household), req(F::NewNo, MEMBER_NO)]
        [2060 2002 5013 2020 2003 2022];
    /// Payee account bound to a household.
    130 AccountBound "账户绑定" Registry PoOfArea Yes "village of the household"
        [req(F::Household, T::Household), req(F::Account, T::Token), req(F::AccountKind, T::Word(AccountKind::WORDS)), req(F::Holder, T::Token),
         opt(F::GuardianReason, NOTE), req(F::Primary, T::Bool)]
        [2060 2002 5013 2031 2032];
    /// Binding ends.
    131 AccountReleased "账户解绑" Registry PoOfArea Yes "village of the household"
        [req(F::Household, T::Household), req(F::Account, T::Token)]
        [2060 2002 5013 2030 3047];
    /// Project enters the register.
    140 ProjectRegistered "项目立项" Registry PoOfArea Yes "unit of the line"
        [req(F::Project, T::Project), req(F::Unit, T::Unit), req(F::Purpose, T::Purpose), req(F::Planned, T::Amount), req(F::Operator, T::Token),
         opt(F::ProcurementRef, text(0, 64)), opt(F::Shares, SHARES)]
        [2060 5013 2042 2010 4020 2041];
    /// Project changes.
    141 ProjectAmended "项目变更" Registry PoOfArea Yes "unit of the project"
        [req(F::Project, T::Project), opt(F::Planned, T::Amount), opt(F::Shares, SHARES), opt(F::State, T::Word(&["accepted"]))]
        [2060 2040 5013 2041 2004];
    /// Project ends.
    142 ProjectClosed "项目关闭" Registry PoOfArea Yes "unit of the project"
        [req(F::Project, T::Project)]
        [2060 2040 5013 2043];
    /// Micro-loan registered.
    145 LoanRegistered "贷款登记" Registry PoOfArea Yes "village of the household"
        [req(F::Loan, T::Loan), req(F::Household, T::Household), req(F::Bank, T::Token), req(F::Principal, T::Amount), req(F::Months, int(1, 4_294_967_295)),
         req(F::RateBp, int(0, 2_400)), req(F::Start, T::Date)]
        [2060 2002 5013 2051 2052];
    /// Micro-loan paid back.
    146 LoanClosed "贷款结清" Registry PoOfArea No "village of the household"
        [req(F::Loan, T::Loan)]
        [2060 2053 5013];
    /// Share scheme, a version.
    201 SchemeAdopted "分担比例" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::Scheme, text(1, 40)), req(F::HomeCode, T::CityOrAll),
         req(F::Weights, list(1, 64, &U32)), req(F::HelperShareBorneBy, T::Word(&["paired_helper", "home_city"]))]
        [1026 5012 4001 4002 4003 4004 4005];
    /// Pairing of a home city, a version.
    202 PairingAdopted "结对" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::Helper, T::City), req(F::Home, T::City),
         req(F::Mode, T::Word(&["paired", "self"]))]
        [1026 5012 4001 4002 4014];
    /// List of purposes, a version.
    203 PurposesAdopted "用途目录" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::Rows, T::Rows(PURPOSE_COLUMNS))]
        [1026 5012 4001 4002 4006];
    /// Flow table, a version.
    204 FlowsAdopted "资金流向" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::Rows, T::Rows(FLOW_COLUMNS))]
        [1026 5012 4001 4002 4006];
    /// Cap rule, a version.
    205 CapRuleAdopted "额度规则" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::PerHeadFen, int(i64::MIN, i64::MAX)),
         req(F::PoolCap, T::AnyWord), req(F::HouseholdLine, T::AnyWord), req(F::Programmes, WORDS), req(F::HeadBasis, T::AnyWord),
         req(F::DriftBasis, T::AnyWord), req(F::Years, list(1, 100, &U32))]
        [1026 5012 4001 4002 4006];
    /// Approval rule, a version.
    206 ApprovalRuleAdopted "审批规则" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::ThresholdFen, int(i64::MIN, i64::MAX)),
         req(F::Always, WORDS), req(F::SelfApproval, T::AnyWord)]
        [1026 5012 4001 4002 4006];
    /// Parameters of a red flag, a version.
    207 FlagParametersAdopted "预警参数" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::Flag, T::Flag), opt(F::Params, list(0, 32, &PARAM))]
        [1026 5012 4001 4002 4006];
    /// Areas from county level up, a version.
    208 AreasAdopted "区划目录" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::Rows, T::Rows(AREA_COLUMNS))]
        [1026 5012 4001 4002 4006];
    /// Declared head count of a home city, a version.
    209 BaselineSet "核定人数" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::HomeCity, T::City), req(F::Heads, HEADS),
         req(F::AsOf, T::Date), opt(F::Counties, list(0, UNITS_MAX, &COUNTY))]
        [1026 5012 4001 4002 4013];
    /// Period rule, a version.
    210 PeriodRuleAdopted "期间规则" Rules Province Yes "44"
        [req(F::Version, U32), opt(F::EffectiveFrom, T::Date), opt(F::EffectiveTo, T::Date), req(F::PeriodUnit, T::AnyWord), req(F::BackdateDays, U32),
         req(F::FutureDays, U32), req(F::RegistryBackdateDays, U32)]
        [1026 5012 4001 4002 4006];
    /// Header record of a voucher; its fields are those of the header.
    300 VoucherPosted "记账凭证" Header System None "-" [] [];
    /// Balances of a quota from before the ledger.
    310 OpeningBalance "期初" Opening Unit Yes "unit"
        [req(F::Quota, T::Quota), req(F::Source, T::Source), req(F::Treasury, T::Unit), req(F::HomeCity, T::City), req(F::Programme, T::Word(Programme::WORDS)),
         req(F::Unit, T::Unit), req(F::Issued, T::Amount), req(F::CashIn, T::AmountOrZero), req(F::PaidBefore, T::AmountOrZero), req(F::Amount, T::Amount)]
        [1026 5013 3001 3002 3013];
    /// Part of a home city's pool planned at once, split over the sources.
    311 TrancheOpened "资金计划" Tranche Fb44 Yes "44"
        [req(F::Tranche, T::Tranche), req(F::HomeCity, T::City), req(F::Year, T::Year), req(F::Amount, T::Amount)]
        [1026 5012 3010 3011 4010 4011 4012 3013 3012];
    /// Quota given by its source.
    312 QuotaIssued "指标下达" Quota Treasury Yes "treasury"
        [req(F::Quota, T::Quota), req(F::Source, T::Source), req(F::Treasury, T::Unit), req(F::HomeCity, T::City), opt(F::Tranche, T::Tranche),
         req(F::Programme, T::Word(Programme::WORDS)), req(F::ToUnit, T::Unit), req(F::Amount, T::Amount)]
        [1026 3014 5013 3020 3015 3016];
    /// Quota passed down.
    313 QuotaReleased "指标分解" Quota FromUnit Yes "from_unit"
        [req(F::Quota, T::Quota), req(F::FromUnit, T::Unit), req(F::ToUnit, T::Unit), req(F::Amount, T::Amount)]
        [1026 3017 5013 3020 3018];
    /// Quota taken back.
    314 QuotaWithdrawn "指标收回" Quota IssuerOrParent Yes "unit of the poster"
        [req(F::Quota, T::Quota), req(F::FromUnit, T::Unit), req(F::Amount, T::Amount)]
        [1026 3017 5013 3020 3018 3021];
    /// Cash sent.
    320 TransferSent "拨付" Cash SenderOrIssuer Yes "sender (from src: treasury)"
        [req(F::Quota, T::Quota), one(F::From, SOURCE_ONLY), one(F::FromUnit, T::Unit), req(F::ToUnit, T::Unit), req(F::BankRef, T::BankRef), req(F::Amount, T::Amount)]
        [3017 5013 3020 3021 3022 3023];
    /// Cash arrived.
    321 TransferReceived "到账" Cash Receiver ByThreshold "receiver"
        [req(F::Quota, T::Quota), req(F::Ref, T::Ref), req(F::Amount, T::Amount)]
        [3030 5013 3031 3032];
    /// Cash bounced.
    322 TransferReturned "退回" Cash Sender Yes "sender (from src: treasury)"
        [req(F::Quota, T::Quota), req(F::Ref, T::Ref), req(F::Amount, T::Amount)]
        [3030 5013 3031 3032];
    /// Cash paid to a household.
    330 DisbursedToHousehold "发放到户" Payment Unit ByThreshold "unit"
        [req(F::Quota, T::Quota), req(F::Unit, T::Unit), req(F::Household, T::Household), opt(F::MemberNo, MEMBER_NO), req(F::Account, T::Token),
         req(F::Purpose, T::Purpose), opt(F::Loan, T::Loan), req(F::BankRef, T::BankRef), req(F::Amount, T::Amount)]
        [1014 5013 2002 2020 2030 4020 2053 3017 3043 3044 3045 3046 3047 3048 3040 3041 3042 3049 3053 3054 3055 3020 3018 3022 3023];
    /// Cash paid to a project.
    331 DisbursedToProject "拨付项目" Payment Unit ByThreshold "unit"
        [req(F::Quota, T::Quota), req(F::Unit, T::Unit), req(F::Project, T::Project), req(F::Purpose, T::Purpose), req(F::BankRef, T::BankRef), req(F::Amount, T::Amount)]
        [5013 2040 4020 3017 3050 3040 3041 3042 3020 3018 3022 3023];
    /// Project spending attributed to who benefits.
    332 BenefitAttributed "受益到户" Payment ProjectUnit ByThreshold "unit of the project"
        [req(F::Project, T::Project), one(F::Household, T::Household), one(F::Village, T::Village), req(F::Amount, T::Amount)]
        [1014 2040 5013 2002 2010 3043 3051];
    /// Attribution lowered.
    333 BenefitWithdrawn "受益调减" Payment ProjectUnit ByThreshold "unit of the project"
        [req(F::Project, T::Project), one(F::Household, T::Household), one(F::Village, T::Village), req(F::Amount, T::Amount)]
        [1014 2040 5013 3052];
    /// Payment came back from the bank.
    340 PaymentReturned "银行退票" Refund PayingUnit ByThreshold "paying unit"
        [req(F::Quota, T::Quota), req(F::Ref, T::Ref), req(F::Reason, T::Word(&["account_closed", "name_mismatch", "wrong_number", "other"])), req(F::Amount, T::Amount)]
        [3060 5013 3061 3031];
    /// Payee paid back.
    341 OverpaymentRepaid "多付退还" Refund PayingUnit ByThreshold "paying unit"
        [req(F::Quota, T::Quota), req(F::Ref, T::Ref), req(F::Reason, T::Word(&["overpaid", "not_entitled", "recovered", "other"])), req(F::Amount, T::Amount)]
        [3060 5013 3061 3031];
    /// Project gave back what it did not need.
    342 ProjectSurplusReturned "项目结余退回" Refund PayingUnit ByThreshold "paying unit"
        [req(F::Quota, T::Quota), req(F::Ref, T::Ref), req(F::Reason, T::AnyWord), req(F::Amount, T::Amount)]
        [3060 5013 3061 3031 3051];
    /// Unused cash sent back up.
    343 FundsReturnedUp "上缴" Cash FromUnit Yes "from_unit"
        [req(F::Quota, T::Quota), req(F::FromUnit, T::Unit), opt(F::To, SOURCE_ONLY), req(F::ToUnit, T::Unit), req(F::BankRef, T::BankRef), req(F::Amount, T::Amount)]
        [3017 5013 3020 3022 3023];
    /// Exact mirror of a record that should never have been made. The memo of a voucher's first line holds
    /// for the lines that have none.
    350 Reversed "冲正" Reversal OriginalOrSuperior Yes "as its original"
        [req(F::Ref, T::Ref), req(F::Reason, T::Word(&["amount", "payee", "quota", "purpose", "date", "duplicate", "not_done"])), opt(F::Memo, T::Reason), req(F::Amount, T::Amount)]
        [1028 5021 3080 5013 3081 3083 3082 3016 3018 3021 3022 3051 3052 3072];
    /// Income declared by a project.
    360 IncomeDeclared "收益申报" Income ProjectUnit ByThreshold "unit of the project"
        [req(F::Project, T::Project), req(F::Period, T::Month), req(F::Amount, T::Amount)]
        [2040 5013 3070];
    /// Income passed to a shareholder.
    361 IncomeDistributed "收益分配" Income ProjectUnit ByThreshold "unit of the project"
        [req(F::Project, T::Project), one(F::Household, T::Household), one(F::Village, T::Village), opt(F::Account, T::Token), req(F::Amount, T::Amount)]
        [1014 2040 5013 2002 2030 2010 3071 3047 3048 3072];
    /// Month of a unit closed.
    370 PeriodClosed "结账" Period Unit Yes "unit"
        [req(F::Unit, T::Unit), req(F::Period, T::Month), req(F::Records, int(0, i64::MAX)), req(F::Amount, T::AmountOrZero)]
        [5013 3090 3091 3092 3093];
    /// Bank balance stated.
    371 BalanceAsserted "对账余额" Assertion Unit No "unit"
        [req(F::Unit, T::Unit), req(F::Quota, T::QuotaOrAll), req(F::Date, T::Date), req(F::Amount, T::AmountOrZero)]
        [5013 2010 3017];
    /// Inspector opens a case.
    401 FindingOpened "线索立案" Finding Inspectors No "-"
        [one(F::Alert, T::Blob(16)), one(F::Text, text(1, 2_000)), req(F::Severity, int(1, 3)), opt(F::Evidence, EVIDENCE)]
        [1027 5030 7002];
    /// The organisation concerned explains.
    402 FindingExplained "说明" Finding Concerned No "-"
        [req(F::Finding, T::Blob(16)), req(F::Text, text(1, 2_000)), opt(F::Evidence, EVIDENCE)]
        [1027 7001 5031 7003];
    /// Case handed over.
    403 FindingReferred "移送" Finding Inspectors No "-"
        [req(F::Finding, T::Blob(16)), req(F::To, NOTE)]
        [1027 5030 7001 7003];
    /// Case closed.
    404 FindingClosed "办结" Finding Inspectors No "-"
        [req(F::Finding, T::Blob(16)), req(F::Outcome, T::Word(&["unfounded", "corrected", "recovered", "sanctioned", "transferred"])), opt(F::Recovered, T::Amount), opt(F::Evidence, EVIDENCE)]
        [5030 7001 7003];
    /// Case taken up again.
    405 FindingReopened "重开" Finding Inspectors No "-"
        [req(F::Finding, T::Blob(16)), req(F::Text, text(1, 2_000))]
        [1027 5030 7001 7003];
    /// Organisation enters the ledger.
    500 OrganisationRegistered "机构登记" Access Po44 Yes "44"
        [req(F::Organisation, T::Org), req(F::OrgKind, T::Word(OrgKind::WORDS)), req(F::Unit, T::Unit)]
        [5012 5025];
    /// Role given.
    501 RoleGranted "授权" Access Po44 Yes "44"
        [req(F::Official, T::Official), req(F::Organisation, T::Org), req(F::Role, T::Word(Role::WORDS)), req(F::Scope, list(1, UNITS_MAX, &Type::Unit)), opt(F::Person, T::Token)]
        [5012 5010 5024];
    /// Role taken back.
    502 RoleRevoked "撤权" Access Po44 Yes "44"
        [req(F::Official, T::Official), req(F::Organisation, T::Org), req(F::Role, T::Word(Role::WORDS))]
        [5012 5010 5026];
    /// Official's signing key.
    503 OfficialKeyRegistered "签名公钥" Access Po44 Yes "44"
        [req(F::Official, T::Official), req(F::PublicKey, T::Blob(32))]
        [5012 5010];
    /// Connection key bound to an organisation.
    504 CertificateBound "证书绑定" Access Po44 Yes "44"
        [req(F::Organisation, T::Org), req(F::KeyHash, T::Blob(32)), req(F::NotAfter, T::Date)]
        [5012 5010 2004];
    /// Connection key revoked.
    505 CertificateRevoked "证书吊销" Access Po44 Yes "44"
        [req(F::KeyHash, T::Blob(32))]
        [5012 2004];
    /// Person's vault key destroyed.
    510 PersonErased "个人信息删除" Vault Po44 Yes "44"
        [req(F::Token, T::Token), req(F::Authority, T::Reason)]
        [1028 5012 2020 2004 5040];
    /// Legal hold on a person's vault entry.
    511 LegalHoldSet "法定保全" Vault Inspectors No "44"
        [req(F::Token, T::Token), req(F::Authority, T::Reason)]
        [1028 5030 2020 2004];
    /// Legal hold ends.
    512 LegalHoldReleased "解除保全" Vault Inspectors Yes "44"
        [req(F::Token, T::Token), req(F::Authority, T::Reason)]
        [1028 5030 2020 2004];
}
}

pub use table::Kind;

#[cfg(test)]
mod tests;
