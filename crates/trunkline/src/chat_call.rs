//! A chat call: its parameters, and the two ways of sending it.

use trunkline_core::{Document, Error, ErrorKind, Operation};
use trunkline_openai::chat::{
    AudioOutput, ChatRequest, Prediction, ResponseFormat, StreamOptions, Tool, ToolChoice,
};

use crate::call_builder::{Answer, CallBuilder, whole};
use crate::{ChatStream, Completion};

/// A chat completion that is being put together: sent whole by `.await`, or as a stream by
/// [`stream`](ChatCall::stream).
///
/// What is not set is not sent, so that the upstream's defaults hold.
pub type ChatCall = CallBuilder<ChatRequest>;

/// One method for each parameter that is a single value.
macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        impl CallBuilder<ChatRequest> {
            $(
                $(#[$doc])*
                pub fn $name(mut self, $name: $type) -> Self {
                    self.request.$name = Some($name.into());
                    self
                }
            )*
        }
    };
}

parameters! {
    /// How much chance there is in the answer, 0 to 2.
    temperature: f64;
    /// The share of probability that tokens are drawn from, 0 to 1.
    top_p: f64;
    /// The most tokens that the answer may take, under the name that most upstreams know.
    max_tokens: u64;
    /// The most tokens that the answer may take, reasoning included, under OpenAI's newer name.
    max_completion_tokens: u64;
    /// How much the model reasons: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, as the model offers.
    reasoning_effort: impl Into<String>;
    /// How wordy the answer is: `low`, `medium`, `high`.
    verbosity: impl Into<String>;
    /// The form of the answer: text, JSON, or JSON by a schema.
    response_format: ResponseFormat;
    /// Whether the model calls tools, and which.
    tool_choice: ToolChoice;
    /// Whether the model may call several tools at once.
    parallel_tool_calls: bool;
    /// How many answers are wanted; each is billed.
    n: u32;
    /// A number that makes answers repeatable, as far as the upstream can.
    seed: i64;
    /// How much tokens are shunned that came often already, -2 to 2.
    frequency_penalty: f64;
    /// How much tokens are shunned that came at all already, -2 to 2.
    presence_penalty: f64;
    /// Whether the reply tells the probabilities of its tokens.
    logprobs: bool;
    /// How many of the likeliest tokens are told at each place. It wants [`logprobs`](ChatCall::logprobs).
    top_logprobs: u32;
    /// An id of the person who asks.
    user: impl Into<String>;
    /// An id of the person who asks, hashed, by which abuse can be told apart.
    safety_identifier: impl Into<String>;
    /// What requests that share a prompt have in common, so that they meet the same prompt cache.
    prompt_cache_key: impl Into<String>;
    /// How long the prompt is kept in the cache: `in_memory` or `24h`.
    prompt_cache_retention: impl Into<String>;
    /// The tier that the request is served in: `auto`, `default`, `flex`, `priority`.
    service_tier: impl Into<String>;
    /// Whether the upstream keeps the reply.
    store: bool;
    /// Text that most of the answer is expected to repeat.
    prediction: Prediction;
    /// How a spoken answer sounds.
    audio: AudioOutput;
    /// How the model searches the web, where it does.
    web_search_options: impl Into<serde_json::Value>;
    /// What a stream holds besides the answer. The usage is always asked for; it is in
    /// [`ChatStream::summary`], and in a chunk of its own for those who ask for it here.
    stream_options: StreamOptions;
}

impl CallBuilder<ChatRequest> {
    /// Adds a tool that the model may call.
    pub fn tool(mut self, tool: Tool) -> Self {
        self.request.tools.push(tool);
        self
    }

    /// Adds tools that the model may call.
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.request.tools.extend(tools);
        self
    }

    /// Ends the answer before any of these texts.
    pub fn stop<T: Into<String>>(mut self, stop: impl IntoIterator<Item = T>) -> Self {
        self.request.stop = Some(stop.into_iter().map(Into::into).collect::<Vec<String>>().into());
        self
    }

    /// Adds kinds of answer: `text`, `audio`, `image`.
    pub fn modalities<T: Into<String>>(mut self, modalities: impl IntoIterator<Item = T>) -> Self {
        self.request.modalities.extend(modalities.into_iter().map(Into::into));
        self
    }

    /// Favours a token, by its number: -100 (never) to 100 (only).
    pub fn logit_bias(mut self, token: impl Into<String>, bias: f64) -> Self {
        self.request.logit_bias.insert(token.into(), bias);
        self
    }

    /// Adds a text that is kept with a stored reply.
    pub fn metadata(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.request.metadata.insert(name.into(), text.into());
        self
    }

    /// Sends the call and gives back the answer as it comes.
    ///
    /// An upstream that refuses does so here; what goes wrong later is the stream's last item.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), trunkline::Error> {
    /// let mut stream = trunkline::completion("echo/any", "one two three four").stream().await?;
    /// let mut text = String::new();
    /// while let Some(chunk) = stream.next().await {
    ///     text += chunk?.text().unwrap_or_default();
    /// }
    /// assert_eq!(text, "one two three four");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for a call that is awaited.
    pub async fn stream(self) -> Result<ChatStream, Error> {
        let Self { request, mut delivery } = self;
        let model = request.model.clone();
        let mut document = request.into_document()?;
        delivery.complete(&mut document);
        document.set_raw("stream", &b"true"[..]);
        let usage_is_wanted = wants_usage(&document);
        let reply = delivery.send(Operation::ChatCompletions, &model, document).await?;
        ChatStream::new(reply, usage_is_wanted)
    }

    async fn send(self) -> Result<Completion, Error> {
        let Self { request, mut delivery } = self;
        let model = request.model.clone();
        let mut document = request.into_document()?;
        delivery.complete(&mut document);
        if document.is_true("stream") {
            let message =
                "the request asks for a stream, and the call for a whole answer; send it with `stream()`";
            return Err(Error::new(ErrorKind::InvalidRequest, message).with_param("stream"));
        }
        let reply = delivery.send(Operation::ChatCompletions, &model, document).await?;
        let (document, observation) = whole(reply)?;
        Completion::new(document, observation)
    }
}

/// Whether the caller itself asked for the usage in a chunk of its own.
fn wants_usage(document: &Document) -> bool {
    let options = document.get::<Option<StreamOptions>>("stream_options").ok().flatten().flatten();
    options.is_some_and(|options| options.include_usage == Some(true))
}

impl IntoFuture for CallBuilder<ChatRequest> {
    type Output = Result<Completion, Error>;
    type IntoFuture = Answer<Completion>;

    fn into_future(self) -> Answer<Completion> {
        Box::pin(self.send())
    }
}
