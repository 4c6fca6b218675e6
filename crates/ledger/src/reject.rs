//! The refusals: one row each, with its facts, message and hint.
//!
//! Lives here: every way in which the house says no, as data; texts are made from the row.
//! Lives elsewhere: what a refusal tests (`form`, `decide`, `kinds`), how it travels (the services).
//!
//! Always: a code keeps its name, status and meaning for ever; where two apply, the earlier in the
//! contract's order answers; a test holds the table equal to the contract's `refusals.csv`, and the
//! pages in `docs/errors/` equal to the table.

use std::borrow::Cow;
use std::fmt;

use record::{Fen, Seq};

use crate::ids::{
    Date, HouseholdCode, LoanId, OfficialId, OrgId, ProjectId, Purpose, QuotaId, Source, TrancheId,
    Unit,
};
use crate::kind::Kind;
use crate::words::{Class, HouseholdState, Role};

mod facts;
#[cfg(test)]
mod tests;

pub use facts::{AreaCode, Fact, Facts, Month, WideFen};

/// A fact in words.
pub type Text = Cow<'static, str>;

/// Status of a refusal in gRPC, by its canonical name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// `UNKNOWN`: the outcome is not known.
    Unknown,
    /// `INVALID_ARGUMENT`: wrong whatever the state.
    InvalidArgument,
    /// `NOT_FOUND`.
    NotFound,
    /// `ALREADY_EXISTS`.
    AlreadyExists,
    /// `PERMISSION_DENIED`.
    PermissionDenied,
    /// `RESOURCE_EXHAUSTED`.
    ResourceExhausted,
    /// `FAILED_PRECONDITION`: right in another state.
    FailedPrecondition,
    /// `ABORTED`.
    Aborted,
    /// `OUT_OF_RANGE`.
    OutOfRange,
    /// `UNAVAILABLE`: a retry may succeed.
    Unavailable,
    /// `DATA_LOSS`.
    DataLoss,
    /// `UNAUTHENTICATED`.
    Unauthenticated,
}

impl Status {
    /// Canonical name and number.
    const fn canonical(self) -> (&'static str, i32) {
        match self {
            Self::Unknown => ("UNKNOWN", 2),
            Self::InvalidArgument => ("INVALID_ARGUMENT", 3),
            Self::NotFound => ("NOT_FOUND", 5),
            Self::AlreadyExists => ("ALREADY_EXISTS", 6),
            Self::PermissionDenied => ("PERMISSION_DENIED", 7),
            Self::ResourceExhausted => ("RESOURCE_EXHAUSTED", 8),
            Self::FailedPrecondition => ("FAILED_PRECONDITION", 9),
            Self::Aborted => ("ABORTED", 10),
            Self::OutOfRange => ("OUT_OF_RANGE", 11),
            Self::Unavailable => ("UNAVAILABLE", 14),
            Self::DataLoss => ("DATA_LOSS", 15),
            Self::Unauthenticated => ("UNAUTHENTICATED", 16),
        }
    }

    /// Its canonical name. Source: gRPC status codes.
    pub const fn name(self) -> &'static str {
        self.canonical().0
    }

    /// Its number in gRPC.
    pub const fn number(self) -> i32 {
        self.canonical().1
    }
}

/// Whether an exception may pass a refusal over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Firmness {
    /// Never.
    Hard,
    /// With `exception_reason` and an approver who may approve exceptions.
    Soft,
}

/// Where a refusal comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RaisedBy {
    /// Form checks and decisions.
    Decide,
    /// Readers of voucher files.
    Reader,
    /// Services around `decide`.
    Edge,
    /// Sequencer, journal, opening a ledger.
    Node,
    /// The command line.
    Cli,
    /// File readers or services.
    ReaderOrEdge,
    /// Form checks or services.
    DecideOrEdge,
    /// Services or the command line.
    EdgeOrCli,
    /// Node or the command line.
    NodeOrCli,
}

impl RaisedBy {
    /// Its spelling in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Reader => "reader",
            Self::Edge => "edge",
            Self::Node => "node",
            Self::Cli => "cli",
            Self::ReaderOrEdge => "reader|edge",
            Self::DecideOrEdge => "decide|edge",
            Self::EdgeOrCli => "edge|cli",
            Self::NodeOrCli => "node|cli",
        }
    }
}

/// The row of a refusal, without its facts.
#[derive(Debug)]
pub struct Row {
    /// The number in `MZ-nnnn`.
    pub code: u16,
    /// Its stable name.
    pub name: &'static str,
    /// Its status in gRPC.
    pub status: Status,
    /// Whether an exception may pass it over.
    pub firmness: Firmness,
    /// Where it comes from.
    pub raised_by: RaisedBy,
    /// When it is raised.
    pub when: &'static str,
    /// The message, facts in braces; `-` where the condition says it all.
    pub message: &'static str,
    /// What to do, facts in braces; `-` where nothing can be said.
    pub hint: &'static str,
}

/// Returns the row of a code.
pub fn row(code: u16) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.code == code)
}

