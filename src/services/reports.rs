//! `Reports`: one table a report, with what it speaks for.
//!
//! Lives here: who may read which report, messages from tables and tables from messages.
//! Lives elsewhere: making reports (`views::reports`, `reading`), scope (`scope`).
//!
//! Always: a report about one household is for those who work with households or look after them; a
//! reporter sees sums alone, an operator nothing. Source: domain contract, section 10.

use ledger::ids::Date;
use ledger::rules::Rules;
use ledger::state::State;
use ledger::words::Role;
use proto::v1;
use record::china_date;
use tonic::{Request, Response, Status};
use views::reports::{Cell, Column, Fact, Kind, Question, Table, What};

use super::page;
use super::scope;
use super::status::refuse;
use crate::auth::{Identity, authenticate};
use crate::node::Handle;
use crate::reading::{Asked, DurableLog, Reported, known, reported};

pub use super::generated::reports_server::ReportsServer as Server;

/// Roles that read sums and households.
const HOUSEHOLDS: &[Role] = &[
    Role::Preparer,
    Role::Approver,
    Role::FinanceHead,
    Role::Registrar,
    Role::RegistrarApprover,
    Role::HelperFinance,
    Role::Inspector,
    Role::Auditor,
];

/// Roles that read sums.
const SUMS: &[Role] = &[
    Role::Preparer,
    Role::Approver,
    Role::FinanceHead,
    Role::Registrar,
    Role::RegistrarApprover,
    Role::RuleKeeper,
    Role::HelperFinance,
    Role::Inspector,
    Role::Auditor,
    Role::Reporter,
];

/// Roles that read a village's notice: whoever reads households, and whoever puts it up.
const NOTICE: &[Role] = &[
    Role::Preparer,
    Role::Approver,
    Role::FinanceHead,
    Role::Registrar,
    Role::RegistrarApprover,
    Role::Inspector,
    Role::Auditor,
    Role::Notice,
];

/// The service.
#[derive(Clone)]
pub struct Reports {
    node: Handle,
}

impl Reports {
    /// Makes the service of a ledger.
    pub fn new(node: Handle) -> Self {
        Self { node }
    }

    /// Whether a caller may read a report.
    async fn allowed(&self, identity: Identity, question: &Question) -> Result<(), Status> {
        let (roles, action) = match question.what {
            What::Bulletin
            | What::Progress
            | What::Helper
            | What::Spending
            | What::Idle
            | What::Transit
            | What::Exits => (SUMS, "read sums"),
            // Their rows name payments to households.
            What::Statement | What::Trace | What::Bank | What::Reversals => {
                (HOUSEHOLDS, "read rows of households")
            }
            What::Notice => (NOTICE, "read a village's notice"),
        };
        scope::reading(&self.node, identity, roles, action).await?;
        if let Some(household) = question.household {
            return scope::household(&self.node, identity, household).await;
        }
        let unit = question.unit;
        scope::unit(&self.node, identity, unit).await?;
        let look = move |state: &State| known(state, unit);
        self.node.look(look).await.map_err(refuse)?.0.map_err(refuse)
    }

    async fn make(&self, as_of: page::AsOf, question: Question) -> Result<Reported, Status> {
        let (rules, head) =
            self.node.look(|state: &State| Rules::clone(&state.rules)).await.map_err(refuse)?;
        let today = Date(china_date(head.time_ms()));
        let node = self.node.clone();
        let make = move || {
            let (log, asked) = (DurableLog(node.reader()), (as_of.position, as_of.date));
            reported(&log, node.cache(), &node, (&rules, today), asked, &question)
        };
        self.node.blocking(make).await.map_err(refuse)
    }

    fn response(&self, made: &Reported) -> Result<v1::GetReportResponse, Status> {
        let position = made.as_of.position;
        let unreadable = || refuse(crate::node::lookup::unreadable_here(position));
        let block = self.node.reader().block_of(position).map_err(|_| unreadable())?;
        let mut hashed = block.iter().flat_map(|block| block.records_hashed());
        let found = hashed.find(|(record, _)| record.seq() == position);
        let digest = found.map(|(_, hash)| hash.to_vec()).ok_or_else(unreadable)?;
        let table = &made.table;
        Ok(v1::GetReportResponse {
            position: position.0,
            date: made.as_of.date.map(|date| date.to_string()).unwrap_or_default(),
            group_shortened: made.as_of.group_shortened,
            digest,
            checkpoint: self.node.published().map(|signed| signed.note).unwrap_or_default(),
            synthetic: self.node.genesis().synthetic,
            columns: table.columns.iter().map(to_column).collect(),
            rows: table.rows.iter().map(|row| to_row(row)).collect(),
            totals: (!table.totals.is_empty()).then(|| to_row(&table.totals)),
            facts: table.facts.iter().map(to_fact).collect(),
            notes: table.notes.clone(),
        })
    }
}

