//! Which store it is, and where.

use trunkline_store::{Kind, Object, SqliteOptions, StorePlace, Write};

#[tokio::test]
async fn a_place_is_looked_at_without_a_store_being_made_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = StorePlace::in_folder(Some(folder.path()), SqliteOptions::default());
    assert!(place.existing().await.expect("it can be looked at").is_none());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    let store = place.open().await.expect("a store");
    let key = Object::new(Kind::Key, "k1", 1);
    store.write(Write { objects: vec![key], ..Write::default() }).await.expect("a write");
    store.close().await;
    let looked = place.existing().await.expect("it can be looked at").expect("it is there");
    assert!(looked.object(Kind::Key, "k1").await.expect("an answer").is_some());
}

#[tokio::test]
async fn without_a_folder_it_is_in_memory() {
    let place = StorePlace::in_folder(None, SqliteOptions::default());
    assert!(matches!(place, StorePlace::Memory));
    assert!(place.existing().await.expect("an answer").is_none(), "memory begins empty");
    place.open().await.expect("a store").ping().await.expect("it answers");
}
