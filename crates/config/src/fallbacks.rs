//! Fallbacks: for a group, the groups to try next.

use crate::coerce;
use crate::groups::Groups;
use crate::node::{Node, Value};
use crate::reader::Reader;

/// The group that stands for all that are not named.
pub(crate) const ALL: &str = "*";

/// Reads one of the three lists of mappings. One mapping alone counts as a list of it.
pub(crate) fn lists(
    reader: &mut Reader<'_, '_>,
    key: &str,
    groups: &Groups<'_>,
) -> Vec<(String, Vec<String>)> {
    let mut lists: Vec<(String, Vec<String>)> = Vec::new();
    let Some(node) = reader.node(key) else {
        return lists;
    };
    let is_single = matches!(node.value, Value::Map(_));
    let mappings = if is_single { std::slice::from_ref(node) } else { reader.items(key) };
    for (index, mapping) in mappings.iter().enumerate() {
        let path = if is_single { key.to_owned() } else { format!("{key}[{index}]") };
        let Some(members) = mapping.members() else {
            reader.misfit(&path, mapping, "a mapping of a group to a list of groups");
            continue;
        };
        for member in members {
            let path = format!("{path}.{}", member.key);
            if lists.iter().any(|(group, _)| *group == member.key) {
                let message = "has no effect: this group has its list further up";
                reader.warn(&path, &member.location, message);
                continue;
            }
            if member.key != ALL {
                groups.check(reader, &path, &member.key, &member.location);
            }
            lists.push((member.key.clone(), targets(reader, &path, &member.node, Some(&member.key), groups)));
        }
    }
    lists
}

/// Reads `default_fallbacks`.
pub(crate) fn defaults(reader: &mut Reader<'_, '_>, key: &str, groups: &Groups<'_>) -> Vec<String> {
    reader.node(key).map(|node| targets(reader, key, node, None, groups)).unwrap_or_default()
}

/// The groups of one list, which is that of a group.
fn targets(
    reader: &mut Reader<'_, '_>,
    path: &str,
    node: &Node,
    of: Option<&str>,
    groups: &Groups<'_>,
) -> Vec<String> {
    let Some(items) = node.items() else {
        reader.misfit(path, node, "a list of groups");
        return Vec::new();
    };
    let mut targets = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        match target(reader, &path, item) {
            Some(name) if of == Some(name.as_str()) => {
                reader.warn(&path, &item.location, "names the group itself, and is skipped");
            }
            Some(name) => {
                groups.check(reader, &path, &name, &item.location);
                targets.push(name);
            }
            None => reader.misfit(&path, item, "the name of a group"),
        }
    }
    targets
}

/// The name of a group. In LiteLLM it may stand in a mapping, under `model`, with what is to change in the body.
fn target(reader: &mut Reader<'_, '_>, path: &str, item: &Node) -> Option<String> {
    const MODEL: &str = "model";
    let Value::Map(members) = &item.value else {
        return coerce::text(item).ok();
    };
    let model = members.iter().find(|member| member.key == MODEL)?;
    for other in members.iter().filter(|member| member.key != MODEL) {
        let message = "is not supported: a fallback gets the body as the caller sent it";
        reader.warn(&format!("{path}.{}", other.key), &other.location, message);
    }
    coerce::text(&model.node).ok()
}
