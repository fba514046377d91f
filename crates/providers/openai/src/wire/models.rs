//! Lists of models, read leniently: whatever is not understood is left out.

use bytes::Bytes;
use trunkline_core::cost::amount;
use trunkline_core::{Error, ErrorKind, ModelInfo, TokenPrices, json};

const DEPTH_MAX: usize = 128;

/// Reads a list of models: `{"object": "list", "data": [{"id": …}, …]}`, or the bare array.
///
/// Everything but a model's id is optional. What has a type that is not expected counts as absent, and a row
/// without an id is skipped. Limits and prices are read in the spellings of the upstreams that tell them.
///
/// # Errors
///
/// `UpstreamProtocol` if it is no such list.
#[expect(clippy::needless_pass_by_value, reason = "as `Codec::decode_models`, so that codecs pass it on")]
pub fn models(body: Bytes) -> Result<Vec<ModelInfo>, Error> {
    let refused = |message: &str| Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream();
    json::validate(&body, DEPTH_MAX)
        .map_err(|error| refused("the upstream's list of models is not JSON").with_source(error))?;
    let body = body.trim_ascii();
    let rows = if body.starts_with(b"[") {
        body
    } else {
        let rows = ["data", "models"].iter().find_map(|name| list(body, name));
        rows.ok_or_else(|| refused("the upstream's list of models has no `data`"))?
    };
    Ok(json::elements(rows).filter_map(|span| model(&rows[span])).collect())
}

fn model(row: &[u8]) -> Option<ModelInfo> {
    let id = text(row, &["id"]).filter(|id| !id.is_empty())?;
    Some(ModelInfo {
        id,
        name: text(row, &["name", "display_name"]),
        kind: text(row, &["type"]),
        owned_by: text(row, &["owned_by", "organization"]),
        created: number(row, &["created"]),
        context_window: number(
            row,
            &["context_window", "context_length", "max_context_length", "max_model_len"],
        ),
        output_tokens_max: number(row, &["max_tokens", "max_completion_tokens", "max_output_tokens"])
            .or_else(|| number(member(row, "top_provider")?, &["max_completion_tokens"])),
        tags: tags(row),
        prices: member(row, "pricing").and_then(prices),
        pricing: member(row, "pricing").and_then(pricing),
    })
}

fn tags(row: &[u8]) -> Vec<String> {
    let Some(tags) = list(row, "tags") else {
        return Vec::new();
    };
    json::elements(tags).filter_map(|span| json::string(&tags[span]).map(|tag| tag.into_owned())).collect()
}

fn prices(pricing: &[u8]) -> Option<TokenPrices> {
    let price = |names: &[&str]| {
        // OpenRouter's -1 stands for a price that depends.
        let read = |name: &&str| amount(member(pricing, name)?).filter(|price| !price.is_sign_negative());
        names.iter().find_map(read)
    };
    let prices = TokenPrices {
        input: price(&["input", "prompt"]),
        output: price(&["output", "completion"]),
        cache_read: price(&["input_cache_read"]),
        cache_write: price(&["input_cache_write"]),
    };
    (prices != TokenPrices::default()).then_some(prices)
}

fn pricing(pricing: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(pricing).ok().filter(|pricing| pricing.starts_with('{')).map(Box::from)
}

fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    json::member(object, name).map(|span| &object[span])
}

fn list<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    member(object, name).filter(|raw| raw.starts_with(b"["))
}

fn text(row: &[u8], names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| json::string(member(row, name)?).map(|text| text.into_owned()))
}

fn number(row: &[u8], names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| json::u64(member(row, name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str) -> Vec<ModelInfo> {
        models(Bytes::from_static(body.as_bytes())).expect("a list of models")
    }

    fn ids(body: &'static str) -> Vec<String> {
        read(body).into_iter().map(|model| model.id).collect()
    }

    #[test]
    fn rows_without_an_id_are_skipped() {
        assert_eq!(
            ids(
                r#"{"object":"list","data":[{"id":"a"},{"id":7},{},null,{"id":""},{"id":"b","created":"soon"}]}"#
            ),
            ["a", "b"]
        );
        assert_eq!(ids(r#"[{"id":"a"}]"#), ["a"]);
        assert_eq!(ids(r#"{"data":[]}"#), [""; 0]);
    }

    #[test]
    fn what_upstreams_tell_is_taken() {
        let rows = read(
            r#"{"data":[{"id":"v/m","object":"model","created":1755815280,"owned_by":"v","name":"M","type":"language",
                "context_window":128000,"max_tokens":4096,"tags":["vision",3],
                "pricing":{"input":"0.0000025","output":"0.00001","input_cache_read":"0.00000125"}}]}"#,
        );
        let expected = ModelInfo {
            id: "v/m".to_owned(),
            name: Some("M".to_owned()),
            kind: Some("language".to_owned()),
            owned_by: Some("v".to_owned()),
            created: Some(1_755_815_280),
            context_window: Some(128_000),
            output_tokens_max: Some(4096),
            tags: vec!["vision".to_owned()],
            prices: Some(TokenPrices {
                input: amount(b"0.0000025"),
                output: amount(b"0.00001"),
                cache_read: amount(b"0.00000125"),
                cache_write: None,
            }),
            pricing: Some(
                r#"{"input":"0.0000025","output":"0.00001","input_cache_read":"0.00000125"}"#.into(),
            ),
        };
        assert_eq!(rows, [expected]);
    }

    #[test]
    fn other_spellings() {
        let rows = read(
            r#"[{"id":"m","context_length":8192,"top_provider":{"max_completion_tokens":1024},
                "pricing":{"prompt":"0.000001","completion":"-1"}}]"#,
        );
        assert_eq!(rows[0].context_window, Some(8192));
        assert_eq!(rows[0].output_tokens_max, Some(1024));
        let prices = rows[0].prices.clone().expect("there is one");
        assert_eq!((prices.input, prices.output), (amount(b"0.000001"), None));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for body in ["", "{}", r#"{"data":{}}"#, "<html>", r#"{"data":[{"id":"a"}"#, "7"] {
            let refused = models(Bytes::from_static(body.as_bytes())).map_err(|error| error.kind());
            assert_eq!(refused, Err(ErrorKind::UpstreamProtocol), "{body}");
        }
    }
}
