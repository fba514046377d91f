//! Which crate may know which: one direction, no circle.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Package};

use crate::findings::Findings;
use crate::{markdown, tree};

/// What one crate of the workspace may know of the others.
struct Arrow {
    from: &'static str,
    to: &'static [&'static str],
    /// What its tests may know besides.
    in_tests: &'static [&'static str],
}

/// WHEN ADDING AN ARROW: a new dependency between crates is the rarest of changes. Draw it here and in the table
/// of docs/architecture.md, and say there why.
const ARROWS: &[Arrow] = &[
    Arrow { from: "trunkline-core", to: &[], in_tests: &[] },
    Arrow { from: "trunkline-limits", to: &["trunkline-core"], in_tests: &[] },
    Arrow { from: "trunkline-journal", to: &["trunkline-core"], in_tests: &[] },
    Arrow { from: "trunkline-cache", to: &["trunkline-core"], in_tests: &[] },
    Arrow {
        from: "trunkline-redis",
        to: &["trunkline-cache", "trunkline-core", "trunkline-limits"],
        in_tests: &["trunkline-testkit"],
    },
    Arrow { from: "trunkline-provider", to: &["trunkline-core"], in_tests: &[] },
    Arrow { from: "trunkline-transport", to: &["trunkline-core", "trunkline-provider"], in_tests: &[] },
    Arrow {
        from: "trunkline-openai",
        to: &["trunkline-core", "trunkline-provider"],
        in_tests: &["trunkline-testkit"],
    },
    Arrow {
        from: "trunkline-anthropic",
        to: &["trunkline-core", "trunkline-provider"],
        in_tests: &["trunkline-testkit"],
    },
    Arrow {
        from: "trunkline-vercel-ai-gateway",
        to: &["trunkline-anthropic", "trunkline-core", "trunkline-openai", "trunkline-provider"],
        in_tests: &["trunkline-testkit", "trunkline-transport"],
    },
    Arrow {
        from: "trunkline-echo",
        to: &["trunkline-core", "trunkline-provider"],
        in_tests: &["trunkline-testkit"],
    },
    Arrow {
        from: "trunkline-router",
        to: &["trunkline-core", "trunkline-prices", "trunkline-provider"],
        in_tests: &[],
    },
    Arrow { from: "trunkline-config", to: &["trunkline-core"], in_tests: &[] },
    Arrow { from: "trunkline-prices", to: &["trunkline-core"], in_tests: &[] },
    Arrow {
        from: "trunkline-assembly",
        to: &[
            "trunkline-config",
            "trunkline-core",
            "trunkline-echo",
            "trunkline-prices",
            "trunkline-provider",
            "trunkline-router",
        ],
        in_tests: &["trunkline-transport"],
    },
    Arrow { from: "trunkline-store", to: &["trunkline-core"], in_tests: &["trunkline-testkit"] },
    Arrow { from: "trunkline-reconcile", to: &["trunkline-core", "trunkline-store"], in_tests: &[] },
    Arrow {
        from: "trunkline-ledger",
        to: &["trunkline-core", "trunkline-journal", "trunkline-store"],
        in_tests: &[],
    },
    Arrow {
        from: "trunkline-keys",
        to: &["trunkline-core", "trunkline-limits", "trunkline-store"],
        in_tests: &[],
    },
    Arrow {
        from: "trunkline-management",
        to: &["trunkline-core", "trunkline-keys", "trunkline-limits", "trunkline-store"],
        in_tests: &["trunkline-testkit"],
    },
    Arrow {
        from: "trunkline-gateway",
        to: &[
            "trunkline-cache",
            "trunkline-core",
            "trunkline-keys",
            "trunkline-ledger",
            "trunkline-limits",
            "trunkline-prices",
            "trunkline-provider",
            "trunkline-router",
            "trunkline-store",
        ],
        in_tests: &["trunkline-journal"],
    },
    Arrow {
        from: "trunkline-export",
        to: &[
            "trunkline-core",
            "trunkline-gateway",
            "trunkline-keys",
            "trunkline-provider",
            "trunkline-router",
        ],
        in_tests: &["trunkline-store", "trunkline-testkit", "trunkline-transport"],
    },
    Arrow { from: "trunkline-agents", to: &["trunkline-core"], in_tests: &[] },
    Arrow { from: "trunkline-memory", to: &[], in_tests: &[] },
    Arrow {
        from: "trunkline-metrics",
        to: &[
            "trunkline-core",
            "trunkline-export",
            "trunkline-gateway",
            "trunkline-keys",
            "trunkline-ledger",
            "trunkline-limits",
            "trunkline-prices",
            "trunkline-router",
        ],
        in_tests: &["trunkline-provider", "trunkline-store", "trunkline-transport"],
    },
    Arrow {
        from: "trunkline-server",
        to: &[
            "trunkline-agents",
            "trunkline-anthropic",
            "trunkline-assembly",
            "trunkline-cache",
            "trunkline-config",
            "trunkline-core",
            "trunkline-echo",
            "trunkline-export",
            "trunkline-gateway",
            "trunkline-journal",
            "trunkline-keys",
            "trunkline-ledger",
            "trunkline-limits",
            "trunkline-management",
            "trunkline-memory",
            "trunkline-metrics",
            "trunkline-openai",
            "trunkline-prices",
            "trunkline-provider",
            "trunkline-reconcile",
            "trunkline-redis",
            "trunkline-router",
            "trunkline-store",
            "trunkline-transport",
            "trunkline-vercel-ai-gateway",
        ],
        in_tests: &["trunkline-testkit"],
    },
    Arrow {
        from: "trunkline",
        to: &[
            "trunkline-anthropic",
            "trunkline-core",
            "trunkline-echo",
            "trunkline-openai",
            "trunkline-prices",
            "trunkline-provider",
            "trunkline-router",
            "trunkline-transport",
            "trunkline-vercel-ai-gateway",
        ],
        in_tests: &["trunkline-testkit"],
    },
    Arrow {
        from: "trunkline-bench",
        to: &[
            "trunkline-core",
            "trunkline-gateway",
            "trunkline-keys",
            "trunkline-memory",
            "trunkline-metrics",
            "trunkline-openai",
            "trunkline-prices",
            "trunkline-provider",
            "trunkline-router",
            "trunkline-store",
            "trunkline-transport",
        ],
        in_tests: &[],
    },
    Arrow { from: "trunkline-testkit", to: &["trunkline-core", "trunkline-provider"], in_tests: &[] },
    Arrow {
        from: "trunkline-outside-provider",
        to: &["trunkline-core", "trunkline-provider"],
        in_tests: &["trunkline-router", "trunkline-testkit", "trunkline-transport"],
    },
    Arrow { from: "trunkline-tests", to: &[], in_tests: &["trunkline", "trunkline-gateway"] },
];

