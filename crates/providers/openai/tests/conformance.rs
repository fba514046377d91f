//! OpenAI, and with it every vendor of its wire format, keeps the rules that every provider keeps.

use trunkline_core::Operation;
use trunkline_testkit::conformance::{Harness, openai};

fn harness() -> Harness {
    Harness::new("openai/gpt-4.1-nano", trunkline_openai::register)
        .with_upstream(openai::fixtures(&Operation::ALL))
}

trunkline_testkit::conformance!(harness());

/// A vendor that reports what it bills keeps to that claim.
mod a_vendor_that_reports_cost {
    use trunkline_core::Operation::{ChatCompletions, Embeddings};
    use trunkline_testkit::conformance::{Harness, Readings, WholeReply, cases, check, openai};

    const CHAT: &str = r#"{"id":"gen-1790000001-a","object":"chat.completion","created":1790000001,"model":"v/m","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"cost":0.00014}}"#;

    const EMBEDDINGS: &str = r#"{"id":"gen-emb-1790000001-b","object":"list","model":"v/e","data":[{"object":"embedding","index":0,"embedding":[0.01,-0.02]}],"usage":{"prompt_tokens":6,"total_tokens":6,"cost":1.2e-7}}"#;

    fn harness() -> Harness {
        let mut fixtures = openai::fixtures(&[ChatCompletions, Embeddings]);
        let chat = Readings::text("Yes.").tokens(10, 2).cost("0.00014").generation_id("gen-1790000001-a");
        let embeddings = Readings::text("").tokens(6, 0).cost("0.00000012");
        fixtures.whole = vec![
            WholeReply::new(ChatCompletions, CHAT, chat),
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
