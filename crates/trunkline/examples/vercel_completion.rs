//! One question to a model of the Vercel AI Gateway.
//!
//! `VERCEL_AI_GATEWAY_API_KEY=… cargo run -p trunkline --example vercel_completion`

use trunkline::{Error, Message, completion};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let messages = [Message::user("Hello, how are you?")];

    let response = completion("vercel_ai_gateway/openai/gpt-4o", messages).await?;

    println!("{response:#?}");
    println!("{}", response.text());
    Ok(())
}
