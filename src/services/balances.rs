//! `Balances`: what is owed, sent, held, spent and paid.
//!
//! Lives here: one function a method; messages from the views' values.
//! Lives elsewhere: which views answer (`reading`), the sums (`views`), pages (`page`), scope (`scope`).
//!
//! Always: an answer says for which position and day it speaks; a client reads its own postings, because
//! a reply left only after its block was applied.

use std::pin::Pin;

use ledger::ids::{Date, Level, QuotaId, Unit};
use ledger::reject::{Reason, Text};
use ledger::rules::{Mark, Rules};
use ledger::state::State;
use ledger::words::{Class, HouseholdState};
use proto::v1;
use record::{Seq, china_date};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use views::Projection;
use views::balance::{self, Balance, Filter, Transit};
use views::history::AsOf as Position;

use super::page::{self, Page, bad};
use super::scope;
use super::status::refuse;
use crate::auth::{Identity, StreamPlace, authenticate};
use crate::node::{Handle, lookup};
use crate::reading::{
    Answer, DurableLog, Live as _, Question, RulesAt, answer, drifted, household_code, known, over,
    unit_at,
};

pub use super::generated::balances_server::BalancesServer as Server;

/// The service.
#[derive(Clone)]
pub struct Balances {
    node: Handle,
}

impl Balances {
    /// Makes the service of a ledger.
    pub fn new(node: Handle) -> Self {
        Self { node }
    }

    async fn ask(&self, as_of: page::AsOf, question: Question) -> Result<Answer, Status> {
        let node = self.node.clone();
        let ask = move || {
            let log = DurableLog(node.reader());
            answer(&log, node.cache(), &node, (as_of.position, as_of.date), question)
        };
        self.node.blocking(ask).await.map_err(refuse)
    }

    /// Reads the rules that the log held at the position and on the day that are asked about.
    async fn rules<T: Send + 'static>(
        &self,
        as_of: page::AsOf,
        read: impl FnOnce(RulesAt, &Rules) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let node = self.node.clone();
        let find = move || {
            let head = node.applied();
            let head = (head.position(), Date(china_date(head.time_ms())));
            RulesAt::find(&DurableLog(node.reader()), head, (as_of.position, as_of.date))
        };
        let at = self.node.blocking(find).await.map_err(refuse)?;
        let look = move |state: &State| read(at, &state.rules);
        Ok(self.node.look(look).await.map_err(refuse)?.0)
    }

    /// Whether a unit lies in the caller's scope, and was ever there.
    async fn asked(&self, identity: Identity, unit: Unit) -> Result<(), Status> {
        scope::unit(&self.node, identity, unit).await?;
        let look = move |state: &State| known(state, unit);
        self.node.look(look).await.map_err(refuse)?.0.map_err(refuse)
    }

    /// The unit of a list; without one the province.
    async fn area(&self, identity: Identity, code: &str) -> Result<Unit, Status> {
        let unit = match code {
            "" => Unit::PROVINCE,
            code => Unit::parse(code).ok_or_else(|| bad("unit", code, "a unit code"))?,
        };
        self.asked(identity, unit).await?;
        Ok(unit)
    }

    async fn unit(
        &self,
        identity: Identity,
        code: &str,
        level: Level,
        own_only: bool,
        as_of: (Option<u64>, &str),
    ) -> Result<Answer, Status> {
        let as_of = page::AsOf::of(&self.node, as_of.0, as_of.1)?;
        let unit = unit_at(code, level).map_err(refuse)?;
        self.asked(identity, unit).await?;
        self.ask(as_of, Question::Unit { unit, own_only }).await
    }

    async fn household(
        &self,
        identity: Identity,
        code: &str,
        as_of: page::AsOf,
    ) -> Result<Answer, Status> {
        let household = household_code("code", code).map_err(refuse)?;
        scope::household(&self.node, identity, household).await?;
        let per_head = self.rules(as_of, RulesAt::per_head).await?;
        let answer = self.ask(as_of, Question::Household(household, per_head)).await?;
        if answer.balance.is_none() {
            return Err(missing("household", code));
        }
        Ok(answer)
    }

    async fn city(
        &self,
        identity: Identity,
        code: &str,
        as_of: page::AsOf,
    ) -> Result<Answer, Status> {
        let unit = unit_at(code, Level::City).map_err(refuse)?;
        self.asked(identity, unit).await?;
        let sides = move |at: RulesAt, rules: &Rules| at.sides(rules, unit);
        let (home, helper) = self.rules(as_of, sides).await?;
        self.ask(as_of, Question::City { unit, home, helper }).await
    }

    /// Runs `read` over the views of a position.
    async fn over<T: Send + 'static>(
        &self,
        as_of: page::AsOf,
        read: impl Fn(&Projection) -> Result<T, Reason> + Send + 'static,
    ) -> Result<(T, Position), Status> {
        let node = self.node.clone();
        let run = move || {
            let log = DurableLog(node.reader());
            let as_of = (as_of.position, as_of.date);
            over(&log, node.cache(), &node, as_of, |views, at| Ok((read(views)?, at)))
        };
        self.node.blocking(run).await.map_err(refuse)
    }
}

