//! The trunkline server: an OpenAI-compatible gateway that reads LiteLLM's config.yaml.
