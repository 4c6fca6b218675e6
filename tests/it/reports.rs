//! Reports: golden output, the same bytes from a server and from its files, sums that equal the balances,
//! who may read which.

use std::path::{Path, PathBuf};

use proto::v1;
use proto::v1::reports_client::ReportsClient;
use serde_json::Value;

use crate::refusals::example;
use crate::roles::named;
use crate::server::{Server, mingzhang, organisations, post, refusal};

/// Arguments of each report, in the contract's order.
const REPORTS: [&str; 12] = [
    "bulletin",
    "progress",
    "helper 4401",
    "statement 44142490120100013",
    "notice 441424901201 --from-date 2016-09-01",
    "spending",
    "idle 4414",
    "transit --as-of-date 2016-08-08",
    "bank 441424901201 --file tests/data/reports/bank-2016-09.csv --to-date 2016-09-30",
    "reversals --from-date 2016-10-01 --to-date 2016-10-31",
    "trace 44142490120100021",
    "exits",
];

/// Ways to print one, with the ending of its golden file.
const FORMATS: [(&str, &str); 4] =
    [("--lang zh", "zh.txt"), ("--lang en", "en.txt"), ("--csv", "csv"), ("--json", "jsonl")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a report; returns exit code, standard output and standard error.
fn report(args: &str, source: &str) -> (i32, String, String) {
    let args = args.replace("tests/data", root().join("tests/data").to_str().unwrap());
    let line = format!("report {args} {source}");
    let run = mingzhang(&line.split(' ').collect::<Vec<_>>());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (run.status.code().unwrap(), text(&run.stdout), text(&run.stderr))
}

fn rows(args: &str, source: &str) -> Vec<Value> {
    let (code, text, said) = report(&format!("{args} --json"), source);
    assert_eq!(code, 0, "{args}: {said}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The example's ledger, served.
async fn served(dir: &Path) -> (Server, [String; 2]) {
    let data: PathBuf = dir.join("l");
    let server = Server::fresh(&data).await;
    example(&server);
    let sources = [format!("--to {}", server.address), format!("--data {}", data.display())];
    (server, sources)
}

#[tokio::test(flavor = "multi_thread")]
async fn golden() {
    let dir = tempfile::tempdir().unwrap();
    let (server, sources) = served(dir.path()).await;
    let accept = std::env::var("MINGZHANG_GOLDEN").is_ok_and(|value| value == "reports");
    let mut wrong = Vec::new();
    for args in REPORTS {
        let name = args.split(' ').next().unwrap();
        for (format, ending) in FORMATS {
            let line = format!("{args} {format}");
            let [by_server, by_files] = [0, 1].map(|at| report(&line, &sources[at]));
            assert_eq!(by_server, by_files, "{line}: a server and its files differ");
            assert_eq!(by_server.0, 0, "{line}: {}", by_server.2);
            let path = root().join("tests/data/reports").join(name).with_extension(ending);
            if accept {
                std::fs::write(&path, &by_server.1).unwrap();
            } else if std::fs::read_to_string(&path).unwrap_or_default() != by_server.1 {
                wrong.push(format!("{}: now\n{}", path.display(), by_server.1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reports_add_up_is_what_the_balances_say() {
    let dir = tempfile::tempdir().unwrap();
    let (server, [_, files]) = served(dir.path()).await;
    let balance = |kind: &str, code: &str, day: &str| -> Value {
        let line = format!("balance {kind} {code} {files} --json{day}");
        let run = mingzhang(&line.split(' ').collect::<Vec<_>>());
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let field = |block: &Value, name: &str| -> i64 {
        let fields = block["fields"].as_array().unwrap().iter();
        fields.filter(|f| f["name"] == name).map(|f| f["fen"].as_i64().unwrap()).sum()
    };
    for day in ["", " --as-of-date 2016-12-28", " --as-of-date 2016-09-30"] {
        let listed = |name: &str| rows(&format!("{name}{day}"), &files);
        let bulletin = listed("bulletin");
        let (mut spent, mut held) = (0, 0);
        for row in &bulletin[1..] {
            let city = &balance("city", row["city"].as_str().unwrap(), day)["as_home"];
            for (column, name) in [("spent_fen", "spent"), ("received_fen", "received")] {
                assert_eq!(row[column].as_i64().unwrap(), field(city, name), "{row}");
            }
            spent += field(city, "spent");
            let levels = ["held_city", "held_county", "held_town", "held_village"];
            held += levels.iter().map(|level| field(city, level)).sum::<i64>();
        }
        let total = |head: &Value, name: &str| head["totals"][name].as_i64().unwrap();
        assert_eq!(total(&bulletin[0], "spent_fen"), spent);
        assert_ne!((spent, held), (0, 0));
        assert_eq!(total(&listed("idle")[0], "held_fen"), held, "{day}");
        let spending = &listed("spending")[0];
        assert_eq!(total(spending, "cash_held_fen"), held, "{day}");
        let progress = &listed("progress")[0];
        for source in ["p", "h", "l"] {
            for name in ["owed", "issued", "arrived"] {
                let name = format!("{source}_{name}_fen");
                assert_eq!(total(progress, &name), total(&bulletin[0], &name), "{name}");
            }
        }
        let helper = listed("helper 4401");
        let account = &balance("city", "4401", day)["as_helper"];
        for name in ["owed", "sent", "received", "spent", "refunded"] {
            assert_eq!(total(&helper[0], &format!("{name}_fen")), field(account, name), "{name}");
        }
        // The uses say the same money by purpose.
        let by_purpose = helper[1..].iter().filter(|row| row["part"] == "use");
        let sum: i64 = by_purpose.map(|row| row["spent_fen"].as_i64().unwrap()).sum();
        assert_eq!(sum, field(account, "spent"));
        // What a household was paid is the sum of its rows.
        let statement = listed("statement 44142490120100013");
        let parts = ["payment", "refund"];
        let own =
            statement[1..].iter().filter(|row| parts.contains(&row["part"].as_str().unwrap()));
        let net: i64 = own.map(|row| row["amount_fen"].as_i64().unwrap()).sum();
        assert_eq!(net, statement[0]["facts"]["net_fen"].as_i64().unwrap());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_a_bank_and_every_record_is_accounted_for_once() {
    let dir = tempfile::tempdir().unwrap();
    let (server, [_, files]) = served(dir.path()).await;
    let all = rows(REPORTS[8], &files);
    let facts = &all[0]["facts"];
    let count = |name: &str| facts[name].as_u64().unwrap();
    let lines: Vec<u64> = all[1..].iter().filter_map(|row| row["bank_line"].as_u64()).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6]);
    assert_eq!(count("bank_rows"), 5);
    let records = all[1..].iter().filter(|row| !row["position"].is_null()).count() as u64;
    assert_eq!(records, count("ledger_records"));
    // The village's own money of the month: 3 payments, one return; and money that arrived on the 12th.
    let results = ["matched", "only_ledger", "only_bank", "amount_differs", "ambiguous"];
    assert_eq!(results.map(count), [3, 1, 1, 1, 0]);
    assert_eq!(all[0]["totals"]["bank_amount_fen"], 300_000 * 3 + 200_001 + 1_234);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_refused_alike_by_server_and_files() {
    let dir = tempfile::tempdir().unwrap();
    let (server, sources) = served(dir.path()).await;
    let bad = dir.path().join("bad.csv");
    std::fs::write(&bad, "bank_ref,account,date,amount_yuan,direction,status\nB1,44,x,1,out,ok\nB1,44,2016-09-01,1,up,ok\n").unwrap();
    let bank = format!("bank --file {}", bad.display());
    for (args, exit, code, said) in [
        ("statement", 2, "MZ-9010", "needs the code of a household"),
        ("statement 44142490120100014", 2, "MZ-1019", "check digit"),
        ("statement 44142490120109998", 1, "MZ-8005", "does not exist"),
        ("trace 44142490120109998", 1, "MZ-8005", "does not exist"),
        ("helper 4499", 1, "MZ-8005", "does not exist"),
        ("helper 441424", 2, "MZ-1019", "unit code of a city"),
        ("idle 4499", 1, "MZ-8005", "does not exist"),
        ("idle --from-date 2016-09-01", 2, "MZ-1019", "it has no period"),
        ("reversals --from-date 2016-13-01", 2, "MZ-1019", "a date YYYY-MM-DD"),
        ("exits --as-of 99999", 1, "MZ-8001", ""),
        ("bank", 2, "MZ-9010", "needs the bank's file"),
        (bank.as_str(), 2, "MZ-9010", "bad.csv:3, direction: not in or out"),
        ("exits --file x.csv", 2, "MZ-9010", "only `report bank`"),
    ] {
        for source in &sources {
            let (found, text, told) = report(args, source);
            assert_eq!((found, text.as_str()), (exit, ""), "{args} {source}: {told}");
            assert!(told.contains(code) && told.contains(said), "{args} {source}: {told}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_read_by_role_and_scope() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = served(dir.path()).await;
    let mut client = ReportsClient::new(server.channel().await);
    let mut ask = async |who: &str, report: &str, code: &str| {
        let (report, code) = (report.to_owned(), code.to_owned());
        let request = v1::GetReportRequest { report, code, ..Default::default() };
        let answer = client.get_report(named(who, request)).await;
        answer.map_or_else(|status| refusal(&status).0, |_| "ok".to_owned())
    };
    let (household, village) = ("44142490120100013", "441424901201");
    for (who, report, code, expected) in [
        // An operator sees no business rows, whatever the report.
        ("OP44", "bulletin", "", "MZ-5011"),
        ("OP44", "statement", household, "MZ-5011"),
        ("OP44", "notice", village, "MZ-5011"),
        // Keepers of rules read sums and no households.
        ("PO44", "bulletin", "", "ok"),
        ("FB44", "bulletin", "", "ok"),
        ("FB44", "statement", household, "ok"),
        // Their own area, and no other.
        ("FB441424", "idle", "441424", "ok"),
        ("FB441424", "idle", "4414", "MZ-5014"),
        ("FB441424", "bulletin", "", "MZ-5014"),
        ("FB441424", "statement", household, "ok"),
        ("FB4405", "statement", household, "MZ-5014"),
        ("FB4405", "idle", "4405", "ok"),
        ("FB4401", "helper", "4401", "ok"),
        ("FB4401", "helper", "4405", "MZ-5014"),
        ("FB4401", "trace", household, "MZ-5014"),
        // A village puts up its own notice.
        ("VC441424901201", "notice", village, "ok"),
        ("VC441424901201", "notice", "441424901202", "MZ-5014"),
        ("NOBODY", "bulletin", "", "MZ-5011"),
    ] {
        assert_eq!(ask(who, report, code).await, expected, "{who} {report} {code}");
    }
    // A reporter reads sums, and no row of a household.
    let mut voucher = organisations("REPORTER-1", [1]);
    "2017-07-10".clone_into(&mut voucher.header.as_mut().unwrap().effective_date);
    voucher.lines = vec![v1::Line {
        line_no: 1,
        kind: "RoleGranted".to_owned(),
        official: "p.op44".to_owned(),
        organisation: "OP44".to_owned(),
        role: "reporter".to_owned(),
        scope: vec!["44".to_owned()],
        ..v1::Line::default()
    }];
    server.posting().await.post_voucher(post(voucher)).await.unwrap();
    for (report, code, expected) in [
        ("bulletin", "", "ok"),
        ("idle", "441424", "ok"),
        ("statement", household, "MZ-5011"),
        ("trace", household, "MZ-5011"),
        ("bank", "", "MZ-1019"),
        ("reversals", "", "MZ-5011"),
        ("notice", village, "MZ-5011"),
    ] {
        assert_eq!(ask("OP44", report, code).await, expected, "{report} {code}");
    }
    server.stop().await;
}