macro_rules! refusals {
    ($($code:literal $variant:ident $name:literal $status:ident $firmness:ident $raised_by:ident
        { $($fact:ident: $ty:ty),* } $when:literal $message:literal $hint:literal;)*) => {
        /// Why something is refused, with the facts.
        #[derive(Clone, PartialEq, Eq, Debug)]
        #[expect(missing_docs, reason = "the message of each variant says what its facts mean")]
        #[expect(clippy::doc_markdown, reason = "the contract's words")]
        pub enum Reason {
            $(#[doc = $when] $variant { $($fact: $ty),* },)*
        }

        /// All refusals, in the order of the contract.
        pub static ROWS: &[Row] = &[
            $(Row {
                code: $code,
                name: $name,
                status: Status::$status,
                firmness: Firmness::$firmness,
                raised_by: RaisedBy::$raised_by,
                when: $when,
                message: $message,
                hint: $hint,
            },)*
        ];

        impl Reason {
            /// The number in `MZ-nnnn`.
            pub const fn code(&self) -> u16 {
                match self {
                    $(Self::$variant { .. } => $code,)*
                }
            }

            /// Its stable name.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }

            /// Its status in gRPC.
            pub const fn status(&self) -> Status {
                match self {
                    $(Self::$variant { .. } => Status::$status,)*
                }
            }

            /// Whether an exception may pass it over.
            pub const fn is_soft(&self) -> bool {
                match self {
                    $(Self::$variant { .. } => matches!(Firmness::$firmness, Firmness::Soft),)*
                }
            }

            /// Its facts by name, for programs: money as fen under `NAME_fen`, all else as text.
            pub fn facts(&self) -> Facts {
                let mut facts = Facts::new();
                match self {
                    $(Self::$variant { $($fact),* } => {
                        $($fact.put(stringify!($fact), &mut facts);)*
                    })*
                }
                facts
            }

            /// What to do, if anything can be said.
            #[allow(unused_variables, reason = "most hints name no fact")]
            pub fn hint(&self) -> Option<String> {
                let hint = match self {
                    $(Self::$variant { $($fact),* } => format!($hint),)*
                };
                if hint == "-" { None } else { Some(hint) }
            }
        }

        /// The message: what was found and what is allowed.
        impl fmt::Display for Reason {
            #[allow(unused_variables, reason = "a fact may stand in the hint alone")]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant { $($fact),* } if $message != "-" => write!(f, $message),)*
                    other => f.write_str(row(other.code()).map_or("", |row| row.when)),
                }
            }
        }

        /// One refusal of each code with facts that show their type, for tests and pages.
        #[cfg(test)]
        fn samples() -> Vec<Reason> {
            vec![$(Reason::$variant { $($fact: <$ty as tests::Sample>::sample()),* },)*]
        }
    };
}

impl Reason {
    /// The message: what was found and what is allowed.
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// The code as written, e.g. `MZ-3018`.
    pub fn label(&self) -> String {
        format!("MZ-{:04}", self.code())
    }

    /// The refusal of this reason at a line (`line_no`, 0 for the header) and field.
    pub fn at(self, line: u32, field: impl Into<String>) -> Refusal {
        Refusal { line, field: field.into(), reason: self }
    }
}

/// One reason at its place in the voucher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// `line_no` of the line; 0 is the header.
    pub line: u32,
    /// Name of the field, `members.0.person` within a list; empty for the line or header as a whole.
    pub field: String,
    /// Why.
    pub reason: Reason,
}

impl Refusal {
    /// The place as the API spells it: `lines[17].household`, `header.doc_no`, `lines[17]`.
    pub fn place(&self) -> String {
        let dot = if self.field.is_empty() { "" } else { "." };
        if self.line == 0 {
            format!("header{dot}{}", self.field)
        } else {
            format!("lines[{}]{dot}{}", self.line, self.field)
        }
    }
}

/// Why a voucher is refused: 1 to [`Reject::REFUSALS_MAX`] refusals in the order of the contract.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reject {
    /// The refusals that are told, never empty; the first is the answer.
    pub refusals: Vec<Refusal>,
    /// How many there are in all.
    pub total: u64,
}

impl Reject {
    /// Most refusals that are told of one voucher. Source: domain contract, section 8.3.
    pub const REFUSALS_MAX: usize = 100;

    /// The rejection for one reason.
    pub fn one(refusal: Refusal) -> Self {
        Self { refusals: vec![refusal], total: 1 }
    }
}

impl From<Refusal> for Reject {
    fn from(refusal: Refusal) -> Self {
        Self::one(refusal)
    }
}

