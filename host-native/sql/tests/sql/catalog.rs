//! Which tables there are, and how they are named.

use std::sync::Arc;

use coldpress_sql::RegisterColdpress;
use coldpress_sql::datafusion::error::DataFusionError;
use coldpress_sql::datafusion::prelude::{SessionConfig, SessionContext};
use serde_json::json;

use crate::made::{Made, TENANT, rows};

#[tokio::test(flavor = "multi_thread")]
async fn collections_that_appear_later_and_have_odd_names_are_tables() {
    let made = Made::new();
    let session = made.session();
    let ask = async |sql: &str| {
        let answer = session.sql(sql).await?.collect().await?;
        Ok::<_, DataFusionError>(json!(rows(&answer)))
    };
    assert!(ask("select * from later").await.unwrap_err().to_string().contains("later"));
    for name in ["later", "Odd name/with \"quotes\".x", "1"] {
        made.put(name, 0, &[json!({"v": 1})]).await;
        let quoted = name.replace('"', "\"\"");
        for schema in ["", "coldpress.", "datafusion.coldpress."] {
            let sql = format!("select v from {schema}\"{quoted}\"");
            assert_eq!(ask(&sql).await.unwrap(), json!([[1]]), "{sql}");
        }
    }
    // A statement sees the files of its time.
    made.put("later", 10, &[json!({"v": 2})]).await;
    assert_eq!(ask("select v from later order by v").await.unwrap(), json!([[1], [2]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_listed_and_views_stand_beside_them() {
    let made = Made::generations().await;
    made.put("other", 0, &[json!({"v": 1})]).await;
    let session = SessionConfig::new();
    let session = SessionContext::new_with_config(session.with_information_schema(true));
    session.register_coldpress(Arc::clone(&made.storage), TENANT).unwrap();
    session.sql("create view some as select * from other").await.unwrap();
    let sql = "select table_name from information_schema.tables where table_schema = 'coldpress'";
    let answer = session.sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(json!(rows(&answer)), json!([["events"], ["other"], ["some"]]));
    let answer = session.sql("select v from some").await.unwrap().collect().await.unwrap();
    assert_eq!(json!(rows(&answer)), json!([[1]]));
    // No statement deletes a collection, and a damaged file hides no name.
    let refused = session.sql("drop table other").await.unwrap_err().to_string();
    assert!(refused.contains("doesn't exist"), "{refused}");
    let key = made.put("worn", 0, &[json!({"v": 1})]).await;
    std::fs::remove_file(made.folder.path().join(&key)).unwrap();
    std::fs::write(made.folder.path().join(&key), "worn").unwrap();
    let answer = session.sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(json!(rows(&answer)), json!([["events"], ["other"], ["some"], ["worn"]]));
}

#[tokio::test]
async fn two_tenants_are_two_schemas() {
    let made = Made::new();
    made.put("c", 0, &[json!({"v": 1})]).await;
    let document = [("id".to_owned(), json!({"v": 2}))];
    made.storage.encode_and_upload("c", 8, &document, 0, 0).await.unwrap();
    let session = made.session();
    let again = session.register_coldpress(Arc::clone(&made.storage), 8).unwrap_err();
    assert!(again.to_string().contains("register_coldpress_as"), "{again}");
    session.register_coldpress_as("eight", Arc::clone(&made.storage), 8).unwrap();
    let sql = "select a.v, b.v from c a, eight.c b";
    let answer = session.sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(json!(rows(&answer)), json!([[1, 2]]));
}

#[tokio::test]
async fn fields_with_the_names_of_the_lsns_are_the_rows_own() {
    let made = Made::new();
    made.put("c", 5, &[json!({"_lsn_min": "mine"})]).await;
    let rows = made.ask("select * from c").await.unwrap();
    assert_eq!(json!(rows), json!([["id-0005", "mine"]]));
}
