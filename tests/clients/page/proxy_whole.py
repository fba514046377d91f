"""LiteLLM's page, "Vercel AI Gateway via Proxy - Non-streaming": the OpenAI SDK, a whole reply."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["PROXY_URL"], api_key="your-proxy-api-key")

response = client.chat.completions.create(
    model="gpt-4o-gateway",
    messages=[{"role": "user", "content": "Hello, how are you?"}],
)

print(response.choices[0].message.content)
