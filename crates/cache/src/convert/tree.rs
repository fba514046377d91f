//! A JSON value that is put together from pieces.

use trunkline_core::json;

use super::Members;

/// A value that pieces are added to. What is not touched by a second piece stays the text that it is.
#[derive(Debug)]
pub(super) enum Tree<'t> {
    Raw(&'t [u8]),
    /// A string, as it is written between its quotes.
    Text(Vec<u8>),
    List(Vec<Tree<'t>>),
    Object(Vec<(&'t [u8], Tree<'t>)>),
}

/// The strings that come in pieces. Any other string is whole when it comes.
const IN_PIECES: [&str; 11] = [
    "content",
    "refusal",
    "reasoning",
    "reasoning_content",
    "thinking",
    "arguments",
    "input",
    "text",
    "summary",
    "transcript",
    "partial_json",
];

/// Deeper than that, and wider, no reply is put together.
const DEPTH_MAX: usize = 16;
const WIDTH_MAX: usize = 1_024;

impl<'t> Tree<'t> {
    /// Adds a piece of what is named `name`. `None` if it cannot be told what the two are together.
    pub(super) fn add(&mut self, name: &[u8], piece: &'t [u8], depth: usize) -> Option<()> {
        if json::is_null(piece) {
            return Some(());
        }
        if self.is_null() {
            *self = Tree::Raw(piece);
            return Some(());
        }
        match piece.first()? {
            b'"' => self.add_text(name, piece),
            b'{' | b'[' if depth == DEPTH_MAX => None,
            b'{' => self.add_members(piece, depth),
            b'[' => self.add_elements(piece, depth),
            _ => matches!(self, Tree::Raw(raw) if *raw == piece).then_some(()),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Tree::Raw(raw) if json::is_null(raw))
    }

    fn add_text(&mut self, name: &[u8], piece: &'t [u8]) -> Option<()> {
        let inside = inside(piece)?;
        if inside.is_empty() {
            return self.is_text().then_some(());
        }
        if let Tree::Raw(raw) = self
            && self::inside(raw)?.is_empty()
        {
            *self = Tree::Raw(piece);
            return Some(());
        }
        if !IN_PIECES.iter().any(|known| known.as_bytes() == name) {
            return matches!(self, Tree::Raw(raw) if *raw == piece).then_some(());
        }
        if let Tree::Raw(raw) = self {
            *self = Tree::Text(self::inside(raw)?.to_vec());
        }
        let Tree::Text(text) = self else { return None };
        text.extend_from_slice(inside);
        Some(())
    }

    fn is_text(&self) -> bool {
        match self {
            Tree::Raw(raw) => raw.first() == Some(&b'"'),
            Tree::Text(_) => true,
            Tree::List(_) | Tree::Object(_) => false,
        }
    }

    /// Adds the members of an object to those of this one.
    pub(super) fn add_members(&mut self, piece: &'t [u8], depth: usize) -> Option<()> {
        let members = self.members()?;
        for member in json::members(piece) {
            let value = piece.get(member.value)?;
            let has_room = members.len() < WIDTH_MAX;
            match members.iter_mut().find(|(name, _)| *name == member.key) {
                Some((name, tree)) => tree.add(name, value, depth + 1)?,
                None if has_room => members.push((member.key, Tree::Raw(value))),
                None => return None,
            }
        }
        Some(())
    }

    /// Adds elements: to the one of the same `index` where they have one, else behind the others.
    fn add_elements(&mut self, piece: &'t [u8], depth: usize) -> Option<()> {
        let elements = self.elements(depth)?;
        for span in json::elements(piece) {
            let element = piece.get(span)?;
            let index = json::member(element, "index").and_then(|span| element.get(span));
            let has_room = elements.len() < WIDTH_MAX;
            let is_same = |tree: &&mut Tree<'t>| tree.index() == index;
            // Those without a number are not searched for, so that there may be any number of them.
            let same = if index.is_some() { elements.iter_mut().find(is_same) } else { None };
            match same {
                Some(same) => same.add_members(element, depth + 1)?,
                None if index.is_none() || has_room => elements.push(Tree::Raw(element)),
                None => return None,
            }
        }
        Some(())
    }

    fn index(&self) -> Option<&'t [u8]> {
        match self {
            Tree::Raw(raw) => raw.get(json::member(raw, "index")?),
            Tree::Object(members) => members.iter().find_map(|(name, value)| match value {
                Tree::Raw(raw) if *name == b"index" => Some(*raw),
                _ => None,
            }),
            Tree::Text(_) | Tree::List(_) => None,
        }
    }

    /// The members, if it is an object of not too many.
    pub(super) fn members(&mut self) -> Option<&mut Vec<(&'t [u8], Tree<'t>)>> {
        if let Tree::Raw(raw) = *self
            && raw.first() == Some(&b'{')
        {
            let members =
                json::members(raw).map(|member| Some((member.key, Tree::Raw(raw.get(member.value)?))));
            let members: Vec<_> = members.take(WIDTH_MAX + 1).collect::<Option<_>>()?;
            if members.len() > WIDTH_MAX {
                return None;
            }
            *self = Tree::Object(members);
        }
        match self {
            Tree::Object(members) => Some(members),
            Tree::Raw(_) | Tree::Text(_) | Tree::List(_) => None,
        }
    }

    /// The elements, if it is an array.
    pub(super) fn elements(&mut self, depth: usize) -> Option<&mut Vec<Tree<'t>>> {
        if let Tree::Raw(raw) = *self
            && raw.first() == Some(&b'[')
        {
            // The first piece too can have two of one number in it.
            *self = Tree::List(Vec::new());
            self.add_elements(raw, depth)?;
        }
        match self {
            Tree::List(elements) => Some(elements),
            Tree::Raw(_) | Tree::Text(_) | Tree::Object(_) => None,
        }
    }

    /// Writes it as JSON text.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Tree::Raw(raw) => out.extend_from_slice(raw),
            Tree::Text(text) => {
                out.push(b'"');
                out.extend_from_slice(text);
                out.push(b'"');
            }
            Tree::List(elements) => {
                out.push(b'[');
                for (position, element) in elements.iter().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    element.write(out);
                }
                out.push(b']');
            }
            Tree::Object(members) => {
                let mut written = Members::default();
                for (name, value) in members {
                    written.name(name);
                    value.write(&mut written.0);
                }
                out.extend_from_slice(&written.object());
            }
        }
    }
}

/// What stands between the quotes of a string.
fn inside(raw: &[u8]) -> Option<&[u8]> {
    raw.strip_prefix(b"\"")?.strip_suffix(b"\"")
}
