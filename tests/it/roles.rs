//! Who may ask what: scope and role, over real sockets.
//!
//! Lives here: questions of named organisations on loopback, an operator's certificate. Lives elsewhere: who
//! may post what (`ledger`), certificates that no organisation has (`tls`).
//!
//! Always: what is out of scope is answered alike, whether it exists or not, byte for byte.

use std::collections::BTreeSet;

use proto::v1;
use proto::v1::admin_client::AdminClient;
use proto::v1::balances_client::BalancesClient;
use proto::v1::log_client::LogClient;
use proto::v1::posting_client::PostingClient;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::refusals::example;
use crate::server::{Server, init, mingzhang, post, refusal, reply};
use crate::tls;

/// A request of an organisation that is believed on loopback.
pub(crate) fn named<T>(organisation: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("mingzhang-organisation", organisation.parse().unwrap());
    request
}

/// The records that an organisation may see of a filter; or why none.
async fn records(
    log: &mut LogClient<Channel>,
    organisation: &str,
    filter: v1::ReadRecordsRequest,
) -> Result<Vec<v1::Record>, Status> {
    let mut stream = log.read_records(named(organisation, filter)).await?.into_inner();
    let mut found = Vec::new();
    while let Some(message) = stream.message().await? {
        found.extend(message.records);
    }
    Ok(found)
}

/// Code, message and details of a refusal: all that a client sees.
fn seen(status: &Status) -> (String, String, Vec<u8>) {
    (refusal(status).0, status.message().to_owned(), status.details().to_vec())
}

fn voucher(organisation: &str, voucher_no: &str) -> v1::ReadRecordsRequest {
    let (organisation, voucher_no) = (organisation.to_owned(), voucher_no.to_owned());
    v1::ReadRecordsRequest { organisation, voucher_no, ..Default::default() }
}

