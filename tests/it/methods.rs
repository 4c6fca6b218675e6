//! Every method that answers a question is asked one over a real socket, on the ledger of the example.
//!
//! Lives here: one table, a row a method; what each answers, by one field of the answer.
//! Lives elsewhere: posting (`posting`), what is refused (`refusals`, `roles`), what balances are (`views`).
//!
//! Always: a method of the descriptors that is not in the table fails the test.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::uri::PathAndQuery;
use ledger::field::Field;
use ledger::voucher::VoucherBuilder;
use mingzhang::services::codec::BytesCodec;
use prost::Message;
use proto::v1;
use proto::v1::registry_client::RegistryClient;
use tonic::Request;
use tonic::client::Grpc;

use crate::refusals;
use crate::server::{Server, organisations, post, refusal};

const HOUSEHOLD: &str = "44142490120100013";
const VILLAGE: &str = "441424901201";

/// Reads the position of an answer, and the field that is looked at.
type Read = Box<dyn Fn(&[u8]) -> (u64, String)>;

/// A question and its answer.
struct Row {
    method: &'static str,
    request: Vec<u8>,
    read: Read,
    expected: &'static str,
}

fn row<A: Message + Default>(
    method: &'static str,
    request: &impl Message,
    read: impl Fn(A) -> (u64, String) + 'static,
    expected: &'static str,
) -> Row {
    let read = Box::new(move |bytes: &[u8]| read(A::decode(bytes).unwrap()));
    Row { method, request: request.encode_to_vec(), read, expected }
}

/// A voucher of a day that the example has not left behind.
fn applied() -> v1::Voucher {
    let mut voucher = organisations("M-1", [9]);
    "2017-07-10".clone_into(&mut voucher.header.as_mut().unwrap().effective_date);
    voucher
}

