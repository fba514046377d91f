// @anthropic-ai/sdk, pointed at Trunkline: at the Vercel AI Gateway, and at an upstream that is Anthropic's own kind.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { MASTER_KEY, start, UPSTREAM_KEY } from "./programs.mjs";

const HELLO = [{ role: "user", content: "Hello" }];
const REPLY = "You said “Hello”. Voilà, 漢字 🙂.";
const WEATHER = {
  name: "get_weather",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const ASK_WEATHER = { role: "user", content: "Call get_weather for Oslo" };
const MODELS = ["claude-vercel", "claude-direct"];
// By the name of a group: what the upstream calls the model, and where its messages are.
const UPSTREAM_MODELS = { "claude-vercel": "anthropic/claude-4-sonnet", "claude-direct": "claude-4-sonnet" };
const PATHS = { "claude-vercel": "/v1/messages", "claude-direct": "/anthropic/v1/messages" };

let simulator, gateway, stop, client;
let sent = [];

before(async () => {
  ({ simulator, gateway, stop } = await start("dialects.yaml"));
  client = new Anthropic({ baseURL: gateway.url, apiKey: MASTER_KEY, authToken: null, maxRetries: 0, fetch: noting });
});
after(() => stop());
beforeEach(() => {
  sent = [];
  return simulator.reset();
});

// fetch, with what is sent written down.
function noting(url, options) {
  sent.push(Buffer.from(options.body ?? ""));
  return fetch(url, options);
}

const ASKED = { model: "claude-vercel", max_tokens: 64, messages: HELLO };
const ask = (options) => client.messages.create({ ...ASKED, ...options });

// The bytes that must have reached the upstream: those sent, with its own name of the model.
async function assertReceivedAsSent(model) {
  const expected = sent.at(-1).toString().replace(`"model":"${model}"`, `"model":"${UPSTREAM_MODELS[model]}"`);
  assert.equal((await simulator.bytes()).toString(), expected);
}

for (const model of MODELS) {
  test(`a whole reply, ${model}`, async () => {
    const reply = await ask({ model, stop_sequences: ["§"] });
    assert.deepEqual([reply.type, reply.model, reply.stop_reason], ["message", model, "end_turn"]);
    assert.equal(reply.content[0].text, REPLY);
    assert.deepEqual([reply.usage.input_tokens, reply.usage.output_tokens], [9, 11]);
    await assertReceivedAsSent(model);
  });

  test(`a streamed reply, ${model}`, async () => {
    const kinds = [];
    let whole = "";
    for await (const event of await ask({ model, stream: true })) {
      kinds.push(event.type);
      if (event.type === "content_block_delta") whole += event.delta.text;
      if (event.type === "message_start") assert.equal(event.message.model, model);
    }
    assert.equal(whole, REPLY);
    assert.equal(kinds[0], "message_start");
    assert.equal(kinds.at(-1), "message_stop");
    assert.equal((await simulator.ended()).outcome, "complete");
  });

  test(`a stream split inside lines and characters, ${model}`, async () => {
    for (const split of ["inside_line", "inside_character", { every: 1 }]) {
      await simulator.control("pacing", { split });
      const final = await client.messages.stream({ model, max_tokens: 64, messages: HELLO }).finalMessage();
      assert.equal(final.content[0].text, REPLY);
      assert.deepEqual([final.usage.input_tokens, final.usage.output_tokens], [9, 11]);
    }
  });

  test(`thinking is given back byte for byte, ${model}`, async () => {
    const options = { model, max_tokens: 2048, thinking: { type: "enabled", budget_tokens: 1024 }, tools: [WEATHER] };
    const first = await client.messages.stream({ ...options, messages: [ASK_WEATHER] }).finalMessage();
    const [thinking, call] = first.content;
    assert.equal(thinking.thinking, "Thinking about “Call get_weather for Oslo”: naïve, 考え中 🙂.");
    assert.deepEqual([call.name, call.input], ["get_weather", { city: "city é 漢字" }]);
    const result = { type: "tool_result", tool_use_id: call.id, content: "3°" };
    const turns = (content) => [ASK_WEATHER, { role: "assistant", content }, { role: "user", content: [result] }];
    const second = await client.messages.create({ ...options, messages: turns(first.content) });
    assert.equal(second.content.at(-1).text, "The tool said “3°”. Voilà, 漢字 🙂.");
    await assertReceivedAsSent(model);

    const altered = { ...thinking, signature: `${thinking.signature.slice(0, -3)}x==` };
    await assert.rejects(client.messages.create({ ...options, messages: turns([altered, call]) }), (error) => {
      assert.ok(error instanceof Anthropic.BadRequestError);
      assert.equal(error.type, "invalid_request_error");
      return true;
    });
  });

  test(`countTokens, ${model}`, async () => {
    assert.equal((await client.messages.countTokens({ model, messages: HELLO })).input_tokens, 9);
    await assertReceivedAsSent(model);
  });

  test(`a cut in the middle of a stream is an error, ${model}`, async () => {
    await simulator.fault({ cut: { after_bytes: 700, how: "close" } }, { path: PATHS[model] });
    let whole = "";
    const stream = client.messages.stream({ model, max_tokens: 64, messages: HELLO });
    stream.on("text", (text) => {
      whole += text;
    });
    await assert.rejects(stream.finalMessage(), Anthropic.APIError);
    assert.ok(whole.length > 0 && REPLY.startsWith(whole) && whole !== REPLY);
  });

  test(`an error event is an error, ${model}`, async () => {
    await simulator.fault({ error_event: { after_events: 5 } }, { path: PATHS[model] });
    await assert.rejects(client.messages.stream({ model, max_tokens: 64, messages: HELLO }).finalMessage(), (error) => {
      assert.ok(error instanceof Anthropic.APIError);
      assert.equal(error.type, "overloaded_error");
      return true;
    });
  });
}

test("keys are taken in both headers and go nowhere", async () => {
  for (const key of [{ apiKey: MASTER_KEY, authToken: null }, { authToken: MASTER_KEY, apiKey: null }]) {
    const other = new Anthropic({ baseURL: gateway.url, maxRetries: 0, ...key });
    for (const model of MODELS) await other.messages.create({ model, max_tokens: 64, messages: HELLO });
  }
  const requests = await simulator.requests();
  assert.equal(requests.length, 4);
  for (const { headers } of requests) {
    assert.ok(!JSON.stringify(headers).includes(MASTER_KEY));
    assert.ok(JSON.stringify(headers).includes(UPSTREAM_KEY));
  }
});

test("models in Anthropic's shape", async () => {
  const listed = [];
  for await (const model of client.models.list({ limit: 1000 })) listed.push(model);
  assert.ok(MODELS.every((name) => listed.some((model) => model.id === name)));
  assert.ok(listed.every((model) => model.type === "model" && model.display_name && Date.parse(model.created_at) >= 0));
  assert.equal(new Set(listed.map((model) => model.id)).size, listed.length);
  assert.equal((await client.models.retrieve("claude-direct")).type, "model");
});

test("each failure is the exception that programs catch", async () => {
  const simulated = (fault) => ({ model: `vercel_ai_gateway/sim/fault-${fault}` });
  const cases = [
    [{ model: "no-such-group" }, Anthropic.BadRequestError, 400, "invalid_request_error"],
    [{ model: "gpt-direct" }, Anthropic.BadRequestError, 400, "unsupported_operation"],
    [simulated("unknown-model"), Anthropic.NotFoundError, 404, "not_found_error"],
    [simulated("terms-violated"), Anthropic.PermissionDeniedError, 403, "permission_error"],
    [simulated("rate-limited-7"), Anthropic.RateLimitError, 429, "rate_limit_error"],
    [simulated("unavailable"), Anthropic.InternalServerError, 503, "overloaded_error"],
    [simulated("html-bad-gateway"), Anthropic.InternalServerError, 502, "api_error"],
  ];
  for (const stream of [false, true]) {
    for (const [options, exception, status, type] of cases) {
      await assert.rejects(ask({ ...options, stream }), (error) => {
        assert.ok(error instanceof exception, `${options.model}: ${error}`);
        assert.deepEqual([error.status, error.type], [status, type], options.model);
        return true;
      });
    }
  }
  const stranger = new Anthropic({ baseURL: gateway.url, apiKey: "sk-wrong", authToken: null, maxRetries: 0 });
  await assert.rejects(stranger.models.list(), Anthropic.AuthenticationError);
});
