//! Which crate may use which package from outside, and why the package is worth its cost.

use std::collections::BTreeSet;

use cargo_metadata::DependencyKind;

use crate::findings::Findings;
use crate::tree;

/// A package from outside, and who may use it directly.
pub(crate) struct Door {
    pub(crate) package: &'static str,
    why: &'static str,
    /// Crates of the workspace, without `trunkline-`.
    pub(crate) crates: &'static [&'static str],
    /// Crates that use it in their tests alone.
    pub(crate) in_tests: &'static [&'static str],
}

const fn door(
    package: &'static str,
    crates: &'static [&'static str],
    in_tests: &'static [&'static str],
    why: &'static str,
) -> Door {
    Door { package, why, crates, in_tests }
}

/// WHEN ADDING A DEPENDENCY: give its reason here. For one that is heavy, or that a reader would not expect in
/// another crate, ask first whether the crate that has it already can do the work.
pub(crate) const DOORS: &[Door] = &[
    door(
        "arc-swap",
        &["gateway"],
        &[],
        "the router that serves, read by every request and changed by a reload",
    ),
    door(
        "async-trait",
        &[
            "bench",
            "cache",
            "echo",
            "gateway",
            "limits",
            "provider",
            "reconcile",
            "redis",
            "server",
            "store",
            "testkit",
            "transport",
            "trunkline",
            "vercel-ai-gateway",
        ],
        &["keys", "ledger", "management", "openai", "router"],
        "async methods in traits that are called through `dyn`: Provider and Transport",
    ),
    door(
        "base64",
        &["bench", "echo", "gateway", "management", "openai", "testkit", "vercel-ai-gateway"],
        &[],
        "embeddings as base64, the payload of an OIDC token, images in bodies, sealed ids",
    ),
    door("brotli", &[], &["gateway", "transport"], "writes the brotli bodies that tests inflate"),
    door("brotli-decompressor", &["gateway", "transport"], &[], "bodies in br"),
    door(
        "bytes",
        &[
            "anthropic",
            "bench",
            "cache",
            "config",
            "core",
            "export",
            "gateway",
            "openai",
            "outside-provider",
            "provider",
            "router",
            "testkit",
            "transport",
            "trunkline",
            "vercel-ai-gateway",
        ],
        &["server"],
        "bodies and events that are shared and never copied",
    ),
    door("cargo_metadata", &[], &["tests"], "this test reads the workspace through cargo"),
    door("clap", &["server"], &[], "the command line"),
    door("clap_complete", &["server"], &[], "completions for shells"),
    door(
        "crc32fast",
        &["journal"],
        &[],
        "whether a record of the journal is whole: torn ones end the reading",
    ),
    door(
        "dashmap",
        &["transport"],
        &[],
        "the pools of clients, read by every call and written once for each way of connecting",
    ),
    door(
        "figment",
        &["config"],
        &[],
        "defaults, file and environment merged, each value knowing where it came from",
    ),
    door("flate2", &["gateway", "transport"], &["server"], "bodies in gzip and deflate"),
    door(
        "futures-core",
        &["core", "gateway", "openai", "provider", "testkit", "transport", "trunkline"],
        &[],
        "the Stream trait in public types",
    ),
    door(
        "futures-util",
        &[
            "bench",
            "echo",
            "export",
            "gateway",
            "management",
            "openai",
            "provider",
            "reconcile",
            "router",
            "testkit",
            "trunkline",
            "vercel-ai-gateway",
        ],
        &["anthropic", "keys", "outside-provider", "server", "transport"],
        "the few adapters on streams and futures that the standard library lacks",
    ),
    door(
        "hashbrown",
        &["metrics"],
        &[],
        "tables that are asked with a borrowed key of nine parts: the usual request allocates nothing to be counted",
    ),
    door(
        "http",
        &[
            "anthropic",
            "bench",
            "cache",
            "config",
            "core",
            "export",
            "gateway",
            "management",
            "openai",
            "outside-provider",
            "provider",
            "router",
            "server",
            "testkit",
            "transport",
            "trunkline",
            "vercel-ai-gateway",
        ],
        &["metrics", "tests"],
        "requests, responses, headers and statuses as the whole field has them",
    ),
    door("http-body", &["gateway", "transport"], &[], "the Body trait between hyper and us"),
    door("http-body-util", &["gateway", "testkit"], &["tests"], "bodies that are read frame by frame"),
    door("httparse", &["transport"], &[], "heads of replies, and sizes of chunks"),
    door("httpdate", &["provider"], &["server", "tests"], "Retry-After as a date"),
    door(
        "hyper",
        &["bench", "gateway", "testkit"],
        &[],
        "the HTTP server; its client only in the floor that bench measures against",
    ),
    door(
        "hyper-util",
        &["bench", "gateway", "testkit", "transport"],
        &[],
        "hyper on tokio, and its graceful end; in transport, names looked up and TCP connected to the first that answers",
    ),
    door(
        "jiff",
        &["anthropic", "bench", "gateway", "keys", "limits", "management", "reconcile", "store"],
        &[],
        "times as texts",
    ),
    door("jiter", &[], &["core"], "an oracle that the scan of documents is held against"),
    door(
        "memchr",
        &["bench", "cache", "core", "gateway", "openai", "provider", "transport", "vercel-ai-gateway"],
        &[],
        "the search for line ends and needles in every byte that passes",
    ),
    door(
        "memmap2",
        &["journal"],
        &[],
        "the journal's files: an append is a copy where a write is a system call",
    ),
    door(
        "mimalloc",
        &["memory"],
        &[],
        "the server's allocator: a request takes 13,000 instructions less than with the C library's",
    ),
    door("moka", &["cache"], &[], "replies that are kept, with their weight and each with its own end"),
    door("notify", &["config"], &[], "the configuration's files, read anew when they change"),
    door("opentelemetry-proto", &[], &["export"], "an independent reader of what is sent by OTLP"),
    door("percent-encoding", &["gateway", "management"], &[], "models in paths and queries"),
    door("pin-project-lite", &["transport"], &[], "the body with its waits, without unsafe code"),
    door("proc-macro2", &[], &["tests"], "this test reads sources as tokens with their lines"),
    door(
        "proptest",
        &[],
        &[
            "anthropic",
            "cache",
            "core",
            "gateway",
            "journal",
            "ledger",
            "limits",
            "openai",
            "prices",
            "provider",
            "redis",
            "transport",
        ],
        "streams, documents and bills, cut and edited at random",
    ),
    door("prost", &[], &["export"], "decodes it"),
    door(
        "quick_cache",
        &["keys"],
        &[],
        "keys that are known, found by every request; one of many asks the store",
    ),
    door("rcgen", &[], &["transport"], "certificates for tests of TLS"),
    door("redis", &["redis"], &[], "the client of Redis and Valkey"),
    door("reqwest", &["transport"], &[], "HTTP/2 and proxies towards upstreams"),
    door(
        "ring",
        &["cache", "gateway", "keys", "management"],
        &[],
        "seals ids of responses and keys, hashes keys; TLS has it in the tree already",
    ),
    door(
        "rlimit",
        &["bench", "metrics", "server"],
        &[],
        "the limit on open files, raised at the start and told of",
    ),
    door(
        "rust_decimal",
        &[
            "bench",
            "cache",
            "config",
            "core",
            "export",
            "gateway",
            "keys",
            "ledger",
            "limits",
            "management",
            "metrics",
            "prices",
            "reconcile",
            "router",
            "store",
            "testkit",
            "trunkline",
            "vercel-ai-gateway",
        ],
        &["redis", "server"],
        "money, which no float may touch",
    ),
    door(
        "rustc-hash",
        &["gateway", "metrics", "router", "transport"],
        &[],
        "the lookup of endpoints, models, origins and tallies, in tables whose keys no caller chooses",
    ),
    door("rustix", &["gateway"], &[], "the priority of a thread, which the standard library cannot set"),
    door("rustls", &["transport"], &[], "how upstreams are trusted, over ring"),
    door("ruzstd", &["gateway", "transport"], &["server"], "bodies in zstd, in Rust alone"),
    door(
        "serde",
        &[
            "bench",
            "cache",
            "config",
            "core",
            "echo",
            "export",
            "gateway",
            "keys",
            "limits",
            "management",
            "openai",
            "outside-provider",
            "store",
            "testkit",
            "trunkline",
        ],
        &[],
        "typed views of JSON and YAML",
    ),
    door("serde-saphyr", &["config"], &[], "YAML with the place of every value"),
    door(
        "serde_json",
        &[
            "bench",
            "cache",
            "config",
            "core",
            "echo",
            "export",
            "gateway",
            "keys",
            "management",
            "openai",
            "outside-provider",
            "prices",
            "reconcile",
            "router",
            "server",
            "store",
            "testkit",
            "trunkline",
        ],
        &["limits", "tests", "vercel-ai-gateway"],
        "JSON where a value is read or made, and raw text kept",
    ),
    door("sha2", &["router", "testkit"], &[], "the identity of a deployment that nobody named"),
    door(
        "simdutf8",
        &["core"],
        &[],
        "whether bodies are UTF-8, in a quarter of the time of the standard library",
    ),
    door("sqlx", &["store"], &[], "SQLite and PostgreSQL, without macros"),
    door("strsim", &["config", "management", "router"], &[], "the nearest name to one that is not known"),
    door("subtle", &["core"], &[], "keys compared in constant time"),
    door("syn", &[], &["tests"], "this test reads sources as syntax"),
    door(
        "tempfile",
        &[],
        &[
            "assembly",
            "config",
            "journal",
            "keys",
            "ledger",
            "management",
            "server",
            "store",
            "transport",
            "vercel-ai-gateway",
        ],
        "files that tests write",
    ),
    door("thiserror", &["config", "transport"], &[], "private errors of one module"),
    door(
        "tokio",
        &[
            "bench",
            "cache",
            "config",
            "export",
            "gateway",
            "keys",
            "ledger",
            "limits",
            "management",
            "memory",
            "reconcile",
            "redis",
            "router",
            "server",
            "store",
            "testkit",
            "transport",
        ],
        &["journal", "metrics", "outside-provider", "provider", "tests", "trunkline", "vercel-ai-gateway"],
        "the runtime, its sockets and its clock",
    ),
    door("tokio-rustls", &["gateway", "transport"], &[], "TLS towards callers and towards upstreams"),
    door("tower-service", &["transport"], &[], "the trait by which hyper-util's connector is called"),
    door(
        "tracing",
        &[
            "export",
            "gateway",
            "keys",
            "ledger",
            "limits",
            "redis",
            "router",
            "server",
            "store",
            "vercel-ai-gateway",
        ],
        &[],
        "the log, where something is worth a line",
    ),
    door("tracing-subscriber", &["server"], &[], "the one subscriber of the process"),
    door("uuid", &["gateway", "ledger", "management"], &[], "ids of calls"),
    door("webpki-roots", &["transport"], &[], "the certificates that are trusted where no file names others"),
    door(
        "wide",
        &["core"],
        &[],
        "sixteen bytes of JSON compared at a time, on stable Rust and without unsafe code",
    ),
];

