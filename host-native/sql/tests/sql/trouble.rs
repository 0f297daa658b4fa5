//! Files that cannot be read: the error names the object.

use std::error::Error;
use std::fs;

use serde_json::json;

use crate::made::Made;

/// The error of the library below DataFusion's.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let found = causes.find_map(|error| error.downcast_ref::<coldpress::Error>());
    found.unwrap_or_else(|| panic!("no error of ours in {error}")).to_string()
}

#[tokio::test]
async fn damaged_files_are_named() {
    for (name, damage) in [
        ("empty", Box::new(|_: &[u8]| Vec::new()) as Box<dyn Fn(&[u8]) -> Vec<u8>>),
        ("cut", Box::new(|bytes: &[u8]| bytes[..bytes.len() - 9].to_vec())),
        ("no footer", Box::new(|bytes: &[u8]| vec![0; bytes.len()])),
    ] {
        let made = Made::new();
        let key = made.put("c", 0, &[json!({"v": 1})]).await;
        let file = made.folder.path().join(&key);
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::write(&file, damage(&bytes)).unwrap();
        let error = made.ask("select v from c").await.unwrap_err();
        let cause = cause(&error);
        assert!(cause.starts_with(&format!("{key}: ")), "{name}: {cause}");
    }
}

#[tokio::test]
async fn a_file_at_the_key_of_another_tenant_is_refused() {
    let made = Made::new();
    let key = made.put("c", 0, &[json!({"v": 1})]).await;
    let there = made.folder.path().join(key.replace("/c/", "/d/"));
    fs::create_dir_all(there.parent().unwrap()).unwrap();
    fs::copy(made.folder.path().join(&key), &there).unwrap();
    let error = cause(&made.ask("select v from d").await.unwrap_err());
    assert!(error.contains("made for tenant"), "{error}");
}

#[tokio::test]
async fn foreign_files_are_passed_over() {
    let made = Made::new();
    let key = made.put("c", 0, &[json!({"v": 1})]).await;
    let folder = made.folder.path().join(key);
    fs::write(folder.with_file_name("notes.txt"), "not ours").unwrap();
    fs::write(folder.with_file_name("part-0.parquet"), "not ours").unwrap();
    assert_eq!(json!(made.ask("select v from c").await.unwrap()), json!([[1]]));
}

#[tokio::test]
async fn a_filter_is_never_lost_where_a_session_leaves_all_filters_to_the_reader() {
    let made = Made::new();
    made.put("c", 0, &[json!({"v": {"a": 1}, "n": 1})]).await;
    made.put("c", 1, &[json!({"v": "text", "n": 2})]).await;
    let session = made.session();
    let state = session.state_ref();
    state.write().config_mut().options_mut().execution.parquet.pushdown_filters = true;
    let refused = session.sql("select n from c where v = 'text'").await.unwrap().collect().await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("pushdown_filters") && refused.contains("\"v\""), "{refused}");
    let taken = session.sql("select n from c where n = 2").await.unwrap().collect().await.unwrap();
    assert_eq!(json!(crate::made::rows(&taken)), json!([[2]]));
}
