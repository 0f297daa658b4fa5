//! What SQL sees of rescued values.

use serde_json::json;

use crate::made::Made;

#[tokio::test]
async fn a_rescued_value_is_null_in_its_column_and_stands_in_the_column_of_rescued_values() {
    let made = Made::new();
    let rows = [json!({"v": 1}), json!({"v": 2}), json!({"v": "many"}), json!({"v": 3})];
    made.put("c", 0, &rows).await;
    let ask = async |sql: &str| json!(made.ask(sql).await.unwrap());
    assert_eq!(ask("select count(*) from c where v > 1").await, json!([[2]]));
    // `cat --where "v = 'many'"` finds the row, because it sees rows as they were put.
    assert_eq!(ask("select _id from c where v is null").await, json!([["id-0002"]]));
    let recipe = "select _id from c where v > 2 or _rescued_data like '%\"v\":%' order by _id";
    assert_eq!(ask(recipe).await, json!([["id-0002"], ["id-0003"]]));
    let all = "select v, _rescued_data from c order by _id";
    assert_eq!(
        ask(all).await,
        json!([[1, null], [2, null], [null, "{\"v\":\"many\"}"], [3, null]])
    );
}

#[tokio::test]
async fn files_without_rescued_values_have_null_there() {
    let made = Made::new();
    made.put("c", 0, &[json!({"v": 1})]).await;
    made.put("c", 10, &[json!({"v": 1}), json!({"v": 5}), json!({"v": true})]).await;
    let rows = made.ask("select v, _rescued_data, _lsn_min from c order by _id").await.unwrap();
    assert_eq!(
        json!(rows),
        json!([[1, null, 0], [1, null, 10], [5, null, 10], [null, "{\"v\":true}", 10]])
    );
}
