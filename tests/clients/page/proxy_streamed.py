"""LiteLLM's page, "Vercel AI Gateway via Proxy - Streaming": the OpenAI SDK, a streamed reply."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["PROXY_URL"], api_key="your-proxy-api-key")

response = client.chat.completions.create(
    model="gpt-4o-gateway",
    messages=[{"role": "user", "content": "Hello, how are you?"}],
    stream=True,
)

for chunk in response:
    if chunk.choices[0].delta.content is not None:
        print(chunk.choices[0].delta.content, end="")
