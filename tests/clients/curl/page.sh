#!/usr/bin/env bash
# LiteLLM's page, "cURL": a chat completion without /v1, whole and streamed.
. "$(dirname "$0")/expect.sh"

ask 200 "$URL/chat/completions" \
  -H 'Content-Type: application/json' \
  -H "Authorization: Bearer $KEY" \
  -d '{"model": "gpt-4o-gateway", "messages": [{"role": "user", "content": "Hello, how are you?"}]}'
is '["choices"][0]["message"]["content"]' 'You said “Hello, how are you?”. Voilà, 漢字 🙂.'
is '["model"]' gpt-4o-gateway
has 'x-litellm-response-cost: 0.0001' "$head"

ask 200 --no-buffer "$URL/chat/completions" \
  -H 'Content-Type: application/json' \
  -H "Authorization: Bearer $KEY" \
  -d '{"model": "claude-4-sonnet-gateway", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'
has 'content-type: text/event-stream' "$head"
has 'data: {"id":"gen_'
has '"model":"claude-4-sonnet-gateway"'
has '"finish_reason":"stop"'
[ "$(tail -n 2 "$answers/body")" = 'data: [DONE]' ] || fail 'the stream does not end with [DONE] and an empty line'
[ "$(grep -c '^data: ' "$answers/body")" -gt 3 ] || fail 'the stream came in fewer than four events'
has_not '"choices":[]'
