//! LiteLLM's config.yaml, read into typed settings with located diagnostics.
