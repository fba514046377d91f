#!/usr/bin/env bash
# Responses with curl: under every path, whole, streamed, gone on with, kept.
. "$(dirname "$0")/expect.sh"

key="Authorization: Bearer $KEY"

for group in gpt-vercel gpt-direct; do
  for path in /v1/responses /responses /openai/v1/responses; do
    ask 200 "$URL$path" -H "$key" -d "{\"model\": \"$group\", \"input\": \"Hello\"}"
    has 'You said “Hello”. Voilà, 漢字 🙂.'
    has "\"model\":\"$group\""
  done
  is '["status"]' completed
  id=$(value '["id"]')
  ask 200 "$URL/v1/responses" -H "$key" -d "{\"model\": \"$group\", \"input\": \"World\", \"previous_response_id\": \"$id\"}"
  is '["previous_response_id"]' "$id"

  ask 200 --no-buffer "$URL/v1/responses" -H "$key" -d "{\"model\": \"$group\", \"input\": \"Hello\", \"stream\": true}"
  has 'content-type: text/event-stream' "$head"
  has 'event: response.created'
  has 'event: response.output_text.delta'
  has "\"model\":\"$group\""
  [ "$(grep '^event: ' "$answers/body" | tail -n 1)" = 'event: response.completed' ] || fail 'the last event is not response.completed'
done

ask 200 "$URL/v1/responses/$id" -H "$key"
is '["id"]' "$id"
is '["model"]' gpt-direct
ask 200 "$URL/v1/responses/$id/input_items?limit=1" -H "$key"
is '["data"][0]["content"][0]["text"]' Hello
ask 200 -X DELETE "$URL/v1/responses/$id" -H "$key"
is '["deleted"]' True
is '["id"]' "$id"
ask 404 "$URL/v1/responses/resp_invented" -H "$key"
has_not '/v1/'
ask 404 "$URL/v1/responses/..%2Fmodels" -H "$key"
ask 401 "$URL/v1/responses/$id"

# A stream that breaks ends as failed, and in good HTTP.
ask 200 "$URL/v1/responses" -H "$key" -d '{"model": "vercel_ai_gateway/sim/fault-cut-close-2200", "stream": true, "input": "Hello"}'
[ "$(grep '^event: ' "$answers/body" | tail -n 1)" = 'event: response.failed' ] || fail 'the last event is not response.failed'
has '"status":"failed"'
has_not 'response.completed'

ask 400 "$URL/v1/responses" -H "$key" -d '{"model": "claude-direct", "input": "Hello"}'
is '["error"]["type"]' unsupported_operation
has count_tokens
