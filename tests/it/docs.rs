//! Pages that are derived from the program say what the program does.

use std::collections::BTreeSet;
use std::path::Path;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn the_page_of_views_ends_with_their_layout() {
    let page = page("views.md");
    assert!(
        page.ends_with(&views::layout_page()),
        "docs/views.md: write views::layout_page() anew"
    );
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut pages = vec![docs.join("../README.md")];
    for dir in [docs.clone(), docs.join("decisions")] {
        pages.extend(std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()));
    }
    pages.retain(|path| path.extension().is_some_and(|end| end == "md"));
    assert!(8 < pages.len(), "{} pages", pages.len());
    let mut links = 0;
    for path in pages {
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            links += 1;
            assert!(path.parent().unwrap().join(target).exists(), "{}: {target}", path.display());
        }
    }
    assert!(5 < links, "{links} links");
}

/// Names of all functions of the tests, wherever they stand.
fn functions(dir: &Path, out: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            functions(&path, out);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                if let (true, Some(name)) = (is_test, name) {
                    out.insert(name.split('(').next().unwrap().to_owned());
                }
                is_test = line.starts_with("#[") && (is_test || line.contains("test"));
            }
        }
    }
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The numbers behind a mark, as in `MZ-3013, MZ-3014`.
fn numbered<'a>(cell: &'a str, mark: &str) -> Vec<&'a str> {
    cell.split(", ")
        .map(|word| word.strip_prefix(mark).unwrap_or_else(|| panic!("{word}")))
        .collect()
}

#[test]
fn every_word_of_the_page_about_the_policy_is_there() {
    use ledger::kind::Kind;
    let (page, mut tests) = (page("policy.md"), BTreeSet::new());
    functions(Path::new(env!("CARGO_MANIFEST_DIR")), &mut tests);
    let rules = [
        "scheme", "pairing", "purposes", "flows", "cap", "approval", "flag", "areas", "baseline",
        "period",
    ];
    let details = ["household_yikatong", "household_line", "registry_backdate_days"];
    let reports: Vec<_> = views::reports::What::ALL.iter().map(|(what, ..)| what.name()).collect();
    let (mut kinds, mut flags, mut shown) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let [name, cell] = row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>()[..]
        else {
            panic!("{row}");
        };
        match name {
            "events" => kinds.extend(quoted(cell).into_iter().map(|kind| {
                Kind::of_name(kind).unwrap_or_else(|| panic!("no kind {kind}")).number()
            })),
            "rules" => quoted(cell).iter().for_each(|rule| {
                assert!(rules.contains(rule) || details.contains(rule), "no rule {rule}");
            }),
            "refusals" => numbered(cell, "MZ-").iter().for_each(|code| {
                assert!(ledger::reject::row(code.parse().unwrap()).is_some(), "no refusal {code}");
            }),
            "flags" => {
                flags.extend(numbered(cell, "F").iter().map(|flag| flag.parse::<u8>().unwrap()));
            }
            "reports" => shown.extend(quoted(cell).into_iter().inspect(|report| {
                assert!(reports.contains(report), "no report {report}");
            })),
            "tests" => quoted(cell)
                .iter()
                .for_each(|test| assert!(tests.contains(*test), "no test {test}")),
            "---" | "" => {}
            other => panic!("{other}"),
        }
    }
    // Whatever is money, a flag or a report has its section; access and areas are how, not what.
    let missing = Kind::ALL
        .iter()
        .map(|kind| kind.number())
        .filter(|kind| (300..=405).contains(kind) && !kinds.contains(kind));
    assert_eq!(missing.collect::<Vec<u16>>(), Vec::<u16>::new(), "kinds without a section");
    assert_eq!(flags, (1..=29).collect(), "flags without a section");
    let left: Vec<_> = reports.iter().filter(|report| !shown.contains(*report)).collect();
    assert!(left.is_empty(), "reports without a section: {left:?}");
}
