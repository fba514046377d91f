//! The configuration file of the Trunkline that is measured: which features are on, and how many deployments.

use std::fmt::Write;
use std::net::SocketAddr;

/// The key of callers, where there is one. Callers show it to everybody, so that all get the same bytes.
pub(crate) const CALLER_KEY: &str = "sk-bench-5f2b1c0d9e8a7364";

/// The key of whoever makes that one, where it is a virtual key.
pub(crate) const OPERATOR_KEY: &str = "sk-operator-9c41e07bd2f6a835";

/// The features that can be turned on, one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// Callers must show the master key.
    pub(crate) key: bool,
    /// A line of log for every request.
    pub(crate) log: bool,
    /// Calls at one time are counted, in all and for each deployment.
    pub(crate) limits: bool,
    /// The deployment's prices, by which every call's cost is computed.
    pub(crate) prices: bool,
    /// `reasoning_content` is put beside `reasoning`.
    pub(crate) reasoning: bool,
    /// Every call is counted for `/metrics`.
    pub(crate) metrics: bool,
    /// Callers show a virtual key with limits and a budget, each call leaves a row in a journal and in SQLite, and the
    /// cache looks whether a call wants it.
    pub(crate) accounts: bool,
}

impl Features {
    pub(crate) const OFF: Self = Self {
        key: false,
        log: false,
        limits: false,
        prices: false,
        reasoning: false,
        metrics: false,
        accounts: false,
    };
    pub(crate) const ON: Self = Self {
        key: true,
        log: true,
        limits: true,
        prices: true,
        reasoning: true,
        metrics: true,
        accounts: true,
    };

    /// Each feature alone, under its name.
    pub(crate) const ALONE: [(&'static str, Self); 7] = [
        ("key", Self { key: true, ..Self::OFF }),
        ("log", Self { log: true, ..Self::OFF }),
        ("limits", Self { limits: true, ..Self::OFF }),
        ("prices", Self { prices: true, ..Self::OFF }),
        ("reasoning", Self { reasoning: true, ..Self::OFF }),
        ("metrics", Self { metrics: true, ..Self::OFF }),
        ("accounts", Self { key: true, prices: true, accounts: true, ..Self::OFF }),
    ];
}

/// What is configured.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    pub(crate) features: Features,
    /// The model that callers name, and the one that the upstream is asked for.
    pub(crate) public: String,
    pub(crate) script: String,
    /// Model groups besides: `group-00000` and so on, each with one deployment of the same script.
    pub(crate) groups: usize,
    /// Deployments of the model that callers name.
    pub(crate) deployments: usize,
}

/// More than are ever asked at one time: the limits count, and hold nobody up.
const PARALLEL_MAX: usize = 100_000;

/// The name of a group. All have one length, so that replies which carry them have one length.
pub(crate) fn group_name(index: usize) -> String {
    format!("group-{index:05}")
}

impl Configuration {
    /// A model of one deployment among ten other groups.
    pub(crate) fn new(features: Features, public: &str, script: &str) -> Self {
        Self { features, public: public.to_owned(), script: script.to_owned(), groups: 10, deployments: 1 }
    }

    /// The text of the file.
    pub(crate) fn yaml(&self, upstream: SocketAddr) -> String {
        let mut text = String::from("model_list:\n");
        for index in 0..self.deployments {
            self.row(&mut text, &self.public, &format!("bench-{index}"), upstream);
        }
        for index in 0..self.groups {
            self.row(&mut text, &group_name(index), &format!("other-{index}"), upstream);
        }
        if self.script.starts_with("fault-") {
            // What a failure costs, and not what another try does: the caller is to see it.
            text.push_str("router_settings: {num_retries: 0, disable_cooldowns: true}\n");
        }
        let Features { key, log: _, limits, prices: _, reasoning, metrics, accounts } = self.features;
        if key || limits {
            text.push_str("general_settings:\n");
        }
        if key {
            let own = if accounts { OPERATOR_KEY } else { CALLER_KEY };
            text.push_str(&format!("  master_key: {own}\n"));
        }
        if limits {
            text.push_str(&format!("  global_max_parallel_requests: {PARALLEL_MAX}\n"));
        }
        if accounts {
            // All calls are alike: a cache that gave them again would measure itself alone.
            text.push_str("litellm_settings: {cache: true, cache_params: {mode: default_off}}\n");
        }
        text.push_str(&format!(
            "trunkline_settings:\n  reasoning_content: {reasoning}\n  metrics: {metrics}\n"
        ));
        text
    }

    fn row(&self, text: &mut String, group: &str, id: &str, upstream: SocketAddr) {
        let script = &self.script;
        let limits = if self.features.limits {
            format!(", max_parallel_requests: {PARALLEL_MAX}")
        } else {
            String::new()
        };
        let prices = if self.features.prices {
            ", input_cost_per_token: 0.0000025, output_cost_per_token: 0.00001"
        } else {
            ""
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "  - {{model_name: {group}, model_info: {{id: {id}}}, litellm_params: {{model: openai/{script}, \
             api_base: \"http://{upstream}/v1\", api_key: sk-upstream{limits}{prices}}}}}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reaches_the_caller() {
        let upstream = SocketAddr::from(([127, 0, 0, 1], 9));
        let text = |script| Configuration::new(Features::ON, "m", script).yaml(upstream);
        let setting = "router_settings: {num_retries: 0, disable_cooldowns: true}\n";
        assert!(text("fault-1").contains(setting) && !text("whole-200").contains(setting));
    }

    #[test]
    fn a_feature_that_is_off_is_not_configured() {
        let upstream = SocketAddr::from(([127, 0, 0, 1], 9));
        let text = |features| Configuration::new(features, "m", "whole-200").yaml(upstream);
        let (off, on) = (text(Features::OFF), text(Features::ON));
        assert_eq!(on.matches("model: openai/whole-200").count(), 11);
        for word in [
            "master_key",
            "max_parallel_requests",
            "input_cost_per_token",
            "reasoning_content: true",
            "metrics: true",
        ] {
            assert!(on.contains(word) && !off.contains(word), "{word}");
        }
        assert!(off.contains("- {model_name: m, model_info: {id: bench-0}, litellm_params: {model: openai/whole-200, api_base: \"http://127.0.0.1:9/v1\", api_key: sk-upstream}}"));
    }
}
