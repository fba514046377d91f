//! A model that looks up the weather: it calls a tool, and answers once it has the result.
//!
//! `VERCEL_AI_GATEWAY_API_KEY=… cargo run -p trunkline --example tools`

use std::error::Error;

use trunkline::serde_json::{self, Value, json};
use trunkline::{Message, Tool, completion};

const MODEL: &str = "vercel_ai_gateway/openai/gpt-4o";
/// How often the model is asked at most: a model that never stops calling tools would be paid for without end.
const TURNS_MAX: usize = 5;

/// What the program can do for the model. A real one would ask a weather service.
fn weather(city: &str) -> Value {
    json!({"city": city, "temperature_celsius": 21, "sky": "clear"})
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tools = [Tool::function("weather", "tells the weather of a city", parameters)];
    let mut messages = vec![Message::user("What is the weather in Oslo?")];

    for _turn in 0..TURNS_MAX {
        let answer = completion(MODEL, &messages).tools(tools.clone()).await?;
        if answer.tool_calls().is_empty() {
            println!("{}", answer.text());
            return Ok(());
        }
        messages.push(answer.to_message());
        for call in answer.tool_calls() {
            let Some(function) = &call.function else { continue };
            let arguments: Value = serde_json::from_str(&function.arguments)?;
            println!("{}({arguments})", function.name);
            let city = arguments["city"].as_str().unwrap_or_default();
            messages.push(Message::tool(&call.id, weather(city).to_string()));
        }
    }
    Err("the model did not come to an answer".into())
}
