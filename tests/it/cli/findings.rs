//! `mingzhang findings`: a case from its opening to its end, by server and directory.

use std::io::Write as _;

use ledger::field::Field;
use ledger::kinds::finding::finding_id;
use ledger::voucher::VoucherBuilder;
use proto::v1;
use proto::v1::audit_client::AuditClient;
use serde_json::Value;
use tonic::Request;

use super::told;
use crate::refusals;
use crate::server::{Server, mingzhang, refusal};

/// Registers the province's audit office and, in the county, discipline inspection.
pub(crate) fn auditor(server: &Server) {
    let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
    file.write_all(
        br#"{"type":"voucher","organisation":"PO44","voucher_no":"INSPECT-1","effective_date":"2017-08-01","doc_no":"D-1","prepared_by":"p.po44","approved_by":"a.po44","line_count":4}
{"type":"line","line_no":1,"kind":"OrganisationRegistered","organisation":"AU44","org_kind":"AU","unit":"44"}
{"type":"line","line_no":2,"kind":"OrganisationRegistered","organisation":"DI441882","org_kind":"DI","unit":"441882"}
{"type":"line","line_no":3,"kind":"RoleGranted","official":"p.au44","organisation":"AU44","role":"auditor","scope":["44"]}
{"type":"line","line_no":4,"kind":"RoleGranted","official":"p.di441882","organisation":"DI441882","role":"inspector","scope":["441882"]}
"#,
    )
    .unwrap();
    let run = mingzhang(&["post", file.path().to_str().unwrap(), "--to", &server.address]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// Runs a command line; `~` stands for a blank within a word.
fn run(line: &str) -> (i32, String, String) {
    let words: Vec<String> = line.split(' ').map(|word| word.replace('~', " ")).collect();
    told(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn rows(line: &str) -> Vec<Value> {
    let (code, stdout, said) = run(&format!("{line} --json"));
    assert_eq!(code, 0, "{line}: {said}");
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one case from its beginning to its end")]
async fn a_finding_lives_from_its_opening_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    refusals::example(&server);
    auditor(&server);
    let (to, files) = (format!("--to {}", server.address), format!("--data {}", data.display()));
    let (au, vc) = ("--as AU44 --by p.au44", "--as VC441424901201 --by p.vc441424901201");

    // 162 is a payment of the village.
    let open =
        format!("findings open --text paid~twice --severity 2 --evidence 162 {au} --no F-1 {to}");
    assert_eq!(rows(&format!("{open} --dry-run"))[0]["verdict"], "valid");
    let opened = rows(&open);
    assert_eq!((&opened[0]["verdict"], &opened[0]["what"]), (&"posted".into(), &"finding".into()));
    assert_eq!(rows(&open)[0]["verdict"], "duplicate", "the same again is a retry");
    let id = opened[0]["finding"].as_str().unwrap().to_owned();
    let position = opened[0]["position"].as_u64().unwrap();

    for (line, exit, said) in [
        (format!("findings reopen {id} --text again {au} --no F-2 {to}"), 1, "finding is open"),
        (format!("findings explain {id} --text no {au} --no F-2 {to}"), 1, "MZ-5011"),
        (
            format!("findings explain {id} --text no --as FB4414 --by p.fb4414 --no F-2 {to}"),
            1,
            "MZ-5031",
        ),
        (format!("findings refer {id} --to-whom DI {vc} --no F-2 {to}"), 1, "MZ-5011"),
        (format!("findings refer 00 --to-whom DI {au} --no F-2 {to}"), 2, "32 hex digits"),
        (
            format!("findings refer {} --to-whom DI {au} --no F-2 {to}", "0".repeat(32)),
            1,
            "MZ-7001",
        ),
        (format!("findings close {id} --outcome fine {au} --no F-2 {to}"), 2, "MZ-1019"),
        (
            format!(
                "findings close {id} --outcome recovered --recovered-yuan 1,0 {au} --no F-2 {to}"
            ),
            2,
            "MZ-1020",
        ),
        (format!("findings open --text x {au} --no F-2 {to}"), 2, "--severity"),
        (format!("findings open --severity 1 {au} --no F-2 {to}"), 2, "--alert"),
        (format!("findings list --stage done {to}"), 2, "no such stage"),
        (format!("findings list --as-of 99999 {to}"), 1, "MZ-8001"),
        (format!("findings list --as-of 99999 {files}"), 1, "MZ-8001"),
    ] {
        let (code, stdout, found) = run(&line);
        assert_eq!((code, stdout.as_str()), (exit, ""), "{line}: {found}");
        assert!(found.contains(said), "{line}: {found}");
    }

    for line in [
        format!("findings explain {id} --text the~list~was~late {vc} --no E-1 {to}"),
        format!("findings refer {id} --to-whom 县纪委监委 {au} --no F-2 {to}"),
        format!(
            "findings close {id} --outcome recovered --recovered-yuan 3000.00 --evidence 164 {au} --no F-3 {to}"
        ),
        format!("findings reopen {id} --text not~paid~in {au} --no F-4 {to}"),
    ] {
        assert_eq!(rows(&line)[0]["verdict"], "posted", "{line}");
    }
    assert_eq!(rows(&format!("findings open --text b --severity 1 {au} --no F-5 {to}")).len(), 1);

    for source in [&to, &files] {
        let all = rows(&format!("findings list {source}"));
        assert_eq!((&all[0]["what"], all.len()), (&"findings".into(), 3));
        for field in ["position", "date", "digest", "checkpoint"] {
            assert!(all[0].get(field).is_some(), "{}", all[0]);
        }
        let first = &all[1];
        assert_eq!((&first["finding"], &first["stage"]), (&id.clone().into(), &"reopened".into()));
        assert_eq!(first["evidence"], serde_json::json!([162]));
        let steps: Vec<&str> = first["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["stage"].as_str().unwrap())
            .collect();
        assert_eq!(steps, ["open", "explained", "referred", "closed", "reopened"]);
        let step = |at: usize, field: &str| first["steps"][at][field].clone();
        assert_eq!(
            (step(1, "organisation"), step(1, "text")),
            ("VC441424901201".into(), "the list was late".into())
        );
        assert_eq!(
            (step(2, "text"), step(3, "outcome")),
            ("县纪委监委".into(), "recovered".into())
        );
        assert_eq!(
            (step(3, "recovered_fen"), step(0, "recovered_fen")),
            (300_000.into(), Value::Null)
        );
        assert_eq!(rows(&format!("findings list --severity 2 {source}")).len(), 2);
        assert_eq!(rows(&format!("findings list --stage open {source}")).len(), 2);
        assert_eq!(rows(&format!("findings list --stage closed {source}")).len(), 1);
        // As it was known then: opened, and no more.
        let then = rows(&format!("findings list --as-of {position} {source}"));
        assert_eq!((then.len(), &then[1]["stage"]), (2, &"open".into()));
        assert_eq!(then[0]["position"], position);
        assert_eq!(rows(&format!("findings list --as-of {} {source}", position - 1)).len(), 1);
        let (code, text, _) = run(&format!("findings list {source}"));
        assert_eq!(code, 0);
        assert!(text.contains("AU44       paid twice"), "{text}");
    }
    server.stop().await;
}

fn asked_by<T>(organisation: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("mingzhang-organisation", organisation.parse().unwrap());
    request
}

/// A voucher of a step; its number is that of the finding it opens.
fn step(
    org: &str,
    no: &str,
    line: impl FnOnce(&mut VoucherBuilder),
) -> v1::DispositionFindingRequest {
    let mut out = VoucherBuilder::new();
    out.key(org, no, "2017-08-02", &format!("p.{}", org.to_lowercase()));
    line(&mut out);
    out.state_totals();
    let voucher = Some(mingzhang::wire::voucher(&out.finish()).unwrap());
    v1::DispositionFindingRequest { voucher, ..Default::default() }
}

/// Who has nothing of a finding in scope sees none and takes no step, and is not told whether there is one.
#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_seen_and_taken_further_in_its_scope_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    refusals::example(&server);
    auditor(&server);
    let mut audit = AuditClient::new(server.channel().await);
    for no in ["F-1", "F-2", "F-3"] {
        let open = step("AU44", no, |out| {
            out.begin_line(1, "FindingOpened").text(Field::Text, "paid twice");
            out.int(Field::Severity, 3).push_int(Field::Evidence, 162);
        });
        audit.disposition_finding(asked_by("AU44", open)).await.unwrap();
    }
    let all = |page_size| v1::ListFindingsRequest { page_size, ..Default::default() };
    let of = |id: [u8; 16], org: &str| {
        step(org, &format!("R-{}", id[0]), |out| {
            out.begin_line(1, "FindingReferred").blob(Field::Finding, &id);
            out.text(Field::To, "somebody");
        })
    };
    for (org, seen) in [("AU44", 3), ("VC441424901201", 3), ("FB441424", 3), ("DI441882", 0)] {
        let found = audit.list_findings(asked_by(org, all(0))).await.unwrap().into_inner();
        assert_eq!(found.findings.len(), seen, "{org}");
    }
    // Pages speak for one position, whatever is posted between them.
    let first = audit.list_findings(asked_by("AU44", all(2))).await.unwrap().into_inner();
    let known = finding_id("AU44", "F-3", 1).0;
    audit.disposition_finding(asked_by("AU44", of(known, "AU44"))).await.unwrap();
    let token = first.next_page_token;
    let next = v1::ListFindingsRequest { page_token: token.clone(), ..all(2) };
    let second = audit.list_findings(asked_by("AU44", next)).await.unwrap().into_inner();
    assert_eq!((first.position, first.findings.len()), (second.position, 2));
    assert_eq!((second.findings.len(), second.findings[0].stage.as_str()), (1, "open"));
    assert_eq!(second.next_page_token, "");
    let other = v1::ListFindingsRequest { page_token: token, severity_min: 1, ..all(2) };
    let refused = audit.list_findings(asked_by("AU44", other)).await.unwrap_err();
    assert_eq!(refusal(&refused).0, "MZ-8003");
    let many = audit.list_findings(asked_by("AU44", all(1_001))).await.unwrap_err();
    assert_eq!(refusal(&many).0, "MZ-6006");

    let mut refused = async |org: &str, asked: v1::DispositionFindingRequest| {
        refusal(&audit.disposition_finding(asked_by(org, asked)).await.unwrap_err()).0
    };
    for id in [known, [7; 16]] {
        assert_eq!(refused("DI441882", of(id, "DI441882")).await, "MZ-5014");
    }
    assert_eq!(refused("AU44", of([7; 16], "AU44")).await, "MZ-7001");
    assert_eq!(refused("AU44", step("AU44", "F-9", |_| ())).await, "MZ-1032");
    let money = step("AU44", "F-9", |out| {
        out.begin_line(1, "LoanClosed").text(Field::Loan, "L-1");
    });
    assert_eq!(refused("AU44", money).await, "MZ-1012");
    let two = step("AU44", "F-9", |out| {
        for line in 1..=2 {
            out.begin_line(line, "FindingOpened").text(Field::Text, "paid twice");
            out.int(Field::Severity, 3);
        }
    });
    assert_eq!(refused("AU44", two).await, "MZ-1010");
    server.stop().await;
}