fn missing(what: &'static str, id: &str) -> Status {
    refuse(Reason::NotFound { what: what.into(), id: Text::Owned(id.to_owned()) })
}

type Responses<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// Fills a response that holds one balance.
macro_rules! one {
    ($answer:expr, $response:ident) => {{
        let answer = $answer;
        Response::new(v1::$response {
            position: answer.position.0,
            date: day(answer.date),
            group_shortened: answer.group_shortened,
            balance: answer.balance.as_ref().map(to_proto),
        })
    }};
}

#[tonic::async_trait]
impl super::generated::balances_server::Balances for Balances {
    async fn get_household(
        &self,
        request: Request<v1::GetHouseholdRequest>,
    ) -> Result<Response<v1::GetHouseholdResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        Ok(one!(self.household(identity, &asked.code, as_of).await?, GetHouseholdResponse))
    }

    async fn get_village(
        &self,
        request: Request<v1::GetVillageRequest>,
    ) -> Result<Response<v1::GetVillageResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = (asked.as_of_position, asked.as_of_date.as_str());
        let answer = self.unit(identity, &asked.code, Level::Village, true, as_of).await?;
        Ok(one!(answer, GetVillageResponse))
    }

    async fn get_town(
        &self,
        request: Request<v1::GetTownRequest>,
    ) -> Result<Response<v1::GetTownResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = (asked.as_of_position, asked.as_of_date.as_str());
        let answer = self.unit(identity, &asked.code, Level::Town, asked.own_only, as_of).await?;
        Ok(one!(answer, GetTownResponse))
    }

    async fn get_county(
        &self,
        request: Request<v1::GetCountyRequest>,
    ) -> Result<Response<v1::GetCountyResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = (asked.as_of_position, asked.as_of_date.as_str());
        let answer = self.unit(identity, &asked.code, Level::County, asked.own_only, as_of).await?;
        Ok(one!(answer, GetCountyResponse))
    }

    async fn get_city(
        &self,
        request: Request<v1::GetCityRequest>,
    ) -> Result<Response<v1::GetCityResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let answer = self.city(identity, &asked.code, as_of).await?;
        Ok(Response::new(v1::GetCityResponse {
            position: answer.position.0,
            date: day(answer.date),
            group_shortened: answer.group_shortened,
            as_home: answer.balance.as_ref().map(to_proto),
            as_helper: answer.as_helper.as_ref().map(to_proto),
        }))
    }

    async fn get_province(
        &self,
        request: Request<v1::GetProvinceRequest>,
    ) -> Result<Response<v1::GetProvinceResponse>, Status> {
        let identity = authenticate(&request)?;
        scope::unit(&self.node, identity, Unit::PROVINCE).await?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let ceiling = self.rules(as_of, RulesAt::ceiling).await?;
        Ok(one!(self.ask(as_of, Question::Province(ceiling)).await?, GetProvinceResponse))
    }

    async fn get_quota(
        &self,
        request: Request<v1::GetQuotaRequest>,
    ) -> Result<Response<v1::GetQuotaResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let id = QuotaId::id(&asked.code)
            .ok_or_else(|| bad("code", &asked.code, "a quota id, 1-24 of A-Z 0-9 -"))?;
        scope::quota(&self.node, identity, id).await?;
        let answer = self.ask(as_of, Question::Quota(id)).await?;
        if answer.balance.is_none() {
            return Err(missing("quota", &asked.code));
        }
        Ok(one!(answer, GetQuotaResponse))
    }

    async fn list_households(
        &self,
        request: Request<v1::ListHouseholdsRequest>,
    ) -> Result<Response<v1::ListHouseholdsResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let question = format!("{}/{}/{}/{}", asked.unit, asked.quota, asked.state, asked.class);
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &question)?;
        let filter = filter(&asked, self.area(identity, &asked.unit).await?)?;
        let (skip, rows) = (page.skip, page.rows);
        let read = move |views: &Projection| {
            let count = skip.saturating_add(rows).saturating_add(1);
            let codes = balance::households(views, filter, None, count);
            let mut out = Vec::new();
            for (at, code) in codes.into_iter().enumerate() {
                // Rows of earlier pages are counted, not made.
                let made = if at < skip {
                    None
                } else {
                    balance::household_totals(views, code).map_err(|drift| drifted(&drift))?
                };
                out.push(made.map(|balance| to_proto(&balance)).unwrap_or_default());
            }
            Ok(out)
        };
        let (all, at) = self.over(page.as_of, read).await?;
        let (households, next_page_token) = page.cut(all, at.position);
        Ok(Response::new(v1::ListHouseholdsResponse {
            position: at.position.0,
            date: day(at.date),
            group_shortened: at.group_shortened,
            next_page_token,
            households,
        }))
    }

    async fn list_villages(
        &self,
        request: Request<v1::ListVillagesRequest>,
    ) -> Result<Response<v1::ListVillagesResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let question = format!("{}/{}", asked.unit, asked.poor_only);
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &question)?;
        let area = self.area(identity, &asked.unit).await?;
        let poor = if asked.poor_only { Some(self.poor_villages(area).await?) } else { None };
        let read = move |views: &Projection| {
            let mut out = Vec::new();
            for unit in balance::units(views, area, Level::Village) {
                if poor.as_ref().is_some_and(|poor| !poor.contains(&unit)) {
                    continue;
                }
                let balance = balance::unit(views, unit, true).map_err(|d| drifted(&d))?;
                out.push(to_proto(&balance));
            }
            Ok(out)
        };
        let (all, at) = self.over(page.as_of, read).await?;
        let (villages, next_page_token) = page.cut(all, at.position);
        Ok(Response::new(v1::ListVillagesResponse {
            position: at.position.0,
            date: day(at.date),
            group_shortened: at.group_shortened,
            next_page_token,
            villages,
        }))
    }

    async fn list_cities(
        &self,
        request: Request<v1::ListCitiesRequest>,
    ) -> Result<Response<v1::ListCitiesResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let page = Page::of(as_of, asked.page_size, &asked.page_token, "cities")?;
        let scope = scope::of(&self.node, identity).await?;
        let read = move |views: &Projection| {
            let mut out = Vec::new();
            for city in balance::cities(views) {
                if !scope.holds(city) {
                    continue;
                }
                let home = balance::as_home(views, city).map_err(|d| drifted(&d))?;
                let helper = balance::as_helper(views, city).map_err(|d| drifted(&d))?;
                if home.is_none() && helper.is_none() {
                    continue;
                }
                out.push(v1::CityBalance {
                    code: city.to_string(),
                    as_home: home.as_ref().map(to_proto),
                    as_helper: helper.as_ref().map(to_proto),
                });
            }
            Ok(out)
        };
        let (all, at) = self.over(page.as_of, read).await?;
        let (cities, next_page_token) = page.cut(all, at.position);
        Ok(Response::new(v1::ListCitiesResponse {
            position: at.position.0,
            date: day(at.date),
            group_shortened: at.group_shortened,
            next_page_token,
            cities,
        }))
    }

    async fn list_transit(
        &self,
        request: Request<v1::ListTransitRequest>,
    ) -> Result<Response<v1::ListTransitResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let question = format!("{}/{}", asked.unit, asked.quota);
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &question)?;
        let area = self.area(identity, &asked.unit).await?;
        let quota = asked.quota.clone();
        let read = move |views: &Projection| {
            let mut all = balance::transits(views);
            all.retain(|transit| area.contains(transit.to_unit));
            all.retain(|transit| quota.is_empty() || transit.quota.as_str() == quota);
            Ok(all)
        };
        let (all, at) = self.over(page.as_of, read).await?;
        let (rows, next_page_token) = page.cut(all, at.position);
        let on = self.rules(page.as_of, |at, _| at.day).await?;
        let reader = self.node.reader();
        let make = move || {
            let make = |transit: &Transit| to_transit(&*reader, transit, on);
            rows.iter().map(make).collect::<Result<Vec<_>, Reason>>()
        };
        Ok(Response::new(v1::ListTransitResponse {
            position: at.position.0,
            date: day(at.date),
            group_shortened: at.group_shortened,
            next_page_token,
            transits: self.node.blocking(make).await.map_err(refuse)?,
        }))
    }

    type WatchHouseholdStream = Responses<v1::WatchHouseholdResponse>;
    type WatchCityStream = Responses<v1::WatchCityResponse>;

    async fn watch_household(
        &self,
        request: Request<v1::WatchHouseholdRequest>,
    ) -> Result<Response<Self::WatchHouseholdStream>, Status> {
        let identity = authenticate(&request)?;
        let place = StreamPlace::take(&request)?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let first = self.household(identity, &asked.code, as_of).await?;
        let (sender, receiver) = mpsc::channel(1);
        let this = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let ask = |this: Balances| {
                let code = asked.code.clone();
                let as_of = page::AsOf { position: None, date: as_of.date };
                async move { this.household(identity, &code, as_of).await }
            };
            watch(this, first, ask, sender, |answer| v1::WatchHouseholdResponse {
                position: answer.position.0,
                date: day(answer.date),
                group_shortened: answer.group_shortened,
                balance: answer.balance.as_ref().map(to_proto),
            })
            .await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn watch_city(
        &self,
        request: Request<v1::WatchCityRequest>,
    ) -> Result<Response<Self::WatchCityStream>, Status> {
        let identity = authenticate(&request)?;
        let place = StreamPlace::take(&request)?;
        let asked = request.into_inner();
        let as_of = page::AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let first = self.city(identity, &asked.code, as_of).await?;
        let (sender, receiver) = mpsc::channel(1);
        let this = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let ask = |this: Balances| {
                let code = asked.code.clone();
                let as_of = page::AsOf { position: None, date: as_of.date };
                async move { this.city(identity, &code, as_of).await }
            };
            watch(this, first, ask, sender, |answer| v1::WatchCityResponse {
                position: answer.position.0,
                date: day(answer.date),
                group_shortened: answer.group_shortened,
                as_home: answer.balance.as_ref().map(to_proto),
                as_helper: answer.as_helper.as_ref().map(to_proto),
            })
            .await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

impl Balances {
    async fn poor_villages(&self, area: Unit) -> Result<std::collections::BTreeSet<Unit>, Status> {
        let villages = self.node.with(|views| balance::units(views, area, Level::Village));
        let look = move |state: &State| {
            let today = Date(china_date(state.position().time_ms));
            let poor = |unit: &Unit| {
                let area = state.registry.area(&state.rules, *unit, today);
                area.is_some_and(|area| area.place.poor == Mark::Now)
            };
            villages.into_iter().filter(poor).collect()
        };
        Ok(self.node.look(look).await.map_err(refuse)?.0)
    }
}

/// Sends the first answer, then the newest one after each block that changed it.
async fn watch<M: Send + 'static, F: Future<Output = Result<Answer, Status>> + Send>(
    this: Balances,
    first: Answer,
    ask: impl Fn(Balances) -> F + Send,
    sender: mpsc::Sender<Result<M, Status>>,
    message: impl Fn(&Answer) -> M + Send,
) {
    let mut head = this.node.watch();
    let mut stopped = this.node.stopped();
    let mut last = first;
    if sender.send(Ok(message(&last))).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            changed = head.changed() => if changed.is_err() { break },
            _ = stopped.wait_for(Option::is_some) => break,
            () = sender.closed() => return,
        }
        head.mark_unchanged();
        let answer = match ask(this.clone()).await {
            Ok(answer) => answer,
            Err(status) => {
                drop(sender.send(Err(status)).await);
                return;
            }
        };
        if same(&answer, &last) {
            continue;
        }
        // A slow reader waits here, and then gets the newest state.
        if sender.send(Ok(message(&answer))).await.is_err() {
            return;
        }
        last = answer;
    }
    drop(sender.send(Err(Status::unavailable("the server is stopping"))).await);
}

