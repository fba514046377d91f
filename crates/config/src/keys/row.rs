//! One row of the key table: what a key means and how far Trunkline honours it.

use crate::coerce;
use crate::node::{Node, Value};

/// Where a key stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The top level of the file.
    TopLevel,
    /// A row of `model_list`.
    ModelList,
    /// `litellm_params` of a row of `model_list`.
    LitellmParams,
    /// `model_info` of a row of `model_list`.
    ModelInfo,
    /// `litellm_settings`.
    LitellmSettings,
    /// `router_settings`.
    RouterSettings,
    /// `general_settings`.
    GeneralSettings,
    /// `trunkline_settings`, the section that is Trunkline's own.
    TrunklineSettings,
}

impl Section {
    /// Every section, in the order of the table.
    pub const ALL: [Section; 8] = [
        Section::TopLevel,
        Section::ModelList,
        Section::LitellmParams,
        Section::ModelInfo,
        Section::LitellmSettings,
        Section::RouterSettings,
        Section::GeneralSettings,
        Section::TrunklineSettings,
    ];

    /// The path of the section; empty for the top level.
    pub fn path(self) -> &'static str {
        match self {
            Section::TopLevel => "",
            Section::ModelList => "model_list[]",
            Section::LitellmParams => "model_list[].litellm_params",
            Section::ModelInfo => "model_list[].model_info",
            Section::LitellmSettings => "litellm_settings",
            Section::RouterSettings => "router_settings",
            Section::GeneralSettings => "general_settings",
            Section::TrunklineSettings => "trunkline_settings",
        }
    }
}

/// A set of values of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Every value.
    Any,
    /// No value.
    Nothing,
    /// `true`, or what reads as such.
    On,
    /// `false`, 0, empty.
    Off,
    /// These texts; of a list, one of its items.
    OneOf(&'static [&'static str]),
}

impl Values {
    pub(crate) fn contain(self, node: &Node) -> bool {
        match self {
            Values::Any => true,
            Values::Nothing => false,
            Values::On => coerce::boolean(node) == Ok(true),
            Values::Off => coerce::is_off(node),
            Values::OneOf(texts) => match &node.value {
                Value::Text(text) => texts.contains(&text.as_str()),
                Value::List(items) => items.iter().any(|item| self.contain(item)),
                Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Map(_) => false,
            },
        }
    }
}

/// How far a key is honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has the effect that it has in LiteLLM.
    Supported,
    /// Trunkline behaves so already.
    Accepted {
        /// The values that ask for what Trunkline does. Any other is told of in a warning.
        when: Values,
        /// What Trunkline does.
        why: &'static str,
    },
    /// It has no effect.
    NotSupported {
        /// The values that are as good as leaving the key out, and pass without a word.
        harmless: Values,
        /// The values that would have kept somebody from something: these stop the start.
        restricts: Values,
        /// What is missing.
        why: &'static str,
    },
}

/// A key that LiteLLM or Trunkline knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Where it stands.
    pub section: Section,
    /// Its name; with a `*` at either end, a family of names.
    pub key: &'static str,
    /// How far it is honoured.
    pub state: State,
    /// Whether it is one of the keys that LiteLLM's documentation and users turn to most.
    pub core: bool,
    /// What holds when it is left out; empty if nothing does.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

impl KeyRow {
    pub(crate) fn is_pattern(&self) -> bool {
        self.key.contains('*')
    }

    /// Whether the pattern fits the name. A row that is no pattern fits its own name only.
    pub(crate) fn fits(&self, name: &str) -> bool {
        match (self.key.strip_prefix('*'), self.key.strip_suffix('*')) {
            (Some(_), Some(_)) => name.contains(self.key.trim_matches('*')),
            (Some(end), None) => name.ends_with(end),
            (None, Some(start)) => name.starts_with(start),
            (None, None) => name == self.key,
        }
    }
}

/// A row whose state is still to be said.
pub(super) struct Draft(KeyRow);

/// Begins a row.
pub(super) const fn key(section: Section, key: &'static str, meaning: &'static str) -> Draft {
    Draft(KeyRow { section, key, state: State::Supported, core: false, default: "", meaning })
}

impl Draft {
    /// One of the most used keys.
    pub(super) const fn core(mut self) -> Self {
        self.0.core = true;
        self
    }

    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.0.default = default;
        self
    }

    pub(super) const fn supported(self) -> KeyRow {
        self.0
    }

    pub(super) const fn accepted(self, when: Values, why: &'static str) -> KeyRow {
        self.ends(State::Accepted { when, why })
    }

    /// Has no effect; values that switch it off pass without a word.
    pub(super) const fn not_supported(self, why: &'static str) -> KeyRow {
        self.ends(State::NotSupported { harmless: Values::Off, restricts: Values::Nothing, why })
    }

    /// Has no effect; only these values pass without a word.
    pub(super) const fn not_supported_but(self, harmless: Values, why: &'static str) -> KeyRow {
        self.ends(State::NotSupported { harmless, restricts: Values::Nothing, why })
    }

    /// Has no effect, and would have kept somebody from something unless it is switched off.
    pub(super) const fn restricts(self, why: &'static str) -> KeyRow {
        self.ends(State::NotSupported { harmless: Values::Off, restricts: Values::Any, why })
    }

    /// Has no effect, and some of its values would have kept somebody from something.
    pub(super) const fn restricts_with(self, restricts: Values, why: &'static str) -> KeyRow {
        self.ends(State::NotSupported { harmless: Values::Off, restricts, why })
    }

    const fn ends(mut self, state: State) -> KeyRow {
        self.0.state = state;
        self.0
    }
}
