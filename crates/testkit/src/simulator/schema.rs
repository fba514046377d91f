//! A value that satisfies a JSON schema: the same one every time, with every required property.

use serde_json::{Map, Value, json};

/// Schemas that refer to themselves end here.
const DEPTH_MAX: usize = 24;

/// An instance of `schema`. `name` flavours its strings.
pub(crate) fn instance(schema: &Value, name: &str) -> Value {
    of(schema, schema, name, 0)
}

fn of(schema: &Value, root: &Value, name: &str, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| of(target, root, name, depth + 1));
    }
    if let Some(value) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[key].as_array() {
            let choice = choices.iter().find(|choice| choice["type"] != "null").or(choices.first());
            return choice.map_or(Value::Null, |choice| of(choice, root, name, depth + 1));
        }
    }
    if let Some(all) = schema["allOf"].as_array() {
        return of_all(all, root, name, depth);
    }
    match kind(schema) {
        "object" => object(schema, root, depth),
        "array" => array(schema, root, name, depth),
        "integer" | "number" => json!(number(schema)),
        "boolean" => json!(true),
        "null" => Value::Null,
        _ => json!(string(schema, name)),
    }
}

/// The type, the first that is not null of several, or what the other members suggest.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    }
}

fn of_all(all: &[Value], root: &Value, name: &str, depth: usize) -> Value {
    let mut merged = Map::new();
    let mut last = Value::Null;
    for part in all {
        last = of(part, root, name, depth + 1);
        if let Value::Object(members) = &last {
            merged.extend(members.clone());
        }
    }
    if merged.is_empty() { last } else { Value::Object(merged) }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let members = required.map(|key| {
        let property = &schema["properties"][key];
        (key.to_owned(), of(property, root, key, depth + 1))
    });
    Value::Object(members.collect())
}

fn array(schema: &Value, root: &Value, name: &str, depth: usize) -> Value {
    // One item shows more than none; a schema that refers to itself gets none when it goes deep.
    let least = if depth > DEPTH_MAX / 2 { 0 } else { 1 };
    let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
    let count = schema["minItems"].as_u64().unwrap_or(least).clamp(least, 1_000).min(most);
    (0..count).map(|_| of(&schema["items"], root, name, depth + 1)).collect()
}

fn number(schema: &Value) -> i64 {
    let bound = |key: &str| schema[key].as_f64().map(f64::ceil);
    let (minimum, maximum) = (bound("minimum"), schema["maximum"].as_f64().map(f64::floor));
    let above = bound("exclusiveMinimum").map(|least| least + 1.0);
    // A bound beyond i64 saturates, which is as near as an integer comes.
    minimum.or(above).or(maximum.filter(|most| *most < 7.0)).map_or(7, |bound| bound as i64)
}

fn string(schema: &Value, name: &str) -> String {
    match schema["format"].as_str() {
        Some("date") => return "2026-09-21".to_owned(),
        Some("date-time") => return "2026-09-21T14:13:20Z".to_owned(),
        Some("time") => return "14:13:20Z".to_owned(),
        Some("email") => return "someone@example.com".to_owned(),
        Some("uri") => return "https://example.com/".to_owned(),
        Some("uuid") => return "00000000-0000-4000-8000-000000000000".to_owned(),
        _ => {}
    }
    let length = |key: &str| schema[key].as_u64().and_then(|it| usize::try_from(it).ok());
    let text = format!("{name} é 漢字");
    let longest = length("maxLength").unwrap_or(usize::MAX);
    let shortest = length("minLength").unwrap_or_default().min(100_000);
    text.chars().cycle().take(text.chars().count().max(shortest).min(longest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &Value, expected: &Value) {
        assert_eq!(&instance(schema, "answer"), expected, "{schema}");
    }

    #[test]
    fn instances_have_what_is_required() {
        check(
            &json!({"type": "object", "required": ["city", "days"], "properties": {
                "city": {"type": "string"}, "days": {"type": "integer", "minimum": 3}, "unit": {"type": "string"}}}),
            &json!({"city": "city é 漢字", "days": 3}),
        );
        check(&json!({"type": "string", "enum": ["b", "a"]}), &json!("b"));
        check(&json!({"anyOf": [{"type": "null"}, {"type": "boolean"}]}), &json!(true));
        check(&json!({"type": ["null", "number"], "maximum": 2.5}), &json!(2));
        check(&json!({"type": "array", "minItems": 2, "items": {"const": 5}}), &json!([5, 5]));
        check(&json!({"type": "string", "maxLength": 3}), &json!("ans"));
        check(&json!({}), &json!("answer é 漢字"));
        check(
            &json!({"allOf": [{"required": ["a"], "properties": {"a": {"type": "null"}}}]}),
            &json!({"a": null}),
        );
    }

    #[test]
    fn references_are_followed_and_circles_end() {
        let schema = json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "required": ["value", "next"],
            "properties": {"value": {"type": "integer"}, "next": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}});
        let value = instance(&schema, "answer");
        assert_eq!(value["value"], 7);
        assert_eq!(value["next"][0]["value"], 7);
        let endless = json!({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}});
        assert!(instance(&endless, "answer")["a"]["a"].is_object());
    }
}
