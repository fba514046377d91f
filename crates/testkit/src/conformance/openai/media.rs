//! Replies of pictures, sound, moderations and rerank.

use trunkline_core::Operation;

use super::super::{Readings, StreamedReply, WholeReply};

const IMAGES: &str = r#"{"created":1790000001,"background":"opaque","data":[{"b64_json":"iVBORw0K"},{"b64_json":"Gg\/+AA=="}],"output_format":"png","quality":"low","size":"1024x1024","usage":{"input_tokens":50,"input_tokens_details":{"image_tokens":40,"text_tokens":10},"output_tokens":272,"total_tokens":322}}"#;

/// Models of the older kind tell an address and no tokens.
const IMAGE_ADDRESS: &str =
    r#"{"created":1790000001,"data":[{"url":"https://images.example/a.png","revised_prompt":"A café"}]}"#;

const GENERATION_STREAM: &str = concat!(
    "event: image_generation.partial_image\n",
    r#"data: {"type":"image_generation.partial_image","b64_json":"iVBORw0K","created_at":1790000001,"size":"1024x1024","quality":"low","background":"opaque","output_format":"png","partial_image_index":0}"#,
    "\n\nevent: image_generation.completed\n",
    r#"data: {"type":"image_generation.completed","b64_json":"iVBORw0KGg==","created_at":1790000002,"size":"1024x1024","quality":"low","background":"opaque","output_format":"png","usage":{"total_tokens":322,"input_tokens":50,"output_tokens":272,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#,
    "\n\n",
);

const EDIT_STREAM: &str = concat!(
    "event: image_edit.partial_image\n",
    r#"data: {"b64_json":"iVBORw0K","partial_image_index":0,"type":"image_edit.partial_image"}"#,
    "\n\nevent: image_edit.completed\n",
    r#"data: {"b64_json":"iVBORw0KGg==","usage":{"total_tokens":322,"input_tokens":50,"output_tokens":272,"input_tokens_details":{"text_tokens":10,"image_tokens":40}},"type":"image_edit.completed"}"#,
    "\n\n",
);

const TRANSCRIPTION: &str = r#"{"text":"Un caf\u00e9, 茶.","usage":{"type":"tokens","total_tokens":59,"input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45}}"#;

const TRANSCRIPTION_IN_DETAIL: &str = r#"{"task":"transcribe","language":"french","duration":2.9500000476837160,"text":"Un café.","segments":[{"id":0,"start":0.0,"end":2.95,"text":"Un café.","tokens":[50364,1212],"avg_logprob":-0.2860786020755768}],"usage":{"type":"duration","seconds":3}}"#;

const SUBTITLES: &str = "1\n00:00:00,000 --> 00:00:02,950\nUn café, 茶. \"error\"\n\n";

const TRANSCRIPTION_STREAM: &str = concat!(
    r#"data: {"type":"transcript.text.delta","delta":"Un café","logprobs":[]}"#,
    "\n\n",
    r#"data: {"type":"transcript.text.delta","delta":", transcript.text.done"}"#,
    "\n\n",
    r#"data: {"type":"transcript.text.done","text":"Un café, transcript.text.done","logprobs":[],"usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}"#,
    "\n\n",
);

/// Sound, in which every byte may stand, and which may look like JSON or an end.
const SOUND: &[u8] = b"ID3\x04\x00\xff\xfb\x90d{\"error\":{}}\r\n\r\ndata: [DONE]\n\n\x00\xfe\xff\x80\xc3(";

const SPEECH_STREAM: &str = concat!(
    r#"data: {"type":"speech.audio.delta","audio":"SUQzBAA="}"#,
    "\n\n",
    r#"data: {"type":"speech.audio.delta","audio":"\/\/uQZA=="}"#,
    "\n\n",
    r#"data: {"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#,
    "\n\n",
);

const MODERATION: &str = r#"{"id":"modr-0d9740456c391e43c445bf0f010940c7","model":"omni-moderation-latest","results":[{"flagged":false,"categories":{"violence":false,"self-harm\/intent":false},"category_scores":{"violence":3.2e-05,"self-harm\/intent":1e-6},"category_applied_input_types":{"violence":["text"]}}]}"#;

const RERANKED: &str = r#"{"id":"rerank-1","results":[{"index":1,"relevance_score":0.9990000000000001,"document":{"text":"A house of coffee 😀"}}],"meta":{"api_version":{"version":"1"},"billed_units":{"search_units":1}}}"#;

const RERANKED_V2: &str = r#"{"id":"rerank-2","results":[{"index":1,"relevance_score":0.999}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1},"tokens":{"input_tokens":30,"output_tokens":0}}}"#;

pub(super) fn whole_replies() -> Vec<WholeReply> {
    use Operation::{ImageEdits, ImageGenerations, Moderations, Rerank, RerankV2, Speech, Transcriptions};
    let silent = || Readings::text("");
    let pictures = || Readings::text("iVBORw0KGg/+AA==").tokens(50, 272);
    vec![
        WholeReply::new(ImageGenerations, IMAGES, pictures()),
        WholeReply::new(ImageGenerations, IMAGE_ADDRESS, silent()),
        WholeReply::new(ImageEdits, IMAGES, pictures()),
        WholeReply::new(Transcriptions, TRANSCRIPTION, Readings::text("Un café, 茶.").tokens(14, 45)),
        WholeReply::new(Transcriptions, TRANSCRIPTION_IN_DETAIL, Readings::text("Un café.")),
        WholeReply::raw(Transcriptions, "text/plain; charset=utf-8", SUBTITLES),
        WholeReply::raw(Speech, "audio/mpeg", SOUND),
        WholeReply::new(Moderations, MODERATION, silent()),
        WholeReply::new(Rerank, RERANKED, silent()),
        WholeReply::new(RerankV2, RERANKED_V2, silent().tokens(30, 0)),
    ]
}

pub(super) fn streamed_replies() -> Vec<StreamedReply> {
    let pictures = || Readings::text("iVBORw0K").tokens(50, 272);
    let heard = Readings::text("Un café, transcript.text.done").tokens(14, 45);
    let spoken = Readings::text("SUQzBAA=//uQZA==").tokens(14, 101);
    vec![
        StreamedReply::new("image_generation", Operation::ImageGenerations, GENERATION_STREAM, pictures()),
        StreamedReply::new("image_edit", Operation::ImageEdits, EDIT_STREAM, pictures()),
        StreamedReply::new("transcription", Operation::Transcriptions, TRANSCRIPTION_STREAM, heard),
        StreamedReply::new("speech", Operation::Speech, SPEECH_STREAM, spoken),
    ]
}