#[test]
fn crates_know_one_another_only_as_drawn() {
    let mut findings = Findings::of("arrows");
    let metadata = tree::metadata();
    let members: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let Some(arrow) = ARROWS.iter().find(|arrow| arrow.from == name) else {
            findings.note(format!("{name} has no row in arrows.rs: say what it may know"));
            continue;
        };
        let normal = known(package, DependencyKind::Normal, &members);
        let in_tests = &known(package, DependencyKind::Development, &members) - &normal;
        compare(&mut findings, name, "knows", &normal, arrow.to);
        compare(&mut findings, name, "knows in its tests", &in_tests, arrow.in_tests);
    }
    for arrow in ARROWS.iter().filter(|arrow| !members.contains(arrow.from)) {
        findings.note(format!("{} has a row in arrows.rs and is no crate of the workspace", arrow.from));
    }
    findings.finish();
}

fn known<'p>(package: &'p Package, kind: DependencyKind, members: &BTreeSet<&str>) -> BTreeSet<&'p str> {
    let of_kind = package.dependencies.iter().filter(|dependency| dependency.kind == kind);
    of_kind.map(|dependency| dependency.name.as_str()).filter(|name| members.contains(name)).collect()
}

fn compare(findings: &mut Findings, name: &str, how: &str, found: &BTreeSet<&str>, drawn: &[&'static str]) {
    let drawn: BTreeSet<&str> = drawn.iter().copied().collect();
    for other in found - &drawn {
        findings.note(format!("{name} {how} {other}, which is not drawn"));
    }
    for other in &drawn - found {
        findings.note(format!("it is drawn that {name} {how} {other}, and it does not"));
    }
}

#[test]
fn arrows_lead_in_one_direction() {
    let mut findings = Findings::of("circles");
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<&Arrow> = ARROWS.iter().collect();
    loop {
        let (free, held): (Vec<&Arrow>, Vec<&Arrow>) =
            left.iter().partition(|arrow| arrow.to.iter().all(|other| placed.contains(other)));
        if free.is_empty() {
            break;
        }
        placed.extend(free.iter().map(|arrow| arrow.from));
        left = held;
    }
    for arrow in left {
        findings.note(format!("{} is part of a circle, or knows what has no row", arrow.from));
    }
    findings.finish();
}

#[test]
fn the_arrows_in_the_docs_are_these() {
    let mut findings = Findings::of("arrows in docs/architecture.md");
    let cell = |crates: &[&str]| {
        let short: Vec<String> = crates.iter().map(|name| format!("`{name}`")).collect();
        if short.is_empty() { "–".to_owned() } else { short.join(" ") }
    };
    let expected: Vec<Vec<String>> = ARROWS
        .iter()
        .map(|arrow| vec![format!("`{}`", arrow.from), cell(arrow.to), cell(arrow.in_tests)])
        .collect();
    markdown::compare(&mut findings, "docs/architecture.md", "arrows", 3, &expected);
    findings.finish();
}

/// What the testkit must not know: it keeps a bill of its own, which is worth something only while it is counted and
/// priced by other code than what it is held against.
const NOT_FOR_THE_TESTKIT: &[&str] =
    &["trunkline-keys", "trunkline-ledger", "trunkline-limits", "trunkline-prices", "trunkline-store"];

#[test]
fn the_testkit_keeps_a_bill_of_its_own() {
    let mut findings = Findings::of("what the testkit must not know");
    let metadata = tree::metadata();
    let members: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut reached = BTreeSet::new();
    let mut next = vec!["trunkline-testkit"];
    while let Some(name) = next.pop() {
        if !reached.insert(name) {
            continue;
        }
        for package in metadata.packages.iter().filter(|package| package.name.as_str() == name) {
            for kind in [DependencyKind::Normal, DependencyKind::Build] {
                next.extend(known(package, kind, &members));
            }
        }
    }
    if !reached.contains("trunkline-provider") {
        findings.note("trunkline-testkit is not found among the crates of the workspace".to_owned());
    }
    for name in NOT_FOR_THE_TESTKIT.iter().filter(|name| reached.contains(*name)) {
        findings.note(format!("trunkline-testkit reaches {name}, against which its bill is held"));
    }
    findings.finish();
}
