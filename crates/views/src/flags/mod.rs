//! Red flags 预警 F01 to F29: signs in the log that an inspector should look at.
//!
//! Lives here: the table of flags, alerts and their ids. One file a flag holds its rule; `facts` what is
//! remembered of the log, `look` what rules share. Lives elsewhere: parameters (`ledger::rules`), findings
//! (the ledger), who may see an alert (the program).
//!
//! Always: alerts are a function of the log up to a position, the day asked about and the parameters valid on
//! it, in the order of flag, subject and first record; integers only. An alert says "look here", never
//! "guilty".

pub mod facts;
mod look;
mod purse;
mod subject;

mod f01_shared_account;
mod f02_paid_after_exit;
mod f03_paid_not_entitled;
mod f04_paid_after_death;
mod f05_split_below_threshold;
mod f06_round_burst;
mod f07_idle_funds;
mod f08_above_review_line;
mod f09_sent_not_received;
mod f10_account_changed_before_payment;
mod f11_outside_purpose;
mod f12_refund_repay_cycle;
mod f13_one_hand;
mod f14_duplicate_person;
mod f15_village_outlier;
mod f16_paid_before_money;
mod f17_reversed_after_close;
mod f18_source_short;
mod f19_baseline_drift;
mod f20_exception_posted;
mod f21_bank_differs;
mod f22_county_share_off;
mod f23_year_end_rush;
mod f24_unattributed;
mod f25_backdated;
mod f26_holder_not_in_household;
mod f27_income_not_paid;
mod f28_possible_duplicate;
mod f29_official_among_payees;

use ledger::ids::Date;
pub use ledger::rules::FlagId as Flag;
use record::Seq;

pub use facts::Facts;
use look::Look;
pub use subject::Subject;

/// A flag as documents name it.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its number.
    pub number: u8,
    /// Its name in snake case.
    pub name: &'static str,
    /// Its Chinese name.
    pub name_zh: &'static str,
    /// The misconduct it may be a sign of. Source: 粤发〔2016〕13号 §13.
    pub misconduct: &'static str,
    /// What it is about.
    pub subject: &'static str,
    /// Its rule.
    pub rule: &'static str,
    /// Parameters with their first values.
    pub params: &'static [(&'static str, i64)],
    /// What it shows.
    pub evidence: &'static str,
    /// When it fires on what is right.
    pub false_positive: &'static str,
    /// 1 to 3; some rules raise or lower it.
    pub severity: u8,
    find: fn(&Look<'_>, &mut Vec<Found>),
}

