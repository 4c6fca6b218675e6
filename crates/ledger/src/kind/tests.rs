//! The table against the contract's copy.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use super::*;

/// Names of the fields of a cell of column `fields`, each with whether it may be absent; `None` where the
/// cell names a data file or a section instead.
fn fields_of(cell: &str) -> Vec<(String, bool)> {
    let mut depth = 0_i32;
    let mut plain = String::new();
    for c in cell.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => (),
        }
    }
    let plain = plain
        .replace("rows of purposes.csv", "rows")
        .replace("rows of flows.csv", "rows")
        .replace("rows of areas_guangdong.csv", "rows")
        .replace("member:as in 110", "member");
    let mut out = Vec::new();
    for token in plain.split_whitespace() {
        let optional = token.ends_with('?');
        let token = token.trim_end_matches('?');
        let (names, ty) = token.split_once(':').unwrap_or((token, ""));
        // `household|village` and `alert?|text` are alternatives; `quota|*` is one field.
        for name in names.split('|').filter(|n| *n != "*") {
            let name = name.trim_end_matches('?').split("<=").next().unwrap();
            out.push((name.to_owned(), optional && (ty.is_empty() || !names.contains('|'))));
        }
    }
    out
}

fn section_6_1(number: u16) -> &'static [&'static str] {
    match number {
        205 => &[
            "per_head_fen",
            "pool_cap",
            "household_line",
            "programmes",
            "head_basis",
            "drift_basis",
            "years",
        ],
        206 => &["threshold_fen", "always", "self_approval"],
        210 => &["period", "backdate_days", "future_days", "registry_backdate_days"],
        _ => &[],
    }
}

#[test]
fn the_table_is_the_contracts() {
    let mut reader = csv::Reader::from_reader(&include_bytes!("../../data/kinds.csv")[..]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), Kind::ALL.len());
    for (row, kind) in rows.iter().zip(Kind::ALL) {
        let (row, ours): (Vec<&str>, _) = (row.iter().collect(), kind.row());
        assert_eq!(ours.number.to_string(), row[0]);
        assert_eq!([ours.name, ours.zh, ours.group.name()], row[1..4], "{kind}");
        assert_eq!([ours.poster.text(), ours.approval.name()], row[4..6], "{kind}");
        let codes: Vec<String> = ours.refusals.iter().map(ToString::to_string).collect();
        assert_eq!(codes.join(" "), row[9].trim_matches('-'), "{kind}");
        assert_eq!(Kind::of_number(ours.number), Some(*kind));
        assert_eq!(Kind::of_name(ours.name), Some(*kind));
        if *kind == Kind::VoucherPosted {
            continue;
        }
        assert_eq!(ours.account, row[6], "{kind}");
        let mut cell = row[7].to_owned();
        if cell.contains("section 6.1") {
            cell = cell.replace("section 6.1", &section_6_1(ours.number).join(" "));
        }
        let found: Vec<(String, bool)> = ours
            .fields
            .iter()
            .map(|s| (s.field.name().to_owned(), s.need == Need::Optional))
            .collect();
        let mut expected = fields_of(&cell);
        for (name, optional) in &mut expected {
            // Lists that may be empty may be absent: both are the same in the content text.
            *optional |= matches!(
                (ours.number, name.as_str()),
                (140, "shares") | (207, "params") | (401 | 402 | 404, "evidence")
            );
            // The memo of the first line may hold for all (domain contract, 4.5).
            *optional |= (ours.number, name.as_str()) == (350, "memo");
        }
        assert_eq!(found, expected, "{kind}");
    }
}

#[test]
fn every_code_of_a_row_is_a_refusal() {
    for kind in Kind::ALL {
        for code in kind.row().refusals {
            assert!(crate::reject::row(*code).is_some(), "{kind}: {code}");
        }
    }
}

/// Where the table begins on the page; what stands above is written by hand.
const TABLE: &str = "<!-- Below: the table of `crates/ledger/src/kind.rs`. -->\n";

/// Names of a kind's fields: `?` may be absent, of those with `|` before them exactly one is there.
fn names(row: &Row) -> String {
    let name = |spec: &Spec| match spec.need {
        Need::Required => spec.field.name().to_owned(),
        Need::Optional => format!("{}?", spec.field.name()),
        Need::OneOf(_) => format!("\\|{}", spec.field.name()),
    };
    row.fields.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn page_table() -> String {
    let mut out = String::from(
        "\n| number | kind | 名称 | group | posted by | approval | unit of account | fields | refusals, in order |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for kind in Kind::ALL {
        let row = kind.row();
        let code = |code: &u16| format!("[{code}](errors/MZ-{code}.md)");
        let codes = row.refusals.iter().map(code).collect::<Vec<_>>().join(" ");
        let cells = [
            row.number.to_string(),
            format!("`{}`", row.name),
            row.zh.to_owned(),
            row.group.name().to_owned(),
            row.poster.text().to_owned(),
            row.approval.name().to_owned(),
            row.account.to_owned(),
            names(row),
            codes,
        ];
        out.extend(["| ", &cells.join(" | "), " |\n"]);
    }
    out
}

/// `MINGZHANG_GOLDEN=kinds cargo test -p ledger kind` writes the table; without it the two are compared.
#[test]
fn the_page_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/kinds.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (above, found) = page.split_once(TABLE).expect("the mark before the table");
    if std::env::var("MINGZHANG_GOLDEN").is_ok_and(|what| what == "kinds") {
        std::fs::write(path, format!("{above}{TABLE}{}", page_table())).unwrap();
        return;
    }
    let differs =
        found.lines().zip(page_table().lines()).find(|(a, b)| a != b).map(|(a, _)| a.to_owned());
    assert!(
        found == page_table(),
        "docs/kinds.md differs at {differs:?}: `MINGZHANG_GOLDEN=kinds cargo test -p ledger kind` writes it"
    );
}
