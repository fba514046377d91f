//! The same question, answered chunk by chunk.
//!
//! `VERCEL_AI_GATEWAY_API_KEY=… cargo run -p trunkline --example vercel_streaming`

use trunkline::{Error, Message, completion};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let messages = [Message::user("Hello, how are you?")];

    let mut response = completion("vercel_ai_gateway/openai/gpt-4o", messages).stream().await?;

    while let Some(chunk) = response.next().await {
        println!("{:?}", chunk?);
    }
    println!("{:?}", response.summary());
    Ok(())
}
