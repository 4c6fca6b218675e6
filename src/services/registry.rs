//! `Registry`: changes and reads what is registered: households, members, accounts, rules, areas,
//! organisations.
//!
//! Lives here: one function a method; entries from the state's rows.
//! Lives elsewhere: as-of and pages (`page`), scope (`scope`), the register itself (`ledger::state`).

use std::collections::BTreeMap;

use bytes::Bytes;
use ledger::ids::{Date, HouseholdCode, Level, OfficialId, OrgId, Token, Unit};
use ledger::reject::{Reason, Text};
use ledger::rules::{AreaList, Mark, Version, Versions};
use ledger::state::State;
use ledger::state::registry::AreaRow;
use ledger::words::{Ability, Cause, HouseholdState};
use proto::v1;
use tonic::{Request, Response, Status};

use super::page::{AsOf, Page, bad, state_at};
use super::posting::{to_post, unread};
use super::status::{refuse, status};
use super::{answer, scope};
use crate::auth::authenticate;
use crate::node::Handle;
use crate::reading::household_code;
use crate::wire;

pub use super::generated::registry_server::{Registry as RegistryServer, RegistryServer as Server};

/// The service.
#[derive(Clone)]
pub struct Registry {
    node: Handle,
}

impl Registry {
    /// Makes the service of a ledger.
    pub fn new(node: Handle) -> Self {
        Self { node }
    }
}

fn missing(what: &'static str, id: &str) -> Status {
    refuse(Reason::NotFound { what: what.into(), id: Text::Owned(id.to_owned()) })
}

fn household(code: &str) -> Result<HouseholdCode, Status> {
    household_code("household", code).map_err(refuse)
}

fn unit(field: &'static str, text: &str) -> Result<Option<Unit>, Status> {
    match text {
        "" => Ok(None),
        text => Unit::parse(text).map(Some).ok_or_else(|| bad(field, text, "a unit code")),
    }
}

#[tonic::async_trait]
impl RegistryServer for Registry {
    async fn apply(&self, request: Request<Bytes>) -> Result<Response<v1::ApplyResponse>, Status> {
        let identity = authenticate(&request)?;
        let post = wire::apply(request.get_ref()).map_err(unread)?;
        answer::only_registry(&post.voucher).map_err(|reject| status(&reject))?;
        let answer = self.node.post(to_post(identity, post)).await;
        answer::unary(self.node.origin(), answer, |outcome| v1::ApplyResponse {
            outcome: Some(match outcome {
                answer::Outcome::Reply(reply) => v1::apply_response::Outcome::Reply(reply),
                answer::Outcome::Preview(preview) => v1::apply_response::Outcome::Preview(preview),
            }),
        })
    }