/// Whether two answers differ in nothing but the position they speak for.
fn same(a: &Answer, b: &Answer) -> bool {
    let content = |balance: &Option<Balance>| {
        balance.clone().map(|balance| Balance { position: Seq(0), ..balance })
    };
    content(&a.balance) == content(&b.balance) && content(&a.as_helper) == content(&b.as_helper)
}

fn filter(asked: &v1::ListHouseholdsRequest, area: Unit) -> Result<Filter, Status> {
    let unit = (area != Unit::PROVINCE).then_some(area);
    let state = match asked.state.as_str() {
        "" => None,
        word => Some(HouseholdState::parse(word).ok_or_else(|| bad("state", word, "a state"))?),
    };
    let class = match asked.class.as_str() {
        "" => None,
        word => Some(Class::parse(word).ok_or_else(|| bad("class", word, "a class"))?),
    };
    if !asked.quota.is_empty() {
        return Err(bad("quota", &asked.quota, "left out: lists by quota come in a later version"));
    }
    Ok(Filter { unit, state, class })
}

fn to_transit(
    reader: &dyn journal::Reader,
    transit: &Transit,
    on: Date,
) -> Result<v1::Transit, Reason> {
    let (reference, bank_ref) = lookup::reference(reader, transit.sent)?;
    Ok(v1::Transit {
        seq: transit.sent.0,
        r#ref: reference,
        quota: transit.quota.to_string(),
        from: transit.from.map_or_else(|| "src".to_owned(), |unit| unit.to_string()),
        to_unit: transit.to_unit.to_string(),
        sent_date: transit.date.to_string(),
        sent_fen: transit.amount,
        received_fen: transit.received,
        returned_fen: transit.returned,
        open_fen: transit.open,
        age_days: transit.age_days(on),
        bank_ref,
    })
}

