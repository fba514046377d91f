#!/usr/bin/env bash
# The lists of models.
. "$(dirname "$0")/expect.sh"

for path in /v1/models /models; do
  ask 200 "$URL$path" -H "Authorization: Bearer $KEY"
  is '["object"]' list
  has '"id":"gpt-4o-gateway"'
  has '"id":"claude-4-sonnet-gateway"'
  has '"id":"vercel_ai_gateway/openai/gpt-4o"'
done
for path in /v1/models/gpt-4o-gateway /v1/models/vercel_ai_gateway/openai/gpt-4o /models/vercel_ai_gateway%2Fopenai%2Fgpt-4o; do
  ask 200 "$URL$path" -H "Authorization: Bearer $KEY"
  is '["object"]' model
done
ask 404 "$URL/v1/models/no-such-model" -H "Authorization: Bearer $KEY"
for path in /model/info /v1/model/info; do
  ask 200 "$URL$path" -H "Authorization: Bearer $KEY"
  has '"model_name":"gpt-4o-gateway"'
  has '"litellm_params":{"model":"vercel_ai_gateway/openai/gpt-4o"}'
  has_not api_key
done
ask 200 "$URL/model_group/info?model_group=gpt-4o-gateway" -H "Authorization: Bearer $KEY"
is '["data"][0]["providers"]' "['vercel_ai_gateway']"
ask 401 "$URL/v1/models"
