#!/usr/bin/env bash
# The same call under every path, and the key in every header, that clients of LiteLLM use.
. "$(dirname "$0")/expect.sh"

chat='{"model": "gpt-4o-gateway", "messages": [{"role": "user", "content": "Hello"}]}'
unnamed='{"messages": [{"role": "user", "content": "Hello"}]}'

for path in /v1/chat/completions /chat/completions /v1/chat/completions/; do
  ask 200 "$URL$path" -H "Authorization: Bearer $KEY" -d "$chat"
  is '["model"]' gpt-4o-gateway
done
for model in gpt-4o-gateway vercel_ai_gateway/openai/gpt-4o vercel_ai_gateway%2Fopenai%2Fgpt-4o; do
  for prefix in engines openai/deployments; do
    ask 200 "$URL/$prefix/$model/chat/completions" -H "Authorization: Bearer $KEY" -d "$unnamed"
    is '["model"]' "${model//%2F//}"
  done
done
for path in /v1/embeddings /embeddings /openai/deployments/small-embedding/embeddings; do
  ask 200 "$URL$path" -H "Authorization: Bearer $KEY" -d '{"model": "small-embedding", "input": "Hello", "dimensions": 4}'
  is '["data"][0]["object"]' embedding
done

for header in 'x-litellm-api-key:' 'api-key:' 'x-api-key:' 'x-goog-api-key:' 'Ocp-Apim-Subscription-Key:' 'Authorization: bearer'; do
  ask 200 "$URL/v1/chat/completions" -H "$header $KEY" -d "$chat"
done

# A body may come compressed, and its content type does not matter.
printf '%s' "$chat" | gzip >"$answers/gzip"
ask 200 "$URL/v1/chat/completions" -H "Authorization: Bearer $KEY" -H 'Content-Encoding: gzip' \
  -H 'Content-Type: text/plain' --data-binary "@$answers/gzip"
is '["choices"][0]["message"]["content"]' 'You said “Hello”. Voilà, 漢字 🙂.'
