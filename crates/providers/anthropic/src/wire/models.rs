//! Lists of models, read leniently: whatever is not understood is left out.

use bytes::Bytes;
use trunkline_core::{Error, ErrorKind, ModelInfo, json};

use super::date::unix_seconds;

const DEPTH_MAX: usize = 128;

/// Reads a list of models: `{"data": [{"type": "model", "id": …}, …], "has_more": false, …}`.
///
/// Everything but a model's id is optional. What has a type that is not expected counts as absent, and a row
/// without an id is skipped. One page is all that is read: it has room for a thousand models.
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
    let rows = json::member(body, "data").map(|span| &body[span]).filter(|rows| rows.starts_with(b"["));
    let rows = rows.ok_or_else(|| refused("the upstream's list of models has no `data`"))?;
    Ok(json::elements(rows).filter_map(|span| model(&rows[span])).collect())
}

fn model(row: &[u8]) -> Option<ModelInfo> {
    let member = |name: &str| json::member(row, name).map(|span| &row[span]);
    let text = |name: &str| json::string(member(name)?).map(|text| text.into_owned());
    let number = |name: &str| json::u64(member(name)?);
    Some(ModelInfo {
        id: text("id").filter(|id| !id.is_empty())?,
        name: text("display_name"),
        // An unknown day is told as the first of 1970.
        created: text("created_at").and_then(|text| unix_seconds(&text)).filter(|seconds| *seconds > 0),
        context_window: number("max_input_tokens"),
        output_tokens_max: number("max_tokens"),
        ..ModelInfo::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str) -> Vec<ModelInfo> {
        models(Bytes::from_static(body.as_bytes())).expect("a list of models")
    }

    #[test]
    fn what_the_upstream_tells_is_taken() {
        let rows = read(
            r#"{"data":[{"type":"model","id":"claude-sonnet-4-5-20250929","display_name":"Claude Sonnet 4.5",
                "created_at":"2025-09-29T00:00:00Z","max_input_tokens":200000,"max_tokens":64000,
                "capabilities":{"batch":{"supported":true}}}],
                "has_more":false,"first_id":"a","last_id":"a"}"#,
        );
        let expected = ModelInfo {
            id: "claude-sonnet-4-5-20250929".to_owned(),
            name: Some("Claude Sonnet 4.5".to_owned()),
            created: Some(1_759_104_000),
            context_window: Some(200_000),
            output_tokens_max: Some(64_000),
            ..ModelInfo::default()
        };
        assert_eq!(rows, [expected]);
    }

    #[test]
    fn what_is_odd_is_left_out() {
        let rows = read(
            r#"{"data":[{"id":"a","created_at":"1970-01-01T00:00:00Z","display_name":7,"max_tokens":"many"},
                {"id":""},{"display_name":"b"},null,"c",{"id":8},{"id":"d","created_at":"soon"}]}"#,
        );
        let only = |id: &str| ModelInfo { id: id.to_owned(), ..ModelInfo::default() };
        assert_eq!(rows, [only("a"), only("d")]);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for body in ["", "{}", r#"{"data":{}}"#, "<html>", r#"{"data":[{"id":"a"}"#, "[]", "7"] {
            let refused = models(Bytes::from_static(body.as_bytes())).map_err(|error| error.kind());
            assert_eq!(refused, Err(ErrorKind::UpstreamProtocol), "{body}");
        }
    }
}