    async fn get_household(
        &self,
        request: Request<v1::RegistryGetHouseholdRequest>,
    ) -> Result<Response<v1::RegistryGetHouseholdResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let code = household(&asked.household)?;
        scope::household(&self.node, identity, code).await?;
        let look = move |state: &State, date| household_entry(state, code, date);
        let at = state_at(&self.node, as_of, look).await?;
        let entry = at.value.ok_or_else(|| missing("household", &asked.household))?;
        Ok(Response::new(v1::RegistryGetHouseholdResponse {
            position: at.position.0,
            date: as_of.date_text(),
            group_shortened: at.shortened,
            household: Some(entry),
        }))
    }

    async fn list_members(
        &self,
        request: Request<v1::ListMembersRequest>,
    ) -> Result<Response<v1::ListMembersResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let code = household(&asked.household)?;
        scope::household(&self.node, identity, code).await?;
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &asked.household)?;
        let look = move |state: &State, date| members(state, code, date);
        let at = state_at(&self.node, page.as_of, look).await?;
        let (members, next_page_token) = page.cut(at.value, at.position);
        Ok(Response::new(v1::ListMembersResponse {
            position: at.position.0,
            date: page.as_of.date_text(),
            group_shortened: at.shortened,
            next_page_token,
            members,
        }))
    }

    async fn list_accounts(
        &self,
        request: Request<v1::ListAccountsRequest>,
    ) -> Result<Response<v1::ListAccountsResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let code = household(&asked.household)?;
        scope::household(&self.node, identity, code).await?;
        let account = match asked.account.as_slice() {
            [] => None,
            bytes => Some(Token(bytes.try_into().map_err(|_| bad("account", "", "16 bytes"))?)),
        };
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &asked.household)?;
        let look = move |state: &State, date| accounts(state, code, account, date);
        let at = state_at(&self.node, page.as_of, look).await?;
        let (accounts, next_page_token) = page.cut(at.value, at.position);
        Ok(Response::new(v1::ListAccountsResponse {
            position: at.position.0,
            date: page.as_of.date_text(),
            group_shortened: at.shortened,
            next_page_token,
            accounts,
        }))
    }

    async fn list_pairings(
        &self,
        request: Request<v1::ListPairingsRequest>,
    ) -> Result<Response<v1::ListPairingsResponse>, Status> {
        authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let (home, helper) = (unit("home", &asked.home)?, unit("helper", &asked.helper)?);
        let question = format!("{}/{}", asked.home, asked.helper);
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &question)?;
        let day = page.as_of.date;
        let look = move |state: &State, _| {
            let all = state.rules.pairings.values().flat_map(|v| versions(v, day));
            all.filter(|v| home.is_none_or(|home| v.content.home == home))
                .filter(|v| helper.is_none_or(|helper| v.content.helper == helper))
                .map(|v| v1::PairingEntry {
                    rule: Some(rule(v)),
                    helper: v.content.helper.to_string(),
                    home: v.content.home.to_string(),
                    mode: v.content.mode.name().to_owned(),
                })
                .collect::<Vec<_>>()
        };
        let at = state_at(&self.node, page.as_of, look).await?;
        let (pairings, next_page_token) = page.cut(at.value, at.position);
        Ok(Response::new(v1::ListPairingsResponse {
            position: at.position.0,
            date: page.as_of.date_text(),
            group_shortened: at.shortened,
            next_page_token,
            pairings,
        }))
    }

    async fn list_schemes(
        &self,
        request: Request<v1::ListSchemesRequest>,
    ) -> Result<Response<v1::ListSchemesResponse>, Status> {
        authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &asked.home_code)?;
        let (day, wanted) = (page.as_of.date, asked.home_code.clone());
        let look = move |state: &State, _| {
            let mut out = Vec::new();
            for (key, all) in &state.rules.schemes {
                let home_code = key.to_string();
                if !wanted.is_empty() && wanted != home_code {
                    continue;
                }
                out.extend(versions(all, day).map(|v| v1::SchemeEntry {
                    rule: Some(rule(v)),
                    scheme: v.content.name.clone(),
                    home_code: home_code.clone(),
                    weights: v.content.weights.clone(),
                    helper_share_borne_by: v.content.borne_by.name().to_owned(),
                }));
            }
            out
        };
        let at = state_at(&self.node, page.as_of, look).await?;
        let (schemes, next_page_token) = page.cut(at.value, at.position);
        Ok(Response::new(v1::ListSchemesResponse {
            position: at.position.0,
            date: page.as_of.date_text(),
            group_shortened: at.shortened,
            next_page_token,
            schemes,
        }))
    }

    async fn list_baselines(
        &self,
        request: Request<v1::ListBaselinesRequest>,
    ) -> Result<Response<v1::ListBaselinesResponse>, Status> {
        authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let home = unit("home_city", &asked.home_city)?;
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &asked.home_city)?;
        let day = page.as_of.date;
        let look = move |state: &State, date| baselines(state, home, day, date);
        let at = state_at(&self.node, page.as_of, look).await?;
        let (baselines, next_page_token) = page.cut(at.value, at.position);
        Ok(Response::new(v1::ListBaselinesResponse {
            position: at.position.0,
            date: page.as_of.date_text(),
            group_shortened: at.shortened,
            next_page_token,
            baselines,
        }))
    }

    async fn list_areas(
        &self,
        request: Request<v1::ListAreasRequest>,
    ) -> Result<Response<v1::ListAreasResponse>, Status> {
        authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let parent = unit("parent", &asked.parent)?;
        let level = match asked.level.as_str() {
            "" => None,
            word => Some(level(word).ok_or_else(|| bad("level", word, "a level"))?),
        };
        let question = format!("{}/{}/{}", asked.parent, asked.level, asked.poor_only);
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &question)?;
        let poor_only = asked.poor_only;
        let look = move |state: &State, date| areas(state, parent, level, poor_only, date);
        let at = state_at(&self.node, page.as_of, look).await?;
        let (areas, next_page_token) = page.cut(at.value, at.position);
        Ok(Response::new(v1::ListAreasResponse {
            position: at.position.0,
            date: page.as_of.date_text(),
            group_shortened: at.shortened,
            next_page_token,
            areas,
        }))
    }

    async fn list_organisations(
        &self,
        request: Request<v1::ListOrganisationsRequest>,
    ) -> Result<Response<v1::ListOrganisationsResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        let as_of = AsOf::of(&self.node, asked.as_of_position, &asked.as_of_date)?;
        let unit = unit("unit", &asked.unit)?;
        scope::unit(&self.node, identity, unit.unwrap_or(Unit::PROVINCE)).await?;
        let question = format!("{}/{}", asked.unit, asked.org_kind);
        let page = Page::of(as_of, asked.page_size, &asked.page_token, &question)?;
        let kind = asked.org_kind.clone();
        let look = move |state: &State, date| organisations(state, unit, &kind, date);
        let at = state_at(&self.node, page.as_of, look).await?;
        let (organisations, next_page_token) = page.cut(at.value, at.position);
        Ok(Response::new(v1::ListOrganisationsResponse {
            position: at.position.0,
            date: page.as_of.date_text(),
            group_shortened: at.shortened,
            next_page_token,
            organisations,
        }))
    }
}

