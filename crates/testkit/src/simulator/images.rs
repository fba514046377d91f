//! `POST /v1/images/generations` and `/v1/images/edits`: one white pixel, as often as it is asked for.

mod request;
mod wire;

use http::StatusCode;
use rust_decimal::Decimal;

use self::request::ImageRequest;
use self::wire::{Image, ImageEvent, ImageList, InputTokensDetails, Usage};
use super::answer::pixel_base64;
use super::call::Call;
use super::events::{Event, Events, Failure};
use super::fault::Fault;
use super::money::Tokens;
use super::purchase::{Purchase, Settled};
use super::reply::Reply;
use super::request::ChatRequest;
use super::tokens;

pub(crate) use self::request::{form, read};

/// What an image costs in tokens, be it read or made.
const IMAGE_TOKENS: u64 = 85;

/// The two events of each kind of stream.
struct Names {
    partial: &'static str,
    completed: &'static str,
}

pub(crate) fn generate(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let names = Names { partial: "image_generation.partial_image", completed: "image_generation.completed" };
    make(call, &ImageRequest::read(call)?, &names, faults)
}

pub(crate) fn edit(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let names = Names { partial: "image_edit.partial_image", completed: "image_edit.completed" };
    make(call, &ImageRequest::read_edit(call)?, &names, faults)
}

fn make(
    call: &Call<'_>,
    asked: &ImageRequest,
    names: &Names,
    faults: &mut Vec<Fault>,
) -> Result<Reply, Reply> {
    let request = ChatRequest {
        model: call.model(&asked.model),
        stream: asked.stream,
        provider_options: asked.provider_options.clone(),
        ..ChatRequest::default()
    };
    let purchase = Purchase::open(call, &request, &["image"], faults)?;
    let count = asked.n.unwrap_or(1);
    let (text_tokens, image_tokens) = (tokens::of_text(&asked.prompt), asked.edited * IMAGE_TOKENS);
    let (input_tokens, output_tokens) = (text_tokens + image_tokens, count * IMAGE_TOKENS);
    let usage = Usage {
        input_tokens,
        output_tokens,
        total_tokens: input_tokens + output_tokens,
        input_tokens_details: InputTokensDetails { text_tokens, image_tokens },
    };
    let price = purchase.price("image") * Decimal::from(count);
    let counted = Tokens { prompt: input_tokens, completion: output_tokens, ..Tokens::default() };
    let settled = purchase.settle_at(price, counted);
    if asked.stream == Some(true) {
        return Ok(Reply::events(stream(call, asked, names, &settled, usage)));
    }
    let image = |index| match asked.response_format.as_deref() {
        Some("url") => Image::Url(format!("https://images.example.com/{}/{index}.png", settled.id)),
        _ => Image::B64Json(pixel_base64()),
    };
    let list = ImageList {
        created: settled.created,
        data: (0..count).map(image).collect(),
        usage,
        provider_metadata: call.is_vercel().then_some(&settled.metadata),
    };
    Ok(Reply::json(StatusCode::OK, &list))
}

/// As many sketches as were asked for, and the image.
fn stream(call: &Call<'_>, asked: &ImageRequest, names: &Names, settled: &Settled, usage: Usage) -> Events {
    let event = |kind, partial_image_index| ImageEvent {
        kind,
        b64_json: pixel_base64(),
        created_at: settled.created,
        size: asked.size.as_deref().unwrap_or("1024x1024"),
        quality: asked.quality.as_deref().unwrap_or("high"),
        background: "opaque",
        output_format: "png",
        partial_image_index,
        usage: None,
        provider_metadata: None,
    };
    let partial = |index| Event::named(names.partial, &event(names.partial, Some(index)));
    let completed = ImageEvent {
        usage: Some(usage),
        provider_metadata: call.is_vercel().then_some(&settled.metadata),
        ..event(names.completed, None)
    };
    let mut events = (0..asked.partial_images.unwrap_or_default()).map(partial).collect::<Vec<_>>();
    events.push(Event::named(names.completed, &completed));
    Events { events, closing: 1, failure: Failure::OpenAi }
}
