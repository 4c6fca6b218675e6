//! `mingzhang balance` and `mingzhang history`: sums, and the records behind a household's.

use clap::{Parser, ValueEnum};
use journal::Reader as _;
use ledger::ids::{HouseholdCode, Level, QuotaId, Unit};
use ledger::reject::Reason;
use proto::v1;
use proto::v1::balances_client::BalancesClient;
use record::{Record, Seq, chain_hash};
use serde_json::{Map, Value, json};
use tonic::transport::Channel;
use views::history::Histories as _;
use views::reports::Question as Asked;

use super::client::connect;
use super::failure::Failure;
use super::output::{Output, yuan};
use super::source::{AsOf, Place, Source, read_only};
use super::{log, runtime, table};
use crate::node;
use crate::node::replay::{Parts, Replay};
use crate::reading::{
    Answer, DurableLog, Question, Reported, RulesAt, Scanned, answer, household_code, known,
    malformed, position, reported, unit_at,
};
use crate::services::balances::to_proto;
use crate::services::payload::{date, kind_name, line};

/// Print a balance: what is owed, sent, held, spent or paid
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: mingzhang balance household 44142490120100013 --to 127.0.0.1:7161\n\
    Example: mingzhang balance city 4414 --data /srv/ledger --as-of-date 2016-12-31"
)]
pub(super) struct Args {
    /// What the code names
    #[arg(value_enum)]
    kind: Kind,
    /// Household code, unit code, quota id; of the province 44
    code: String,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    as_of: AsOf,
}

/// Print every record that touched a household, then its balance
#[derive(Debug, Parser)]
#[command(after_help = "Example: mingzhang history household 44142490120100013 --data /srv/ledger")]
pub(super) struct HistoryArgs {
    /// What the code names
    #[arg(value_enum)]
    kind: HistoryKind,
    /// Household code
    code: String,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    as_of: AsOf,
}

/// What has a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// A household.
    Household,
    /// A village.
    Village,
    /// A town.
    Town,
    /// A county.
    County,
    /// A city, as home and as helper.
    City,
    /// The province.
    Province,
    /// A quota.
    Quota,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum HistoryKind {
    /// A household.
    Household,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Household => "household",
            Self::Village => "village",
            Self::Town => "town",
            Self::County => "county",
            Self::City => "city",
            Self::Province => "province",
            Self::Quota => "quota",
        }
    }

    fn level(self) -> Option<Level> {
        match self {
            Self::Village => Some(Level::Village),
            Self::Town => Some(Level::Town),
            Self::County => Some(Level::County),
            Self::City => Some(Level::City),
            Self::Household | Self::Province | Self::Quota => None,
        }
    }
}

/// What was answered, in one shape for both sources.
struct Told {
    position: u64,
    date: String,
    shortened: bool,
    balance: Option<v1::Balance>,
    helper: Option<v1::Balance>,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<u8, Failure> {
    let told = match args.source.place()? {
        Place::Server(server) => runtime()?.block_on(async {
            let channel = connect(&server).await?;
            remote(channel, args.kind, &args.code, &args.as_of).await
        })?,
        Place::Directory(data) => Ledger::open(&data)?.ask(args.kind, &args.code, &args.as_of)?,
    };
    print(args.kind, &args.code, &told, out);
    Ok(0)
}

/// Returns the JSON document of a server's balance.
pub(super) async fn document(channel: Channel, kind: Kind, code: &str) -> Result<Value, Failure> {
    let told = remote(channel, kind, code, &AsOf::default()).await?;
    Ok(json(kind, code, &told))
}

pub(super) fn run_history(args: &HistoryArgs, out: &mut Output) -> Result<u8, Failure> {
    let HistoryKind::Household = args.kind;
    let (kind, code) = (Kind::Household, &args.code);
    let household = household(code)?;
    let (records, told) = match args.source.place()? {
        Place::Server(server) => runtime()?.block_on(async {
            let channel = connect(&server).await?;
            let told = remote(channel.clone(), kind, code, &args.as_of).await?;
            let request = v1::ReadRecordsRequest {
                household: code.clone(),
                to: Some(told.position),
                date_to: args.as_of.as_of_date.clone().unwrap_or_default(),
                raw_only: true,
                ..v1::ReadRecordsRequest::default()
            };
            let mut stream = log::client(channel).read_records(request).await?.into_inner();
            let mut records = Vec::new();
            while let Some(message) = stream.message().await? {
                records.extend(message.records.into_iter().map(|record| record.raw));
            }
            Ok::<_, Failure>((records, told))
        })?,
        Place::Directory(data) => {
            let ledger = Ledger::open(&data)?;
            let told = ledger.ask(kind, code, &args.as_of)?;
            (ledger.records(household, Seq(told.position), &args.as_of)?, told)
        }
    };
    for raw in &records {
        let record = Record::parse(raw).map_err(|error| Failure::damaged(error.to_string()))?;
        if out.is_json() {
            out.document(&line(&record, &chain_hash(raw)));
        } else {
            let legs = record.legs().map(|leg| format!("{} {}", leg.path, yuan(leg.fen)));
            out.line(format!(
                "{:>10}  {}  {:<24} {}",
                record.seq(),
                date(record.date()),
                kind_name(record.kind()),
                legs.collect::<Vec<_>>().join("; ")
            ));
        }
    }
    print(kind, code, &told, out);
    Ok(0)
}

fn household(code: &str) -> Result<HouseholdCode, Failure> {
    Ok(household_code("code", code)?)
}

/// The province has one code, which a server is not asked for.
fn only_province(code: &str) -> Result<(), Failure> {
    match unit_at(code, Level::Province)? {
        Unit::PROVINCE => Ok(()),
        _ => Err(Reason::NotFound { what: "province".into(), id: code.to_owned().into() }.into()),
    }
}

/// A ledger's files, replayed.
pub(super) struct Ledger {
    log: DurableLog,
    replay: Replay,
}

impl Ledger {
    pub(super) fn open(data: &std::path::Path) -> Result<Self, Failure> {
        let reader = read_only(data)?.reader;
        let mut replay = Replay::new([0; 32], Parts { state: true, tree: false });
        replay
            .run(&reader, None, &mut |_| Ok(()), &mut |_| Ok(()), &mut |_| ())
            .map_err(|error| Failure::ledger(data, &error))?;
        Ok(Self { log: DurableLog(reader.box_clone()), replay })
    }