fn day(date: Option<Date>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

/// A balance as its message.
pub(crate) fn to_proto(balance: &Balance) -> v1::Balance {
    v1::Balance {
        kind: balance.kind.to_owned(),
        code: balance.code.clone(),
        fields: amounts(&balance.fields),
        rows: balance.rows.iter().map(row).collect(),
        counts: counts(&balance.counts),
        texts: texts(&balance.texts),
    }
}

fn row(row: &balance::Row) -> v1::BalanceRow {
    let part = |(name, value): &(&str, String)| v1::KeyPart {
        name: (*name).to_owned(),
        value: value.clone(),
    };
    v1::BalanceRow {
        key: row.key.iter().map(part).collect(),
        fields: amounts(&row.fields),
        counts: counts(&row.counts),
        texts: texts(&row.texts),
    }
}

fn amounts(fields: &balance::Fields) -> Vec<v1::NamedAmount> {
    let amount =
        |(name, fen): &(&str, i64)| v1::NamedAmount { name: (*name).to_owned(), fen: *fen };
    fields.iter().map(amount).collect()
}

fn counts(counts: &balance::Counts) -> Vec<v1::NamedCount> {
    let count = |(name, value): &(&str, Option<i64>)| v1::NamedCount {
        name: (*name).to_owned(),
        value: *value,
    };
    counts.iter().map(count).collect()
}

fn texts(texts: &balance::Texts) -> Vec<v1::NamedText> {
    let text = |(name, value): &(&str, String)| v1::NamedText {
        name: (*name).to_owned(),
        value: value.clone(),
    };
    texts.iter().map(text).collect()
}