/// The code of a balance and the first of its fields.
fn shown(balance: Option<v1::Balance>) -> String {
    let balance = balance.unwrap();
    let fields = balance.fields.iter().map(|field| format!("{}={}", field.name, field.fen));
    let most: Vec<String> = fields.filter(|field| !field.ends_with("=0")).take(1).collect();
    format!("{} {}", balance.code, most.join(" "))
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    texts.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn balances() -> Vec<Row> {
    let code = String::from;
    vec![
        row(
            "Balances/GetHousehold",
            &v1::GetHouseholdRequest { code: code(HOUSEHOLD), ..Default::default() },
            |a: v1::GetHouseholdResponse| (a.position, shown(a.balance)),
            "44142490120100013 paid=600000",
        ),
        row(
            "Balances/GetVillage",
            &v1::GetVillageRequest { code: code(VILLAGE), ..Default::default() },
            |a: v1::GetVillageResponse| (a.position, shown(a.balance)),
            "441424901201 quota_held=36990000",
        ),
        row(
            "Balances/GetTown",
            &v1::GetTownRequest { code: code("441424901"), ..Default::default() },
            |a: v1::GetTownResponse| (a.position, shown(a.balance)),
            "441424901 quota_held=46980000",
        ),
        row(
            "Balances/GetCounty",
            &v1::GetCountyRequest { code: code("441424"), ..Default::default() },
            |a: v1::GetCountyResponse| (a.position, shown(a.balance)),
            "441424 quota_held=246990000",
        ),
        row(
            "Balances/GetCity",
            &v1::GetCityRequest { code: code("4414"), ..Default::default() },
            |a: v1::GetCityResponse| (a.position, shown(a.as_home)),
            "4414 owed=3335333333",
        ),
        row(
            "Balances/GetProvince",
            &v1::GetProvinceRequest::default(),
            |a: v1::GetProvinceResponse| (a.position, shown(a.balance)),
            "44 owed=4344333340",
        ),
        row(
            "Balances/GetQuota",
            &v1::GetQuotaRequest { code: code("Q16-4401-0001"), ..Default::default() },
            |a: v1::GetQuotaResponse| (a.position, shown(a.balance)),
            "Q16-4401-0001 issued=1000000000",
        ),
    ]
}

fn lists() -> Vec<Row> {
    let code = String::from;
    vec![
        row(
            "Balances/ListHouseholds",
            &v1::ListHouseholdsRequest { unit: code(VILLAGE), ..Default::default() },
            |a: v1::ListHouseholdsResponse| {
                (a.position, texts(a.households.iter().map(|b| &b.code)))
            },
            "44142490120100013 44142490120100021 44142490120100030",
        ),
        row(
            "Balances/ListVillages",
            &v1::ListVillagesRequest { unit: code("441424"), ..Default::default() },
            |a: v1::ListVillagesResponse| (a.position, texts(a.villages.iter().map(|b| &b.code))),
            VILLAGE,
        ),
        row(
            "Balances/ListCities",
            &v1::ListCitiesRequest::default(),
            |a: v1::ListCitiesResponse| {
                (a.position, texts(a.cities.iter().map(|c| &c.code).take(3)))
            },
            "4401 4405 4414",
        ),
    ]
}

fn moving() -> Vec<Row> {
    let code = String::from;
    vec![
        // While the helper's money is on its way to the home city.
        row(
            "Balances/ListTransit",
            &v1::ListTransitRequest { as_of_date: code("2016-08-02"), ..Default::default() },
            |a: v1::ListTransitResponse| {
                let shown = |t: &v1::Transit| format!("{} {} {}", t.r#ref, t.open_fen, t.age_days);
                (a.position, texts(&a.transits.iter().map(shown).collect::<Vec<_>>()))
            },
            "FB4401/2016-08-001/1 600000000 1",
        ),
        row(
            "Balances/WatchHousehold",
            &v1::WatchHouseholdRequest { code: code(HOUSEHOLD), ..Default::default() },
            |a: v1::WatchHouseholdResponse| (a.position, shown(a.balance)),
            "44142490120100013 paid=600000",
        ),
        row(
            "Balances/WatchCity",
            &v1::WatchCityRequest { code: code("4401"), ..Default::default() },
            |a: v1::WatchCityResponse| (a.position, shown(a.as_helper)),
            "4401 owed=1000000000",
        ),
    ]
}

fn registry() -> Vec<Row> {
    let code = String::from;
    vec![
        row(
            "Registry/GetHousehold",
            &v1::RegistryGetHouseholdRequest { household: code(HOUSEHOLD), ..Default::default() },
            |a: v1::RegistryGetHouseholdResponse| {
                let entry = a.household.unwrap();
                (a.position, format!("{} {} {}", entry.village, entry.class, entry.active_members))
            },
            "441424901201 general 3",
        ),
        row(
            "Registry/ListMembers",
            &v1::ListMembersRequest { household: code(HOUSEHOLD), ..Default::default() },
            |a: v1::ListMembersResponse| {
                let shown = |m: &v1::MemberEntry| {
                    format!("{}:{}", m.member.as_ref().unwrap().no(), m.state)
                };
                (a.position, texts(&a.members.iter().map(shown).collect::<Vec<_>>()))
            },
            "1:active 2:active 3:active",
        ),
        row(
            "Registry/ListAccounts",
            &v1::ListAccountsRequest { household: code(HOUSEHOLD), ..Default::default() },
            |a: v1::ListAccountsResponse| {
                let shown = |a: &v1::AccountEntry| format!("{}:{}", a.account_kind, a.since);
                (a.position, texts(&a.accounts.iter().map(shown).collect::<Vec<_>>()))
            },
            "yikatong:2016-06-26 yikatong:2016-09-03",
        ),
    ]
}

fn rules() -> Vec<Row> {
    let code = String::from;
    vec![
        row(
            "Registry/ListPairings",
            &v1::ListPairingsRequest { home: code("4414"), ..Default::default() },
            |a: v1::ListPairingsResponse| (a.position, texts(a.pairings.iter().map(|p| &p.helper))),
            "4401",
        ),
        row(
            "Registry/ListSchemes",
            &v1::ListSchemesRequest::default(),
            |a: v1::ListSchemesResponse| (a.position, texts(a.schemes.iter().map(|s| &s.scheme))),
            "GD-631 GD-631 GD-631 GD-631",
        ),
        row(
            "Registry/ListBaselines",
            &v1::ListBaselinesRequest { home_city: code("4414"), ..Default::default() },
            |a: v1::ListBaselinesResponse| {
                let shown = |b: &v1::BaselineEntry| format!("{} {}", b.heads, b.ceiling_fen);
                (a.position, texts(&a.baselines.iter().map(shown).collect::<Vec<_>>()))
            },
            "146217 292434000000",
        ),
        row(
            "Registry/ListAreas",
            &v1::ListAreasRequest { parent: code("441424901"), ..Default::default() },
            |a: v1::ListAreasResponse| {
                (a.position, texts(a.areas.iter().flat_map(|e| [&e.unit, &e.level])))
            },
            "441424901201 village",
        ),
        row(
            "Registry/ListOrganisations",
            &v1::ListOrganisationsRequest { org_kind: code("HU"), ..Default::default() },
            |a: v1::ListOrganisationsResponse| {
                (a.position, texts(a.organisations.iter().map(|o| &o.organisation)))
            },
            "HU440106-07",
        ),
        row(
            "Registry/Apply",
            &v1::ApplyRequest { voucher: Some(applied()), ..Default::default() },
            |a: v1::ApplyResponse| match a.outcome {
                Some(v1::apply_response::Outcome::Reply(reply)) => {
                    (reply.last_seq, reply.voucher_no)
                }
                other => panic!("{other:?}"),
            },
            "M-1",
        ),
    ]
}

/// A finding that the province's auditor opens.
fn opened() -> v1::Voucher {
    let mut out = VoucherBuilder::new();
    out.key("AU44", "F-1", "2017-08-01", "p.au44");
    out.begin_line(1, "FindingOpened").text(Field::Text, "paid twice").int(Field::Severity, 2);
    out.state_totals();
    mingzhang::wire::voucher(&out.finish()).unwrap()
}

fn others() -> Vec<Row> {
    let kinds = |records: &[v1::Record]| records[0].kind_name.clone();
    vec![
        row(
            "Log/ReadRecords",
            &v1::ReadRecordsRequest { from: 1, limit: 1, ..Default::default() },
            move |a: v1::ReadRecordsResponse| (a.head, kinds(&a.records)),
            "VoucherPosted",
        ),
        row(
            "Log/Follow",
            &v1::FollowRequest::default(),
            move |a: v1::FollowResponse| (a.head, kinds(&a.records)),
            "Genesis",
        ),
        row(
            "Log/GetRecord",
            &v1::GetRecordRequest { r#ref: "VC441424901201/2016-09-001/1".to_owned() },
            |a: v1::GetRecordResponse| {
                let record = a.record.unwrap();
                (record.seq, record.kind_name)
            },
            "DisbursedToHousehold",
        ),
        row(
            "Reports/GetReport",
            &v1::GetReportRequest { report: "exits".to_owned(), ..Default::default() },
            |a: v1::GetReportResponse| (a.position, a.columns[1].name.clone()),
            "target_people",
        ),
    ]
}

fn audits() -> Vec<Row> {
    vec![
        row(
            "Audit/GetCheckpoint",
            &v1::GetCheckpointRequest { fresh: true, ..Default::default() },
            |a: v1::GetCheckpointResponse| {
                (a.size, a.checkpoint.lines().next().unwrap().to_owned())
            },
            crate::server::ORIGIN,
        ),
        row(
            "Audit/DispositionFinding",
            &v1::DispositionFindingRequest { voucher: Some(opened()), ..Default::default() },
            |a: v1::DispositionFindingResponse| match a.outcome {
                Some(v1::disposition_finding_response::Outcome::Reply(reply)) => {
                    (reply.last_seq, reply.voucher_no)
                }
                other => panic!("{other:?}"),
            },
            "F-1",
        ),
        row(
            "Audit/ListFindings",
            &v1::ListFindingsRequest::default(),
            |a: v1::ListFindingsResponse| {
                (a.position, texts(a.findings.iter().flat_map(|f| [&f.stage, &f.steps[0].text])))
            },
            "open paid twice",
        ),
        row(
            "Audit/ListAlerts",
            &v1::ListAlertsRequest { page_size: 1, ..Default::default() },
            |a: v1::ListAlertsResponse| (a.position, a.alerts[0].flag.clone()),
            "F07",
        ),
        row(
            "Admin/Status",
            &v1::StatusRequest::default(),
            |a: v1::StatusResponse| (a.position, a.origin),
            crate::server::ORIGIN,
        ),
        row(
            "Admin/ListViewRows",
            &v1::ListViewRowsRequest { view: 4, at: None },
            // Rows tell no position: how many there are, and whether all are of this view.
            |a: v1::ListViewRowsResponse| {
                let of_view = a.rows.iter().filter(|row| row[..2] == [4, 0]).count();
                (1, format!("{of_view} of {}", a.rows.len()))
            },
            "8 of 8",
        ),
    ]
}

/// The first message that a method answers with, whether it is the only one or not.
async fn ask(server: &Server, row: &Row) -> Bytes {
    let mut grpc = Grpc::new(server.channel().await);
    grpc.ready().await.unwrap();
    let path: PathAndQuery = format!("/mingzhang.v1.{}", row.method).parse().unwrap();
    let request = Request::new(Bytes::from(row.request.clone()));
    let answers = grpc.server_streaming(request, path, BytesCodec).await;
    let mut answers = answers.unwrap_or_else(|status| panic!("{}: {status:?}", row.method));
    answers.get_mut().message().await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_answers_a_good_question() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    refusals::example(&server);
    crate::cli::auditor(&server);
    let rows: Vec<Row> = [balances(), lists(), moving(), registry(), rules(), others(), audits()]
        .into_iter()
        .flatten()
        .collect();
    let mut wrong = Vec::new();
    for row in &rows {
        let bytes = ask(&server, row).await;
        let (position, found) = (row.read)(&bytes);
        if position == 0 || found != row.expected {
            wrong.push(format!("{} at {position}: {found}, not {}", row.method, row.expected));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let asked: BTreeSet<String> = rows.iter().map(|row| row.method.to_owned()).collect();
    let set = prost_types::FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET).unwrap();
    let services = set.file.iter().flat_map(|file| &file.service);
    let all: BTreeSet<String> = services
        .filter(|service| service.name() != "Posting")
        .flat_map(|s| s.method.iter().map(move |m| format!("{}/{}", s.name(), m.name())))
        .collect();
    assert_eq!(asked, all);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_register_takes_no_money() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    refusals::example(&server);
    let mut registry = RegistryClient::new(server.channel().await);
    let voucher = Some(refusals::payment());
    let refused = registry.apply(v1::ApplyRequest { voucher, ..Default::default() }).await;
    let place = ("MZ-1012".to_owned(), "lines[1].kind".to_owned());
    assert_eq!(refusal(&refused.unwrap_err()), place);
    // By the other way in it is posted.
    server.posting().await.post_voucher(post(refusals::payment())).await.unwrap();
    server.stop().await;
}
