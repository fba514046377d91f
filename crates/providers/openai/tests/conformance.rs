//! OpenAI, and with it every vendor of its wire format, keeps the rules that every provider keeps.

use trunkline_testkit::conformance::{Harness, cases, check, openai};

/// A vendor, with fixtures for all that its row names.
fn harness(prefix: &str) -> Harness {
    let vendor = trunkline_openai::VENDORS.iter().find(|vendor| vendor.prefix == prefix);
    let operations = vendor.expect("the vendor has a row").operations;
    Harness::new(format!("{prefix}/some/model"), trunkline_openai::register)
        .with_upstream(openai::fixtures(operations))
}

trunkline_testkit::conformance!(harness("openai"));

/// Rerank is Cohere's, and its second version stands beside `/v1`.
mod a_vendor_with_rerank {
    use trunkline_testkit::conformance::{cases, check};

    macro_rules! kept {
        ($($case:ident)*) => {
            $(
                #[test]
                fn $case() {
                    check(&super::harness("hosted_vllm"), stringify!($case), cases::$case);
                }
            )*
        };
    }

    kept! {
        claims_and_fixtures_agree
        operations_that_are_not_claimed_are_refused
        calls_go_to_the_base_that_the_deployment_names
        the_model_goes_upstream_without_its_prefix
        untouched_request_members_are_byte_identical
        whole_replies_are_decoded
        whole_replies_that_are_none_are_errors
        refusals_are_classified
    }
}

/// What every row of the table claims is what the fixtures show.
#[test]
fn every_vendor_claims_what_can_be_shown() {
    for vendor in trunkline_openai::VENDORS.iter().filter(|vendor| vendor.prefix != "openrouter") {
        let harness = harness(vendor.prefix);
        check(&harness, "claims_and_fixtures_agree", cases::claims_and_fixtures_agree);
        check(
            &harness,
            "operations_that_are_not_claimed_are_refused",
            cases::operations_that_are_not_claimed_are_refused,
        );
    }
}

/// A vendor that reports what it bills keeps to that claim.
mod a_vendor_that_reports_cost {
    use trunkline_core::Operation::{ChatCompletions, Embeddings, Responses};
    use trunkline_testkit::conformance::{
        Harness, Readings, StreamedReply, WholeReply, cases, check, openai,
    };

    const CHAT: &str = r#"{"id":"gen-1790000001-a","object":"chat.completion","created":1790000001,"model":"v/m","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"cost":0.00014}}"#;

    const EMBEDDINGS: &str = r#"{"id":"gen-emb-1790000001-b","object":"list","model":"v/e","data":[{"object":"embedding","index":0,"embedding":[0.01,-0.02]}],"usage":{"prompt_tokens":6,"total_tokens":6,"cost":1.2e-7}}"#;

    const RESPONSE: &str = r#"{"id":"gen-1790000001-c","object":"response","status":"completed","error":null,"model":"v/m","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Yes."}]}],"usage":{"input_tokens":10,"output_tokens":2,"total_tokens":12,"cost":0.00014,"is_byok":false}}"#;

    /// The same as a stream.
    fn response_stream() -> String {
        let delta = r#"{"type":"response.output_text.delta","delta":"Yes."}"#;
        format!("data: {delta}\n\ndata: {{\"type\":\"response.completed\",\"response\":{RESPONSE}}}\n\n")
    }

    fn harness() -> Harness {
        let mut fixtures = openai::fixtures(&[ChatCompletions, Embeddings]);
        let response = Readings::text("Yes.").tokens(10, 2).cost("0.00014").generation_id("gen-1790000001-c");
        fixtures.streams.push(StreamedReply::new("response", Responses, response_stream(), response.clone()));
        let chat = Readings::text("Yes.").tokens(10, 2).cost("0.00014").generation_id("gen-1790000001-a");
        let embeddings = Readings::text("").tokens(6, 0).cost("0.00000012");
        fixtures.whole = vec![
            WholeReply::new(ChatCompletions, CHAT, chat),
            WholeReply::new(Responses, RESPONSE, response),
            WholeReply::new(Embeddings, EMBEDDINGS, embeddings.generation_id("gen-emb-1790000001-b")),
        ];
        Harness::new("openrouter/v/m", trunkline_openai::register).with_upstream(fixtures)
    }

    #[test]
    fn its_claims_have_fixtures() {
        check(&harness(), "claims_and_fixtures_agree", cases::claims_and_fixtures_agree);
    }

    #[test]
    fn its_bill_is_read() {
        check(&harness(), "whole_replies_are_decoded", cases::whole_replies_are_decoded);
        check(&harness(), "streams_are_decoded", cases::streams_are_decoded);
    }
}
