//! The keys of the file's top level.

use super::row::{KeyRow, Section::TopLevel as S, key};

pub(super) const ROWS: &[KeyRow] = &[
    key(S, "model_list", "the deployments; rows with one `model_name` form a group").core().supported(),
    key(S, "litellm_settings", "settings for all calls").core().supported(),
    key(S, "router_settings", "settings of the router").core().supported(),
    key(S, "general_settings", "settings of the server").core().supported(),
    key(S, "environment_variables", "variables laid over the process's own; these win").core().supported(),
    key(S, "include", "more files, relative to this one; lists are joined, other keys replaced")
        .core()
        .supported(),
    key(S, "credential_list", "named credentials for `litellm_credential_name`").supported(),
    key(S, "trunkline_settings", "Trunkline's own settings").supported(),
    key(S, "guardrails", "checks on what goes in and out").restricts("there are no guardrails"),
    key(S, "policies", "rules on which guardrails apply to whom").restricts("there are no guardrails"),
    key(S, "callback_settings", "settings of logging callbacks")
        .not_supported("callbacks are set by variables; see docs/export.md"),
    key(S, "prompts", "prompt templates").not_supported("prompts are not managed"),
    key(S, "mcp_servers", "MCP servers to offer").not_supported("MCP is not spoken"),
    key(S, "search_tools", "search providers to offer").not_supported("there are no search tools"),
    key(S, "sandbox_tools", "sandboxes to offer").not_supported("there are no sandbox tools"),
    key(S, "vector_store_registry", "vector stores to offer").not_supported("there are no vector stores"),
    key(S, "worker_registry", "remote workers").not_supported("there are no remote workers"),
    key(S, "assistant_settings", "the provider behind /assistants")
        .not_supported("/assistants is not served"),
    key(S, "finetune_settings", "providers behind /fine_tuning").not_supported("/fine_tuning is not served"),
    key(S, "files_settings", "providers behind /files").not_supported("/files is not served"),
    key(S, "default_vertex_config", "credentials for Vertex pass-through")
        .not_supported("Vertex is not a provider here"),
];