#[test]
fn every_package_from_outside_comes_in_by_its_door() {
    let mut findings = Findings::of("doors");
    let metadata = tree::metadata();
    let members: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let (mut normal, mut in_tests) = (BTreeSet::new(), BTreeSet::new());
    for package in &metadata.packages {
        let user = package.name.strip_prefix("trunkline-").unwrap_or(&package.name);
        for dependency in package.dependencies.iter().filter(|other| !members.contains(other.name.as_str())) {
            let uses = (dependency.name.as_str(), user);
            match dependency.kind {
                DependencyKind::Development => in_tests.insert(uses),
                _ => normal.insert(uses),
            };
        }
    }
    let in_tests: BTreeSet<(&str, &str)> = &in_tests - &normal;
    compare(&mut findings, "uses", &normal, |door| door.crates);
    compare(&mut findings, "uses in its tests", &in_tests, |door| door.in_tests);
    findings.finish();
}

fn compare(
    findings: &mut Findings,
    how: &str,
    found: &BTreeSet<(&str, &str)>,
    users: impl Fn(&'static Door) -> &'static [&'static str],
) {
    let drawn: BTreeSet<(&str, &str)> =
        DOORS.iter().flat_map(|door| users(door).iter().map(|user| (door.package, *user))).collect();
    for (package, user) in found - &drawn {
        findings.note(format!(
            "{user} {how} {package}, which doors.rs does not say; a dependency names its reason"
        ));
    }
    for (package, user) in &drawn - found {
        findings.note(format!("doors.rs says that {user} {how} {package}, and it does not"));
    }
}

#[test]
fn every_door_has_a_reason() {
    let mut findings = Findings::of("reasons in doors.rs");
    for door in DOORS {
        if door.why.split_whitespace().count() < 2 {
            findings.note(format!("{}: say what it is needed for", door.package));
        }
    }
    for pair in DOORS.windows(2) {
        if pair[0].package >= pair[1].package {
            findings.note(format!("`{}` stands behind `{}`", pair[1].package, pair[0].package));
        }
    }
    findings.finish();
}