    /// Makes a report.
    pub(super) fn report(&self, question: &Asked, as_of: &AsOf) -> Result<Reported, Failure> {
        let asked = (as_of.position(), as_of.date()?);
        let state = &self.replay.state;
        known(state, question.unit)?;
        let rules = (&*state.rules, self.replay.last_date());
        let (past, views) = (Scanned(&self.log), self.replay.views.projection());
        Ok(reported(&self.log, &past, views, rules, asked, question)?)
    }

    fn ask(&self, kind: Kind, code: &str, as_of: &AsOf) -> Result<Told, Failure> {
        let date = as_of.date()?;
        let asked = (as_of.position(), date);
        let state = &self.replay.state;
        let head = Seq(self.replay.next_seq().0.saturating_sub(1));
        let rules = RulesAt::find(&self.log, (head, self.replay.last_date()), asked)?;
        let question = match (kind, kind.level()) {
            (Kind::City, _) => {
                let unit = unit_at(code, Level::City)?;
                known(state, unit)?;
                let (home, helper) = rules.sides(&state.rules, unit);
                Question::City { unit, home, helper }
            }
            (_, Some(level)) => {
                let unit = unit_at(code, level)?;
                known(state, unit)?;
                Question::Unit { unit, own_only: false }
            }
            (Kind::Household, None) => {
                Question::Household(household(code)?, rules.per_head(&state.rules))
            }
            (Kind::Quota, None) => {
                let bad = || malformed("code", code, "a quota id, 1-24 of A-Z 0-9 -");
                Question::Quota(QuotaId::id(code).ok_or_else(bad)?)
            }
            (_, None) => {
                only_province(code)?;
                Question::Province(rules.ceiling(&state.rules))
            }
        };
        let views = self.replay.views.projection();
        let past = Scanned(&self.log);
        let answered = answer(&self.log, &past, views, asked, question)?;
        let Answer { position, date, group_shortened, balance, as_helper } = answered;
        if balance.is_none() && matches!(kind, Kind::Household | Kind::Quota) {
            let (what, id) = (kind.name().into(), code.to_owned().into());
            return Err(Reason::NotFound { what, id }.into());
        }
        Ok(Told {
            position: position.0,
            date: date.map(|date| date.to_string()).unwrap_or_default(),
            shortened: group_shortened,
            balance: balance.as_ref().map(to_proto),
            helper: as_helper.as_ref().map(to_proto),
        })
    }

