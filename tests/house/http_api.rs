//! docs/http-api.md says what the gateway's own tables say.

use std::collections::BTreeMap;

use http::StatusCode;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMatch, ExprPath, Item, Lit, Pat};
use trunkline::Operation;
use trunkline_gateway::{CONSUMED, Effect};

use crate::findings::Findings;
use crate::source::SourceFile;
use crate::{markdown, source, tree};

const PAGE: &str = "docs/http-api.md";

#[test]
fn the_page_lists_every_endpoint() {
    let mut findings = Findings::of("endpoints in docs/http-api.md");
    let file = source::one("crates/gateway/src/endpoints.rs");
    let rows: Vec<Vec<String>> = array(&file, "ROWS").into_iter().map(endpoint).collect();
    assert!(rows.len() > 20, "endpoints.rs was not understood: {rows:?}");
    markdown::compare(&mut findings, PAGE, "endpoints", 3, &rows);
    findings.finish();
}

/// `op("/path", Operation::…)` and `get("/path", Access::Caller, …)`, as method, path and whether a key is wanted.
fn endpoint(row: &Expr) -> Vec<String> {
    let Expr::Call(ExprCall { func, args, .. }) = row else { panic!("a row of ROWS is no call") };
    let operation =
        args.iter().map(path_of).find(|path| path.first().is_some_and(|first| first == "Operation"));
    let method = match operation.as_ref().and_then(|path| path.last()) {
        Some(name) => {
            let named = |operation: &Operation| format!("{operation:?}") == *name;
            let operation =
                Operation::ALL.into_iter().find(named).expect("rows name operations that there are");
            operation.method().to_string()
        }
        None => path_of(func).last().cloned().unwrap_or_default().to_uppercase(),
    };
    let path = args.iter().find_map(text).expect("a row of ROWS names its path");
    let access = args.iter().map(path_of).find(|path| path.first().is_some_and(|first| first == "Access"));
    let is_public = access.is_some_and(|path| path.last().is_some_and(|last| last == "Public"));
    let key = if is_public { "no" } else { "yes" };
    vec![format!("`{method}`"), format!("`{path}`"), key.to_owned()]
}

#[test]
fn the_page_lists_every_kind_of_error() {
    let mut findings = Findings::of("errors in docs/http-api.md");
    let file = source::one("crates/gateway/src/envelope.rs");
    let (statuses, types) = (arms(&file, "status"), arms(&file, "type_of"));
    let rows: Vec<Vec<String>> = kinds()
        .iter()
        .map(|kind| {
            let (status, word) = (&statuses[kind.as_str()], &types[kind.as_str()]);
            vec![format!("`{kind}`"), shown_status(status), shown_type(word)]
        })
        .collect();
    markdown::compare(&mut findings, PAGE, "errors", 3, &rows);
    findings.finish();
}

/// The variants of `ErrorKind`, in their order.
fn kinds() -> Vec<String> {
    let file = source::one("crates/core/src/error/kind.rs");
    let kinds = file.syntax.items.iter().find_map(|item| match item {
        Item::Enum(item) if item.ident == "ErrorKind" => Some(&item.variants),
        _ => None,
    });
    kinds.expect("kind.rs has ErrorKind").iter().map(|variant| variant.ident.to_string()).collect()
}

/// What an arm of a match over `ErrorKind` was seen to hold.
#[derive(Clone, Debug, Default)]
struct Arm {
    /// `StatusCode` constants and texts.
    values: Vec<String>,
    /// Whether the upstream's own word goes before.
    keeps_upstream: bool,
}

/// The arms of the one match over the error's kind in this function, by kind.
fn arms(file: &SourceFile, function: &str) -> BTreeMap<String, Arm> {
    let body = file.syntax.items.iter().find_map(|item| match item {
        Item::Fn(item) if item.sig.ident == function => Some(&item.block),
        _ => None,
    });
    let mut found = Arms::default();
    found.visit_block(body.unwrap_or_else(|| panic!("{} has no fn {function}", file.path)));
    found.0
}

#[derive(Default)]
struct Arms(BTreeMap<String, Arm>);

