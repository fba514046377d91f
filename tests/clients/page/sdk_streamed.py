"""LiteLLM's page, "Vercel AI Gateway Streaming Completion": the LiteLLM SDK, a streamed reply."""

import os

from litellm import completion

os.environ["VERCEL_AI_GATEWAY_API_KEY"] = "your-api-key"

messages = [{"content": "Hello, how are you?", "role": "user"}]

response = completion(model="vercel_ai_gateway/openai/gpt-4o", messages=messages, stream=True)

for chunk in response:
    print(chunk)
