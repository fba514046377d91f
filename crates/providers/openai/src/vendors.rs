//! The vendors that are known, as data: a row without a public source does not land.

use trunkline_core::Operation::{
    self, CancelResponse, ChatCompletions, CompactResponse, Completions, DeleteResponse, Embeddings,
    ImageEdits, ImageGenerations, ListResponseInputItems, Moderations, Rerank, RerankV2, ResponseInputTokens,
    Responses, RetrieveResponse, Speech, Transcriptions,
};

use crate::vendor::Quirk::{BaseWithoutVersion, NoStreamOptions, ReportsCost};
use crate::vendor::Vendor;

/// OpenAI's own.
const OPENAI: &[Operation] = &[
    ChatCompletions,
    Completions,
    Embeddings,
    Responses,
    CompactResponse,
    ResponseInputTokens,
    RetrieveResponse,
    DeleteResponse,
    CancelResponse,
    ListResponseInputItems,
    ImageGenerations,
    ImageEdits,
    Transcriptions,
    Speech,
    Moderations,
];
const VLLM: &[Operation] = &[
    ChatCompletions,
    Completions,
    Embeddings,
    Responses,
    RetrieveResponse,
    CancelResponse,
    Rerank,
    RerankV2,
    Transcriptions,
];
const TEXT: &[Operation] = &[ChatCompletions, Completions, Embeddings];
const TEXT_AND_RESPONSES: &[Operation] = &[ChatCompletions, Completions, Embeddings, Responses];
const CHAT: &[Operation] = &[ChatCompletions];
const CHAT_AND_EMBEDDINGS: &[Operation] = &[ChatCompletions, Embeddings];

