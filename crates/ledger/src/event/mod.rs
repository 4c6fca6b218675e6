//! What happened: one event a record, with the results that were decided, never the rule.
//!
//! Lives here: the closed list of events, what every event can do. Bodies stand in a file a subject.
//! Lives elsewhere: how an event is asked for (`voucher`), decided (`kinds`) and stored (`codec`).
//!
//! Always: legs, line fields and effect are functions of the event alone; applying it asks no rule, so a
//! corrected rule changes no old balance.

pub mod access;
pub mod finding;
pub mod loan;
pub mod money;
pub mod period;
pub mod project;
pub mod registry;
pub mod reversal;
pub mod rules;

use record::{Fen, Seq};
use thiserror::Error;

use crate::account::Legs;
use crate::ids::{Date, Unit};
use crate::kind::Kind;
use crate::reject::Text;
use crate::state::State;
use crate::voucher::VoucherBuilder;

/// Where an event stands in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    /// Its position.
    pub seq: Seq,
    /// Server time, Unix ms UTC.
    pub time_ms: u64,
    /// Effective date.
    pub date: Date,
    /// Position of its voucher's header record.
    pub first_seq: Seq,
}

/// A record contradicts the state before it. Of a log that was decided by this program only an overflow
/// can come up, and that before the record is made.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Drift {
    /// A sum would leave 64 bits (3012).
    #[error("sum of {account} would pass the range")]
    Overflow {
        /// Which sum: an account path or a name.
        account: Text,
    },
    /// An account would pass to the wrong side of zero.
    #[error("{account} would be {balance} fen")]
    Side {
        /// Its path.
        account: Text,
        /// What its balance would be.
        balance: i64,
    },
    /// The event names something that does not exist, or exists already.
    #[error("{what}")]
    Contradiction {
        /// What was found.
        what: Text,
    },
}

impl Drift {
    /// A contradiction in words.
    pub fn of(what: impl Into<Text>) -> Self {
        Self::Contradiction { what: what.into() }
    }

    /// An overflow of a named sum.
    pub fn overflow(account: impl Into<Text>) -> Self {
        Self::Overflow { account: account.into() }
    }
}

/// In whose month a record of kinds 310 to 371 stands. Source: domain contract, 7.4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Booked {
    /// Unit of account.
    pub unit: Unit,
    /// The amount that counts into the month's control totals; `None`: the record does not count (371).
    pub counted: Option<Fen>,
}

impl Booked {
    /// A record of kinds 310 to 361.
    pub fn counted(unit: Unit, amount: Fen) -> Option<Self> {
        Some(Self { unit, counted: Some(amount) })
    }
}

/// What every event can do.
pub trait Body {
    /// The legs of its record. Only money has any.
    fn legs(&self) -> Legs {
        Legs::default()
    }

    /// In whose month it stands. A close (370) stands in none: it is about one.
    fn booked(&self, _: &State) -> Option<Booked> {
        None
    }

    /// Sets the fields of the line it was asked for with, but for the memo: a line is begun already.
    fn fields(&self, line: &mut VoucherBuilder);

    /// Changes the state.
    ///
    /// # Errors
    /// [`Drift`]: the state may be half changed then, and must be rolled back or dropped.
    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift>;
}

/// What every kind has beside its own fields.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Common {
    /// Soft refusals that were passed over, in the order in which they were met.
    pub skipped: Vec<u16>,
    /// Memo of the line as sent.
    pub memo: Box<str>,
}

/// What a record says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// Skipped codes and memo.
    pub common: Common,
}

macro_rules! events {
    ($($name:ident($file:ident)),* $(,)?) => {
        /// An event, a variant a kind.
        #[derive(Clone, PartialEq, Eq, Debug)]
        #[expect(missing_docs, reason = "kinds are described in their table")]
        #[allow(clippy::large_enum_variant, reason = "the hot kinds are the large ones")]
        pub enum Event {
            $($name($file::$name),)*
        }

        impl Event {
            /// Its kind.
            pub const fn kind(&self) -> Kind {
                match self {
                    $(Self::$name(_) => Kind::$name,)*
                }
            }

            /// What every event can do.
            pub fn body(&self) -> &dyn Body {
                match self {
                    $(Self::$name(body) => body,)*
                }
            }

            /// Whether events of a kind are served by this version.
            pub const fn serves(kind: Kind) -> bool {
                matches!(kind, $(Kind::$name)|*)
            }
        }

        $(impl From<$file::$name> for Event {
            fn from(body: $file::$name) -> Self {
                Self::$name(body)
            }
        })*

        /// Calls a macro with all events, so that the codec has an arm for each.
        macro_rules! for_each_event {
            ($then:ident) => { $then! { $($name($file)),* } };
        }
        pub(crate) use for_each_event;
    };
}

// A new kind: a name here, its body in the file, its message in `codec`, its decision in `kinds`.
events! {
    AreaRegistered(registry), AreaAmended(registry), AreaClosed(registry), VillageExited(registry),
    HouseholdRegistered(registry), HouseholdAmended(registry), HouseholdMoved(registry),
    HouseholdSplit(registry), HouseholdsMerged(registry), HouseholdExited(registry),
    HouseholdReturned(registry), HouseholdRemoved(registry), HouseholdReinstated(registry),
    HouseholdDissolved(registry), MemberAdded(registry), MemberAmended(registry),
    MemberLeft(registry), MemberDied(registry), MemberMoved(registry), AccountBound(registry),
    AccountReleased(registry),
    SchemeAdopted(rules), PairingAdopted(rules), PurposesAdopted(rules), FlowsAdopted(rules),
    CapRuleAdopted(rules), ApprovalRuleAdopted(rules), FlagParametersAdopted(rules),
    AreasAdopted(rules), BaselineSet(rules), PeriodRuleAdopted(rules),
    ProjectRegistered(project), ProjectAmended(project), ProjectClosed(project),
    LoanRegistered(loan), LoanClosed(loan),
    VoucherPosted(money),
    OpeningBalance(money), TrancheOpened(money), QuotaIssued(money), QuotaReleased(money),
    QuotaWithdrawn(money), TransferSent(money), TransferReceived(money), TransferReturned(money),
    DisbursedToHousehold(money), DisbursedToProject(project), BenefitAttributed(project),
    BenefitWithdrawn(project), PaymentReturned(money), OverpaymentRepaid(money),
    ProjectSurplusReturned(project), FundsReturnedUp(money), Reversed(reversal),
    IncomeDeclared(project), IncomeDistributed(project), PeriodClosed(period),
    BalanceAsserted(period),
    FindingOpened(finding), FindingExplained(finding), FindingReferred(finding),
    FindingClosed(finding), FindingReopened(finding),
    OrganisationRegistered(access), RoleGranted(access), RoleRevoked(access),
    OfficialKeyRegistered(access), CertificateBound(access), CertificateRevoked(access),
}

impl Event {
    /// The legs of its record.
    pub fn legs(&self) -> Legs {
        self.body().legs()
    }

    /// Sets the fields of the line it was asked for with, but for the memo.
    pub fn fields(&self, line: &mut VoucherBuilder) {
        self.body().fields(line);
    }
}
