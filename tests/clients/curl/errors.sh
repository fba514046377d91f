#!/usr/bin/env bash
# What goes wrong, and how it is told.
. "$(dirname "$0")/expect.sh"

chat=$URL/v1/chat/completions
key="Authorization: Bearer $KEY"
hello='"messages": [{"role": "user", "content": "Hello"}]'

ask 401 "$chat" -d "{\"model\": \"gpt-4o-gateway\", $hello}"
is '["error"]["message"]' 'Authentication Error, No api key passed in.'
is '["error"]["type"]' auth_error
is '["error"]["code"]' 401

ask 401 "$chat" -H 'Authorization: Bearer sk-wrong' -d "{\"model\": \"gpt-4o-gateway\", $hello}"
is '["error"]["type"]' token_not_found_in_db

ask 400 "$chat" -H "$key" -d "{\"model\": \"no-such-group\", $hello}"
has 'Invalid model name passed in model=no-such-group'

ask 400 "$chat" -H "$key" -d '{"model": "gpt-4o-gateway"}'
is '["error"]["param"]' messages

for bad in '' '{' '[]' '"text"' '{"model": "gpt-4o-gateway", "model": "x"}' '{"model": 1, "messages": []}'; do
  ask 400 "$chat" -H "$key" -H 'Content-Type: application/json' --data-binary "$bad"
  is '["error"]["code"]' 400
done

printf 'not gzip' >"$answers/garbage"
ask 400 "$chat" -H "$key" -H 'Content-Encoding: gzip' --data-binary "@$answers/garbage"
ask 415 "$chat" -H "$key" -H 'Content-Encoding: rot13' -d '{}'
ask 404 "$URL/v2/nothing" -H "$key"
ask 405 "$chat" -H "$key"
has 'allow: POST' "$(printf %s "$head" | tr '[:upper:]' '[:lower:]' | sed 's/post/POST/g')"

ask 404 "$chat" -H "$key" -d "{\"model\": \"vercel_ai_gateway/no/such-model\", $hello}"
is '["error"]["type"]' model_not_found
ask 429 "$chat" -H "$key" -d "{\"model\": \"vercel_ai_gateway/sim/fault-rate-limited-7\", $hello}"
has 'retry-after: 7' "$head"
ask 402 "$chat" -H "$key" -d "{\"model\": \"vercel_ai_gateway/sim/fault-insufficient-funds\", $hello}"
has 'x-should-retry: false' "$head"
is '["error"]["type"]' upstream_credential_error

# A stream that breaks ends with an error, without [DONE], and in good HTTP: curl itself has nothing to complain of.
ask 200 "$chat" -H "$key" -d "{\"model\": \"vercel_ai_gateway/sim/fault-cut-close-700\", \"stream\": true, $hello}"
has '"type":"upstream_cut_error"'
has_not '[DONE]'
# One that breaks before it began is a real error.
ask 502 "$chat" -H "$key" -d "{\"model\": \"vercel_ai_gateway/sim/fault-truncate-0\", \"stream\": true, $hello}"
has '"type":"upstream_cut_error"'
