//! `cache` and `cache_params`.

use std::time::Duration;

use trunkline_config::{CachePlace, CacheSettings, Secret, Settings};
use trunkline_core::Operation;

use crate::{check, check_with, read_clean};

fn params(yaml: &str) -> CacheSettings {
    read_clean(&format!("litellm_settings: {{cache: true, cache_params: {yaml}}}"), &[]).settings.cache
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn nothing_is_kept_unless_the_file_says_so() {
    let settings = read_clean("litellm_settings: {cache_params: {type: local, ttl: 5}}", &[]).settings.cache;
    assert!(!settings.is_on);
    assert!(!read_clean("litellm_settings: {cache: false}", &[]).settings.cache.is_on);
    let settings = read_clean("litellm_settings: {cache: true}", &[]).settings.cache;
    assert!(settings.is_on && settings.on_by_default);
    assert_eq!((settings.place, settings.ttl, settings.messages_max), (CachePlace::Memory, None, Some(4)));
    assert_eq!((settings.namespace, settings.operations), (None, None));
}

#[test]
fn every_parameter_is_read() {
    let settings = params(
        "{type: local, mode: default_off, ttl: 60, max_messages: '10', namespace: a, \
         supported_call_types: [acompletion, completion, aembedding, rerank, anthropic_messages]}",
    );
    assert!(!settings.on_by_default);
    assert_eq!((settings.ttl, settings.messages_max), (seconds(60), Some(10)));
    assert_eq!(settings.namespace.as_deref(), Some("a"));
    let expected = [
        Operation::ChatCompletions,
        Operation::Embeddings,
        Operation::Messages,
        Operation::Rerank,
        Operation::RerankV2,
    ];
    assert_eq!(settings.operations.as_deref(), Some(&expected[..]));
    assert_eq!(params("{supported_call_types: []}").operations, Some(Vec::new()));
}

#[test]
fn an_empty_limit_of_messages_is_no_limit() {
    assert_eq!(params("{max_messages: }").messages_max, None);
    assert_eq!(params("{max_messages: null}").messages_max, None);
    assert_eq!(params("{max_messages: 0}").messages_max, Some(0));
}

#[test]
fn the_time_of_the_place_counts_before_the_general_one() {
    let times = "ttl: 60, default_in_memory_ttl: 5, default_in_redis_ttl: 7";
    assert_eq!(params(&format!("{{type: local, {times}}}")).ttl, seconds(5));
    assert_eq!(params("{type: local, ttl: 60, default_in_redis_ttl: 7}").ttl, seconds(60));
    let yaml = format!("litellm_settings: {{cache_params: {{type: redis, {times}}}}}");
    assert_eq!(read_clean(&yaml, &[]).settings.cache.ttl, seconds(7));
}

#[test]
fn redis_is_read_from_the_file_and_else_from_the_environment() {
    let yaml = "litellm_settings:
  cache: true
  cache_params: {type: redis, host: cache.example, port: 6380, password: os.environ/CACHE_KEY, db: 2}
";
    let variables = [("CACHE_KEY", "p"), ("REDIS_HOST", "other.example"), ("REDIS_SSL", "True")];
    let redis = read_clean(yaml, &variables).settings.cache.redis;
    assert_eq!(
        (redis.host.as_deref(), redis.port, redis.database),
        (Some("cache.example"), Some(6380), Some(2))
    );
    assert_eq!((redis.password.as_ref().map(Secret::expose), redis.tls), (Some("p"), true));

    let variables = [("REDIS_URL", "redis://cache.example"), ("REDIS_PORT", "1"), ("REDIS_USERNAME", " ")];
    let settings = read_clean("", &variables).settings.cache;
    assert_eq!(settings.place, CachePlace::Redis, "a Redis that is named is meant, as in LiteLLM");
    let redis = settings.redis;
    assert_eq!(redis.url.as_ref().map(Secret::expose), Some("redis://cache.example"));
    assert_eq!((redis.port, redis.username, redis.tls), (Some(1), None, false));
    let settings =
        read_clean("litellm_settings: {cache: true, cache_params: {type: local}}", &variables).settings;
    assert_eq!(settings.cache.place, CachePlace::Memory);
}

#[test]
fn what_cannot_be_honoured_is_told_of() {
    let loaded = check(
        "litellm_settings:
  cache: true
  cache_params:
    type: redis-semantic
    mode: default_of
    port: 70000
    similarity_threshold: 0.8
    supported_call_types: [atranscription, embeding, [a]]
",
        &[
            "config.yaml:4:11: warning: litellm_settings.cache_params.type is not supported: `redis-semantic` is taken as `local`",
            "!config.yaml:5:11: error: litellm_settings.cache_params.mode must be `default_on` or `default_off`",
            "!config.yaml:6:11: error: litellm_settings.cache_params.port must be a port, from 1 to 65535",
            "config.yaml:7:5: warning: litellm_settings.cache_params.similarity_threshold is not a key that Trunkline knows",
            "config.yaml:8:28: warning: litellm_settings.cache_params.supported_call_types `atranscription` is not supported: its replies are not kept",
            "config.yaml:8:44: warning: litellm_settings.cache_params.supported_call_types `embeding` is not supported: its replies are not kept; did you mean embedding?",
            "!config.yaml:8:54: error: litellm_settings.cache_params.supported_call_types[2] must be text, not a list",
        ],
    );
    assert!(!loaded.settings.cache.on_by_default, "a slip turns nothing on");
}

#[test]
fn a_redis_of_limits_is_that_of_the_router_else_that_of_the_cache() {
    let variables = [("REDIS_URL", "redis://of-environment"), ("REDIS_PASSWORD", "p")];
    let url = |settings: &Settings| settings.redis.url.as_ref().map(|url| url.expose().to_owned());
    let settings = read_clean("", &variables).settings;
    assert_eq!(url(&settings).as_deref(), Some("redis://of-environment"));
    let of_cache = "litellm_settings: {cache_params: {host: of-cache}}\n";
    let settings = read_clean(of_cache, &variables).settings;
    assert_eq!((url(&settings), settings.redis.host.as_deref()), (None, Some("of-cache")));
    let yaml = format!("{of_cache}router_settings: {{redis_host: of-router, redis_port: 6380, redis_db: 1}}");
    let settings = read_clean(&yaml, &variables).settings;
    assert_eq!((url(&settings), settings.redis.host.as_deref()), (None, Some("of-router")));
    assert_eq!((settings.redis.port, settings.redis.database), (Some(6380), Some(1)));
    assert_eq!(settings.redis.password.as_ref().map(Secret::expose), Some("p"), "of the environment");
    assert!(!read_clean("", &[]).settings.redis.is_named());
}

#[test]
fn a_cache_in_redis_needs_to_know_where_it_is() {
    let yaml = "litellm_settings: {cache: true, cache_params: {type: redis}}";
    let error = "!config.yaml:1:47: error: litellm_settings.cache_params says that replies are kept in Redis, and nothing says where it is: set `host` or `url`, or REDIS_HOST";
    check_with(yaml, &[], &[error]);
    read_clean(yaml, &[("REDIS_HOST", "h")]);
}
