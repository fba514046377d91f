//! Where changes count: links, includes, directories, and a file that is only half there.

use super::{readiness, saying, says};
use crate::server::{Start, until};

#[tokio::test]
async fn a_link_that_is_swapped_is_a_change_as_configmaps_make_it() {
    let server = Start::new().config(saying("none", "")).serve().await;
    let at = |name: &str| server.directory().join(name);
    let version = |name: &str, text: &str| {
        std::fs::create_dir(at(name)).expect("a directory");
        std::fs::write(at(name).join("included.yaml"), saying(text, "")).expect("written");
    };
    version("v1", "first");
    version("v2", "second");
    let swap = |name: &str| {
        std::os::unix::fs::symlink(name, at("link.new")).expect("a link");
        std::fs::rename(at("link.new"), at("data")).expect("swapped");
    };
    swap("v1");
    std::os::unix::fs::symlink("data/included.yaml", at("included.yaml")).expect("a link");
    server.configure("include: [included.yaml]\n");
    until("what is included serves", async || says(&server).await == "first").await;
    swap("v2");
    std::fs::remove_dir_all(at("v1")).expect("nobody needs it any more");
    until("what the link leads to serves", async || says(&server).await == "second").await;
    version("v3", "third");
    swap("v3");
    until("the next one does", async || says(&server).await == "third").await;
}

#[tokio::test]
async fn what_a_link_leads_to_elsewhere_is_watched_there() {
    let server = Start::new().config(saying("none", "")).serve().await;
    let elsewhere = tempfile::tempdir().expect("a directory");
    let (real, current) = (elsewhere.path().join("real.yaml"), server.directory().join("config.yaml"));
    std::fs::write(&real, saying("first", "")).expect("written");
    std::fs::remove_file(&current).expect("it is there");
    std::os::unix::fs::symlink(&real, &current).expect("a link");
    until("what the link leads to serves", async || says(&server).await == "first").await;
    std::fs::write(&real, saying("second", "")).expect("written");
    until("its new text serves", async || says(&server).await == "second").await;
}

#[tokio::test]
async fn an_include_counts_before_it_is_there_and_whenever_it_changes() {
    let server = Start::new().config(saying("none", "")).serve().await;
    let write = |text: &str| {
        let directory = server.directory().join("models");
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join("more.yaml"), text).expect("written");
    };
    server.configure("include: [models/more.yaml]\n");
    until("readiness tells", async || readiness(&server).await == "last good").await;
    assert_eq!(says(&server).await, "none");
    write(&saying("first", ""));
    until("what is included serves", async || says(&server).await == "first").await;
    assert_eq!(readiness(&server).await, "current");
    write("model_list: [");
    until("readiness tells", async || readiness(&server).await == "last good").await;
    write(&saying("second", ""));
    until("its new text serves", async || says(&server).await == "second").await;
    assert_eq!(readiness(&server).await, "current");
    let log = server.stop().await;
    assert!(log.contains("config.yaml:1:11: cannot read the included file"), "{log}");
    assert!(log.contains("No such file"), "{log}");
    assert!(log.contains("more.yaml:1:"), "{log}");
}

#[tokio::test]
async fn a_file_that_leaves_no_model_is_refused() {
    let server = Start::new().config(saying("one", "")).serve().await;
    // As it stands while somebody writes it anew.
    std::fs::write(server.directory().join("config.yaml"), "").expect("written");
    until("readiness tells", async || readiness(&server).await == "last good").await;
    assert_eq!(says(&server).await, "one");
    server.configure(&saying("two", ""));
    until("the good file serves", async || says(&server).await == "two").await;
    assert_eq!(readiness(&server).await, "current");
}

#[tokio::test]
async fn a_directory_that_takes_the_place_of_another_is_watched() {
    let server = Start::new().config(saying("none", "")).serve().await;
    let at = |name: &str| server.directory().join(name);
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(at(name)).expect("a directory");
        std::fs::write(at(name).join("more.yaml"), saying(text, "")).expect("written");
    };
    write("models", "first");
    write("next", "second");
    server.configure("include: [models/more.yaml]\n");
    until("what is included serves", async || says(&server).await == "first").await;
    std::fs::rename(at("models"), at("before")).expect("moved away");
    std::fs::rename(at("next"), at("models")).expect("moved there");
    until("the other directory's serves", async || says(&server).await == "second").await;
    write("models", "third");
    until("what is written there serves", async || says(&server).await == "third").await;
}
