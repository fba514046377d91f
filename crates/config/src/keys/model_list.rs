//! The keys of a row of `model_list` and of its `model_info`.

use super::row::{KeyRow, Section, Values, key};

const R: Section = Section::ModelList;
const I: Section = Section::ModelInfo;

const METADATA: &str = "shown by /model/info";
const NO_TEAMS: &str = "there are no teams";
const NO_HEALTH_CHECKS: &str = "upstreams are not probed";
const NO_COOLDOWNS: &str = "no deployment is benched";

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
    key(I, "input_cost_per_token", "counts where `litellm_params` has none").supported(),
    key(I, "output_cost_per_token", "counts where `litellm_params` has none").supported(),
    key(I, "*cost*", "every other price")
        .not_supported("costs are worked out from the two prices per token alone"),
    key(I, "access_groups", "groups that a key may be given")
        .core()
        .not_supported("there are no virtual keys"),
    key(I, "blocked", "`true` takes the deployment out of service").default("false").supported(),
    key(I, "max_tokens", METADATA).supported(),
    key(I, "max_input_tokens", METADATA).supported(),
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
    key(I, "enable_tag_filtering", "calls reach it by their tags alone")
        .restricts("calls are not routed by tags"),
    key(I, "allow_fail_open", "what a call without fitting tags gets")
        .not_supported("calls are not routed by tags"),
    key(I, "health_check_model", "the model to probe").not_supported(NO_HEALTH_CHECKS),
    key(I, "health_check_timeout", "how long a probe may take").not_supported(NO_HEALTH_CHECKS),
    key(I, "disable_background_health_check", "leaves it out of probes")
        .accepted(Values::Any, NO_HEALTH_CHECKS),
    key(I, "allowed_fails", "failures before it is benched").not_supported_but(Values::Nothing, NO_COOLDOWNS),
    key(I, "allowed_fails_policy", "the same, by kind of failure").not_supported(NO_COOLDOWNS),
    key(I, "cooldown_time", "seconds on the bench").accepted(Values::Off, NO_COOLDOWNS),
];
