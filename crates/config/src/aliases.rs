//! `model_group_alias`: other names of groups.

use crate::coerce;
use crate::groups::Groups;
use crate::node::Value;
use crate::reader::Reader;
use crate::settings::AliasSettings;

pub(crate) const KEY: &str = "model_group_alias";

/// `model_group_alias`: each value is a group, or a mapping of `model` and `hidden`.
pub(crate) fn read(reader: &mut Reader<'_, '_>, groups: &Groups<'_>) -> Vec<AliasSettings> {
    let mut aliases = Vec::new();
    for member in reader.members(KEY) {
        let path = format!("router_settings.{KEY}.{}", member.key);
        let read = match &member.node.value {
            Value::Map(members) => {
                let mut part = Reader::section(members, &path, reader.report);
                let hidden = part.boolean("hidden").unwrap_or(false);
                part.text("model").map(|group| (group, hidden))
            }
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_) => coerce::text(&member.node).ok().map(|group| (group, false)),
        };
        match read {
            Some((group, hidden)) => {
                let key = format!("{KEY}.{}", member.key);
                groups.check_group(reader, &key, &group, &member.node.location);
                if group != member.key && groups.has(&member.key) {
                    let message =
                        "hides the group of this name in model_list: who asks for it gets the alias";
                    reader.warn(&key, &member.location, message);
                }
                aliases.push(AliasSettings { alias: member.key.clone(), group, hidden });
            }
            None => {
                let message = "must be the name of a group, or a mapping of `model` and `hidden`";
                reader.report.fatal(&member.node.location, path, message);
            }
        }
    }
    aliases
}
