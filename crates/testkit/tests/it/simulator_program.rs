//! The simulator as a program.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::client::chat;

#[tokio::test]
async fn the_program_says_where_it_listens() {
    let program = env!("CARGO_BIN_EXE_vercel-simulator");
    let mut child =
        Command::new(program).args(["--port", "0", "--seed=3"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let origin = line.strip_prefix("listening on ").unwrap().trim_end().to_owned();
    let status = chat(&origin, "openai/gpt-4o", "").await.status;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(status, 200);
}

#[test]
fn senseless_arguments_are_refused() {
    for arguments in [&["--port", "70000"][..], &["--speed", "9"], &["--seed"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_vercel-simulator")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("usage: vercel-simulator"));
    }
}
