//! What deny.toml bans, for those who have cargo-deny: the heaviest doors a second time, and what stays out.

use std::collections::BTreeSet;

use crate::doors::DOORS;
use crate::findings::Findings;
use crate::tree;

/// A line of the bans in deny.toml: a package, and the crates that may use it directly. Without any it is banned.
struct Ban {
    package: String,
    wrappers: BTreeSet<String>,
}

/// The name of the crate that a door's row calls by its last part.
fn whole_name(user: &str) -> String {
    if user == "trunkline" { user.to_owned() } else { format!("trunkline-{user}") }
}

fn bans() -> Vec<Ban> {
    let text = tree::read("deny.toml");
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("{ crate = "));
    let quoted =
        |text: &str| -> Vec<String> { text.split('"').skip(1).step_by(2).map(str::to_owned).collect() };
    let bans = lines.map(|line| {
        let wrappers = line.split_once("wrappers = [").and_then(|(_, rest)| rest.split_once(']'));
        let package = quoted(line).first().cloned().unwrap_or_default();
        Ban {
            package,
            wrappers: wrappers.map(|(list, _)| quoted(list).into_iter().collect()).unwrap_or_default(),
        }
    });
    bans.collect()
}

/// Who may use a package is the same there as in doors.rs.
#[test]
fn deny_toml_says_the_same() {
    let mut findings = Findings::of("doors in deny.toml");
    let bans = bans();
    assert!(bans.len() > 5, "deny.toml was not understood");
    for Ban { package, wrappers } in bans.iter().filter(|ban| !ban.wrappers.is_empty()) {
        let door = DOORS.iter().find(|door| door.package == package);
        let users = door.map(|door| [door.crates, door.in_tests].concat()).unwrap_or_default();
        let users: BTreeSet<String> = users.iter().map(|user| whole_name(user)).collect();
        let own: BTreeSet<String> =
            wrappers.iter().filter(|name| name.starts_with("trunkline")).cloned().collect();
        if users != own {
            findings.note(format!("{package}: doors.rs lets in {users:?}, deny.toml {own:?}"));
        }
    }
    findings.finish();
}

/// What deny.toml bans outright is not among the locked packages; no further tool is needed to see that.
#[test]
fn closed_doors_stay_closed() {
    let mut findings = Findings::of("closed doors");
    let lock = tree::read("Cargo.lock");
    for Ban { package, .. } in bans().iter().filter(|ban| ban.wrappers.is_empty()) {
        if lock.lines().any(|line| line == format!("name = \"{package}\"")) {
            findings.note(format!("Cargo.lock holds {package}, which deny.toml bans"));
        }
    }
    findings.finish();
}
