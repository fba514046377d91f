//! Labels: their names, as LiteLLM has them, and what of a tally each tells.

use std::borrow::Cow;

use crate::key::Key;
use crate::names::class;
use crate::row::Row;

/// A label of LiteLLM's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    HashedApiKey,
    ApiKeyAlias,
    Team,
    TeamAlias,
    User,
    RequestedModel,
    StatusCode,
    Route,
    ModelId,
    ApiProvider,
    Model,
    ModelGroup,
    LitellmModelName,
    ApiBase,
    ExceptionStatus,
    ExceptionClass,
    FallbackModel,
}

use Label::{
    ApiBase, ApiKeyAlias, ApiProvider, ExceptionClass, ExceptionStatus, FallbackModel, HashedApiKey,
    LitellmModelName, Model, ModelGroup, ModelId, RequestedModel, Route, StatusCode, Team, TeamAlias, User,
};

impl Label {
    pub(crate) fn name(self) -> &'static str {
        match self {
            HashedApiKey => "hashed_api_key",
            ApiKeyAlias => "api_key_alias",
            Team => "team",
            TeamAlias => "team_alias",
            User => "user",
            RequestedModel => "requested_model",
            StatusCode => "status_code",
            Route => "route",
            ModelId => "model_id",
            ApiProvider => "api_provider",
            Model => "model",
            ModelGroup => "model_group",
            LitellmModelName => "litellm_model_name",
            ApiBase => "api_base",
            ExceptionStatus => "exception_status",
            ExceptionClass => "exception_class",
            FallbackModel => "fallback_model",
        }
    }

    pub(crate) fn value<'r>(self, row: &Row<'r>) -> Cow<'r, str> {
        let text = match self {
            HashedApiKey => row.caller.told(|owner| Some(&owner.hashed_key)),
            ApiKeyAlias => row.caller.told(|owner| owner.alias.as_deref()),
            Team => row.caller.told(|owner| owner.team.as_deref()),
            TeamAlias => row.caller.told(|owner| owner.team_alias.as_deref()),
            User => row.caller.told(|owner| owner.user.as_deref()),
            RequestedModel => row.key.requested,
            Route => row.key.route,
            ModelId => row.key.deployment,
            ApiProvider => row.key.provider,
            Model | LitellmModelName => row.key.model,
            ModelGroup | FallbackModel => row.key.group,
            ApiBase => row.api_base.unwrap_or_default(),
            StatusCode | ExceptionStatus => return Cow::Owned(row.key.status.to_string()),
            ExceptionClass => return Cow::Owned(exception_class(&row.key)),
        };
        Cow::Borrowed(told(text))
    }
}

/// What is not known is `None`, as in LiteLLM.
pub(crate) fn told(text: &str) -> &str {
    if text.is_empty() { "None" } else { text }
}

/// `Openai.RateLimitError`; without a provider where none was asked.
fn exception_class(key: &Key<'_>) -> String {
    let Some(failure) = key.ending.failure() else { return told("").to_owned() };
    let class = class(failure, key.status);
    let mut letters = key.provider.chars();
    match letters.next() {
        None => class.to_owned(),
        Some(first) => format!("{}{}.{class}", first.to_ascii_uppercase(), letters.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use trunkline_gateway::Form;
    use trunkline_prices::Prices;

    use super::*;
    use crate::caller::Caller;
    use crate::caller::tests::owner;
    use crate::families::tell;
    use crate::key::{Ending, Subject};
    use crate::names::Names;
    use crate::page::Page;
    use crate::tallies::Tallies;

    fn key(caller: Caller<'_>) -> Key<'_> {
        Key {
            caller,
            subject: Subject::Request,
            ending: Ending::Completed,
            status: 200,
            route: "/r",
            requested: "m",
            group: "m",
            deployment: "d",
            provider: "p",
            model: "x",
        }
    }

    fn lines(tallies: &Tallies, family: &str) -> Vec<String> {
        let all = tallies.all();
        let rows = all.iter().map(|(labels, totals)| Row {
            key: labels.key(),
            caller: &labels.caller,
            totals,
            api_base: None,
        });
        let rows: Vec<Row<'_>> = rows.collect();
        let mut page = Page::new(Form::Text);
        tell(&mut page, &rows);
        let text = page.finish();
        text.lines().filter(|line| line.starts_with(family)).map(str::to_owned).collect()
    }

    #[test]
    fn callers_are_told_by_the_labels_that_litellm_has() {
        let tallies = Tallies::new(Names::new(Prices::bundled()), 10);
        let ann = owner("sk-1234", "ann's \"key\"", "ann");
        for caller in [Caller::Known(&ann), Caller::Nobody] {
            tallies.count(key(caller), Some("m"), |totals| totals.spend = "0.25".parse().expect("a sum"));
            let failed = Key { subject: Subject::Attempt, ending: Ending::Overtaken, ..key(caller) };
            tallies.count(failed, Some("m"), |totals| totals.spend = "0.5".parse().expect("a sum"));
        }
        let token = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";
        assert_eq!(
            lines(&tallies, "litellm_spend_metric"),
            [
                format!(
                    "litellm_spend_metric_total{{hashed_api_key=\"{token}\",api_key_alias=\"ann's \\\"key\\\"\",\
                     model=\"x\",team=\"red\",team_alias=\"The Reds\",user=\"ann\",requested_model=\"m\",\
                     model_id=\"d\",api_provider=\"p\"}} 0.75"
                ),
                "litellm_spend_metric_total{hashed_api_key=\"None\",api_key_alias=\"None\",model=\"x\",\
                 team=\"None\",team_alias=\"None\",user=\"None\",requested_model=\"m\",model_id=\"d\",\
                 api_provider=\"p\"} 0.75"
                    .to_owned(),
            ]
        );
        // A deployment's calls are told by key and team, and not by user.
        assert_eq!(
            lines(&tallies, "litellm_deployment_success_responses")[0],
            format!(
                "litellm_deployment_success_responses_total{{model_group=\"m\",requested_model=\"m\",\
                 litellm_model_name=\"x\",model_id=\"d\",api_base=\"None\",api_provider=\"p\",\
                 hashed_api_key=\"{token}\",api_key_alias=\"ann's \\\"key\\\"\",team=\"red\",\
                 team_alias=\"The Reds\"}} 1"
            )
        );
    }
}
