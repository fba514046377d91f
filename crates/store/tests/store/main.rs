//! What every store keeps to: one suite, run over SQLite and over a real PostgreSQL.

mod amendments;
mod existing;
mod files;
mod ledger;
mod litellm;
mod load;
mod objects;
mod partitions;
mod places;
mod replicas;
mod sums;

use std::path::PathBuf;
use std::sync::Arc;

use trunkline_core::Secret;
use trunkline_store::{PostgresOptions, PostgresStore, SqliteStore, Store};
use trunkline_testkit::postgres::PostgresServer;

/// A store to test, and what must be there as long as it is used.
struct Tested {
    store: Arc<dyn Store>,
    folder: Option<tempfile::TempDir>,
}

async fn in_file() -> Tested {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("state").join("trunkline.db");
    let store = SqliteStore::open(&path).await.expect("a new file");
    Tested { store: Arc::new(store), folder: Some(folder) }
}

fn in_postgres(options: &PostgresOptions) -> PostgresStore {
    let address = PostgresServer::shared().expect("a server").database().expect("a new database");
    PostgresStore::connect(&Secret::new(address), options).expect("an address of PostgreSQL")
}

fn with_partitions() -> PostgresOptions {
    PostgresOptions { partitions: true, ..PostgresOptions::default() }
}

/// Names each case once: a test of its own over SQLite, in a file and in memory, and one of all over PostgreSQL, since
/// test runners that begin a process for each test would start a server for each.
macro_rules! suite {
    ($($module:ident: $($case:ident),+;)+) => {
        mod sqlite {
            $($(
                #[tokio::test]
                async fn $case() {
                    let tested = super::in_file().await;
                    super::$module::$case(&*tested.store).await;
                    drop(tested.folder);
                    let store = super::SqliteStore::in_memory().await.expect("a store in memory");
                    super::$module::$case(&store).await;
                }
            )+)+
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn postgres_keeps_the_same_contract() {
            $($(
                for options in [PostgresOptions::default(), with_partitions()] {
                    println!("{} {options:?}", stringify!($case));
                    let store = in_postgres(&options);
                    $module::$case(&store).await;
                    store.close().await;
                }
            )+)+
        }
    };
}

suite! {
    objects: what_is_written_is_found, a_write_from_an_old_revision_is_refused, a_refused_write_leaves_nothing,
        a_deleted_id_can_be_used_again, lists_are_narrowed_ordered_and_cut, lists_are_searched_whatever_the_case,
        changes_come_in_order_and_once_for_each_object, acts_are_only_added_to, names_that_are_too_long_are_refused,
        many_ids_are_found_at_once;
    ledger: a_row_comes_back_as_it_was, a_text_that_no_index_has_room_for_is_kept_whole,
        a_row_that_comes_twice_is_counted_once, figures_that_cannot_be_true_block_nothing,
        amended_figures_take_the_place_of_the_old, searches_narrow_and_page, rows_of_one_moment_are_paged_by_id,
        forgotten_rows_leave_their_sums;
    amendments: a_counter_tells_how_much_of_it_was_put_right, what_was_lowered_is_not_taken_off_again, everybody_whose_counters_change_is_told,
        an_amendment_is_in_the_audit_log;
    sums: sums_are_what_rows_add_up_to, sums_are_narrowed, sums_come_in_order, sums_go_past_what_one_counter_holds,
        rows_are_counted_between_times,
        counters_are_what_rows_were_charged, a_counter_can_be_set,
        counters_are_lowered_and_never_raised, counters_are_added_to_with_what_is_written, a_counter_that_is_full_blocks_nothing, a_row_with_many_tags_has_sums_of_the_first, halves_are_rounded_to_the_even_neighbour;
}
