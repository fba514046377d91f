//! Chat completions as types: a request to build, replies and chunks to read.
//!
//! Every type keeps what it does not know in `extra`, so that nothing is lost between reading and writing.
//!
//! ```
//! use trunkline_openai::chat::{ChatRequest, Message};
//!
//! let request = ChatRequest::new("gpt-4o", [Message::system("be brief"), Message::user("hello")])
//!     .temperature(0.2)
//!     .max_completion_tokens(200u64);
//! let document = request.into_document()?;
//! assert_eq!(document.raw("temperature"), Some(&b"0.2"[..]));
//! # Ok::<(), trunkline_core::Error>(())
//! ```

mod chunk;
mod chunks;
mod content;
mod message;
mod options;
mod request;
mod response;
mod tool;
mod usage;

pub use chunk::{ChatChunk, ChunkChoice, Delta, FunctionDelta, ToolCallDelta};
pub use chunks::ChatChunks;
pub use content::{Content, ContentPart, File, ImageUrl, InputAudio};
pub use message::{FunctionCall, Message, Role, ToolCall};
pub use options::{AudioOutput, JsonSchema, Prediction, ResponseFormat, StreamOptions};
pub use request::ChatRequest;
pub use response::{ChatMessage, ChatResponse, Choice};
pub use tool::{Function, Tool, ToolChoice};
pub use usage::{InputDetails, OutputDetails, UsageView};

/// Members that a type does not know, as they came.
pub type Extra = serde_json::Map<String, serde_json::Value>;