    fn records(
        &self,
        household: HouseholdCode,
        to: Seq,
        as_of: &AsOf,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let at = position(&self.log, to, None, as_of.date()?)?;
        let positions = Scanned(&self.log)
            .positions(household, to)
            .map_err(|error| Failure::from(crate::reading::reason(&error)))?;
        let mut records = Vec::new();
        for seq in positions {
            let block = self.log.0.block_of(seq).map_err(node::Error::from)?;
            let mut found = block.iter().flat_map(|block| block.records());
            if let Some(record) = found.find(|record| record.seq() == seq)
                && at.counts(ledger::ids::Date(record.date()))
            {
                records.push(record.bytes().to_vec());
            }
        }
        Ok(records)
    }
}

async fn remote(channel: Channel, kind: Kind, code: &str, as_of: &AsOf) -> Result<Told, Failure> {
    let mut client = BalancesClient::new(channel);
    let code = code.to_owned();
    let as_of_position = as_of.as_of;
    let as_of_date = as_of.as_of_date.clone().unwrap_or_default();
    /// Asks for one balance.
    macro_rules! one {
        ($method:ident, $request:ident { $($field:ident),* }) => {{
            let mut request = v1::$request::default();
            (request.as_of_position, request.as_of_date) = (as_of_position, as_of_date);
            $(request.$field = $field;)*
            let answer = client.$method(request).await?.into_inner();
            Told {
                position: answer.position,
                date: answer.date,
                shortened: answer.group_shortened,
                balance: answer.balance,
                helper: None,
            }
        }};
    }
    Ok(match kind {
        Kind::Household => one!(get_household, GetHouseholdRequest { code }),
        Kind::Village => one!(get_village, GetVillageRequest { code }),
        Kind::Town => one!(get_town, GetTownRequest { code }),
        Kind::County => one!(get_county, GetCountyRequest { code }),
        Kind::Province => {
            only_province(&code)?;
            one!(get_province, GetProvinceRequest {})
        }
        Kind::Quota => one!(get_quota, GetQuotaRequest { code }),
        Kind::City => {
            let request = v1::GetCityRequest { code, as_of_position, as_of_date };
            let answer = client.get_city(request).await?.into_inner();
            Told {
                position: answer.position,
                date: answer.date,
                shortened: answer.group_shortened,
                balance: answer.as_home,
                helper: answer.as_helper,
            }
        }
    })
}

fn json(kind: Kind, code: &str, told: &Told) -> Value {
    let date = if told.date.is_empty() { Value::Null } else { Value::from(told.date.clone()) };
    let mut out = Map::new();
    out.insert("kind".to_owned(), kind.name().into());
    out.insert("code".to_owned(), code.into());
    out.insert("as_of".to_owned(), json!({ "position": told.position, "date": date }));
    out.insert("group_shortened".to_owned(), told.shortened.into());
    if kind == Kind::City {
        let side = |balance: &Option<v1::Balance>| {
            balance.as_ref().map_or(Value::Null, |balance| Value::Object(body(balance)))
        };
        out.insert("as_home".to_owned(), side(&told.balance));
        out.insert("as_helper".to_owned(), side(&told.helper));
    } else if let Some(balance) = &told.balance {
        out.extend(body(balance));
    }
    Value::Object(out)
}

fn body(balance: &v1::Balance) -> Map<String, Value> {
    let rows: Vec<Value> = balance.rows.iter().map(row).collect();
    let mut out = Map::new();
    out.insert("fields".to_owned(), amounts(&balance.fields));
    out.insert("rows".to_owned(), rows.into());
    out.insert("counts".to_owned(), counts(&balance.counts));
    out.insert("texts".to_owned(), texts(&balance.texts));
    out
}

fn row(row: &v1::BalanceRow) -> Value {
    let key = row.key.iter().map(|part| (part.name.clone(), Value::from(part.value.clone())));
    let key: Map<String, Value> = key.collect();
    let mut out = json!({ "key": key, "fields": amounts(&row.fields) });
    if let Value::Object(out) = &mut out {
        if !row.counts.is_empty() {
            out.insert("counts".to_owned(), counts(&row.counts));
        }
        if !row.texts.is_empty() {
            out.insert("texts".to_owned(), texts(&row.texts));
        }
    }
    out
}

fn amounts(fields: &[v1::NamedAmount]) -> Value {
    let field = |field: &v1::NamedAmount| {
        let yuan = record::Fen::new(field.fen).to_string();
        json!({ "name": field.name, "fen": field.fen, "yuan": yuan })
    };
    fields.iter().map(field).collect()
}

fn counts(counts: &[v1::NamedCount]) -> Value {
    counts.iter().map(|count| json!({ "name": count.name, "value": count.value })).collect()
}

fn texts(texts: &[v1::NamedText]) -> Value {
    texts.iter().map(|text| json!({ "name": text.name, "value": text.value })).collect()
}

fn print(kind: Kind, code: &str, told: &Told, out: &mut Output) {
    out.document(&json(kind, code, told));
    let day = if told.date.is_empty() { String::new() } else { format!(", of {}", told.date) };
    out.line(format!("{} {code} as of record {}{day}", kind.name(), told.position));
    if told.shortened {
        out.line("(the position lies inside a voucher: this is the end of the one before)");
    }
    if told.balance.is_none() && told.helper.is_none() {
        out.line("nothing");
    }
    for (side, balance) in [("as home", &told.balance), ("as helper", &told.helper)] {
        let Some(balance) = balance else { continue };
        if kind == Kind::City {
            out.line(side);
        }
        for line in table::lines(balance) {
            out.line(line);
        }
    }
}
