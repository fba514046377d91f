//! What a method and a path ask for.

use http::Method;

use super::dialect::Dialect;

/// What a method and a path ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    ChatCompletions,
    Embeddings,
    Messages,
    CountTokens,
    Responses,
    CompactResponse,
    ResponseInputTokens,
    StoredResponse(StoredResponse, String),
    Rerank,
    RerankV2,
    ImageGenerations,
    ImageEdits,
    Speech,
    Transcriptions,
    Moderations,
    Evaluate,
    Models,
    Model(String),
    ModelEndpoints(String),
    Credits,
    Generation,
    Report,
    Unknown,
}

/// What is asked of a response that was given before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredResponse {
    Retrieve,
    Delete,
    Cancel,
    InputItems,
}

/// What holds of an endpoint besides what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) asks: Asks,
    /// In which dialect it refuses.
    pub(crate) dialect: Dialect,
    /// Whether only OpenAI has it, whose models have no creator in their names.
    pub(crate) of_openai_alone: bool,
}

/// Who is asked, and so what it takes to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Whoever comes is answered.
    Anybody,
    /// A credential is needed.
    Account,
    /// The same, and a model answers: what a fault rule without a path befalls.
    Model,
}

impl Endpoint {
    /// `path` is without the flavour's prefix.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        if method == Method::POST {
            return Self::of_post(path);
        }
        let get = method == Method::GET || method == Method::HEAD;
        if let Some(id) = path.strip_prefix("/v1/responses/") {
            return match id.strip_suffix("/input_items") {
                Some(id) if get => Self::StoredResponse(StoredResponse::InputItems, id.to_owned()),
                None if get => Self::StoredResponse(StoredResponse::Retrieve, id.to_owned()),
                None if method == Method::DELETE => {
                    Self::StoredResponse(StoredResponse::Delete, id.to_owned())
                }
                _ => Self::Unknown,
            };
        }
        match path {
            _ if !get => Self::Unknown,
            "/v1/models" => Self::Models,
            "/v1/credits" => Self::Credits,
            "/v1/generation" => Self::Generation,
            "/v1/report" => Self::Report,
            _ => match path.strip_prefix("/v1/models/") {
                Some(model) => match model.strip_suffix("/endpoints") {
                    Some(model) => Self::ModelEndpoints(model.to_owned()),
                    None => Self::Model(model.to_owned()),
                },
                None => Self::Unknown,
            },
        }
    }

    fn of_post(path: &str) -> Self {
        match path {
            "/v1/chat/completions" => Self::ChatCompletions,
            "/v1/embeddings" => Self::Embeddings,
            "/v1/messages" => Self::Messages,
            "/v1/messages/count_tokens" => Self::CountTokens,
            "/v1/responses" => Self::Responses,
            "/v1/responses/compact" => Self::CompactResponse,
            "/v1/responses/input_tokens" => Self::ResponseInputTokens,
            "/v1/rerank" => Self::Rerank,
            "/v2/rerank" => Self::RerankV2,
            "/v1/images/generations" => Self::ImageGenerations,
            "/v1/images/edits" => Self::ImageEdits,
            "/v1/audio/speech" => Self::Speech,
            "/v1/audio/transcriptions" => Self::Transcriptions,
            "/v1/moderations" => Self::Moderations,
            "/v1/evaluate" => Self::Evaluate,
            _ => {
                let id = path.strip_prefix("/v1/responses/").and_then(|rest| rest.strip_suffix("/cancel"));
                id.map_or(Self::Unknown, |id| Self::StoredResponse(StoredResponse::Cancel, id.to_owned()))
            }
        }
    }

    /// The name that a bill gives to what a model answers here; `None` where no model does.
    pub(crate) fn operation(&self) -> Option<&'static str> {
        Some(match self {
            Self::ChatCompletions => "chat_completions",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
            Self::Responses => "responses",
            Self::CompactResponse => "responses_compact",
            Self::Rerank | Self::RerankV2 => "rerank",
            Self::ImageGenerations => "image_generations",
            Self::ImageEdits => "image_edits",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Moderations => "moderations",
            Self::Evaluate => "evaluate",
            Self::CountTokens
            | Self::ResponseInputTokens
            | Self::StoredResponse(..)
            | Self::Models
            | Self::Model(_)
            | Self::ModelEndpoints(_)
            | Self::Credits
            | Self::Generation
            | Self::Report
            | Self::Unknown => return None,
        })
    }

    pub(crate) fn rules(&self) -> Rules {
        let rules = |asks, dialect| Rules { asks, dialect, of_openai_alone: false };
        match self {
            Self::Models | Self::Model(_) | Self::ModelEndpoints(_) | Self::Unknown => {
                rules(Asks::Anybody, Dialect::OpenAi)
            }
            Self::Credits | Self::Generation | Self::Report => rules(Asks::Account, Dialect::OpenAi),
            Self::CountTokens => rules(Asks::Account, Dialect::Messages),
            Self::Messages => rules(Asks::Model, Dialect::Messages),
            Self::Rerank | Self::RerankV2 => rules(Asks::Model, Dialect::Cohere),
            Self::ChatCompletions
            | Self::Embeddings
            | Self::Responses
            | Self::CompactResponse
            | Self::ImageGenerations
            | Self::ImageEdits
            | Self::Evaluate => rules(Asks::Model, Dialect::OpenAi),
            Self::Speech | Self::Transcriptions | Self::Moderations => {
                Rules { of_openai_alone: true, ..rules(Asks::Model, Dialect::OpenAi) }
            }
            Self::ResponseInputTokens | Self::StoredResponse(..) => {
                Rules { of_openai_alone: true, ..rules(Asks::Account, Dialect::OpenAi) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_endpoints() {
        let get = |path| Endpoint::of(&Method::GET, path);
        let post = |path| Endpoint::of(&Method::POST, path);
        assert_eq!(get("/v1/models"), Endpoint::Models);
        assert_eq!(get("/v1/models/a/b"), Endpoint::Model("a/b".to_owned()));
        assert_eq!(get("/v1/models/a/b/endpoints"), Endpoint::ModelEndpoints("a/b".to_owned()));
        assert_eq!(get("/v1/chat/completions"), Endpoint::Unknown);
        assert_eq!(post("/v1/completions"), Endpoint::Unknown);
        assert_eq!(post("/v1/messages/count_tokens"), Endpoint::CountTokens);
        let stored = |what| Endpoint::StoredResponse(what, "resp_1".to_owned());
        assert_eq!(get("/v1/responses/resp_1"), stored(StoredResponse::Retrieve));
        assert_eq!(get("/v1/responses/resp_1/input_items"), stored(StoredResponse::InputItems));
        assert_eq!(post("/v1/responses/resp_1/cancel"), stored(StoredResponse::Cancel));
        assert_eq!(post("/v1/responses/resp_1"), Endpoint::Unknown);
        assert_eq!(Endpoint::of(&Method::DELETE, "/v1/responses/resp_1"), stored(StoredResponse::Delete));
        assert_eq!(Endpoint::of(&Method::DELETE, "/v1/models"), Endpoint::Unknown);
    }
}
