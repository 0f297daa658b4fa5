//! What plans show: what is read, what is left out, and by what.

use coldpress::Settings;
use serde_json::json;

use crate::made::Made;

/// The number behind a metric of `explain analyze`, such as `pruned` of `1 total → 0 matched`.
fn metric(plan: &str, name: &str) -> String {
    let after = plan.split(&format!("{name}=")).nth(1);
    let after = after.unwrap_or_else(|| panic!("no {name} in:\n{plan}"));
    after.split([',', ']']).next().unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn lsns_leave_files_out_and_no_filter_is_left() {
    let made = Made::generations().await;
    let plan = made.text("explain select n from events where _lsn_min >= 300").await;
    assert!(plan.contains("lsn-300-399.parquet") && !plan.contains("lsn-200-299"), "{plan}");
    // The filter is exact: nothing is asked again.
    assert!(!plan.contains("FilterExec") && !plan.contains("predicate"), "{plan}");
    let plan = made.text("explain analyze select n from events where _lsn_max < 200").await;
    assert_eq!(metric(&plan, "files_pruned_by_lsn"), "2", "{plan}");
    let none = made.text("explain select n from events where _lsn_min > 1000").await;
    assert!(none.contains("EmptyExec"), "{none}");
    // One that rows decide too is asked of the rows.
    let sql = "select count(*) from events where _lsn_min >= 300 or n < 10";
    assert_eq!(json!(made.ask(sql).await.unwrap()), json!([[110]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_leave_row_groups_out_and_the_reader_takes_filter_and_projection() {
    let made = Made::generations().await;
    let plan = made.text("explain select \"Name\" from events where n = 130").await;
    assert!(plan.contains("projection=[Name]") && plan.contains("predicate=n@"), "{plan}");
    assert!(!plan.contains("FilterExec"), "the reader filters: {plan}");
    let plan = made.text("explain analyze select \"Name\" from events where n = 130").await;
    assert!(metric(&plan, "files_ranges_pruned_statistics").contains("1 matched"), "{plan}");
    assert!(metric(&plan, "row_groups_pruned_statistics").contains("1 matched"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bloom_filters_of_ids_leave_row_groups_out() {
    let made = Made::with(Settings { row_group_rows_max: 500, ..Settings::default() });
    // Ids that do not climb have bloom filters.
    let part = |n: u64, odd: u64| n.wrapping_add(1).wrapping_mul(odd).rotate_left(29) ^ odd;
    let id = |n: u64| {
        let parts = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];
        parts.map(|odd| format!("{:016x}", part(n, odd))).concat()
    };
    let rows: Vec<_> = (0..2_000_u64).map(|n| (id(n), json!({ "n": n }))).collect();
    made.storage.encode_and_upload("c", crate::made::TENANT, &rows, 0, 1_999).await.unwrap();
    let id = &rows[700].0;
    let sql = format!("select n from c where _id = '{id}'");
    assert_eq!(json!(made.ask(&sql).await.unwrap()), json!([[700]]));
    let plan = made.text(&format!("explain analyze {sql}")).await;
    let bloom = metric(&plan, "row_groups_pruned_bloom_filter");
    assert!(bloom.starts_with("4 total") && bloom.contains("1 matched"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_reads_the_first_file_and_counts_read_none() {
    let made = Made::generations().await;
    let plan = made.text("explain select n from events limit 10").await;
    assert!(plan.contains("lsn-0-99.parquet") && !plan.contains("lsn-100"), "{plan}");
    for sql in [
        "explain select count(*) from events",
        "explain select min(n), max(n), count(gone) from events where _lsn_min >= 100",
    ] {
        let plan = made.text(sql).await;
        assert!(!plan.contains("DataSourceExec: file_groups"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_spread_over_the_partitions() {
    let made = Made::generations().await;
    let plan = made.text("explain select n from events where n > 5").await;
    assert!(plan.contains("file_groups={2 groups"), "{plan}");
}
