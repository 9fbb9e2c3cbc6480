//! `docs/COVERAGE.md`: which cases check which section of the spec, and each System API function in each
//! context.

use crate::section::{self, EXCEPTIONS, SECTIONS};
use crate::{all, is_of_the_tenth, system_api};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/COVERAGE.md")
}

fn document() -> String {
    let cases = all();
    let tenth = cases.iter().filter(|case| is_of_the_tenth(case)).count();
    let mut text = String::from("# What of the interface specification is checked\n\n");
    let _ = writeln!(
        text,
        "Written by `ATOLL_COVERAGE=write cargo test --test spec coverage`; a test fails when it is stale. \
         The specification is 0.66; section names are the anchors of its documents. {} cases run against one \
         node and {tenth} of them against four.\n",
        cases.len(),
    );
    sections(&mut text);
    functions(&mut text);
    text
}

fn sections(text: &mut String) {
    let mut by_anchor: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for section in section::all() {
        let names = by_anchor.entry(section.anchor).or_default();
        names.extend(section.cases.iter().map(|case| case.name));
    }
    text.push_str("## Sections\n");
    for (document, anchors) in SECTIONS {
        let _ = writeln!(text, "\n### {document}\n\n| section | | cases |\n| --- | --- | --- |");
        for anchor in *anchors {
            let names = by_anchor.get(anchor).cloned().unwrap_or_default();
            let exception = EXCEPTIONS.iter().find(|(name, _)| name == anchor).map(|(_, why)| *why);
            let listed = names.join(" · ");
            let _ = match exception {
                Some(why) => writeln!(text, "| {anchor} | – | *{why}* |"),
                None => writeln!(text, "| {anchor} | {} | {} |", names.len(), listed.replace('|', "\\|")),
            };
        }
    }
}

fn functions(text: &mut String) {
    text.push_str(
        "\n## System API functions by context\n\nEach cell is one case: `+` works, `t` traps. Contexts by the \
         spec's letters; `TQ` is missing because HTTPS outcalls come later.\n\n| function |",
    );
    let names = [
        "I",
        "I (upgrade)",
        "G",
        "U",
        "RQ",
        "NRQ",
        "CQ",
        "Ry",
        "Rt",
        "CRy",
        "CRt",
        "C",
        "CC",
        "s",
        "F",
        "T (timer)",
        "T (heartbeat)",
        "T (low memory)",
    ];
    assert_eq!(names.len(), system_api::CONTEXTS.len());
    names.iter().for_each(|name| text.push_str(&format!(" {name} |")));
    text.push_str("\n| --- |");
    names.iter().for_each(|_| text.push_str(" --- |"));
    let mut last = "";
    for cell in system_api::cells() {
        if cell.function != last {
            let _ = write!(text, "\n| `{}` |", cell.function);
            last = cell.function;
        }
        let mark = if cell.allowed { "+" } else { "t" };
        let _ = write!(text, " {mark} |");
    }
    text.push('\n');
}

#[test]
fn coverage_is_written_down_as_it_is() {
    let now = document();
    if std::env::var("ATOLL_COVERAGE").is_ok_and(|wish| wish == "write") {
        std::fs::write(path(), &now).expect("writes");
    }
    let written = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(
        written == now,
        "docs/COVERAGE.md is stale: ATOLL_COVERAGE=write cargo test --test spec coverage"
    );
}

#[test]
fn every_section_is_covered_or_excepted_with_a_reason() {
    let sections = section::all();
    let known = SECTIONS.iter().flat_map(|(_, anchors)| anchors.iter().copied()).collect::<Vec<_>>();
    for section in sections {
        assert!(known.contains(&section.anchor), "no section {}", section.anchor);
    }
    for anchor in known {
        let covered = sections.iter().any(|section| section.anchor == anchor && !section.cases.is_empty());
        let excepted = EXCEPTIONS.iter().any(|(name, _)| *name == anchor);
        assert!(covered != excepted, "{anchor}: covered {covered}, excepted {excepted}");
    }
    for cell in system_api::cells() {
        assert!(!cell.context.is_empty() && !cell.case.steps.is_empty());
    }
}