/// All flags, by number. A test holds the page of flags equal to it.
pub static TABLE: &[Row] = &[
    Row {
        number: 1,
        name: "shared_account",
        name_zh: "一账多户",
        misconduct: "虚报冒领、截留私分",
        subject: "account token",
        rule: "Net payments (330, 361) in the window went to one account token for at least min_households different households, lineage counted once, bindings with guardian reason left out",
        params: &[("min_households", 2)],
        evidence: "payments, bindings",
        false_positive: "A guardian or adult child lawfully receives for parents: bind with guardian reason",
        severity: 3,
        find: f01_shared_account::find,
    },
    Row {
        number: 2,
        name: "paid_after_exit",
        name_zh: "脱贫后发放",
        misconduct: "虚报冒领",
        subject: "household",
        rule: "A 330 with effective date later than HouseholdExited date + grace_days, purpose after_exit=no, not reversed, not fully refunded; also when the exit was posted later",
        params: &[("grace_days", 30)],
        evidence: "exit event, payments",
        false_positive: "Instalment of a project promised before the exit",
        severity: 2,
        find: f02_paid_after_exit::find,
    },
    Row {
        number: 3,
        name: "paid_not_entitled",
        name_zh: "清退户或建档前发放",
        misconduct: "虚报冒领",
        subject: "household",
        rule: "A net payment to a household that is now removed, or with effective date before its first registration date",
        params: &[],
        evidence: "registration or removal, payments",
        false_positive: "Removal itself was wrong: HouseholdReinstated clears it",
        severity: 3,
        find: f03_paid_not_entitled::find,
    },
    Row {
        number: 4,
        name: "paid_after_death",
        name_zh: "死亡后发放",
        misconduct: "虚报冒领",
        subject: "household",
        rule: "A net 330 that names a member with death date before the payment date, or a household with no active member on the payment date, using everything known at N",
        params: &[("grace_days", 0)],
        evidence: "MemberDied, payments",
        false_positive: "Arrears of the month of death; late death reports",
        severity: 3,
        find: f04_paid_after_death::find,
    },
    Row {
        number: 5,
        name: "split_below_threshold",
        name_zh: "拆分规避审批",
        misconduct: "截留私分",
        subject: "unit + payee",
        rule: "At least min_count payments (330, 331) of one unit to one payee (household, project or account) within days, each at least low_bp/10000 of and below the approval threshold, sum at or above it",
        params: &[("min_count", 2), ("days", 7), ("low_bp", 5000)],
        evidence: "payments, threshold version",
        false_positive: "Two purposes that fall due in one week",
        severity: 2,
        find: f05_split_below_threshold::find,
    },
    Row {
        number: 6,
        name: "round_burst",
        name_zh: "季末整数突击",
        misconduct: "挥霍浪费",
        subject: "unit + quarter",
        rule: "In the last last_days of a quarter at least min_count payments of the unit are multiples of round_fen and they are at least share_bp of its payments of the quarter by amount",
        params: &[("last_days", 5), ("min_count", 10), ("round_fen", 100_000), ("share_bp", 5000)],
        evidence: "payments, share",
        false_positive: "A standard subsidy of round amount due at quarter end",
        severity: 1,
        find: f06_round_burst::find,
    },
    Row {
        number: 7,
        name: "idle_funds",
        name_zh: "资金滞留",
        misconduct: "截留私分、挤占挪用",
        subject: "unit + quota",
        rule: "Money in C.hold older than days_warn (severity 1), days_serious (2), days_grave (3); age first in first out by receipt date",
        params: &[
            ("days_warn", 90),
            ("days_serious", 365),
            ("days_grave", 730),
            ("min_fen", 1_000_000),
        ],
        evidence: "receipts, balance by age",
        false_positive: "Season-bound project; retention money",
        severity: 2,
        find: f07_idle_funds::find,
    },
    Row {
        number: 8,
        name: "above_review_line",
        name_zh: "超人均标准",
        misconduct: "虚报冒领、挥霍浪费",
        subject: "lineage",
        rule: "Receipts that count to the cap exceed per_head_fen x peak active members; no tolerance",
        params: &[("tolerance_fen", 0)],
        evidence: "payments, attributions, head-count history",
        false_positive: "A household plan (一户一法) that needs more: explain once, document named",
        severity: 1,
        find: f08_above_review_line::find,
    },
    Row {
        number: 9,
        name: "sent_not_received",
        name_zh: "拨付未到账",
        misconduct: "截留私分",
        subject: "sent record",
        rule: "sent - received - returned > 0 and older than days",
        params: &[("days", 15), ("days_grave", 60)],
        evidence: "sent record, receipts",
        false_positive: "Receiver forgot to post the receipt",
        severity: 2,
        find: f09_sent_not_received::find,
    },
    Row {
        number: 10,
        name: "account_changed_before_payment",
        name_zh: "付款前换账户",
        misconduct: "虚报冒领、截留私分",
        subject: "household",
        rule: "Payment to an account bound at most days before it, when the household had another account bound before",
        params: &[("days", 15), ("min_fen", 50_000)],
        evidence: "bindings, payment",
        false_positive: "Card lost; bank merged",
        severity: 2,
        find: f10_account_changed_before_payment::find,
    },
    Row {
        number: 11,
        name: "outside_purpose",
        name_zh: "超范围使用",
        misconduct: "挤占挪用",
        subject: "record",
        rule: "A record posted by exception with 3040, 3041, 3042, 3049 or 3053; or a purpose that later rule versions made not allowed, still paid after their date; or a reversal with reason purpose after the month was closed",
        params: &[],
        evidence: "record, rule version",
        false_positive: "Rule changed while the payment was under way",
        severity: 3,
        find: f11_outside_purpose::find,
    },
    Row {
        number: 12,
        name: "refund_repay_cycle",
        name_zh: "退付循环",
        misconduct: "截留私分",
        subject: "unit + household",
        rule: "At least min_cycles times within days: payment, refund of at least refund_bp of it, new payment of the same purpose",
        params: &[("min_cycles", 2), ("days", 90), ("refund_bp", 8000)],
        evidence: "records of the cycles",
        false_positive: "Wrong bank number twice",
        severity: 2,
        find: f12_refund_repay_cycle::find,
    },
    Row {
        number: 13,
        name: "one_hand",
        name_zh: "一人经手",
        misconduct: "截留私分",
        subject: "official",
        rule: "prepared_by = approved_by anywhere; or one official bound the account or registered the household and prepared or approved a payment to it within days",
        params: &[("days", 30)],
        evidence: "vouchers, registry events",
        false_positive: "Very small towns; an approver in the county cures it",
        severity: 2,
        find: f13_one_hand::find,
    },
    Row {
        number: 14,
        name: "duplicate_person",
        name_zh: "一人多户",
        misconduct: "虚报冒领",
        subject: "person token",
        rule: "One person token was active in two households at overlapping dates (possible through back-dated events or exception), or was the named member of payments of one purpose and year in two households",
        params: &[],
        evidence: "memberships, payments",
        false_positive: "MemberMoved posted late",
        severity: 3,
        find: f14_duplicate_person::find,
    },
    Row {
        number: 15,
        name: "village_outlier",
        name_zh: "村人均异常",
        misconduct: "挥霍浪费",
        subject: "village + year",
        rule: "Net receipts per registered head > factor_bp/10000 x lower median of the villages of the county; villages with fewer than min_households left out",
        params: &[("factor_bp", 30_000), ("min_households", 10), ("min_villages", 5)],
        evidence: "village rows, median",
        false_positive: "A village-wide project booked in one year",
        severity: 1,
        find: f15_village_outlier::find,
    },
    Row {
        number: 16,
        name: "paid_before_money",
        name_zh: "先支后拨",
        misconduct: "挤占挪用",
        subject: "unit + quota",
        rule: "At some date the date view of C.hold or Q.quota of the unit and quota is negative (effective dates out of order), or a payment is dated before QuotaIssued",
        params: &[("min_days", 1)],
        evidence: "date balances, records",
        false_positive: "Receipt posted with the date of posting instead of arrival",
        severity: 2,
        find: f16_paid_before_money::find,
    },
    Row {
        number: 17,
        name: "reversed_after_close",
        name_zh: "结账后冲正",
        misconduct: "虚报冒领、截留私分",
        subject: "unit + quarter",
        rule: "A reversal of a record whose month was closed; or reversed lines > share_bp of the lines of the unit in a quarter",
        params: &[("share_bp", 200), ("min_lines", 50)],
        evidence: "reversals, originals",
        false_positive: "Clean-up after a data transfer",
        severity: 1,
        find: f17_reversed_after_close::find,
    },
    Row {
        number: 18,
        name: "source_short",
        name_zh: "配套资金不到位",
        misconduct: "挤占挪用",
        subject: "source + home city + quarter",
        rule: "At quarter end issued (or arrived) of a source < share_bp of its obligations opened at least due_days before",
        params: &[("share_bp", 9000), ("due_days", 90)],
        evidence: "tranches, quotas, transfers",
        false_positive: "Budget adopted late in the year",
        severity: 2,
        find: f18_source_short::find,
    },
    Row {
        number: 19,
        name: "baseline_drift",
        name_zh: "申报人数与台账不符",
        misconduct: "虚报冒领",
        subject: "home city or county",
        rule: "abs(declared heads - registered heads by head basis) x 10000 > drift_bp x declared; or planned > ceiling",
        params: &[("drift_bp", 200)],
        evidence: "baseline, register count",
        false_positive: "Adjustment round not yet approved",
        severity: 2,
        find: f19_baseline_drift::find,
    },
    Row {
        number: 20,
        name: "exception_posted",
        name_zh: "异常补记",
        misconduct: "挤占挪用、虚报冒领",
        subject: "record",
        rule: "Voucher with exception_reason",
        params: &[],
        evidence: "voucher, codes skipped",
        false_positive: "Emergencies; every one must be explained",
        severity: 2,
        find: f20_exception_posted::find,
    },
    Row {
        number: 21,
        name: "bank_differs",
        name_zh: "账实不符",
        misconduct: "截留私分、挤占挪用",
        subject: "unit",
        rule: "BalanceAsserted with a difference, or a bank row unmatched after days",
        params: &[("days", 3)],
        evidence: "assertion, unmatched rows",
        false_positive: "Bank file of another day",
        severity: 3,
        find: f21_bank_differs::find,
    },
    Row {
        number: 22,
        name: "county_share_off",
        name_zh: "县级分配偏离",
        misconduct: "截留私分、挤占挪用",
        subject: "home city + county + year",
        rule: "abs(released to county x city heads - released in city x county heads) x 10000 > off_bp x released in city x city heads, when released in city > 0 and half of the year is over",
        params: &[("off_bp", 500)],
        evidence: "releases, baselines",
        false_positive: "Project-based distribution in the first months",
        severity: 1,
        find: f22_county_share_off::find,
    },
    Row {
        number: 23,
        name: "year_end_rush",
        name_zh: "年底突击支出",
        misconduct: "挥霍浪费",
        subject: "unit + year",
        rule: "December net payments > share_bp of the year, year total at least min_fen",
        params: &[("share_bp", 4000), ("min_fen", 10_000_000)],
        evidence: "payments by month",
        false_positive: "Tranche arrived in November",
        severity: 1,
        find: f23_year_end_rush::find,
    },
    Row {
        number: 24,
        name: "unattributed",
        name_zh: "项目未到户",
        misconduct: "挥霍浪费、截留私分",
        subject: "project",
        rule: "B.open > 0 more than days after the last payment",
        params: &[("days", 180)],
        evidence: "payments, attributions",
        false_positive: "Acceptance pending",
        severity: 2,
        find: f24_unattributed::find,
    },
    Row {
        number: 25,
        name: "backdated",
        name_zh: "倒签日期",
        misconduct: "截留私分",
        subject: "record",
        rule: "posted date - effective date > days, or posted after the next month of the same unit was already closed by its parent",
        params: &[("days", 31)],
        evidence: "record",
        false_positive: "Bank slip arrived late",
        severity: 1,
        find: f25_backdated::find,
    },
    Row {
        number: 26,
        name: "holder_not_in_household",
        name_zh: "户外人员账户",
        misconduct: "截留私分、虚报冒领",
        subject: "household",
        rule: "Payment to an account whose holder was no active member on the payment date and the binding has no guardian reason",
        params: &[],
        evidence: "binding, membership, payment",
        false_positive: "Holder moved out last month",
        severity: 3,
        find: f26_holder_not_in_household::find,
    },
    Row {
        number: 27,
        name: "income_not_paid",
        name_zh: "收益未分配",
        misconduct: "截留私分",
        subject: "project",
        rule: "I.due > 0 more than days after IncomeDeclared; or a project with P04 payments and no IncomeDeclared for idle_days after acceptance",
        params: &[("days", 90), ("idle_days", 400)],
        evidence: "declarations, distributions",
        false_positive: "Crop failed: a declaration of no income is recorded as a finding explanation",
        severity: 2,
        find: f27_income_not_paid::find,
    },
    Row {
        number: 28,
        name: "possible_duplicate",
        name_zh: "疑似重复发放",
        misconduct: "虚报冒领、截留私分",
        subject: "household",
        rule: "Two net payments of one unit to one household with the same purpose and amount under different vouchers at most days apart",
        params: &[("days", 3), ("min_fen", 10_000)],
        evidence: "both payments",
        false_positive: "Two members with equal subsidies: name the member in the line",
        severity: 2,
        find: f28_possible_duplicate::find,
    },
    Row {
        number: 29,
        name: "official_among_payees",
        name_zh: "干部亲友受益",
        misconduct: "虚报冒领、截留私分",
        subject: "official",
        rule: "Person token of an official whose scope contains the village (roles preparer, approver, registrar, notice) is holder of a paid account or active member of a paid household on the payment date",
        params: &[],
        evidence: "role, membership or binding, payments",
        false_positive: "A registered poor household whose member works as village clerk: disclose and let another approve",
        severity: 3,
        find: f29_official_among_payees::find,
    },
];

