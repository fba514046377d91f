#!/usr/bin/env bash
# Rerank, evaluate, pictures, sound and moderations under every path that clients of LiteLLM use.
. "$(dirname "$0")/expect.sh"

key="Authorization: Bearer $KEY"
rerank='{"model": "reranker", "query": "heron", "documents": ["Oslo is rainy", "A heron is a bird"]}'

for path in /rerank /v1/rerank /v2/rerank; do
  ask 200 "$URL$path" -H "$key" -d "$rerank"
  has relevance_score
done
ask 401 "$URL/v2/rerank" -d "$rerank"
has '"message":'

ask 200 "$URL/v1/evaluate" -H "$key" -d '{"model": "vercel_ai_gateway/sim/judge", "state": "Oslo is rainy", "questions": {"rain": {"type": "boolean", "instructions": "Does it rain?"}}}'
is '["answers"]["rain"]["type"]' boolean
is '["model"]' vercel_ai_gateway/sim/judge

for path in /images/generations /v1/images/generations; do
  ask 200 "$URL$path" -H "$key" -d '{"model": "painter-vercel", "prompt": "A heron"}'
  has b64_json
done
ask 200 "$URL/v1/images/edits" -H "$key" -d '{"model": "painter-vercel", "prompt": "More blue", "images": [{"image_url": "data:image/png;base64,AAAA"}]}'
has b64_json

printf '\r\n--\r\nnot quite a sound' >"$answers/sound"
for path in /audio/transcriptions /v1/audio/transcriptions; do
  ask 200 "$URL$path" -H "$key" -F model=direct/whisper-1 -F "file=@$answers/sound"
  has '"text":'
done
ask 400 "$URL/v1/audio/transcriptions" -H "$key" -F "file=@$answers/sound"
ask 400 "$URL/v1/audio/transcriptions" -H "$key" -F model=direct/whisper-1
is '["error"]["param"]' file
ask 400 "$URL/v1/audio/transcriptions" -H "$key" -H 'Content-Type: multipart/form-data; boundary=x' --data-binary 'nothing'
for path in /audio/speech /v1/audio/speech; do
  ask 200 "$URL$path" -H "$key" -d '{"model": "direct/tts-1", "input": "Hello", "voice": "alloy"}'
  has 'content-type: audio/mpeg' "$head"
done
for path in /moderations /v1/moderations; do
  ask 200 "$URL$path" -H "$key" -d '{"model": "direct/omni-moderation-latest", "input": "Hello"}'
  is '["results"][0]["flagged"]' False
done