fn reversal(by: &str, organisation: &str, voucher_no: &str) -> v1::ReverseVoucherRequest {
    let header = v1::Header {
        organisation: by.to_owned(),
        voucher_no: "R-1".to_owned(),
        effective_date: "2017-07-10".to_owned(),
        prepared_by: format!("p.{}", by.to_lowercase()),
        approved_by: format!("a.{}", by.to_lowercase()),
        line_count: Some(1),
        total_fen: Some(30_000),
        ..Default::default()
    };
    let whole = v1::VoucherReversal {
        organisation: organisation.to_owned(),
        voucher_no: voucher_no.to_owned(),
        reason: "amount".to_owned(),
        memo: "typed twice by mistake".to_owned(),
    };
    v1::ReverseVoucherRequest {
        header: Some(header),
        what: Some(v1::reverse_voucher_request::What::Voucher(whole)),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_scope_is_answered_alike_whether_it_exists_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    example(&server);
    let mut log = LogClient::new(server.channel().await);
    let mut balances = BalancesClient::new(server.channel().await);
    let mut posting = server.posting().await;
    let asker = "FB4405";
    let mut told = BTreeSet::new();
    // Each pair: one that exists and lies elsewhere, one that was never there.
    for reference in [
        "VC441424901201/2016-09-001/1",
        "VC441424901201/2016-09-001/99",
        "VC441424901201/NONE/1",
        "FB9999/NONE/1",
        "1",
    ] {
        let request = v1::GetRecordRequest { r#ref: reference.to_owned() };
        told.insert(seen(&log.get_record(named(asker, request)).await.unwrap_err()));
    }
    for (organisation, number) in
        [("VC441424901201", "2016-09-001"), ("VC441424901201", "NONE"), ("FB9999", "NONE")]
    {
        let found = records(&mut log, asker, voucher(organisation, number)).await;
        told.insert(seen(&found.unwrap_err()));
        let whole = reversal(asker, organisation, number);
        let refused = posting.reverse_voucher(named(asker, whole)).await.unwrap_err();
        told.insert(seen(&refused));
        let request = v1::GetVoucherRequest {
            organisation: organisation.to_owned(),
            voucher_no: number.to_owned(),
        };
        told.insert(seen(&posting.get_voucher(named(asker, request)).await.unwrap_err()));
    }
    for code in ["44142490120100013", "44142490120109998"] {
        let request = v1::GetHouseholdRequest { code: code.to_owned(), ..Default::default() };
        told.insert(seen(&balances.get_household(named(asker, request)).await.unwrap_err()));
        let filter = v1::ReadRecordsRequest { household: code.to_owned(), ..Default::default() };
        told.insert(seen(&records(&mut log, asker, filter).await.unwrap_err()));
    }
    for code in ["Q16-4401-0001", "Q16-4401-9999"] {
        let request = v1::GetQuotaRequest { code: code.to_owned(), ..Default::default() };
        told.insert(seen(&balances.get_quota(named(asker, request)).await.unwrap_err()));
    }
    for code in ["441424901201", "441424901999"] {
        let request = v1::GetVillageRequest { code: code.to_owned(), ..Default::default() };
        told.insert(seen(&balances.get_village(named(asker, request)).await.unwrap_err()));
    }
    let told: Vec<_> = told.into_iter().collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "MZ-5014");

    // In scope it is told what does not exist.
    let mut codes = Vec::new();
    let asker = "FB441424";
    let request = v1::GetRecordRequest { r#ref: "VC441424901201/NONE/1".to_owned() };
    codes.push(refusal(&log.get_record(named(asker, request)).await.unwrap_err()).0);
    let none = records(&mut log, asker, voucher("VC441424901201", "NONE")).await;
    codes.push(refusal(&none.unwrap_err()).0);
    let whole = reversal(asker, "VC441424901201", "NONE");
    let none = posting.reverse_voucher(named(asker, whole)).await;
    codes.push(refusal(&none.unwrap_err()).0);
    assert_eq!(codes, ["MZ-8005", "MZ-8005", "MZ-3080"]);
    // A superior bureau reverses what stands below it.
    let whole = reversal(asker, "VC441424901201", "2016-10-004");
    posting.reverse_voucher(named(asker, whole)).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_seen_by_the_units_that_they_name_and_by_whoever_posted_them() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    example(&server);
    // A quota whose id begins as another city's code does.
    let line = v1::Line {
        line_no: 1,
        kind: "QuotaIssued".to_owned(),
        quota: "4401-77".to_owned(),
        source: "P".to_owned(),
        treasury: "44".to_owned(),
        home_city: "4405".to_owned(),
        tranche: "T16-4405-1".to_owned(),
        programme: "dev".to_owned(),
        to_unit: "4405".to_owned(),
        amount_fen: Some(10_000),
        ..Default::default()
    };
    let header = v1::Header {
        organisation: "FB44".to_owned(),
        voucher_no: "Q-77".to_owned(),
        effective_date: "2017-07-10".to_owned(),
        doc_no: "R-DOC".to_owned(),
        prepared_by: "p.fb44".to_owned(),
        approved_by: "a.fb44".to_owned(),
        line_count: Some(1),
        total_fen: Some(10_000),
        ..Default::default()
    };
    let issued = v1::Voucher { header: Some(header), lines: vec![line] };
    let issued =
        reply(server.posting().await.post_voucher(post(issued)).await.unwrap().into_inner());
    let mut log = LogClient::new(server.channel().await);
    let everything = v1::ReadRecordsRequest::default();
    let kinds = |found: &[v1::Record]| -> BTreeSet<String> {
        found.iter().map(|record| record.kind_name.clone()).collect()
    };

    let helper = records(&mut log, "FB4401", everything.clone()).await.unwrap();
    assert!(helper.iter().all(|record| record.seq < issued.first_seq), "by a quota's name");
    // It sees the quota that it issued, and its own vouchers' headers, and no household.
    assert!(kinds(&helper).contains("QuotaIssued") && kinds(&helper).contains("VoucherPosted"));
    assert!(!kinds(&helper).contains("DisbursedToHousehold"));
    assert!(!kinds(&helper).contains("HouseholdRegistered"));
    let city = records(&mut log, "FB4405", everything.clone()).await.unwrap();
    assert!(city.iter().any(|record| record.seq == issued.last_seq));

    // Registry records move nothing, and are seen by the area that they name.
    for asker in ["VC441424901201", "TG441424901", "FB441424", "FB4414", "FB44"] {
        let found = records(&mut log, asker, everything.clone()).await.unwrap();
        let found = kinds(&found);
        for kind in ["HouseholdRegistered", "AccountBound", "AreaRegistered", "ProjectRegistered"] {
            // The town is registered above the village.
            let above = kind == "AreaRegistered" && asker == "VC441424901201";
            assert!(found.contains(kind) || above, "{asker} {kind}: {found:?}");
        }
    }
    for asker in ["FB4405", "FB441882", "HU440106-07"] {
        let found = kinds(&records(&mut log, asker, everything.clone()).await.unwrap());
        assert!(!found.contains("HouseholdRegistered"), "{asker}: {found:?}");
        assert!(!found.contains("AccountBound"), "{asker}: {found:?}");
    }
    let all = server.node().applied().size();
    let of_province = records(&mut log, "PO44", everything).await.unwrap();
    assert_eq!(of_province.len() as u64, all);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_do_not_exist_have_no_balance() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    example(&server);
    for (kind, code, expected) in [
        ("village", "441424901201", ""),
        ("village", "441424901999", "MZ-8005]: village 441424901999 does not exist"),
        ("village", "abc", "MZ-1019]: code abc is not the area code of a village, 12 digits"),
        ("town", "441424901", ""),
        ("town", "441424999", "MZ-8005]: town 441424999 does not exist"),
        ("county", "441424", ""),
        ("county", "449999", "MZ-8005]: county 449999 does not exist"),
        ("city", "4414", ""),
        ("city", "4499", "MZ-8005]: city 4499 does not exist"),
        ("province", "44", ""),
        ("province", "45", "MZ-"),
        ("household", "44142490120100013", ""),
        ("household", "44142490120109998", "MZ-8005]: household 44142490120109998 does not exist"),
        (
            "household",
            "44142490120100014",
            "MZ-1019]: code 44142490120100014 is not a household code: its check digit 4 should be 3",
        ),
        ("quota", "Q16-4401-0001", ""),
        ("quota", "Q16-4401-9999", "MZ-8005]: quota Q16-4401-9999 does not exist"),
    ] {
        let ask = |source: [&str; 2]| {
            let run = mingzhang(&["balance", kind, code, source[0], source[1]]);
            (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
        };
        let by_server = ask(["--to", &server.address]);
        let by_files = ask(["--data", data.to_str().unwrap()]);
        assert_eq!(by_server, by_files, "{kind} {code}");
        let ok = expected.is_empty();
        assert_eq!(by_server.0 == Some(0), ok, "{kind} {code}: {}", by_server.1);
        assert!(ok || by_server.1.contains(expected), "{kind} {code}: {}", by_server.1);
    }
    // So do lists of what lies in them.
    let mut balances = BalancesClient::new(server.channel().await);
    let unit = "441499".to_owned();
    let households = v1::ListHouseholdsRequest { unit: unit.clone(), ..Default::default() };
    let refused = balances.list_households(households).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-8005");
    let villages = v1::ListVillagesRequest { unit, ..Default::default() };
    let refused = balances.list_villages(villages).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-8005");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_the_same_from_server_and_files() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    example(&server);
    for household in ["44142490120100013", "44142490120100021", "44142490120100030"] {
        for day in [&[][..], &["--as-of-date", "2016-11-30"]] {
            let ask = |source: [&str; 2]| {
                let args = ["history", "household", household, source[0], source[1], "--json"];
                let run = mingzhang(&[&args[..], day].concat());
                assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
                String::from_utf8_lossy(&run.stdout).into_owned()
            };
            let by_server = ask(["--to", &server.address]);
            assert_eq!(by_server, ask(["--data", data.to_str().unwrap()]), "{household} {day:?}");
            assert!(by_server.contains("HouseholdRegistered"));
            // A share register is told with its project.
            assert!(!by_server.contains("ProjectRegistered"));
        }
    }
    server.stop().await;
}

/// A voucher of access of PO44.
fn access(number: &str, line: v1::Line) -> v1::Voucher {
    let mut voucher = crate::server::organisations(number, [1]);
    voucher.lines = vec![v1::Line { line_no: 1, ..line }];
    voucher
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_operated_by_registered_operators_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    // An operator of which no official has the role.
    let line = v1::Line {
        kind: "OrganisationRegistered".to_owned(),
        organisation: "OP4414".to_owned(),
        org_kind: "OP".to_owned(),
        unit: "4414".to_owned(),
        ..Default::default()
    };
    server.posting().await.post_voucher(post(access("O-1", line))).await.unwrap();
    let mut admin = AdminClient::new(server.channel().await);
    let mut status = async |name: &str| {
        let answer = admin.status(named(name, v1::StatusRequest::default())).await;
        answer.map_or_else(|refused| refusal(&refused).0, |_| String::new())
    };
    assert_eq!(status("OP44").await, "");
    for other in ["OP9999", "OP4414", "FB44", "PO44", "FB9999"] {
        assert_eq!(status(other).await, "MZ-5011", "{other}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_certificate_ends_when_it_is_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    init(&data);
    let authority = tls::authority();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (pem, key) = tls::issue(&authority, "the server");
    let (pem, key) = (write("server.pem", &pem), write("server.key", &key));
    let served = tls::serve(&data, [&pem, &key, &write("ca.pem", &authority.pem)]);
    let connect = |identity| tls::connect(&served, &authority.pem, "localhost", Some(identity));
    let (pem, key) = tls::issue(&authority, "OP44");
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key_hash = mingzhang::auth::certified(&der).unwrap().key_hash.to_vec();
    let connection = connect((pem, key)).await.unwrap();
    let mut operator = AdminClient::new(connection.clone());
    let keeper = connect(tls::issue(&authority, "PO44")).await.unwrap();
    let mut keeper = PostingClient::new(keeper);
    operator.status(v1::StatusRequest::default()).await.unwrap();
    let bound = v1::Line {
        kind: "CertificateBound".to_owned(),
        organisation: "OP44".to_owned(),
        key_hash: key_hash.clone(),
        not_after: "2019-12-31".to_owned(),
        ..Default::default()
    };
    keeper.post_voucher(post(access("C-1", bound))).await.unwrap();
    operator.status(v1::StatusRequest::default()).await.unwrap();
    let revoked =
        v1::Line { kind: "CertificateRevoked".to_owned(), key_hash, ..Default::default() };
    keeper.post_voucher(post(access("C-2", revoked))).await.unwrap();
    // On the open connection.
    let refused = operator.status(v1::StatusRequest::default()).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-5016");

    // Of all that is wrong with a voucher, who asks is looked at first, then for whom, then where.
    let mut ended = PostingClient::new(connection);
    let elsewhere = |organisation: &str| {
        let mut voucher = crate::server::organisations("C-3", [3]);
        organisation.clone_into(&mut voucher.header.as_mut().unwrap().organisation);
        let origin = "ledger.example/other".to_owned();
        v1::PostVoucherRequest { origin, ..post(voucher) }
    };
    let refused = ended.post_voucher(elsewhere("PO44")).await.unwrap_err();
    assert_eq!(refusal(&refused), ("MZ-5016".to_owned(), "header".to_owned()));
    let refused = keeper.post_voucher(elsewhere("FB44")).await.unwrap_err();
    assert_eq!(refusal(&refused), ("MZ-5015".to_owned(), "header.organisation".to_owned()));
    let refused = keeper.post_voucher(elsewhere("PO44")).await.unwrap_err();
    assert_eq!(refusal(&refused), ("MZ-8002".to_owned(), "header.origin".to_owned()));
}
