//! What the generator yields: vouchers as values, with the names of the kinds table.

use crate::codes::{HouseholdCode, Token, Unit};
use crate::date::Day;
use std::sync::Arc;

/// One voucher, in posting order.
#[derive(Clone, Debug, PartialEq)]
pub struct SimVoucher {
    /// The organisation that posts.
    pub organisation: Arc<str>,
    /// Unique within the organisation.
    pub voucher_no: Arc<str>,
    /// The day on which it is posted; it never falls from one voucher to the next.
    pub posted: Day,
    /// The date it takes effect: the day it is posted, or before it where an irregularity dates back.
    pub effective_date: Day,
    /// The document it rests on, where its kinds ask for one.
    pub doc_no: Option<String>,
    /// The official who prepared it.
    pub prepared_by: Arc<str>,
    /// The official who approved it, where amount or kind ask for one.
    pub approved_by: Option<Arc<str>>,
    /// Why soft refusals are passed over; only an irregularity has one.
    pub exception_reason: Option<String>,
    /// Sum of the amounts of the lines, in fen.
    pub total_fen: i64,
    /// 1 to 20,000 lines of one group; line number = index + 1.
    pub lines: Vec<SimLine>,
}

/// One line of a voucher.
#[derive(Clone, Debug, PartialEq)]
pub struct SimLine {
    /// The name of the kind, such as `DisbursedToHousehold`.
    pub kind: &'static str,
    /// The fields that are filled, in the order of the kinds table; amounts without the `_yuan` that
    /// files add.
    pub fields: Vec<(&'static str, Value)>,
    /// The row that the bank has of it; none for what moves no money.
    pub bank: Option<BankRow>,
}

impl SimLine {
    pub(crate) fn new(kind: &'static str, fields: Vec<(&'static str, Value)>) -> SimLine {
        SimLine { kind, fields, bank: None }
    }

    pub(crate) fn with_bank(mut self, row: BankRow) -> SimLine {
        self.bank = Some(row);
        self
    }

    /// Returns the value of a field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The amount of the line in fen, 0 where it has none.
    pub fn amount_fen(&self) -> i64 {
        match self.field("amount") {
            Some(Value::Fen(fen)) => *fen,
            _ => 0,
        }
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word of a fixed list: a class, a purpose, a reason.
    Word(&'static str),
    /// An identifier that many lines share: a quota, an organisation.
    Name(Arc<str>),
    /// Free text.
    Text(String),
    /// A whole number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// Money.
    Fen(i64),
    /// A date.
    Date(Day),
    /// A unit code without trailing zero groups.
    Unit(Unit),
    /// The same unit as a 12-digit area code.
    Area(Unit),
    /// A household.
    Household(HouseholdCode),
    /// A person or account.
    Token(Token),
    /// A bank's reference.
    BankRef(BankRef),
    /// A list.
    List(Vec<Value>),
    /// An entry of a list.
    Object(Vec<(&'static str, Value)>),
}

/// A bank's reference of one movement: the day and a serial of that day, `B20160901-000022`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BankRef {
    /// The day of the order.
    pub day: Day,
    /// From 1 each day.
    pub serial: u32,
}

/// One row of the bank's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankRow {
    /// The reference of the order; what comes back carries that of what went out.
    pub bank_ref: BankRef,
    /// The account at the other end of a payment, or the one money arrived at or came back to.
    pub account: BankAccount,
    /// Money, above 0.
    pub fen: i64,
    /// Out of the fund's account or into it.
    pub direction: Direction,
    /// What the bank says of it.
    pub status: &'static str,
}

/// An account as the bank's file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BankAccount {
    /// The account of a household.
    Payee(Token),
    /// The account of a unit.
    Unit(Unit),
}

/// Which way money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Paid or sent.
    Out,
    /// Arrived or came back.
    In,
}
