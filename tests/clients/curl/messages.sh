#!/usr/bin/env bash
# Messages with curl: whole, streamed, counted; the key in either header; what goes wrong.
. "$(dirname "$0")/expect.sh"

hello='"max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]'
version='anthropic-version: 2023-06-01'

for group in claude-vercel claude-direct; do
  for key in "x-api-key: $KEY" "Authorization: Bearer $KEY"; do
    ask 200 "$URL/v1/messages" -H "$key" -H "$version" -d "{\"model\": \"$group\", $hello}"
    is '["content"][0]["text"]' 'You said “Hello”. Voilà, 漢字 🙂.'
    has "\"model\":\"$group\""
  done

  ask 200 --no-buffer "$URL/v1/messages?beta=true" -H "x-api-key: $KEY" -H "$version" -d "{\"model\": \"$group\", \"stream\": true, $hello}"
  has 'content-type: text/event-stream' "$head"
  has 'event: message_start'
  has "\"model\":\"$group\""
  has 'event: content_block_delta'
  [ "$(grep '^event: ' "$answers/body" | tail -n 1)" = 'event: message_stop' ] || fail 'the last event is not message_stop'
  has_not '[DONE]'

  ask 200 "$URL/v1/messages/count_tokens" -H "x-api-key: $KEY" -H "$version" -d "{\"model\": \"$group\", $hello}"
  is '["input_tokens"]' 9
done

ask 401 "$URL/v1/messages" -d "{\"model\": \"claude-vercel\", $hello}"
is '["type"]' error
is '["error"]["type"]' authentication_error
ask 401 "$URL/v1/messages" -H 'x-api-key: sk-wrong' -d "{\"model\": \"claude-vercel\", $hello}"
is '["error"]["type"]' authentication_error
ask 400 "$URL/v1/messages" -H "x-api-key: $KEY" -d "{\"model\": \"no-such-group\", $hello}"
is '["error"]["type"]' invalid_request_error
for bad in '' '{' '[]' '{"model": "claude-vercel"}' '{"model": 1, "messages": []}'; do
  ask 400 "$URL/v1/messages" -H "x-api-key: $KEY" -H 'Content-Type: application/json' --data-binary "$bad"
  has '{"type":"error","error":{"type":"invalid_request_error",'
done

# A stream that breaks ends with an error event, without message_stop, and in good HTTP.
ask 200 "$URL/v1/messages" -H "x-api-key: $KEY" -d "{\"model\": \"vercel_ai_gateway/sim/fault-cut-close-700\", \"stream\": true, $hello}"
has 'event: error'
has '"type":"error"'
has_not 'message_stop'

ask 200 "$URL/v1/models?limit=1000" -H "x-api-key: $KEY" -H "$version"
is '["has_more"]' False
is '["data"][0]["type"]' model
ask 200 "$URL/v1/models" -H "Authorization: Bearer $KEY"
is '["object"]' list
