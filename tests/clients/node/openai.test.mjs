// openai-node, pointed at Trunkline.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { MASTER_KEY, start } from "./programs.mjs";

const HELLO = [{ role: "user", content: "Hello" }];
const REPLY = "You said “Hello”. Voilà, 漢字 🙂.";
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const ASK_WEATHER = { role: "user", content: "Call get_weather for Oslo" };

let simulator, gateway, stop, client;

before(async () => {
  ({ simulator, gateway, stop } = await start());
  client = new OpenAI({ baseURL: gateway.v1, apiKey: MASTER_KEY, maxRetries: 0 });
});
after(() => stop());
beforeEach(() => simulator.reset());

const chat = (options) => client.chat.completions.create({ model: "gpt-4o-gateway", messages: HELLO, ...options });

async function text(stream) {
  let whole = "";
  for await (const chunk of stream) whole += chunk.choices[0]?.delta?.content ?? "";
  return whole;
}

test("a whole reply", async () => {
  const reply = await chat({ temperature: 0.2 });
  assert.equal(reply.choices[0].message.content, REPLY);
  assert.equal(reply.model, "gpt-4o-gateway");
  assert.equal(reply.usage.total_tokens, 20);
  assert.deepEqual(await simulator.body(), { model: "openai/gpt-4o", messages: HELLO, temperature: 0.2 });
});

test("a streamed reply", async () => {
  const stream = await chat({ stream: true });
  let whole = "";
  const reasons = [];
  for await (const chunk of stream) {
    assert.equal(chunk.choices.length, 1, "the usage event comes only if asked for");
    assert.equal(chunk.model, "gpt-4o-gateway");
    whole += chunk.choices[0].delta.content ?? "";
    if (chunk.choices[0].finish_reason) reasons.push(chunk.choices[0].finish_reason);
  }
  assert.equal(whole, REPLY);
  assert.deepEqual(reasons, ["stop"]);
  assert.equal((await simulator.ended()).outcome, "complete");
});

test("a streamed reply with usage", async () => {
  const told = [];
  for await (const chunk of await chat({ stream: true, stream_options: { include_usage: true } })) {
    if (chunk.choices.length === 0) told.push(chunk.usage.total_tokens);
  }
  assert.deepEqual(told, [20]);
});

test("a stream split inside lines and characters", async () => {
  for (const split of ["inside_line", "inside_character", { every: 1 }]) {
    await simulator.control("pacing", { split });
    assert.equal(await text(await chat({ stream: true })), REPLY);
  }
});

test("tools, two turns", async () => {
  const first = await chat({ messages: [ASK_WEATHER], tools: [WEATHER] });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  const [call] = first.choices[0].message.tool_calls;
  assert.equal(call.function.name, "get_weather");
  assert.deepEqual(JSON.parse(call.function.arguments), { city: "city é 漢字" });
  const answer = { role: "tool", tool_call_id: call.id, content: "3°" };
  const second = await chat({ messages: [ASK_WEATHER, first.choices[0].message, answer], tools: [WEATHER] });
  assert.equal(second.choices[0].message.content, "The tool said “3°”. Voilà, 漢字 🙂.");
});

test("tools run by the SDK, streamed", async () => {
  const asked = [];
  const tool = structuredClone(WEATHER);
  tool.function.parse = JSON.parse;
  tool.function.function = ({ city }) => {
    asked.push(city);
    return "3°";
  };
  const options = { model: "gpt-4o-gateway", messages: [ASK_WEATHER], tools: [tool], stream: true };
  const runner = client.chat.completions.runTools(options);
  assert.equal(await runner.finalContent(), "The tool said “3°”. Voilà, 漢字 🙂.");
  assert.deepEqual(asked, ["city é 漢字"]);
});

test("structured output", async () => {
  const person = z.object({ name: z.string(), age: z.number().int(), role: z.enum(["author", "editor"]) });
  const reply = await client.chat.completions.parse({
    model: "gpt-4o-gateway",
    messages: HELLO,
    response_format: zodResponseFormat(person, "person"),
  });
  const parsed = reply.choices[0].message.parsed;
  assert.equal(parsed.role, "author");
  assert.ok(Number.isInteger(parsed.age));
  assert.equal((await simulator.body()).response_format.json_schema.name, "person");
});

test("embeddings, packed and as numbers", async () => {
  const packed = await client.embeddings.create({ model: "small-embedding", input: ["Hello"], dimensions: 8 });
  assert.equal((await simulator.body()).encoding_format, "base64");
  const floats = await client.embeddings.create({
    model: "small-embedding",
    input: ["Hello"],
    dimensions: 8,
    encoding_format: "float",
  });
  assert.equal(packed.data[0].embedding.length, 8);
  packed.data[0].embedding.forEach((value, index) => {
    assert.ok(Math.abs(value - floats.data[0].embedding[index]) < 1e-6);
  });
});

