//! `mingzhang alerts`: the same list from a server and from its files, page by page, as of then.

use serde_json::Value;

use super::told;
use crate::refusals;
use crate::server::Server;

fn listed(line: &str, source: &str) -> Vec<Value> {
    let (code, text, said) =
        told(&format!("alerts {line} {source} --json").split_whitespace().collect::<Vec<_>>());
    assert_eq!(code, 0, "{line} {source}: {said}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_the_same_from_a_server_and_from_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    refusals::example(&server);
    let (to, files) = (format!("--to {}", server.address), format!("--data {}", data.display()));
    let mut lengths = Vec::new();
    // The last but one goes back in the log, the last forth again: a fold that is kept is no other one.
    for line in
        ["", "--flag F19", "--date 2018-12-31", "--as-of 150", "--as-of 150 --date 2016-08-01", ""]
    {
        let [online, offline] = [&to, &files].map(|source| listed(line, source));
        assert_eq!(online, offline, "{line}");
        for field in ["what", "position", "date", "digest", "checkpoint"] {
            assert!(online[0].get(field).is_some(), "{field}: {}", online[0]);
        }
        let order: Vec<_> =
            online[1..].iter().map(|a| (a["flag"].to_string(), a["subject"].to_string())).collect();
        assert!(order.is_sorted_by_key(|(flag, _)| flag.clone()), "{line}: {order:?}");
        for alert in &online[1..] {
            for field in [
                "alert_id",
                "flag",
                "name_zh",
                "subject",
                "severity",
                "amount_fen",
                "evidence",
                "sentence",
            ] {
                assert!(alert.get(field).is_some(), "{field}: {alert}");
            }
        }
        lengths.push(online.len());
    }
    assert_eq!(lengths[0], lengths[5]);
    assert!(lengths[1] < lengths[0] && lengths[3] < lengths[0], "{lengths:?}");
    assert!(lengths[0] < lengths[2], "money that lies has not aged: {lengths:?}");
    for (line, code) in
        [("--flag F30", 2), ("--flag f1", 2), ("--date 2016-13-01", 2), ("--as-of 9999", 1)]
    {
        for source in [&to, &files] {
            let (found, _, said) =
                told(&format!("alerts {line} {source}").split(' ').collect::<Vec<_>>());
            assert_eq!(found, code, "{line} {source}: {said}");
        }
    }
    server.stop().await;
}