/// All versions of a rule, or those that begin by a day.
fn versions<T>(all: &Versions<T>, day: Option<Date>) -> impl Iterator<Item = &Version<T>> {
    all.iter().filter(move |version| day.is_none_or(|day| version.from <= day))
}

fn rule<T>(version: &Version<T>) -> v1::RuleVersion {
    v1::RuleVersion {
        version: version.number,
        effective_from: version.from.to_string(),
        effective_to: version.to.map(|date| date.to_string()).unwrap_or_default(),
        ..v1::RuleVersion::default()
    }
}

fn household_entry(state: &State, code: HouseholdCode, date: Date) -> Option<v1::HouseholdEntry> {
    let registry = &state.registry;
    let no = registry.household(code)?;
    let row = registry.household_row(no)?;
    let on = registry.household_on(no, date)?;
    let labour = registry
        .members(no)
        .filter(|member| member.active_on(date))
        .any(|member| matches!(member.marks().ability, Ability::Full | Ability::Partial));
    let cause = |index: u8| Cause::at(index).map(|cause| cause.name().to_owned());
    let causes = (0..16_u8).filter(|bit| row.causes & (1 << bit) != 0).filter_map(cause).collect();
    let kin = registry.kin(no).filter_map(|kin| registry.household_row(kin));
    let mut lineage: Vec<String> = kin.map(|row| row.code.to_string()).collect();
    lineage.sort();
    let exit_year = (on.state == HouseholdState::Exited).then(|| u32::from(on.state_since.year()));
    Some(v1::HouseholdEntry {
        household: code.to_string(),
        village: format!("{:012}", on.village.code()),
        state: on.state.name().to_owned(),
        class: on.class.name().to_owned(),
        labour,
        causes,
        helping_unit: registry.helping_unit(no).map(|id| id.to_string()).unwrap_or_default(),
        active_members: registry.active_on(no, date),
        peak_members: registry.peak(no, date),
        first_registered: row.registered.to_string(),
        doc_no: String::new(),
        lineage,
        exit_year,
    })
}

fn members(state: &State, code: HouseholdCode, date: Date) -> Vec<v1::MemberEntry> {
    let registry = &state.registry;
    let Some(no) = registry.household(code) else { return Vec::new() };
    let mut all: Vec<_> = registry.members(no).collect();
    all.sort_by_key(|member| member.no);
    let entry = |member: &ledger::state::registry::MemberRow| {
        let marks = member.marks();
        let state = match (member.active_on(date), member.died()) {
            (true, _) => "active",
            (false, Some(_)) => "dead",
            (false, None) => "left",
        };
        v1::MemberEntry {
            household: code.to_string(),
            member: Some(v1::Member {
                no: Some(u32::from(member.no)),
                person: member.person.0.to_vec(),
                birth_year: Some(u32::from(member.birth_year())),
                sex: member.sex().name().to_owned(),
                ability: marks.ability.name().to_owned(),
                dibao: Some(marks.dibao),
                student: Some(marks.student),
                insured: Some(marks.insured),
            }),
            state: state.to_owned(),
            since: member.from().to_string(),
            until: member.end().map(|date| date.to_string()).unwrap_or_default(),
            died: member.died().map(|date| date.to_string()).unwrap_or_default(),
        }
    };
    all.into_iter().filter(|member| member.from() <= date).map(entry).collect()
}

fn accounts(
    state: &State,
    code: HouseholdCode,
    account: Option<Token>,
    date: Date,
) -> Vec<v1::AccountEntry> {
    let registry = &state.registry;
    let Some(no) = registry.household(code) else { return Vec::new() };
    let bindings = registry.bindings(no).filter(|binding| binding.from() <= date);
    let mut all: Vec<_> =
        bindings.filter(|b| account.is_none_or(|account| b.account == account)).collect();
    all.sort_by_key(|binding| (binding.from(), binding.account.0));
    let entry = |binding: &ledger::state::registry::Binding| v1::AccountEntry {
        household: code.to_string(),
        account: binding.account.0.to_vec(),
        account_kind: binding.kind().name().to_owned(),
        holder: binding.holder.0.to_vec(),
        primary: binding.is_primary(),
        guardian_reason: String::new(),
        since: binding.from().to_string(),
        until: binding.end().map(|date| date.to_string()).unwrap_or_default(),
    };
    all.into_iter().map(entry).collect()
}

