//! The code in `docs/adding-a-provider.md` is the code of this crate, or of the file that it names.

use std::path::Path;

const PAGE: &str = include_str!("../../../docs/adding-a-provider.md");

/// A fenced block: the words behind the fence, and what stands in it.
struct Block<'p> {
    line: usize,
    info: &'p str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (number, line) in page.lines().enumerate() {
        let fence = line.strip_prefix("```");
        match (open.take(), fence) {
            (None, Some(info)) => open = Some(Block { line: number + 1, info, text: String::new() }),
            (None, None) => {}
            (Some(block), Some(_)) => blocks.push(block),
            (Some(mut block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The file that a block is taken from: `rust tests/outside-provider/src/lib.rs`.
fn source(info: &str) -> Option<&str> {
    info.split_whitespace().nth(1)
}

#[test]
fn every_block_of_code_is_an_excerpt_of_the_file_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut excerpts = 0;
    for block in blocks(PAGE) {
        let Some(path) = source(block.info) else {
            let plain = matches!(block.info, "sh" | "text");
            assert!(plain, "line {}: a block of {} names no file", block.line, block.info);
            continue;
        };
        let file = std::fs::read_to_string(root.join(path))
            .unwrap_or_else(|error| panic!("line {}: {path}: {error}", block.line));
        let found = file.contains(&block.text);
        assert!(found, "line {}: {path} does not hold\n{}", block.line, block.text);
        excerpts += 1;
    }
    assert!(excerpts >= 10, "{excerpts} excerpts: the fences are not read");
}

/// Nobody should have to look for a part that the page forgot.
#[test]
fn every_file_of_the_crate_is_shown() {
    let shown: Vec<&str> = blocks(PAGE).iter().filter_map(|block| source(block.info)).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for directory in ["src", "tests", "fixtures"] {
        for entry in std::fs::read_dir(folder.join(directory)).expect("the folder is there") {
            let name = entry.expect("it can be read").file_name();
            let path = format!("tests/outside-provider/{directory}/{}", name.to_string_lossy());
            let is_told = shown.contains(&path.as_str()) || PAGE.contains(&format!("`{path}`"));
            assert!(is_told, "{path} is neither shown nor named");
        }
    }
}
