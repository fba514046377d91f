//! From a model name to a deployment: prefixes, model groups, wildcards, aliases.
