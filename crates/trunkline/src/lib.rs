//! A multi-provider LLM router: one call, any model.