#[tonic::async_trait]
impl super::generated::reports_server::Reports for Reports {
    async fn get_report(
        &self,
        request: Request<v1::GetReportRequest>,
    ) -> Result<Response<v1::GetReportResponse>, Status> {
        let identity = authenticate(&request)?;
        let v1::GetReportRequest {
            report,
            code,
            from_date,
            to_date,
            bank_file,
            as_of_position,
            as_of_date,
        } = request.into_inner();
        let as_of = page::AsOf::of(&self.node, as_of_position, &as_of_date)?;
        let asked = Asked { report, code, from_date, to_date, bank_file };
        let question = asked.question().map_err(refuse)?;
        self.allowed(identity, &question).await?;
        let made = self.make(as_of, question).await?;
        let this = self.clone();
        let respond = move || Ok(this.response(&made));
        Ok(Response::new(self.node.blocking(respond).await.map_err(refuse)??))
    }
}

/// The number of a kind on the wire; a test holds that both name the same.
fn to_kind(kind: Kind) -> i32 {
    let at = Kind::ALL.iter().position(|found| *found == kind);
    at.and_then(|at| i32::try_from(at.saturating_add(1)).ok()).unwrap_or_default()
}

fn to_column(column: &Column) -> v1::ReportColumn {
    v1::ReportColumn { name: column.name.clone(), kind: to_kind(column.kind) }
}

fn to_cell(cell: &Cell) -> v1::ReportCell {
    use v1::report_cell::Value;
    let value = match cell {
        Cell::Nothing => None,
        Cell::Text(text) => Some(Value::Text(text.clone())),
        Cell::Number(number) => Some(Value::Number(*number)),
    };
    v1::ReportCell { value }
}

fn to_row(cells: &[Cell]) -> v1::ReportRow {
    v1::ReportRow { cells: cells.iter().map(to_cell).collect() }
}

fn to_fact(fact: &Fact) -> v1::ReportFact {
    let (name, kind) = (fact.name.clone(), to_kind(fact.kind));
    v1::ReportFact { name, kind, cell: Some(to_cell(&fact.cell)) }
}

fn of_kind(kind: i32) -> Kind {
    let at = usize::try_from(kind).ok().and_then(|kind| kind.checked_sub(1));
    at.and_then(|at| Kind::ALL.get(at)).copied().unwrap_or(Kind::Text)
}

fn of_cell(cell: v1::ReportCell) -> Cell {
    use v1::report_cell::Value;
    match cell.value {
        None => Cell::Nothing,
        Some(Value::Text(text)) => Cell::Text(text),
        Some(Value::Number(number)) => Cell::Number(number),
    }
}

fn of_row(row: v1::ReportRow) -> Vec<Cell> {
    row.cells.into_iter().map(of_cell).collect()
}

/// Returns the table of a response, for the command line.
pub(crate) fn table_of(response: v1::GetReportResponse) -> Table {
    let fact = |fact: v1::ReportFact| {
        let cell = fact.cell.map_or(Cell::Nothing, of_cell);
        Fact { name: fact.name, kind: of_kind(fact.kind), cell }
    };
    let column =
        |column: v1::ReportColumn| Column { name: column.name, kind: of_kind(column.kind) };
    Table {
        columns: response.columns.into_iter().map(column).collect(),
        rows: response.rows.into_iter().map(of_row).collect(),
        totals: response.totals.map(of_row).unwrap_or_default(),
        facts: response.facts.into_iter().map(fact).collect(),
        notes: response.notes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_one_number_on_both_sides() {
        for kind in Kind::ALL {
            let wire = v1::ReportKind::try_from(to_kind(kind)).unwrap();
            let name = wire.as_str_name().trim_start_matches("REPORT_KIND_").replace('_', "");
            assert_eq!(name, format!("{kind:?}").to_uppercase());
            assert_eq!(of_kind(to_kind(kind)), kind);
        }
        assert_eq!(of_kind(0), Kind::Text);
        assert_eq!(of_kind(99), Kind::Text);
    }
}
