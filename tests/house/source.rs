//! A source file: its tokens, its functions, and which of its lines are tests.

use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemFn, TraitItemFn};

use crate::tree;

/// A parsed source file.
pub(crate) struct SourceFile {
    /// From the root: `crates/core/src/error.rs`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    /// Every token in order, delimiters included.
    pub(crate) tokens: Vec<Token>,
    pub(crate) functions: Vec<Function>,
    test_lines: Vec<RangeInclusive<usize>>,
    is_test: bool,
}

/// A token and the line that it stands on.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A function with a body.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) lines: usize,
}

/// A source file as text. Parsing takes its time, so that rules parse only what they may concern.
pub(crate) struct SourceText {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every source file of the workspace.
pub(crate) fn all() -> Vec<SourceText> {
    let read = |path: String| SourceText { text: tree::read(&path), path };
    tree::files(&["crates", "tests"], ".rs").into_iter().map(read).collect()
}

/// Those that hold one of these words, parsed.
pub(crate) fn mentioning(words: &[&str]) -> Vec<SourceFile> {
    let texts = all().into_iter().filter(|file| words.iter().any(|word| file.text.contains(word)));
    texts.map(SourceText::parse).collect()
}

/// One source file, by its path from the root.
pub(crate) fn one(path: &str) -> SourceFile {
    SourceText { path: path.to_owned(), text: tree::read(path) }.parse()
}

impl SourceText {
    pub(crate) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    pub(crate) fn parse(self) -> SourceFile {
        SourceFile::parse(self.path, self.text)
    }
}

impl SourceFile {
    fn parse(path: String, text: String) -> Self {
        let stream: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path} is no Rust: {error}"));
        let syntax: syn::File =
            syn::parse2(stream.clone()).unwrap_or_else(|error| panic!("{path} is no Rust: {error}"));
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        let mut found = Found::default();
        found.visit_file(&syntax);
        let is_test = is_test_path(&path);
        Self { path, text, syntax, tokens, functions: found.functions, test_lines: found.test_lines, is_test }
    }

    /// The crate's folder: `crates/providers/echo`.
    pub(crate) fn folder(&self) -> &str {
        ["/src/", "/tests/", "/examples/", "/benches/"]
            .iter()
            .find_map(|part| self.path.find(part))
            .map_or("tests", |end| &self.path[..end])
    }

    /// Whether a line belongs to tests.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// The lines that do not belong to tests.
    pub(crate) fn lines_without_tests(&self) -> usize {
        (1..=self.text.lines().count()).filter(|line| !self.is_test(*line)).count()
    }

    /// The lines on which these tokens follow one another. The pattern has spaces between tokens.
    pub(crate) fn find(&self, pattern: &str) -> Vec<usize> {
        let pattern: Vec<&str> = pattern.split(' ').collect();
        let windows = self.tokens.windows(pattern.len());
        let hits = windows
            .filter(|window| window.iter().map(|token| token.text.as_str()).eq(pattern.iter().copied()));
        hits.map(|window| window[0].line).collect()
    }
}

/// Whether the whole file is a test, by its place: `tests/`, `tests.rs`, `…_tests.rs`.
fn is_test_path(path: &str) -> bool {
    let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    path.starts_with("tests/") || path.contains("/tests/") || stem == "tests" || stem.ends_with("_tests")
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        match tree {
            TokenTree::Ident(ident) => tokens.push(Token::new(ident.to_string(), ident.span())),
            TokenTree::Punct(punct) => tokens.push(Token::new(punct.as_char().to_string(), punct.span())),
            TokenTree::Literal(literal) => tokens.push(Token::new(literal.to_string(), literal.span())),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                tokens.push(Token::new(open.to_owned(), group.span_open()));
                flatten(group.stream(), tokens);
                tokens.push(Token::new(close.to_owned(), group.span_close()));
            }
        }
    }
}

impl Token {
    fn new(text: String, span: Span) -> Self {
        Self { text, line: span.start().line }
    }
}

#[derive(Default)]
struct Found {
    functions: Vec<Function>,
    test_lines: Vec<RangeInclusive<usize>>,
}

impl Found {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let line = signature.fn_token.span.start().line;
        let end = block.brace_token.span.close().end().line;
        self.functions.push(Function { name: signature.ident.to_string(), lines: end - line + 1 });
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = attributes(item);
        if let Some(first) = attributes.iter().find(|attribute| is_for_tests(attribute)) {
            let from = first.pound_token.span.start().line;
            self.test_lines.push(from..=end(item).unwrap_or(from));
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.function(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// `#[cfg(test)]`, `#[test]`, `#[tokio::test]`.
pub(crate) fn is_for_tests(attribute: &Attribute) -> bool {
    let path = attribute.path();
    if path.is_ident("cfg") {
        let condition = attribute.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        return condition.into_iter().any(|token| token.to_string() == "test");
    }
    path.segments.last().is_some_and(|segment| segment.ident == "test")
}

/// The attributes of items that tests are made of.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The last line of an item that has a body in braces.
fn end(item: &Item) -> Option<usize> {
    let span = match item {
        Item::Enum(item) => item.brace_token.span,
        Item::Fn(item) => item.block.brace_token.span,
        Item::Impl(item) => item.brace_token.span,
        Item::Mod(item) => item.content.as_ref()?.0.span,
        Item::Trait(item) => item.brace_token.span,
        _ => return None,
    };
    Some(span.close().end().line)
}
