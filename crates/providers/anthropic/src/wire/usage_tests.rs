//! Tests of token counts.

use super::*;

fn check(json: &str, expected: Option<Usage>) {
    let read = usage(json.as_bytes());
    assert_eq!((json, read), (json, expected));
}

fn plain(uncached_input: u64, output: u64) -> Usage {
    Usage { uncached_input, output, ..Usage::default() }
}

#[test]
fn input_leaves_the_cache_out() {
    let json = r#"{"input_tokens":21,"cache_creation_input_tokens":188086,"cache_read_input_tokens":4000,
        "cache_creation":{"ephemeral_5m_input_tokens":188000,"ephemeral_1h_input_tokens":86},
        "output_tokens":393,"service_tier":"standard","server_tool_use":{"web_search_requests":1}}"#;
    check(json, Some(Usage { cache_write: 188_086, cache_read: 4000, ..plain(21, 393) }));
    let total = usage(json.as_bytes()).map(|usage| (usage.input(), usage.total()));
    assert_eq!(total, Some((192_107, 192_500)));
}

#[test]
fn cache_writes_are_told_as_one_figure_or_in_parts() {
    let expected = Some(Usage { cache_write: 9, ..plain(1, 2) });
    check(r#"{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":9}"#, expected.clone());
    check(
        r#"{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":null,
            "cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":5}}"#,
        expected.clone(),
    );
    check(
        r#"{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":9,"cache_creation":null}"#,
        expected,
    );
    check(
        r#"{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":0,
            "cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":5}}"#,
        Some(Usage { cache_write: 9, inconsistent: true, ..plain(1, 2) }),
    );
}

#[test]
fn thinking_is_part_of_the_output() {
    check(
        r#"{"input_tokens":1,"output_tokens":50,"output_tokens_details":{"thinking_tokens":30}}"#,
        Some(Usage { reasoning: 30, ..plain(1, 20) }),
    );
    check(
        r#"{"input_tokens":1,"output_tokens":5,"output_tokens_details":{"thinking_tokens":30}}"#,
        Some(Usage { reasoning: 5, inconsistent: true, ..plain(1, 0) }),
    );
}

#[test]
fn iterations_that_the_sum_leaves_out_are_added() {
    check(
        r#"{"input_tokens":23000,"output_tokens":1000,"iterations":[
            {"type":"compaction","input_tokens":180000,"output_tokens":3500},
            {"type":"message","input_tokens":23000,"output_tokens":1000},
            {"type":"advisor_message","input_tokens":7,"output_tokens":1,"cache_read_input_tokens":2},
            {"type":"of_next_year","input_tokens":9,"output_tokens":9}]}"#,
        Some(Usage { cache_read: 2, ..plain(203_007, 4501) }),
    );
    check(
        r#"{"input_tokens":5,"output_tokens":1,"iterations":[{"type":"message","input_tokens":5,"output_tokens":1}]}"#,
        Some(plain(5, 1)),
    );
    check(r#"{"input_tokens":5,"output_tokens":1,"iterations":null}"#, Some(plain(5, 1)));
}

#[test]
fn lenient_about_spelling() {
    let of_input = Usage { lacks_output: true, ..plain(12, 0) };
    check(r#"{"input_tokens":12.0,"output_tokens":null}"#, Some(of_input));
    check(r#"{"input_tokens":12,"output_tokens":0}"#, Some(plain(12, 0)));
    check(r#"{"output_tokens":3,"input_tokens":-1,"cache_creation":[],"iterations":{}}"#, Some(plain(0, 3)));
}

#[test]
fn what_tells_nothing_is_unknown() {
    for json in
        ["{}", "null", r#"{"input_tokens":"many"}"#, r#"{"input_tokens":1e300}"#, "{\"input_tokens\":"]
    {
        check(json, None);
    }
}

#[test]
fn later_counts_win_one_by_one() {
    let mut counts = Counts::default();
    counts.read(
        br#"{"input_tokens":25,"cache_creation_input_tokens":7,"cache_creation":{"a":7},"output_tokens":1}"#,
    );
    counts.read(br#"{"output_tokens":15,"input_tokens":null}"#);
    let expected = Usage { cache_write: 7, ..plain(25, 15) };
    assert_eq!(counts.usage(), Some(expected));
    counts.read(br#"{"cache_creation_input_tokens":0,"cache_read_input_tokens":7}"#);
    assert_eq!(counts.usage(), Some(Usage { cache_read: 7, ..plain(25, 15) }));
}
