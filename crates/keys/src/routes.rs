//! Which endpoints a key may call.

use serde_json::Value;

use crate::model_list::matches;

/// What an endpoint belongs to, as LiteLLM groups them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteGroup {
    /// Asks models.
    Models,
    /// Looks at models, keys or health, and changes nothing.
    Information,
    /// Makes and changes keys, users, teams.
    Management,
}

impl RouteGroup {
    /// LiteLLM's names for it.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Models => &["llm_api_routes", "openai_routes"],
            Self::Information => &["info_routes"],
            Self::Management => &["management_routes"],
        }
    }
}

/// The endpoints that a key may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowedRoutes {
    /// All that its role allows.
    #[default]
    All,
    /// Those that these paths or names of groups mean.
    Named(Vec<String>),
}

impl AllowedRoutes {
    /// What `allowed_routes` and `key_type` of a key say.
    pub fn read(routes: Option<&Value>, key_type: Option<&Value>) -> Self {
        let names = routes.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        match key_type.and_then(Value::as_str) {
            Some("llm_api") => names.push("llm_api_routes".to_owned()),
            Some("management") => names.push("management_routes".to_owned()),
            Some("read_only") => names.push("info_routes".to_owned()),
            Some(_) | None => {}
        }
        if names.is_empty() { Self::All } else { Self::Named(names) }
    }

    /// Whether whoever may call these endpoints may call all of others.
    pub fn hold(&self, others: &Self) -> bool {
        match (self, others) {
            (Self::All, _) => true,
            (Self::Named(_), Self::All) => false,
            // A `*` in what is held stands for what a `*` of the holder stands for too.
            (Self::Named(names), Self::Named(others)) => {
                others.iter().all(|other| names.iter().any(|name| matches(name, other)))
            }
        }
    }

    /// Whether a path, which belongs to a group, may be called.
    pub fn allow(&self, path: &str, group: RouteGroup) -> bool {
        let Self::Named(names) = self else { return true };
        names.iter().any(|name| group.names().contains(&name.as_str()) || matches(name, path))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_calls_what_its_routes_mean() {
        let routes = |routes: Value, kind: Value| AllowedRoutes::read(Some(&routes), Some(&kind));
        let chat = "/v1/chat/completions";
        assert!(routes(json!([]), json!("default")).allow(chat, RouteGroup::Models));
        assert!(routes(json!(["/v1/*"]), json!(null)).allow(chat, RouteGroup::Models));
        assert!(!routes(json!(["/v1/embeddings"]), json!(null)).allow(chat, RouteGroup::Models));
        assert!(routes(json!([]), json!("llm_api")).allow(chat, RouteGroup::Models));
        assert!(!routes(json!([]), json!("llm_api")).allow("/key/generate", RouteGroup::Management));
        assert!(!routes(json!([]), json!("read_only")).allow(chat, RouteGroup::Models));
        assert!(routes(json!(["llm_api_routes"]), json!("management")).allow(chat, RouteGroup::Models));
    }

    #[test]
    fn endpoints_are_held_by_those_who_may_call_them() {
        let named =
            |names: &[&str]| AllowedRoutes::Named(names.iter().map(|name| (*name).to_owned()).collect());
        let check = |own: &AllowedRoutes, others: &AllowedRoutes, expected: bool| {
            assert_eq!(own.hold(others), expected, "{own:?} {others:?}");
        };
        check(&AllowedRoutes::All, &named(&["/v1/*"]), true);
        check(&named(&["/v1/*"]), &AllowedRoutes::All, false);
        check(&named(&["/v1/*", "info_routes"]), &named(&["/v1/chat/*", "info_routes"]), true);
        check(&named(&["/v1/chat/*"]), &named(&["/v1/*"]), false);
        check(&named(&["llm_api_routes"]), &named(&["management_routes"]), false);
    }
}