/// The row of a flag.
pub fn row(flag: Flag) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.number == flag.number())
}

/// What a rule found.
struct Found {
    subject: Subject,
    /// `None`: that of the table.
    severity: Option<u8>,
    fen: i64,
    /// Ascending.
    evidence: Vec<facts::rows::At>,
    zh: String,
    en: String,
}

/// A sign that an inspector should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Names it for ever: flag, parameters, subject and first record decide it.
    pub id: [u8; 16],
    /// Which flag.
    pub flag: Flag,
    /// Version of the parameters it was found by.
    pub parameter_version: u32,
    /// What it is about.
    pub subject: Subject,
    /// 1 to 3.
    pub severity: u8,
    /// Money at stake, fen; 0 where the rule names none.
    pub amount_fen: i64,
    /// The first records that show it, ascending, at most [`EVIDENCE_MAX`].
    pub evidence: Vec<Seq>,
    /// How many records show it.
    pub evidence_total: u64,
    /// In Chinese.
    pub sentence_zh: String,
    /// In English.
    pub sentence_en: String,
}

/// Most records of evidence that an alert lists.
pub const EVIDENCE_MAX: usize = 100;

/// Computes alerts of one flag or of all, for a day. A flag without parameters valid on the day has none.
pub fn alerts(facts: &Facts, date: Date, only: Option<Flag>) -> Vec<Alert> {
    let mut out = Vec::new();
    for row in TABLE.iter().filter(|row| only.is_none_or(|flag| flag.number() == row.number)) {
        let Some(flag) = Flag::of_number(row.number) else { continue };
        let Some(version) = facts.rules.flag(flag, date) else { continue };
        let mut found = Vec::new();
        (row.find)(&Look { facts, date, params: &version.content }, &mut found);
        let mut of_flag: Vec<(Vec<u8>, Alert)> = found
            .into_iter()
            .map(|found| {
                let key = found.subject.key();
                let alert = alert(flag, row.severity, version.number, &key, found);
                (key, alert)
            })
            .collect();
        of_flag.sort_by(|(a, x), (b, y)| (a, x.evidence.first()).cmp(&(b, y.evidence.first())));
        out.extend(of_flag.into_iter().map(|(_, alert)| alert));
    }
    out
}

fn alert(flag: Flag, severity: u8, version: u32, key: &[u8], found: Found) -> Alert {
    let seq = |at: &facts::rows::At| Seq(u64::from(*at));
    let first = found.evidence.first().map_or(Seq(0), seq);
    Alert {
        id: alert_id(flag, version, key, first),
        flag,
        parameter_version: version,
        subject: found.subject,
        severity: found.severity.unwrap_or(severity),
        amount_fen: found.fen,
        evidence: found.evidence.iter().take(EVIDENCE_MAX).map(seq).collect(),
        evidence_total: u64::try_from(found.evidence.len()).unwrap_or(u64::MAX),
        sentence_zh: found.zh,
        sentence_en: found.en,
    }
}

/// The id of an alert: the first 16 bytes of a hash of flag, parameter version, subject key and first record.
fn alert_id(flag: Flag, version: u32, key: &[u8], first: Seq) -> [u8; 16] {
    let length = u16::try_from(key.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(key.len().saturating_add(16));
    bytes.extend_from_slice(&u16::from(flag.number()).to_le_bytes());
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(&first.0.to_le_bytes());
    let hash = blake3::derive_key(record::context::ALERT, &bytes);
    hash.first_chunk::<16>().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
