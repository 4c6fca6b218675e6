//! Pages that are derived from the program say what the program does.

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
