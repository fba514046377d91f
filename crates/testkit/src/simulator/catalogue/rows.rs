//! The language models that the simulator knows by name, as a table: id, prices, limits, abilities.
//!
//! Prices are USD per million tokens, as public client data listed them in November 2026; `""` is none.

/// One row: id, input, output, cache read, cache write, context, longest answer, abilities, long-context tier.
///
/// Abilities are letters: `R` reasons, `V` sees. The tier is the number of prompt tokens above which the four
/// other prices hold.
pub(crate) type LanguageRow = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u64,
    u64,
    &'static str,
    Option<(u64, [&'static str; 4])>,
);

#[rustfmt::skip]
pub(crate) const LANGUAGE: &[LanguageRow] = &[
    ("openai/gpt-6-astra", "10", "50", "1", "12.5", 1050000, 128000, "RV", Some((272000, ["20", "75", "2", "25"]))),
    ("openai/gpt-6-sol", "2", "10", "0.2", "2.5", 1050000, 128000, "RV", Some((272000, ["4", "15", "0.4", "5"]))),
    ("openai/gpt-6.1-sol", "2", "10", "0.1", "2.5", 1050000, 128000, "RV", Some((272000, ["4", "15", "0.2", "5"]))),
    ("openai/gpt-6.1-terra", "1", "5", "0.05", "1.25", 1050000, 128000, "RV", Some((272000, ["2", "7.5", "0.1", "2.5"]))),
    ("openai/gpt-6-luna", "0.1", "0.5", "0.01", "0.125", 1050000, 128000, "RV", Some((272000, ["0.2", "0.75", "0.02", "0.25"]))),
    ("openai/gpt-5.6-sol", "4", "20", "0.4", "5", 1050000, 128000, "RV", Some((271999, ["8", "30", "0.8", "10"]))),
    ("openai/gpt-5.6-luna", "0.2", "1.2", "0.02", "0.25", 1050000, 128000, "RV", Some((271999, ["0.4", "1.8", "0.04", "0.5"]))),
    ("openai/gpt-5.5", "5", "30", "0.5", "", 1000000, 128000, "RV", Some((271999, ["10", "45", "1", ""]))),
    ("openai/gpt-5.4", "2.5", "15", "0.25", "", 1050000, 128000, "RV", Some((271999, ["5", "22.5", "0.5", ""]))),
    ("openai/gpt-5.4-mini", "0.75", "4.5", "0.075", "", 400000, 128000, "RV", None),
    ("openai/gpt-5.4-nano", "0.2", "1.25", "0.02", "", 400000, 128000, "RV", None),
    ("openai/gpt-5.3-codex", "1.75", "14", "0.175", "", 400000, 128000, "RV", None),
    ("openai/gpt-5", "1.25", "10", "0.125", "", 400000, 128000, "RV", None),
    ("openai/gpt-5-mini", "0.25", "2", "0.025", "", 400000, 128000, "RV", None),
    ("openai/gpt-5-nano", "0.05", "0.4", "0.005", "", 400000, 128000, "RV", None),
    ("openai/gpt-4.1", "2", "8", "0.5", "", 1047576, 32768, "V", None),
    ("openai/gpt-4.1-mini", "0.4", "1.6", "0.1", "", 1047576, 32768, "V", None),
    ("openai/gpt-4.1-nano", "0.1", "0.4", "0.03", "", 1047576, 32768, "V", None),
    ("openai/gpt-4o", "2.5", "10", "1.25", "", 128000, 16384, "V", None),
    ("openai/gpt-4o-mini", "0.15", "0.6", "0.075", "", 128000, 16384, "V", None),
    ("openai/gpt-oss-120b", "0.1", "0.5", "0.1", "", 131072, 131072, "R", None),
    ("openai/gpt-oss-20b", "0.03", "0.14", "", "", 131072, 8192, "R", None),
    ("openai/o3", "2", "8", "0.5", "", 200000, 100000, "RV", None),
    ("openai/o4-mini", "1.1", "4.4", "0.275", "", 200000, 100000, "RV", None),
    ("anthropic/claude-fable-5.2", "8", "40", "0.2", "10", 1000000, 128000, "RV", None),
    ("anthropic/claude-opus-5.5", "4", "20", "0.2", "5", 1000000, 128000, "RV", None),
    ("anthropic/claude-opus-5.5-fast", "8", "40", "0.4", "10", 1000000, 128000, "RV", None),
    ("anthropic/claude-opus-5", "5", "25", "0.5", "6.25", 1000000, 128000, "RV", None),
    ("anthropic/claude-opus-4.8", "5", "25", "0.5", "6.25", 1000000, 128000, "RV", None),
    ("anthropic/claude-sonnet-5.5", "2", "10", "0.1", "2.5", 1000000, 128000, "RV", None),
    ("anthropic/claude-sonnet-5", "2", "10", "0.2", "2.5", 1000000, 128000, "RV", None),
    ("anthropic/claude-sonnet-4.5", "3", "15", "0.3", "3.75", 1000000, 64000, "RV", Some((200000, ["6", "22.5", "0.6", "7.5"]))),
    ("anthropic/claude-4-sonnet", "3", "15", "0.3", "3.75", 200000, 64000, "RV", None),
    ("anthropic/claude-haiku-5.5", "0.1", "0.5", "0.01", "0.125", 1000000, 128000, "RV", Some((100000, ["0.5", "2.5", "0.05", "0.625"]))),
    ("anthropic/claude-haiku-4.5", "1", "5", "0.1", "1.25", 200000, 64000, "RV", None),
    ("google/gemini-4-argon", "2", "10", "0.1", "", 1000000, 1000000, "RV", None),
    ("google/gemini-3.8-flash", "0.75", "3.75", "0.075", "", 1000000, 65535, "RV", None),
    ("google/gemini-3.1-pro-preview", "2", "12", "0.2", "", 1000000, 64000, "RV", Some((200000, ["4", "18", "0.4", ""]))),
    ("google/gemini-3-flash", "0.5", "3", "0.05", "", 1000000, 65000, "RV", Some((200000, ["0.5", "3", "0.05", ""]))),
    ("google/gemini-2.5-pro", "1.25", "10", "0.125", "", 1048576, 65535, "RV", Some((200000, ["2.5", "15", "0.25", ""]))),
    ("google/gemini-2.5-flash", "0.3", "2.5", "0.03", "", 1000000, 65535, "RV", None),
    ("google/gemini-2.5-flash-lite", "0.1", "0.4", "0.01", "", 1048576, 65535, "RV", None),
    ("google/gemma-4-31b-it", "0.14", "0.4", "", "", 262144, 131072, "RV", None),
    ("spacexai/grok-4.7", "2", "6", "0.5", "", 500000, 500000, "RV", Some((200000, ["4", "12", "1", ""]))),
    ("spacexai/grok-4.3", "1.25", "2.5", "0.2", "", 1000000, 1000000, "RV", Some((200000, ["2.5", "5", "0.4", ""]))),
    ("meta/llama-3.3-70b", "0.72", "0.72", "", "", 128000, 8192, "", None),
    ("meta/llama-4-maverick", "0.24", "0.97", "", "", 128000, 8192, "V", None),
    ("meta/muse-spark-1.3", "1.25", "4.25", "0.15", "", 1048576, 1048576, "RV", None),
    ("mistral/mistral-large-4", "0.7", "2.1", "0.07", "", 1048576, 262144, "RV", None),
    ("mistral/mistral-medium-3.5", "1.5", "7.5", "0.15", "", 262144, 256000, "RV", None),
    ("mistral/codestral", "0.3", "0.9", "0.03", "", 128000, 4000, "", None),
    ("mistral/ministral-8b", "0.15", "0.15", "0.015", "", 262144, 4000, "V", None),
    ("deepseek/deepseek-v4.1-flash", "0.3", "1.2", "0.007", "", 1048576, 32768, "RV", None),
    ("deepseek/deepseek-v4-pro-0813", "0.66", "1.98", "0.066", "", 1000000, 384000, "R", None),
    ("deepseek/deepseek-v3.2", "0.62", "1.85", "", "", 128000, 8000, "", None),
    ("moonshotai/kimi-k3", "3", "15", "0.3", "", 1000000, 131072, "RV", None),
    ("moonshotai/kimi-k3.1-pro", "2", "10", "0.2", "", 1000000, 131072, "RV", None),
    ("moonshotai/kimi-k2.5", "0.6", "3", "", "", 256000, 256000, "RV", None),
    ("minimax/minimax-m3", "0.3", "1.2", "0.06", "", 512000, 512000, "RV", None),
    ("minimax/minimax-m2.5", "0.3", "1.2", "0.03", "0.375", 204800, 131000, "R", None),
    ("zai/glm-5.3", "1.4", "4.4", "0.14", "", 1000000, 1000000, "R", None),
    ("zai/glm-4.7", "0.6", "2.2", "", "", 200000, 120000, "R", None),
    ("alibaba/qwen3.8-max", "2", "6", "0.25", "", 262144, 128000, "RV", None),
    ("alibaba/qwen3.7-plus", "0.4", "1.6", "0.08", "0.5", 1000000, 64000, "RV", Some((255999, ["1.2", "4.8", "0.24", "1.5"]))),
    ("alibaba/qwen3-coder", "0.22", "1.8", "0.022", "", 262144, 32768, "", None),
    ("xiaomi/mimo-v2.6-pro", "0.435", "0.87", "0.0036", "", 1048576, 131072, "RV", None),
    ("amazon/nova-2-lite", "0.33", "2.75", "0.0825", "", 1000000, 1000000, "RV", None),
    ("amazon/nova-pro", "0.8", "3.2", "0.2", "", 300000, 8192, "V", None),
    ("nvidia/nemotron-3-ultra-550b-a55b", "0.6", "2.4", "0.12", "", 1000000, 65000, "R", None),
    ("nvidia/nemotron-3.5-lightning-free", "0", "0", "", "", 1000000, 65000, "R", None),
    ("cohere/command-a", "2.5", "10", "", "", 256000, 8000, "", None),
    ("tencent/hy4", "0.417", "1.2505", "0.021", "", 1024000, 64000, "RV", None),
    ("inception/mercury-3", "0.1", "0.35", "0.01", "", 1000000, 131072, "R", None),
    ("reflection/beam-free", "0", "0", "", "", 1048576, 131072, "R", None),
];

/// Models of other types: id, type, input price per million tokens (`""` where tokens are not what is paid for).
#[rustfmt::skip]
pub(crate) const OTHER: &[(&str, &str, &str)] = &[
    ("openai/text-embedding-3-small", "embedding", "0.02"),
    ("openai/text-embedding-3-large", "embedding", "0.13"),
    ("google/gemini-embedding-2", "embedding", "0.15"),
    ("cohere/embed-v5.0-pro", "embedding", "0.12"),
    ("voyage/voyage-4", "embedding", "0.06"),
    ("mistral/mistral-embed", "embedding", "0.1"),
    ("alibaba/qwen3-embedding-8b", "embedding", "0.05"),
    ("cohere/rerank-v5-pro", "reranking", ""),
    ("cohere/rerank-v3.5", "reranking", ""),
    ("voyage/rerank-3", "reranking", ""),
    ("openai/gpt-image-1", "image", ""),
    ("openai/dall-e-3", "image", ""),
    ("openai/gpt-image-2.6-flare", "image", ""),
    ("bfl/flux-3-image", "image", ""),
    ("recraft/recraft-v4.1", "image", ""),
    ("google/veo-3.1-generate-001", "video", ""),
    ("openai/tts-1", "speech", ""),
    ("openai/gpt-4o-mini-tts", "speech", ""),
    ("openai/whisper-1", "transcription", ""),
    ("openai/gpt-4o-transcribe", "transcription", ""),
    ("openai/gpt-4o-mini-transcribe", "transcription", ""),
    ("sim/judge", "evaluation", "0.1"),
];

/// How many rows of each type the whole list has, invented ones made up to that number.
#[rustfmt::skip]
pub(crate) const COUNTS: &[(&str, usize)] = &[
    ("language", 226), ("embedding", 28), ("image", 41), ("video", 36), ("reranking", 9), ("speech", 24),
    ("transcription", 16), ("realtime", 10), ("evaluation", 10), ("decision", 11),
];

/// The creators under which invented rows stand.
#[rustfmt::skip]
pub(crate) const CREATORS: &[&str] = &[
    "alibaba", "amazon", "bytedance", "cohere", "deepseek", "elevenlabs", "google", "meta", "mistral", "moonshotai",
    "nvidia", "openai", "stepfun", "tencent", "xiaomi", "zai",
];