fn baselines(
    state: &State,
    home: Option<Unit>,
    day: Option<Date>,
    date: Date,
) -> Vec<v1::BaselineEntry> {
    let per_head = state.rules.cap.content(date).map_or(0, |cap| cap.per_head_fen);
    let mut out = Vec::new();
    for (city, all) in &state.rules.baselines {
        if home.is_some_and(|home| home != *city) {
            continue;
        }
        out.extend(versions(all, day).map(|v| {
            let counties = v.content.counties.iter();
            let heads = i64::try_from(v.content.heads).unwrap_or(i64::MAX);
            v1::BaselineEntry {
                rule: Some(rule(v)),
                home_city: city.to_string(),
                heads: v.content.heads,
                as_of: v.content.as_of.to_string(),
                counties: counties
                    .map(|(unit, heads)| v1::CountyHeads { unit: unit.to_string(), heads: *heads })
                    .collect(),
                ceiling_fen: heads.saturating_mul(per_head),
            }
        }));
    }
    out
}

fn level(word: &str) -> Option<Level> {
    let all = [Level::Province, Level::City, Level::County, Level::Town, Level::Village];
    all.into_iter().find(|level| level.name() == word)
}

/// Areas below a parent (or all), ascending by code.
fn areas(
    state: &State,
    parent: Option<Unit>,
    level: Option<Level>,
    poor_only: bool,
    date: Date,
) -> Vec<v1::AreaEntry> {
    let (registry, rules) = (&state.registry, &state.rules);
    let list = rules.areas.content(date);
    let listed = list.map(AreaList::rows).unwrap_or_default();
    let mut units: Vec<Unit> = listed.iter().map(|row| row.unit).collect();
    units.extend(registry.area_rows().iter().map(|row| row.unit));
    units.retain(|unit| parent.is_none_or(|parent| unit.parent() == Some(parent)));
    units.retain(|unit| level.is_none_or(|level| unit.level() == level));
    units.sort();
    units.dedup();
    let rows: BTreeMap<Unit, &AreaRow> =
        registry.area_rows().iter().map(|row| (row.unit, row)).collect();
    let entry = |unit: Unit| {
        let on = registry.area(rules, unit, date)?;
        let poor = on.place.poor == Mark::Now;
        if poor_only && !poor {
            return None;
        }
        let listed = list.and_then(|list| list.get(unit));
        let row = rows.get(&unit);
        let from = row.and_then(|row| row.from()).or_else(|| listed.map(|listed| listed.from));
        let to = row.and_then(|row| row.end());
        Some(v1::AreaEntry {
            code: format!("{:012}", unit.code()),
            unit: unit.to_string(),
            name_zh: on.name_zh().to_owned(),
            name_en: listed.map(|listed| listed.name_en().to_owned()).unwrap_or_default(),
            parent: unit.parent().map(|unit| format!("{:012}", unit.code())).unwrap_or_default(),
            level: unit.level().name().to_owned(),
            poor,
            direct_county: on.place.direct == Mark::Now,
            valid_from: from.map(|date| date.to_string()).unwrap_or_default(),
            valid_to: to.map(|date| date.to_string()).unwrap_or_default(),
        })
    };
    units.into_iter().filter_map(entry).collect()
}

fn organisations(
    state: &State,
    unit: Option<Unit>,
    kind: &str,
    date: Date,
) -> Vec<v1::OrganisationEntry> {
    let access = &state.access;
    let mut all: Vec<_> = access
        .organisations()
        .iter()
        .filter(|o| unit.is_none_or(|unit| unit.contains(o.unit)))
        .filter(|o| kind.is_empty() || o.kind.name() == kind)
        .collect();
    all.sort_by_key(|organisation| organisation.id);
    let roles = |id: OrgId| {
        let role = |official: OfficialId| {
            access.grants(official).filter(|grant| grant.held_on(date)).map(move |grant| {
                v1::RoleEntry {
                    official: official.to_string(),
                    role: grant.role.name().to_owned(),
                    scope: grant.scope().iter().map(ToString::to_string).collect(),
                    since: grant.from().to_string(),
                    has_key: access.key(official).is_some(),
                }
            })
        };
        access.officials_of(id).flat_map(role).collect()
    };
    all.into_iter()
        .map(|organisation| v1::OrganisationEntry {
            organisation: organisation.id.to_string(),
            org_kind: organisation.kind.name().to_owned(),
            unit: organisation.unit.to_string(),
            roles: roles(organisation.id),
        })
        .collect()
}