#[rustfmt::skip]
refusals! {
    1010 LineCountDiffers "LINE_COUNT_DIFFERS" InvalidArgument Hard Decide { stated: u64, found: u64 }
        "line_count in the header is not the number of lines"
        "header says {stated} lines, {found} found"
        "Send the missing lines or correct the header";
    1011 TotalDiffers "TOTAL_DIFFERS" InvalidArgument Hard Decide { stated: Fen, found: Fen }
        "total_fen is not the sum of the amounts (not checked while an amount is refused with 1020, 1021 or 1029)"
        "header says {stated} yuan, lines sum to {found}"
        "Correct the total or the line that is wrong";
    1012 MixedGroups "MIXED_GROUPS" InvalidArgument Hard Decide { kind: Kind, other: Kind }
        "lines of more than one group in a voucher"
        "{kind} cannot stand with {other} in one voucher"
        "Make one voucher for each group";
    1013 HeaderVaries "HEADER_VARIES" InvalidArgument Hard Reader { row: u64, column: Text, found: Text, first: Text }
        "CSV rows of one voucher disagree in a header column"
        "row {row}: {column} is {found}, first row has {first}"
        "Make the rows agree or use another voucher number";
    1014 HouseholdCodeBad "HOUSEHOLD_CODE_BAD" InvalidArgument Hard Decide { found: Text, digit: Text, expected: Text }
        "household code is not 17 digits or its check digit fails"
        "household code {found}: check digit {digit} expected {expected}"
        "Copy the code from the register";
    1015 FieldNotForKind "FIELD_NOT_FOR_KIND" InvalidArgument Hard Decide { field: Text, kind: Text }
        "a field is filled that the kind does not have"
        "{field} is not used by {kind}"
        "Leave it empty";
    1016 UnknownColumn "UNKNOWN_COLUMN" InvalidArgument Hard ReaderOrEdge { column: Text, near: Text }
        "unknown CSV column, JSON field or protobuf field (number)"
        "{column} is unknown; did you mean {near}?"
        "Use the names of the template";
    1017 NumberDamaged "NUMBER_DAMAGED" InvalidArgument Hard Reader { cell: Text, found: Text }
        "scientific notation (in any file) or a float cell where digits were lost"
        "cell {cell} holds {found}, digits are lost"
        "Format the column as text and type it again";
    1018 FieldMissing "FIELD_MISSING" InvalidArgument Hard Decide { field: Text, kind: Text }
        "a required field is empty"
        "{field} is required for {kind}"
        "Fill it";
    1019 FieldFormat "FIELD_FORMAT" InvalidArgument Hard DecideOrEdge { field: Text, found: Text, expected: Text }
        "a code, date, token or enum does not parse; on an ordinary ledger also a token that the vault did not issue"
        "{field} {found} is not {expected}"
        "Correct it";
    1020 AmountFormat "AMOUNT_FORMAT" InvalidArgument Hard Reader { found: Text }
        "amount in a file is not text of yuan with at most two decimals: a sign, a separator, an unquoted JSON number"
        "amount {found} is not like 1234.50"
        "Correct it";
    1021 AmountNotPositive "AMOUNT_NOT_POSITIVE" InvalidArgument Hard Decide { found: Fen }
        "amount is zero; on the wire also negative"
        "amount {found}: must be at least 0.01 yuan"
        "Leave the line out; a refund or reversal has its own kind";
    1022 DateBeforeProgramme "DATE_BEFORE_PROGRAMME" InvalidArgument Hard Decide { date: Date, start: Date }
        "effective date before the start (money 2016-06-04, all else 2016-01-01)"
        "{date} is before {start}"
        "Use an opening balance for older money";
    1023 DateInFuture "DATE_IN_FUTURE" InvalidArgument Hard Decide { date: Date, today: Date }
        "effective date after the posting date; on a synthetic ledger after 2019-12-31"
        "{date} is after today {today}"
        "Post it on its day";
    1024 DateOrder "DATE_ORDER" InvalidArgument Hard Decide { field: Text, found: Date, other: Date }
        "a date inside the line contradicts another (death after effective date, end before start)"
        "{field} {found} must not be after {other}"
        "Correct the date";
    1025 BackdatedTooFar "BACKDATED_TOO_FAR" FailedPrecondition Soft Decide { date: Date, days: i64, max: u32 }
        "effective date more than backdate_days before posting"
        "{date} is {days} days back, {max} are allowed"
        "Use today, or post with exception_reason";
    1026 DocumentRequired "DOCUMENT_REQUIRED" InvalidArgument Hard Decide { kind: Kind }
        "kind needs doc_no"
        "{kind} needs a document number"
        "Give it";
    1027 MemoUnsafe "MEMO_UNSAFE" InvalidArgument Hard Decide { field: Text, what: Text }
        "memo or other free text too long, with control characters or a digit run above 10 (bank_ref excepted); in any field but tokens and household codes a number that passes as a card or identity number"
        "{field} holds {what}"
        "Take personal numbers out; break a bank serial that only looks like one with a hyphen";
    1028 ReasonLength "REASON_LENGTH" InvalidArgument Hard Decide { found: u64 }
        "exception_reason, reason or authority text, or memo of a Reversed line, shorter than 10 or longer than 500 characters"
        "reason has {found} characters"
        "Say in a sentence what happened";
    1029 AmountTooLarge "AMOUNT_TOO_LARGE" InvalidArgument Hard Decide { found: WideFen, max: Fen }
        "amount above MAX_AMOUNT_FEN"
        "amount {found} is above {max}"
        "Check the decimal point";
    1030 VoucherKeyReused "VOUCHER_KEY_REUSED" AlreadyExists Hard Decide { key: Text, seq: Seq, field: Text }
        "same key with other content"
        "voucher {key} was posted at {seq} with other content ({field} differs)"
        "Use a new number; reverse the first if it was wrong";
    1031 LineNumbers "LINE_NUMBERS" InvalidArgument Hard Decide { expected: u32, found: u32 }
        "line numbers are not 1..n without gaps"
        "line {expected} expected, {found} found"
        "Number the lines again";
    1032 EmptyVoucher "EMPTY_VOUCHER" InvalidArgument Hard Decide {}
        "voucher without lines"
        "voucher has no lines"
        "Send at least one line";
    1033 DuplicateLine "DUPLICATE_LINE" FailedPrecondition Soft Decide { a: u32, b: u32 }
        "two lines of the voucher of kind 320, 330, 331, 343 or 361 have the same kind, payee, quota, purpose, amount and bank_ref (refunds and attributions may repeat)"
        "lines {a} and {b} are the same"
        "Remove one, or give each its own bank_ref";
    1034 MessageMalformed "MESSAGE_MALFORMED" InvalidArgument Hard Edge { offset: u64, what: Text }
        "a protobuf message does not decode (tag, wire type, length, depth)"
        "message is malformed at byte {offset}: {what}"
        "Generate the client from the published .proto files";
    1035 TextNotUtf8 "TEXT_NOT_UTF8" InvalidArgument Hard ReaderOrEdge { field: Text, encoding: Text, offset: u64 }
        "a text field is not UTF-8; a file is neither UTF-8 nor the declared GB18030"
        "{field} is not {encoding} at byte {offset}"
        "Save the file as UTF-8 or declare its encoding";
    2001 HouseholdExists "HOUSEHOLD_EXISTS" AlreadyExists Hard Decide { code: HouseholdCode, seq: Seq }
        "household code already registered"
        "household {code} was registered at {seq}"
        "Take the next serial";
    2002 HouseholdUnknown "HOUSEHOLD_UNKNOWN" NotFound Hard Decide { code: HouseholdCode }
        "no such household: the code was never registered"
        "household {code} is not registered"
        "Check the code; register it first";
    2003 HouseholdState "HOUSEHOLD_STATE" FailedPrecondition Hard Decide { code: HouseholdCode, state: HouseholdState, event: Kind, allowed: Text }
        "registry event not possible in this state"
        "household {code} is {state}; {event} needs {allowed}"
        "See the state diagram";
    2004 NothingChanges "NOTHING_CHANGES" InvalidArgument Hard Decide { field: Text, value: Text }
        "event would change nothing (also: key bound or revoked already, person erased already, hold set or released already)"
        "{field} is already {value}"
        "Leave it out";
    2010 AreaUnknown "AREA_UNKNOWN" NotFound Hard Decide { code: AreaCode, date: Date }
        "area not known or not valid on the date"
        "area {code} is not valid on {date}"
        "Check the code; register towns and villages first";
    2011 AreaExists "AREA_EXISTS" AlreadyExists Hard Decide { code: AreaCode }
        "area code already registered"
        "area {code} exists"
        "-";
    2012 AreaParent "AREA_PARENT" FailedPrecondition Hard Decide { code: AreaCode, parent: AreaCode }
        "parent missing, of wrong level or not a prefix"
        "{code} cannot stand under {parent}"
        "Register the parent first";
    2020 MemberUnknown "MEMBER_UNKNOWN" NotFound Hard Decide { no: Text, code: Text }
        "member not known or not active in the household; for 510-512 a token that stands in no household"
        "member {no} is not active in {code}"
        "Check the member number";
    2021 PersonElsewhere "PERSON_ELSEWHERE" FailedPrecondition Hard Decide { other: HouseholdCode, date: Date }
        "person token is active in another household"
        "this person is active in household {other} since {date}"
        "Use MemberMoved";
    2022 TooManyMembers "TOO_MANY_MEMBERS" FailedPrecondition Hard Decide { n: u32 }
        "more than 30 active members"
        "household would have {n} members"
        "Split the household";
    2023 SplitSize "SPLIT_SIZE" InvalidArgument Hard Decide { moved: u32, active: u32 }
        "split moves nobody or everybody"
        "{moved} of {active} members"
        "Use HouseholdMoved for the whole household";
    2030 AccountUnknown "ACCOUNT_UNKNOWN" NotFound Hard Decide {}
        "account token not known"
        "account is not bound to any household"
        "Bind it first";
    2031 AccountHolder "ACCOUNT_HOLDER" FailedPrecondition Soft Decide { code: HouseholdCode }
        "holder is no active member and no guardian reason is given"
        "account holder is not in household {code}"
        "Give the guardian reason or another account";
    2032 AccountAlreadyBound "ACCOUNT_ALREADY_BOUND" AlreadyExists Hard Decide { date: Date }
        "same binding is open"
        "account is bound to this household since {date}"
        "-";
    2040 ProjectUnknown "PROJECT_UNKNOWN" NotFound Hard Decide { id: ProjectId }
        "no such project"
        "project {id} is not registered"
        "Register it";
    2041 ProjectShares "PROJECT_SHARES" InvalidArgument Hard Decide { target: Text, found: Text }
        "share register empty, duplicate or out of range"
        "share of {target} is {found}"
        "Shares are whole numbers 1-1000000, each target once";
    2042 ProjectExists "PROJECT_EXISTS" AlreadyExists Hard Decide { id: ProjectId }
        "project id already registered"
        "project {id} exists"
        "-";
    2043 ProjectNotSettled "PROJECT_NOT_SETTLED" FailedPrecondition Hard Decide { amount: Fen }
        "closing a project with B.open or I.due above zero"
        "{amount} yuan are not attributed"
        "Attribute or return them first";
    2051 LoanLimit "LOAN_LIMIT" InvalidArgument Hard Decide { amount: Fen, months: u32 }
        "principal above 50,000 yuan or term above 36 months"
        "loan of {amount} yuan for {months} months"
        "Only the part within the policy can be registered";
    2052 LoanExists "LOAN_EXISTS" AlreadyExists Hard Decide { id: LoanId }
        "loan id already registered"
        "loan {id} exists"
        "-";
    2053 LoanUnknown "LOAN_UNKNOWN" NotFound Hard Decide { id: LoanId, code: Text }
        "no open loan of this household with this id"
        "loan {id} is not an open loan of {code}"
        "Register the loan first";
    2060 RegistryBackdated "REGISTRY_BACKDATED" FailedPrecondition Soft Decide { date: Date, days: i64, max: u32 }
        "registry event back-dated more than registry_backdate_days"
        "{date} is {days} days back, {max} are allowed"
        "Use exception_reason";
    3001 OpeningNotFirst "OPENING_NOT_FIRST" FailedPrecondition Hard Decide { quota: QuotaId, seq: Seq }
        "quota already has records"
        "quota {quota} has records since {seq}"
        "Opening balances come first";
    3002 OpeningOrder "OPENING_ORDER" InvalidArgument Hard Decide { paid: Fen, cash: Fen, issued: Fen }
        "not paid_before <= cash_in <= issued, or amount not issued"
        "paid {paid}, cash {cash}, issued {issued}"
        "Correct the opening";
    3010 TrancheExists "TRANCHE_EXISTS" AlreadyExists Hard Decide { id: TrancheId, seq: Seq }
        "tranche id used before, also by a reversed one"
        "tranche {id} was opened at {seq}"
        "Use the next number";
    3011 TrancheYear "TRANCHE_YEAR" InvalidArgument Hard Decide { year: u32, from: u32, to: u32 }
        "year outside the cap rule"
        "year {year} is outside {from}-{to}"
        "-";
    3012 SumOverflow "SUM_OVERFLOW" OutOfRange Hard Decide { account: Text }
        "a sum would pass the i64 range"
        "sum of {account} would pass the range"
        "Check the amounts";
    3013 PoolCapExceeded "POOL_CAP_EXCEEDED" FailedPrecondition Hard Decide { planned: Fen, amount: Fen, ceiling: WideFen, heads: u64 }
        "planned would exceed heads x per_head_fen"
        "planned {planned} + {amount} passes the ceiling {ceiling} yuan ({heads} heads)"
        "Reduce the tranche, or set a new baseline with its document";
    3014 QuotaExists "QUOTA_EXISTS" AlreadyExists Hard Decide { quota: QuotaId, seq: Seq }
        "quota id used before, also by a reversed or withdrawn one"
        "quota {quota} was issued at {seq}"
        "Use another id; a quota is issued once";
    3015 TrancheUnknown "TRANCHE_UNKNOWN" NotFound Hard Decide { id: TrancheId, city: Unit }
        "no such tranche for this home city"
        "tranche {id} is not open for {city}"
        "Open it first";
    3016 OverObligation "OVER_OBLIGATION" FailedPrecondition Hard Decide { source: Source, owed: Fen, city: Unit, needed: Fen }
        "Q.owed would go below zero, or the tranche is issued beyond its part for the source"
        "{source} owes {owed} yuan for {city}, {needed} needed"
        "Reduce the quota, or open a tranche";
    3017 QuotaUnknown "QUOTA_UNKNOWN" NotFound Hard Decide { quota: QuotaId }
        "no such quota"
        "quota {quota} is not known"
        "Check the id";
    3018 QuotaInsufficient "QUOTA_INSUFFICIENT" FailedPrecondition Hard Decide { unit: Unit, balance: Fen, quota: QuotaId, needed: Fen }
        "Q.quota would go below zero"
        "unit {unit} has {balance} yuan of quota {quota}, {needed} needed"
        "Ask for a release, or use another quota";
    3020 FlowNotAllowed "FLOW_NOT_ALLOWED" FailedPrecondition Hard Decide { event: Kind, from: Text, to: Text }
        "no row of flows.csv allows the movement, or the treasury (field treasury) is not one of that source for the home city"
        "{event} from {from} to {to} is not allowed"
        "See the flow table";
    3021 CashBeforeQuota "CASH_BEFORE_QUOTA" FailedPrecondition Hard Decide { quota: QuotaId, issued: Fen, sent: Fen }
        "net sent from the source would be above the net quota"
        "quota {quota} is {issued} yuan, sent would be {sent}"
        "Issue the quota first";
    3022 CashInsufficient "CASH_INSUFFICIENT" FailedPrecondition Hard Decide { unit: Unit, balance: Fen, quota: QuotaId, needed: Fen }
        "C.hold would go below zero"
        "unit {unit} holds {balance} yuan of quota {quota}, {needed} needed"
        "Post the receipt first, or use another quota";
    3023 BankRefReused "BANK_REF_REUSED" AlreadyExists Hard Decide { r#ref: Text, seq: Seq }
        "(sender or unit, payee, bank_ref, quota) already used within 92 days by a record that is not reversed; payee = to_unit, household or project"
        "bank reference {ref} was used at {seq}"
        "Check whether this was posted already";
    3030 NotASentRecord "NOT_A_SENT_RECORD" FailedPrecondition Hard Decide { seq: Text, what: Text }
        "ref does not name a live 320 or 343 of this quota"
        "record {seq} is {what}"
        "Name the sent record";
    3031 DateBeforeOriginal "DATE_BEFORE_ORIGINAL" InvalidArgument Hard Decide { date: Date, original: Date }
        "dated before the record it refers to"
        "{date} is before {original}"
        "Correct the date";
    3032 MoreThanInTransit "MORE_THAN_IN_TRANSIT" FailedPrecondition Hard Decide { open: Fen, amount: Fen }
        "received or returned more than is under way"
        "{open} yuan are under way, {amount} given"
        "Correct the amount";
    3040 PurposeNotAllowed "PURPOSE_NOT_ALLOWED" FailedPrecondition Soft Decide { purpose: Purpose, name: Text }
        "purpose has allowed=no"
        "{purpose} {name} may not be paid from this fund"
        "Use a permitted purpose";
    3041 PurposeProgramme "PURPOSE_PROGRAMME" FailedPrecondition Soft Decide { purpose: Purpose, programme: Text, quota: QuotaId, other: Text }
        "purpose belongs to another programme than the quota"
        "{purpose} is paid from {programme}, quota {quota} is {other}"
        "Use a quota of the right programme";
    3042 PurposePayee "PURPOSE_PAYEE" FailedPrecondition Soft Decide { purpose: Purpose, allowed: Text }
        "purpose may not be paid to this kind of payee"
        "{purpose} is paid to {allowed}"
        "Use the right kind";
    3043 HouseholdNotPayable "HOUSEHOLD_NOT_PAYABLE" FailedPrecondition Soft Decide { code: HouseholdCode, state: HouseholdState, date: Date }
        "household removed or dissolved on the effective date"
        "household {code} is {state} since {date}"
        "Reinstate it with a document if that was wrong";
    3044 HouseholdExited "HOUSEHOLD_EXITED" FailedPrecondition Soft Decide { code: HouseholdCode, date: Date }
        "household exited and purpose has after_exit=no"
        "household {code} left poverty on {date}"
        "Use a purpose that goes on after exit";
    3045 NoActiveMember "NO_ACTIVE_MEMBER" FailedPrecondition Soft Decide { code: HouseholdCode, date: Date }
        "household has no active member on the date"
        "household {code} has no living member since {date}"
        "Dissolve the household";
    3046 MemberDead "MEMBER_DEAD" FailedPrecondition Soft Decide { no: u8, date: Date }
        "named member died before the date"
        "member {no} died on {date}"
        "Leave the line out";
    3047 AccountNotOfHousehold "ACCOUNT_NOT_OF_HOUSEHOLD" FailedPrecondition Soft Decide { code: HouseholdCode }
        "account belongs to another household"
        "account is not bound to household {code}"
        "Bind it, or correct the line";
    3048 AccountClosed "ACCOUNT_CLOSED" FailedPrecondition Soft Decide { date: Date }
        "binding not open on the date"
        "binding ended on {date}"
        "Use the current account";
    3049 OneCardRequired "ONE_CARD_REQUIRED" FailedPrecondition Soft Decide { purpose: Purpose }
        "housing or dibao not paid to a one-card account"
        "{purpose} goes only to a yikatong account"
        "Bind the one-card account";
    3050 ProjectNotPayable "PROJECT_NOT_PAYABLE" FailedPrecondition Hard Decide { id: ProjectId, state: Text }
        "project closed"
        "project {id} is {state}"
        "Use an open project";
    3051 NotAttributable "NOT_ATTRIBUTABLE" FailedPrecondition Hard Decide { open: Fen, project: ProjectId, needed: Fen }
        "B.open would go below zero"
        "{open} yuan of {project} are not attributed, {needed} needed"
        "Withdraw attributions first";
    3052 AttributionInsufficient "ATTRIBUTION_INSUFFICIENT" FailedPrecondition Hard Decide { target: Text, balance: Fen, project: ProjectId }
        "target would have less than nothing from this project: attributed - withdrawn by (project, target)"
        "{target} has {balance} yuan from {project}"
        "Correct the amount";
    3053 PurposeClass "PURPOSE_CLASS" FailedPrecondition Soft Decide { code: HouseholdCode, class: Class }
        "S02-S04 for a household that is not dibao or wubao"
        "household {code} is {class}"
        "Correct the class with its document";
    3054 InterestTooHigh "INTEREST_TOO_HIGH" FailedPrecondition Soft Decide { sum: Fen, max: Fen }
        "subsidy on the loan, net of what came back, above principal x rate x term"
        "subsidy {sum} passes {max} yuan"
        "Correct the amount";
    3055 AboveReviewLine "ABOVE_REVIEW_LINE" FailedPrecondition Soft Decide { sum: Fen, line: Fen, heads: u32 }
        "only when household_line = hard"
        "receipts {sum} pass {line} yuan for {heads} heads"
        "-";
    3060 NotADisbursement "NOT_A_DISBURSEMENT" FailedPrecondition Hard Decide { seq: Text, what: Text }
        "ref does not name a live payment of the right kind and of this quota"
        "record {seq} is {what}"
        "Name the payment";
    3061 MoreThanPaid "MORE_THAN_PAID" FailedPrecondition Hard Decide { left: Fen, seq: Seq, amount: Fen }
        "refund above what is left of the payment"
        "{left} yuan of record {seq} are left, {amount} given"
        "Correct the amount";
    3070 NoShares "NO_SHARES" FailedPrecondition Hard Decide { id: ProjectId }
        "project has no share register"
        "project {id} has no shareholders"
        "Amend the project";
    3071 NotAShareholder "NOT_A_SHAREHOLDER" FailedPrecondition Hard Decide { target: Text, id: ProjectId }
        "target not in the share register on the date"
        "{target} holds no share of {id}"
        "Amend the share register";
    3072 IncomeInsufficient "INCOME_INSUFFICIENT" FailedPrecondition Hard Decide { due: Fen }
        "I.due would go below zero"
        "{due} yuan are declared and open"
        "Declare the income first";
    3080 NotReversible "NOT_REVERSIBLE" FailedPrecondition Hard Decide { seq: Text, what: Text }
        "ref names no record of kinds 310-361, or a reversal"
        "record {seq} is {what}"
        "Post the right thing instead";
    3081 AlreadyReversed "ALREADY_REVERSED" AlreadyExists Hard Decide { seq: Seq, by: Seq }
        "record is reversed"
        "record {seq} was reversed at {by}"
        "-";
    3082 HasDependants "HAS_DEPENDANTS" FailedPrecondition Hard Decide { seq: Seq, by: Text }
        "a live record depends on it, or cash of the quota was sent and is not back (312 with C.src not 0)"
        "record {seq} is used by {by}"
        "Reverse that first";
    3083 ReversalAmount "REVERSAL_AMOUNT" FailedPrecondition Hard Decide { seq: Seq, original: Fen, found: Fen }
        "amount of a Reversed line is not the amount of the record it reverses"
        "record {seq} is {original} yuan, line says {found}"
        "Give the amount of the original; a part is a refund";
    3090 PeriodClosed "PERIOD_CLOSED" FailedPrecondition Hard Decide { month: Month, unit: Unit, seq: Seq }
        "effective date in a closed month of the unit, or that month is closed again"
        "{month} of {unit} was closed at {seq}"
        "Date it in the open month and name the original";
    3091 PeriodOrder "PERIOD_ORDER" FailedPrecondition Hard Decide { month: Month }
        "an earlier month is open"
        "{month} is still open"
        "Close it first";
    3092 PeriodNotOver "PERIOD_NOT_OVER" FailedPrecondition Hard Decide { month: Month, date: Date }
        "month not over"
        "{month} ends on {date}"
        "Wait";
    3093 PeriodTotals "PERIOD_TOTALS" FailedPrecondition Hard Decide { given: Text, found: Text }
        "control totals differ"
        "you give {given}, the ledger has {found}"
        "Find the difference before closing";
    4001 RuleDateOrder "RULE_DATE_ORDER" InvalidArgument Hard Decide { date: Date, previous: Date }
        "effective_from before the version it follows"
        "{date} is before {previous}"
        "-";
    4002 RuleVersionGap "RULE_VERSION_GAP" FailedPrecondition Hard Decide { expected: u32 }
        "version is not the next of this rule and key"
        "version {expected} expected"
        "-";
    4003 SchemeWeights "SCHEME_WEIGHTS" InvalidArgument Hard Decide { found: Text }
        "not 1-8 sources, a negative weight, or all zero"
        "weights {found}"
        "-";
    4004 SchemeSum "SCHEME_SUM" InvalidArgument Hard Decide { found: u64 }
        "weights sum above 10000"
        "sum {found}"
        "Reduce the fraction";
    4005 SchemeNotMonotone "SCHEME_NOT_MONOTONE" InvalidArgument Hard Decide { found: Text, i: u32, a: u64 }
        "a part would fall while the total grows"
        "weights {found}: part {i} falls at {a}"
        "Choose weights that do not, or split in two schemes";
    4006 RuleContent "RULE_CONTENT" InvalidArgument Hard Decide { field: Text, what: Text }
        "rule content does not validate"
        "{field}: {what}"
        "-";
    4010 NoPairing "NO_PAIRING" FailedPrecondition Hard Decide { city: Unit, date: Date }
        "no pairing for the home city on the date"
        "{city} has no pairing on {date}"
        "Adopt one";
    4011 NoScheme "NO_SCHEME" FailedPrecondition Hard Decide { city: Unit, date: Date }
        "no share scheme on the date"
        "{city} has no scheme on {date}"
        "Adopt one";
    4012 NoBaseline "NO_BASELINE" FailedPrecondition Hard Decide { city: Unit, date: Date }
        "no baseline on the date"
        "{city} has no head count on {date}"
        "Set it with its document";
    4013 BaselineSum "BASELINE_SUM" InvalidArgument Hard Decide { sum: u64, city: u64 }
        "county heads exceed the city"
        "counties sum to {sum}, city is {city}"
        "-";
    4014 PairingOverlap "PAIRING_OVERLAP" InvalidArgument Hard Decide { city: Unit, other: Unit, date: Text }
        "two helpers for one home city at one date"
        "{city} is paired with {other} until {date}"
        "End the first";
    4020 PurposeUnknown "PURPOSE_UNKNOWN" NotFound Hard Decide { code: Text }
        "purpose code unknown on the date"
        "purpose {code} is unknown"
        "See the list";
    5001 Unauthenticated "UNAUTHENTICATED" Unauthenticated Hard Edge {}
        "no valid client identity"
        "no client certificate or token"
        "-";
    5010 OrganisationUnknown "ORGANISATION_UNKNOWN" PermissionDenied Hard Decide { org: Text }
        "organisation not registered"
        "organisation {org} is not registered"
        "-";
    5011 RoleMissing "ROLE_MISSING" PermissionDenied Hard Decide { official: OfficialId, action: Text }
        "role does not allow the call"
        "{official} has no role that may {action}"
        "-";
    5012 ProvinceOnly "PROVINCE_ONLY" PermissionDenied Hard Decide { kind: Kind, allowed: Text }
        "rules by another than PO44 or FB44, a tranche by another than FB44, access or erasure by another than PO44"
        "{kind} is posted by {allowed}"
        "-";
    5013 NotYourUnit "NOT_YOUR_UNIT" PermissionDenied Hard Decide { org: OrgId, unit: Text }
        "organisation may not post for this unit, treasury or record"
        "{org} may not post for {unit}"
        "-";
    5014 OutOfScope "OUT_OF_SCOPE" PermissionDenied Hard Edge {}
        "question about something out of scope, or that does not exist"
        "not in your scope"
        "-";
    5015 IdentityDiffers "IDENTITY_DIFFERS" PermissionDenied Hard Edge { found: OrgId, stated: OrgId }
        "organisation in the header is not the connection's"
        "you are {found}, voucher says {stated}"
        "-";
    5016 IdentityRevoked "IDENTITY_REVOKED" Unauthenticated Hard Edge { date: Date }
        "the connection key is revoked, past its not_after or bound to no organisation"
        "this identity ended on {date}"
        "Ask the province for a new certificate";
    5020 ApprovalRequired "APPROVAL_REQUIRED" FailedPrecondition Hard Decide { why: Text }
        "approved_by missing at or above the threshold, with exception_reason, or for a kind with approval=yes in kinds.csv"
        "{why} needs a second official"
        "-";
    5021 SelfApproval "SELF_APPROVAL" FailedPrecondition Hard Decide { official: OfficialId }
        "prepared_by = approved_by"
        "{official} cannot approve own work"
        "-";
    5022 ApprovalSignature "APPROVAL_SIGNATURE" PermissionDenied Hard DecideOrEdge { official: OfficialId }
        "signature missing or wrong for an approver with a key"
        "signature of {official} does not verify"
        "-";
    5023 ApproverScope "APPROVER_SCOPE" PermissionDenied Hard Decide { official: OfficialId, unit: Text }
        "approver lacks role or scope on the posting date"
        "{official} may not approve for {unit}"
        "-";
    5024 RolesConflict "ROLES_CONFLICT" FailedPrecondition Hard Decide { official: OfficialId, role: Text }
        "preparer and inspector roles for one official, an official of another organisation, or a role that section 10 does not give to this kind of organisation"
        "{official} holds {role}"
        "-";
    5025 OrganisationExists "ORGANISATION_EXISTS" AlreadyExists Hard Decide { org: OrgId, seq: Seq }
        "organisation already registered"
        "organisation {org} was registered at {seq}"
        "-";
    5026 RoleNotHeld "ROLE_NOT_HELD" FailedPrecondition Hard Decide { official: OfficialId, role: Role, org: OrgId }
        "revoking a role that the official does not hold"
        "{official} does not hold {role} at {org}"
        "See the list of roles";
    5030 InspectorsOnly "INSPECTORS_ONLY" PermissionDenied Hard Decide { kind: Kind }
        "finding or legal hold by another than DI, AU"
        "{kind} is posted by DI or AU"
        "-";
    5031 ConcernedOnly "CONCERNED_ONLY" PermissionDenied Hard Decide { org: OrgId, id: Text }
        "explanation by an organisation not concerned"
        "{org} is not concerned by finding {id}"
        "-";
    5040 LegalHold "LEGAL_HOLD" FailedPrecondition Hard Decide { seq: Seq }
        "erasure of a person under legal hold"
        "a legal hold stands since {seq}"
        "Have the hold released first";
    6001 TooManyLines "TOO_MANY_LINES" ResourceExhausted Hard Decide { found: u64, max: u64 }
        "more than 20000 lines in a voucher"
        "{found}, at most {max}"
        "Send smaller pieces";
    6002 MessageTooLarge "MESSAGE_TOO_LARGE" ResourceExhausted Hard Edge { found: u64, max: u64 }
        "message above 4 MiB (PostVoucherStream takes larger vouchers in chunks)"
        "{found}, at most {max}"
        "Send smaller pieces";
    6003 VoucherTooLarge "VOUCHER_TOO_LARGE" ResourceExhausted Hard Node { found: u64, max: u64 }
        "sealed voucher above the hard block limit of 16 MiB"
        "{found}, at most {max}"
        "Send smaller pieces";
    6004 RecordTooLarge "RECORD_TOO_LARGE" ResourceExhausted Hard Node { found: u64, max: u64 }
        "record above 65535 bytes"
        "{found}, at most {max}"
        "Send smaller pieces";
    6005 TooManyLegs "TOO_MANY_LEGS" ResourceExhausted Hard Node { found: u64, max: u64 }
        "more than 64 legs"
        "{found}, at most {max}"
        "Send smaller pieces";
    6006 PageTooLarge "PAGE_TOO_LARGE" InvalidArgument Hard Edge { found: u64, max: u64 }
        "page above 1000 rows"
        "{found}, at most {max}"
        "Send smaller pieces";
    6007 QueueFull "QUEUE_FULL" Unavailable Hard Node { found: u64, max: u64, ms: u64 }
        "the posting queue is full"
        "{found}, at most {max}"
        "Retry with the same key after {ms} ms";
    6008 TooManyStreams "TOO_MANY_STREAMS" ResourceExhausted Hard Edge { found: u64, max: u64 }
        "open streams of this client"
        "{found}, at most {max}"
        "Send smaller pieces";
    7001 FindingUnknown "FINDING_UNKNOWN" NotFound Hard Decide { id: Text }
        "no such finding"
        "finding {id} is not known"
        "-";
    7002 AlertUnknown "ALERT_UNKNOWN" NotFound Hard Edge { id: Text, seq: Seq }
        "alert id is not produced at that position and date"
        "alert {id} is not raised at {seq}"
        "-";
    7003 FindingState "FINDING_STATE" FailedPrecondition Hard Decide { state: Text }
        "step not possible in this state"
        "finding is {state}"
        "-";
    8001 PositionAhead "POSITION_AHEAD" OutOfRange Hard Edge { head: Seq, asked: Seq }
        "as_of beyond the head"
        "head is {head}, {asked} asked"
        "-";
    8002 NotThisLedger "NOT_THIS_LEDGER" FailedPrecondition Hard EdgeOrCli { found: Text, origin: Text }
        "origin of token, checkpoint or file is another ledger"
        "{found} is not {origin}"
        "-";
    8003 PageToken "PAGE_TOKEN" InvalidArgument Hard Edge {}
        "page token damaged or of another question"
        "-"
        "Start again";
    8004 VoucherNotFound "VOUCHER_NOT_FOUND" NotFound Hard Edge { key: Text }
        "GetVoucher for a key that was never accepted"
        "voucher {key} was not posted"
        "It may be sent now with this key";
    8005 NotFound "NOT_FOUND" NotFound Hard Edge { what: Text, id: Text }
        "a record, view row or finding asked for does not exist"
        "{what} {id} does not exist"
        "-";
    9001 ReadOnly "READ_ONLY" Unavailable Hard Node { why: Text }
        "process stopped accepting: after a failed sync, while draining, or because the wall clock jumped (why = clock)"
        "ledger is read-only: {why}"
        "Retry with the same key against the restarted server";
    9002 Fenced "FENCED" Aborted Hard Node { mine: u64, theirs: u64 }
        "another writer holds a newer epoch"
        "epoch {mine} was replaced by {theirs}"
        "Connect to the new writer";
    9003 OutcomeUnknown "OUTCOME_UNKNOWN" Unknown Hard Node { key: Text }
        "write may or may not be durable"
        "outcome of {key} is not known"
        "Ask GetVoucher, then retry with the same key";
    9004 JournalCorrupt "JOURNAL_CORRUPT" DataLoss Hard NodeOrCli { segment: Text, offset: u64, from: Seq, to: Seq }
        "damage before a valid frame"
        "segment {segment} offset {offset}, records {from}-{to}"
        "Restore; keep the damaged file";
    9005 LedgerLocked "LEDGER_LOCKED" FailedPrecondition Hard NodeOrCli { dir: Text }
        "another process has the data directory open"
        "{dir} is in use"
        "Stop that process or ask it over gRPC";
    9006 NewerFormat "NEWER_FORMAT" FailedPrecondition Hard NodeOrCli { what: Text, found: u32, max: u32 }
        "record or file written by a newer version"
        "{what} has version {found}, this program reads up to {max}"
        "Use a newer program";
    9007 RolledBack "ROLLED_BACK" DataLoss Hard NodeOrCli { size: u64, published: u64 }
        "ledger is behind its last published checkpoint or contradicts it"
        "ledger has {size} records, the checkpoint speaks of {published}"
        "Restore a newer backup; keep this directory";
    9008 NoLedger "NO_LEDGER" NotFound Hard NodeOrCli { dir: Text }
        "no ledger in the data directory"
        "{dir} holds no ledger"
        "Run mingzhang init or check the path";
    9009 DiskFull "DISK_FULL" Unavailable Hard Node { dir: Text, free: u64, needed: u64 }
        "no space for the next segment"
        "{dir}: {free} bytes free, {needed} needed"
        "Free space and start again; nothing acknowledged is lost";
    9010 Usage "USAGE" InvalidArgument Hard Cli { what: Text }
        "wrong usage of the command line (never sent over gRPC)"
        "{what}"
        "See --help";
}
