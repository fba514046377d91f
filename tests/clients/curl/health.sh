#!/usr/bin/env bash
# Health and the front page, which need no key; HEAD and OPTIONS.
. "$(dirname "$0")/expect.sh"

for path in /health/liveliness /health/liveness; do
  ask 200 "$URL$path"
  [ "$body" = "\"I'm alive!\"" ] || fail 'liveliness says something else'
done
ask 200 "$URL/health/readiness"
is '["status"]' healthy
ask 200 "$URL/"
has '/v1/chat/completions'
ask 200 --head "$URL/health/liveliness"
[ -z "$body" ] || has 'HTTP/1.1 200' "$body"
ask 204 -X OPTIONS "$URL/v1/chat/completions" -H 'Origin: https://example.org' -H 'Access-Control-Request-Method: POST' \
  -H 'Access-Control-Request-Headers: authorization'
has 'access-control-allow-origin: ' "$head"
has_not 'access-control-allow-credentials' "$head"
