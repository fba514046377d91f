//! Prints the key table of `docs/configuration.md`.

fn main() {
    print!("{}", trunkline_config::key_table_markdown());
}
