//! The key table: how much of it is honoured, and the page that prints it.

use std::collections::BTreeSet;

use trunkline_config::{KeyRow, Section, State, key_table, key_table_markdown};

fn core_keys(is: fn(&State) -> bool) -> usize {
    key_table().iter().filter(|row: &&KeyRow| row.core && is(&row.state)).count()
}

#[test]
fn at_least_66_core_keys_are_supported() {
    assert!(core_keys(|state| matches!(state, State::Supported)) >= 66);
}

#[test]
fn of_88_core_keys_2_are_accepted_besides() {
    assert_eq!(core_keys(|state| matches!(state, State::Accepted { .. })), 2);
    assert_eq!(core_keys(|_| true), 88);
}

#[test]
fn every_key_stands_once_in_its_section() {
    let mut seen = BTreeSet::new();
    for row in key_table() {
        assert!(seen.insert((row.section, row.key)), "{}.{} stands twice", row.section.path(), row.key);
        assert!(!row.meaning.is_empty(), "{} has no meaning", row.key);
    }
    for section in Section::ALL {
        assert!(seen.iter().any(|(of, _)| *of == section));
    }
}

#[test]
fn the_page_prints_the_table_as_it_is() {
    let page = include_str!("../../../../docs/configuration.md");
    let begin = "<!-- key table: begin -->\n";
    let end = "<!-- key table: end -->";
    let start = page.find(begin).expect("the page marks where the table begins") + begin.len();
    let stop = page.find(end).expect("the page marks where the table ends");
    assert!(
        page[start..stop].trim() == key_table_markdown().trim(),
        "docs/configuration.md is behind the key table; put the output of `cargo run -p trunkline-config --example key-table` between its marks"
    );
}
