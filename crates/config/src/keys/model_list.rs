//! The keys of a row of `model_list` and of its `model_info`.

use super::row::{KeyRow, Section, Values, key};

const R: Section = Section::ModelList;
const I: Section = Section::ModelInfo;

const METADATA: &str = "shown by /model/info";
const NO_TEAMS: &str = "what a team may call stands with the team, in `models`";
const ELSE_PARAMS: &str = "counts where `litellm_params` has none";

pub(super) const ROWS: &[KeyRow] = &[
    key(R, "model_name", "the name that callers use; `*` stands for any text").core().supported(),
    key(R, "litellm_params", "where calls go, and with what").core().supported(),
    key(R, "model_info", "what is known of the model").core().supported(),
    key(R, "blocked", "`true` takes the deployment out of service").default("false").supported(),
];

pub(super) const MODEL_INFO_ROWS: &[KeyRow] = &[
    key(I, "id", "the deployment's id; two deployments cannot share one").core().supported(),
    key(I, "mode", "what the model does: `chat`, `embedding` …; shown by /model/info").core().supported(),
    key(I, "base_model", "the model that it is, under its own name; shown by /model/info").core().supported(),
    key(I, "input_cost_per_token", ELSE_PARAMS).supported(),
    key(I, "output_cost_per_token", ELSE_PARAMS).supported(),
    key(I, "cache_read_input_token_cost", ELSE_PARAMS).supported(),
    key(I, "cache_creation_input_token_cost", ELSE_PARAMS).supported(),
    key(I, "output_cost_per_reasoning_token", ELSE_PARAMS).supported(),
    key(I, "input_cost_per_audio_token", ELSE_PARAMS).supported(),
    key(I, "output_cost_per_audio_token", ELSE_PARAMS).supported(),
    key(I, "input_cost_per_request", ELSE_PARAMS).supported(),
    key(I, "input_cost_per_token_flex", ELSE_PARAMS).supported(),
    key(I, "output_cost_per_token_flex", ELSE_PARAMS).supported(),
    key(I, "cache_read_input_token_cost_flex", ELSE_PARAMS).supported(),
    key(I, "input_cost_per_token_priority", ELSE_PARAMS).supported(),
    key(I, "output_cost_per_token_priority", ELSE_PARAMS).supported(),
    key(I, "cache_read_input_token_cost_priority", ELSE_PARAMS).supported(),
    key(I, "*cost*", "every other price")
        .not_supported("costs are worked out from the prices that have a row here"),
    key(I, "access_groups", "groups that a key may be given").core().supported(),
    key(I, "blocked", "`true` takes the deployment out of service").default("false").supported(),
    key(I, "max_tokens", METADATA).supported(),
    key(I, "max_input_tokens", "the context window, for `enable_pre_call_checks`; shown by /model/info")
        .supported(),
    key(I, "max_output_tokens", METADATA).supported(),
    key(I, "supports_*", METADATA).supported(),
    key(I, "max_embedding_batch_size", METADATA).supported(),
    key(I, "tier", METADATA).supported(),
    key(I, "ptu_*", METADATA).supported(),
    key(I, "db_model", METADATA).supported(),
    key(I, "created_*", METADATA).supported(),
    key(I, "updated_*", METADATA).supported(),
    key(I, "team_id", "the one team that may call it").restricts(NO_TEAMS),
    key(I, "team_public_model_name", "the team's name for it").not_supported(NO_TEAMS),
    key(I, "access_windows", "the hours in which it may be called").restricts("there are no access windows"),
    key(I, "discoverable", "`false` hides it from listings")
        .default("true")
        .not_supported_but(Values::On, "/v1/models lists every group"),
    key(I, "enable_tag_filtering", "the router's key of this name, for the group").supported(),
    key(I, "allow_fail_open", "lets a call whose tags fit nothing through to all of the group").supported(),
    key(I, "connect_timeout_ms", "until a connection stands").supported(),
    key(I, "idle_timeout_ms", "between two pieces of a reply").supported(),
    key(I, "health_check_model", "the model to probe").supported(),
    key(I, "health_check_timeout", "seconds that a probe may take").default("60").supported(),
    key(I, "disable_background_health_check", "leaves it out of probes").default("false").supported(),
    key(I, "allowed_fails", "the router's key of this name, for the group").supported(),
    key(I, "allowed_fails_policy", "the router's key of this name, for the group").supported(),
    key(I, "cooldown_time", "the router's key of this name, for the group").supported(),
];