/// OpenAI and the vendors that are compatible with it, by prefix. The prefixes and the variables are those
/// of LiteLLM where it has the vendor.
pub const VENDORS: &[Vendor] = &[
    Vendor {
        prefix: "cerebras",
        aliases: &[],
        name: "Cerebras",
        base: "https://api.cerebras.ai/v1",
        base_variables: &["CEREBRAS_API_BASE"],
        key_variables: &["CEREBRAS_API_KEY"],
        is_open: false,
        operations: CHAT,
        quirks: &[],
        source: "https://inference-docs.cerebras.ai/resources/openai",
    },
    Vendor {
        prefix: "dashscope",
        aliases: &[],
        name: "Alibaba Cloud Model Studio",
        base: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        base_variables: &["DASHSCOPE_API_BASE"],
        key_variables: &["DASHSCOPE_API_KEY"],
        is_open: false,
        operations: CHAT,
        quirks: &[],
        source: "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
    },
    Vendor {
        prefix: "deepinfra",
        aliases: &[],
        name: "DeepInfra",
        base: "https://api.deepinfra.com/v1/openai",
        base_variables: &["DEEPINFRA_API_BASE"],
        key_variables: &["DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"],
        is_open: false,
        operations: TEXT,
        quirks: &[],
        source: "https://deepinfra.com/docs/openai_api",
    },
    Vendor {
        prefix: "deepseek",
        aliases: &[],
        name: "DeepSeek",
        base: "https://api.deepseek.com",
        base_variables: &["DEEPSEEK_API_BASE"],
        key_variables: &["DEEPSEEK_API_KEY"],
        is_open: false,
        operations: CHAT,
        quirks: &[],
        source: "https://api-docs.deepseek.com/",
    },
    Vendor {
        prefix: "fireworks_ai",
        aliases: &[],
        name: "Fireworks AI",
        base: "https://api.fireworks.ai/inference/v1",
        base_variables: &["FIREWORKS_API_BASE"],
        key_variables: &[
            "FIREWORKS_API_KEY",
            "FIREWORKS_AI_API_KEY",
            "FIREWORKSAI_API_KEY",
            "FIREWORKS_AI_TOKEN",
        ],
        is_open: false,
        operations: TEXT_AND_RESPONSES,
        quirks: &[],
        source: "https://docs.fireworks.ai/guides/response-api",
    },
    Vendor {
        prefix: "groq",
        aliases: &[],
        name: "Groq",
        base: "https://api.groq.com/openai/v1",
        base_variables: &["GROQ_API_BASE"],
        key_variables: &["GROQ_API_KEY"],
        is_open: false,
        operations: &[ChatCompletions, Responses, Transcriptions, Speech],
        quirks: &[],
        source: "https://console.groq.com/docs/api-reference",
    },
    Vendor {
        prefix: "hosted_vllm",
        aliases: &[],
        name: "vLLM",
        base: "http://localhost:8000/v1",
        base_variables: &["HOSTED_VLLM_API_BASE"],
        key_variables: &["HOSTED_VLLM_API_KEY"],
        is_open: true,
        operations: VLLM,
        quirks: &[],
        source: "https://docs.vllm.ai/en/stable/serving/online_serving.html",
    },
    Vendor {
        prefix: "lm_studio",
        aliases: &[],
        name: "LM Studio",
        base: "http://localhost:1234/v1",
        base_variables: &["LM_STUDIO_API_BASE"],
        key_variables: &["LM_STUDIO_API_KEY"],
        is_open: true,
        operations: TEXT_AND_RESPONSES,
        quirks: &[],
        source: "https://lmstudio.ai/docs/developer/openai-compat",
    },
    Vendor {
        prefix: "mistral",
        aliases: &[],
        name: "Mistral AI",
        base: "https://api.mistral.ai/v1",
        base_variables: &["MISTRAL_API_BASE"],
        key_variables: &["MISTRAL_API_KEY"],
        is_open: false,
        operations: CHAT_AND_EMBEDDINGS,
        quirks: &[NoStreamOptions],
        source: "https://docs.mistral.ai/api",
    },
    Vendor {
        prefix: "moonshot",
        aliases: &[],
        name: "Moonshot AI (Kimi)",
        base: "https://api.moonshot.ai/v1",
        base_variables: &["MOONSHOT_API_BASE"],
        key_variables: &["MOONSHOT_API_KEY"],
        is_open: false,
        operations: CHAT,
        quirks: &[],
        source: "https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi",
    },
    Vendor {
        prefix: "nebius",
        aliases: &[],
        name: "Nebius Token Factory",
        base: "https://api.tokenfactory.nebius.com/v1",
        base_variables: &["NEBIUS_API_BASE"],
        key_variables: &["NEBIUS_API_KEY"],
        is_open: false,
        operations: CHAT_AND_EMBEDDINGS,
        quirks: &[],
        source: "https://docs.tokenfactory.nebius.com/api-reference/introduction",
    },
    Vendor {
        prefix: "nvidia_nim",
        aliases: &[],
        name: "NVIDIA NIM",
        base: "https://integrate.api.nvidia.com/v1",
        base_variables: &["NVIDIA_NIM_API_BASE"],
        key_variables: &["NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"],
        is_open: false,
        operations: TEXT,
        quirks: &[],
        source: "https://docs.litellm.ai/docs/providers/nvidia_nim",
    },
    Vendor {
        prefix: "ollama",
        aliases: &["ollama_chat"],
        name: "Ollama",
        base: "http://localhost:11434/v1",
        base_variables: &["OLLAMA_API_BASE"],
        key_variables: &["OLLAMA_API_KEY"],
        is_open: true,
        operations: TEXT_AND_RESPONSES,
        quirks: &[BaseWithoutVersion],
        source: "https://docs.ollama.com/api/openai-compatibility",
    },
    Vendor {
        prefix: "openai",
        aliases: &["custom_openai", "text-completion-openai"],
        name: "OpenAI",
        base: "https://api.openai.com/v1",
        base_variables: &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        key_variables: &["OPENAI_API_KEY"],
        is_open: false,
        operations: OPENAI,
        quirks: &[],
        source: "https://platform.openai.com/docs/api-reference/introduction",
    },
    Vendor {
        prefix: "openrouter",
        aliases: &[],
        name: "OpenRouter",
        base: "https://openrouter.ai/api/v1",
        base_variables: &["OPENROUTER_API_BASE"],
        key_variables: &["OPENROUTER_API_KEY", "OR_API_KEY"],
        is_open: false,
        operations: &[ChatCompletions, Embeddings, Responses],
        quirks: &[ReportsCost],
        source: "https://openrouter.ai/docs/quickstart",
    },
    Vendor {
        prefix: "sambanova",
        aliases: &[],
        name: "SambaNova",
        base: "https://api.sambanova.ai/v1",
        base_variables: &["SAMBANOVA_API_BASE"],
        key_variables: &["SAMBANOVA_API_KEY"],
        is_open: false,
        operations: CHAT,
        quirks: &[],
        source: "https://docs.sambanova.ai/docs/en/get-started/api-keys-urls",
    },
    Vendor {
        prefix: "together_ai",
        aliases: &[],
        name: "Together AI",
        base: "https://api.together.ai/v1",
        base_variables: &["TOGETHER_AI_API_BASE"],
        key_variables: &[
            "TOGETHER_API_KEY",
            "TOGETHER_AI_API_KEY",
            "TOGETHERAI_API_KEY",
            "TOGETHER_AI_TOKEN",
        ],
        is_open: false,
        operations: TEXT,
        quirks: &[],
        source: "https://docs.together.ai/docs/inference/openai-compatibility",
    },
    Vendor {
        prefix: "xai",
        aliases: &[],
        name: "xAI",
        base: "https://api.x.ai/v1",
        base_variables: &["XAI_API_BASE"],
        key_variables: &["XAI_API_KEY"],
        is_open: false,
        operations: &[ChatCompletions, Responses, RetrieveResponse, DeleteResponse, ImageGenerations],
        quirks: &[],
        source: "https://docs.x.ai/api-reference",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_its_source() {
        for vendor in VENDORS {
            assert!(vendor.source.starts_with("https://"), "{}", vendor.prefix);
        }
    }

    #[test]
    fn rows_are_sorted_by_prefix() {
        for pair in VENDORS.windows(2) {
            assert!(pair[0].prefix < pair[1].prefix, "{}", pair[1].prefix);
        }
    }

    #[test]
    fn prefixes_and_aliases_are_one_segment_and_there_once() {
        let mut seen = std::collections::BTreeSet::new();
        for prefix in VENDORS.iter().flat_map(Vendor::prefixes) {
            let fits = |letter: char| letter.is_ascii_lowercase() || matches!(letter, '0'..='9' | '_' | '-');
            assert!(prefix.chars().all(fits), "{prefix}");
            assert!(seen.insert(prefix), "{prefix} is there twice");
        }
    }

    #[test]
    fn keys_go_over_https_and_open_servers_are_local() {
        for vendor in VENDORS {
            let base = if vendor.is_open { "http://localhost:" } else { "https://" };
            assert!(vendor.base.starts_with(base), "{}: {}", vendor.prefix, vendor.base);
            assert!(!vendor.base.ends_with('/'), "{}: {}", vendor.prefix, vendor.base);
        }
    }

    #[test]
    fn every_row_has_a_key_variable_and_an_operation() {
        for vendor in VENDORS {
            assert!(!vendor.key_variables.is_empty(), "{}", vendor.prefix);
            assert!(vendor.operations.contains(&ChatCompletions), "{}", vendor.prefix);
        }
    }
}