impl<'ast> Visit<'ast> for Arms {
    fn visit_expr_match(&mut self, expression: &'ast ExprMatch) {
        for arm in &expression.arms {
            let mut seen = Arm::default();
            seen.visit_expr(&arm.body);
            for kind in kinds_of(&arm.pat) {
                self.0.insert(kind, seen.clone());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Arm {
    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        let names: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match names.as_slice() {
            [owner, name] if owner == "StatusCode" && name.chars().all(|letter| !letter.is_lowercase()) => {
                self.values.push(name.clone());
            }
            [name] if name == "kept" => self.keeps_upstream = true,
            _ => {}
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.keeps_upstream |= call.method == "upstream_type";
        visit::visit_expr_method_call(self, call);
    }

    fn visit_lit(&mut self, literal: &'ast Lit) {
        if let Lit::Str(text) = literal {
            self.values.push(text.value());
        }
    }
}

fn kinds_of(pattern: &Pat) -> Vec<String> {
    match pattern {
        Pat::Or(either) => either.cases.iter().flat_map(kinds_of).collect(),
        Pat::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()).into_iter().collect(),
        _ => panic!("an arm of a match over ErrorKind must name its kinds"),
    }
}

fn shown_status(arm: &Arm) -> String {
    let name = arm.values.last().expect("an arm names a status");
    let number = (100..600).find(|number| {
        let reason = StatusCode::from_u16(*number).ok().and_then(|status| status.canonical_reason());
        reason.is_some_and(|reason| reason.to_uppercase().replace(' ', "_") == *name)
    });
    let number = number.unwrap_or_else(|| panic!("{name} is no status that is known"));
    if arm.keeps_upstream { format!("the upstream's, else {number}") } else { number.to_string() }
}

fn shown_type(arm: &Arm) -> String {
    let words: Vec<String> = arm.values.iter().map(|word| format!("`{word}`")).collect();
    let words = words.join(" or ");
    if arm.keeps_upstream { format!("the upstream's, else {words}") } else { words }
}

#[test]
fn the_page_lists_every_member_that_the_gateway_takes_out() {
    let mut findings = Findings::of("members in docs/http-api.md");
    let effect = |effect: Effect| match effect {
        Effect::Honoured => "honoured",
        Effect::Moot => "moot",
        Effect::Refused => "refused",
    };
    let rows: Vec<Vec<String>> = CONSUMED
        .iter()
        .map(|row| vec![format!("`{}`", row.name), effect(row.effect).to_owned(), row.why.to_owned()])
        .collect();
    markdown::compare(&mut findings, PAGE, "consumed members", 3, &rows);
    findings.finish();
}

/// Every header that stands in one of the gateway's lists, and every one that it adds, is on the page.
#[test]
fn the_page_names_every_header() {
    let mut findings = Findings::of("headers in docs/http-api.md");
    let page = tree::read(PAGE);
    let lists = [
        ("crates/gateway/src/headers.rs", &["UPSTREAM", "DOWNSTREAM", "KEPT"][..]),
        ("crates/gateway/src/authentication.rs", &["KEY_HEADERS"][..]),
    ];
    let mut names = Vec::new();
    for (path, statics) in lists {
        let file = source::one(path);
        for name in statics {
            names.extend(array(&file, name).into_iter().filter_map(text));
        }
        let literals = file.tokens.iter().filter(|token| !file.is_test(token.line));
        let added =
            literals.map(|token| token.text.trim_matches('"')).filter(|text| text.starts_with("x-litellm-"));
        names.extend(added.filter(|text| !text.ends_with('-')).map(str::to_owned));
    }
    names.sort_unstable();
    names.dedup();
    for name in names {
        if !page.to_lowercase().contains(&format!("`{name}`")) {
            findings.note(format!("{PAGE} does not name the header `{name}`"));
        }
    }
    findings.finish();
}

/// The elements of a static array.
fn array<'f>(file: &'f SourceFile, name: &str) -> Vec<&'f Expr> {
    let list = file.syntax.items.iter().find_map(|item| match item {
        Item::Static(item) if item.ident == name => Some(&*item.expr),
        Item::Const(item) if item.ident == name => Some(&*item.expr),
        _ => None,
    });
    let elements = list.and_then(|list| match list {
        Expr::Reference(reference) => match &*reference.expr {
            Expr::Array(array) => Some(array.elems.iter().collect()),
            _ => None,
        },
        _ => None,
    });
    elements.unwrap_or_else(|| panic!("{} has no array {name}", file.path))
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

fn path_of(expression: &Expr) -> Vec<String> {
    match expression {
        Expr::Path(path) => path.path.segments.iter().map(|segment| segment.ident.to_string()).collect(),
        _ => Vec::new(),
    }
}