test("models", async () => {
  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  assert.ok(listed.includes("gpt-4o-gateway"));
  assert.ok(listed.includes("vercel_ai_gateway/openai/gpt-4o"));
  assert.equal((await client.models.retrieve("vercel_ai_gateway/openai/gpt-4o")).object, "model");
});

test("headers beside a reply", async () => {
  const { data, response } = await chat({}).withResponse();
  assert.equal(data.choices[0].message.content, REPLY);
  const [request] = await simulator.requests();
  assert.equal(request.billed, "0.0001325");
  assert.equal(response.headers.get("x-litellm-response-cost"), request.billed);
  assert.equal(response.headers.get("x-litellm-model-group"), "gpt-4o-gateway");
  assert.match(response.headers.get("x-litellm-call-id"), /^[0-9a-f-]{36}$/);
  assert.match(response.headers.get("llm_provider-x-vercel-id"), /^iad1::sim-/);
  const size = [...response.headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  assert.ok(size < 4096, `${size} bytes of headers`);
});

test("reasoning", async () => {
  const model = "vercel_ai_gateway/anthropic/claude-4-sonnet";
  const { message } = (await chat({ model, reasoning_effort: "low" })).choices[0];
  assert.equal(message.reasoning_content, "Thinking about “Hello”: naïve, 考え中 🙂.");
  assert.equal(message.reasoning, message.reasoning_content);
  assert.equal(message.reasoning_details.length, 1);
});

test("each failure is the exception that programs catch", async () => {
  const simulated = (fault) => ({ model: `vercel_ai_gateway/sim/fault-${fault}` });
  const cases = [
    [{ model: "no-such-group" }, OpenAI.BadRequestError, 400, "invalid_request_error"],
    [{ model: "vercel_ai_gateway/no/such-model" }, OpenAI.NotFoundError, 404, "model_not_found"],
    [simulated("invalid-key"), OpenAI.AuthenticationError, 401, "upstream_credential_error"],
    [simulated("insufficient-funds"), OpenAI.APIError, 402, "upstream_credential_error"],
    [simulated("rule-denied"), OpenAI.PermissionDeniedError, 403, "forbidden"],
    [simulated("rate-limited-7"), OpenAI.RateLimitError, 429, "rate_limit_exceeded"],
    [simulated("unavailable"), OpenAI.InternalServerError, 503, "service_unavailable_error"],
    [simulated("html-bad-gateway"), OpenAI.InternalServerError, 502, "internal_server_error"],
  ];
  for (const stream of [false, true]) {
    for (const [options, exception, status, type] of cases) {
      await assert.rejects(chat({ ...options, stream }), (error) => {
        assert.ok(error instanceof exception, `${options.model}: ${error}`);
        assert.deepEqual([error.status, error.type, error.code], [status, type, String(status)], options.model);
        return true;
      });
    }
  }
  const stranger = new OpenAI({ baseURL: gateway.v1, apiKey: "sk-wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});

test("the SDK tries again what can be tried again", async () => {
  await simulator.fault("unavailable");
  const patient = new OpenAI({ baseURL: gateway.v1, apiKey: MASTER_KEY, maxRetries: 1 });
  const reply = await patient.chat.completions.create({ model: "gpt-4o-gateway", messages: HELLO });
  assert.equal(reply.choices[0].message.content, REPLY);
  assert.deepEqual((await simulator.requests()).map((request) => request.status), [503, 200]);
});

test("a cut in the middle of a stream is an error", async () => {
  for (const how of ["close", "reset"]) {
    await simulator.fault({ cut: { after_bytes: 700, how } });
    let whole = "";
    await assert.rejects(
      async () => {
        for await (const chunk of await chat({ stream: true })) whole += chunk.choices[0].delta.content ?? "";
      },
      (error) => error instanceof OpenAI.APIError && error.type === "upstream_cut_error",
    );
    assert.ok(whole.length > 0 && REPLY.startsWith(whole) && whole !== REPLY);
  }
});

// The moment at which the upstream saw its caller leave, in milliseconds since 1970.
async function leftAt() {
  const request = await simulator.ended();
  assert.equal(request.outcome, "caller_left");
  return request.received_ms + request.ended_after_ms;
}

test("leaving a stream cancels the upstream within 100 ms", async () => {
  await simulator.fault({ stall: { after_events: 2 } });
  const stream = await chat({ stream: true });
  let aborted;
  for await (const _ of stream) {
    aborted = Date.now();
    break;
  }
  const waited = (await leftAt()) - aborted;
  assert.ok(waited <= 100, `the upstream was cancelled after ${waited} ms`);
});

test("leaving before the first event cancels the upstream within 100 ms", async () => {
  await simulator.fault("hang");
  const controller = new AbortController();
  const asked = client.chat.completions.create(
    { model: "gpt-4o-gateway", messages: HELLO, stream: true },
    { signal: controller.signal },
  );
  await simulator.received();
  const aborted = Date.now();
  controller.abort();
  await assert.rejects(asked, OpenAI.APIUserAbortError);
  const waited = (await leftAt()) - aborted;
  assert.ok(waited <= 100, `the upstream was cancelled after ${waited} ms`);
});
