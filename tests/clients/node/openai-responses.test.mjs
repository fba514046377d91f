// openai-node: Responses, at the Vercel AI Gateway and at an upstream that is OpenAI's own kind.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { MASTER_KEY, start } from "./programs.mjs";

const REPLY = "You said “Hello”. Voilà, 漢字 🙂.";
const WEATHER = {
  type: "function",
  name: "get_weather",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
};
const ASK_WEATHER = { role: "user", content: "Call get_weather for Oslo" };
const MODELS = ["gpt-vercel", "gpt-direct"];
// By the name of a group: what the upstream calls the model, and where its responses are.
const UPSTREAM_MODELS = { "gpt-vercel": "openai/gpt-5.4", "gpt-direct": "gpt-5.4" };
const PATHS = { "gpt-vercel": "/v1/responses", "gpt-direct": "/openai/v1/responses" };

let simulator, gateway, stop, client;

before(async () => {
  ({ simulator, gateway, stop } = await start("dialects.yaml"));
  client = new OpenAI({ baseURL: gateway.v1, apiKey: MASTER_KEY, maxRetries: 0 });
});
after(() => stop());
beforeEach(() => simulator.reset());

for (const model of MODELS) {
  test(`a whole reply, ${model}`, async () => {
    const reply = await client.responses.create({ model, input: "Hello", temperature: 0.2 });
    assert.equal(reply.output_text, REPLY);
    assert.deepEqual([reply.status, reply.model, reply.usage.total_tokens], ["completed", model, 20]);
    assert.deepEqual(await simulator.body(), { model: UPSTREAM_MODELS[model], input: "Hello", temperature: 0.2 });
  });

  test(`a streamed reply, ${model}`, async () => {
    const events = [];
    const stream = await client.responses.create({ model, input: "Hello", stream: true });
    for await (const event of stream) events.push(event);
    assert.deepEqual([events[0].type, events.at(-1).type], ["response.created", "response.completed"]);
    assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
    const responses = events.filter((event) => event.response).map((event) => event.response);
    const told = responses.map(({ model, id }) => `${model} ${id}`);
    assert.equal(new Set(told).size, 1);
    assert.ok(told[0].startsWith(`${model} resp_`));
    assert.equal((await simulator.ended()).outcome, "complete");
  });

  test(`the accumulating reader, with splits, ${model}`, async () => {
    for (const split of ["inside_line", "inside_character", { every: 1 }]) {
      await simulator.control("pacing", { split });
      const final = await client.responses.stream({ model, input: "Hello" }).finalResponse();
      assert.equal(final.output_text, REPLY);
    }
  });

  test(`tools, two turns by previous_response_id, ${model}`, async () => {
    const options = { model, tools: [WEATHER] };
    const first = await client.responses.stream({ ...options, input: [ASK_WEATHER] }).finalResponse();
    const call = first.output.find((item) => item.type === "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { city: "city é 漢字" });
    const answer = { type: "function_call_output", call_id: call.call_id, output: "3°" };
    const second = await client.responses.create({ ...options, input: [answer], previous_response_id: first.id });
    assert.equal(second.output_text, "The tool said “3°”. Voilà, 漢字 🙂.");
    assert.equal(second.previous_response_id, first.id);
    assert.notEqual((await simulator.body()).previous_response_id, first.id);
  });

  test(`encrypted reasoning with store=false, ${model}`, async () => {
    const options = {
      model,
      store: false,
      include: ["reasoning.encrypted_content"],
      reasoning: { effort: "low" },
      tools: [WEATHER],
    };
    const first = await client.responses.create({ ...options, input: [ASK_WEATHER] });
    const call = first.output.find((item) => item.type === "function_call");
    const answer = { type: "function_call_output", call_id: call.call_id, output: "3°" };
    const second = await client.responses.create({ ...options, input: [ASK_WEATHER, ...first.output, answer] });
    assert.equal(second.output_text, "The tool said “3°”. Voilà, 漢字 🙂.");
    const thoughts = (items) => items.filter((item) => item.type === "reasoning");
    const encrypted = (items) => thoughts(items).map((item) => item.encrypted_content);
    assert.deepEqual(encrypted((await simulator.body()).input), encrypted(first.output));
  });

  test(`structured output, ${model}`, async () => {
    const person = z.object({ name: z.string(), age: z.number().int() });
    const text = { format: zodTextFormat(person, "person") };
    const { output_parsed } = await client.responses.parse({ model, input: "Hello", text });
    assert.ok(Number.isInteger(output_parsed.age));
  });

  for (const [name, fault] of [
    ["a cut", { cut: { after_bytes: 2200, how: "close" } }],
    ["an error event", { error_event: { after_events: 5 } }],
  ]) {
    test(`a stream with ${name} ends as failed, ${model}`, async () => {
      await simulator.fault(fault, { path: PATHS[model] });
      const events = [];
      const stream = await client.responses.create({ model, input: "Hello", stream: true });
      for await (const event of stream) events.push(event);
      assert.deepEqual([events[0].type, events.at(-1).type], ["response.created", "response.failed"]);
      assert.ok(events.every((event) => event.type !== "response.completed"));
      const { id, status, error } = events.at(-1).response;
      assert.deepEqual([id, status, error.code], [events[0].response.id, "failed", "server_error"]);
    });
  }
}

test("a response that the upstream keeps", async () => {
  const model = "gpt-direct";
  const { id } = await client.responses.create({ model, input: "Hello" });
  const again = await client.responses.retrieve(id);
  assert.deepEqual([again.id, again.model, again.output_text], [id, model, REPLY]);
  const items = [];
  for await (const item of client.responses.inputItems.list(id)) items.push(item);
  assert.equal(items[0].content[0].text, "Hello");
  assert.equal((await client.responses.inputTokens.count({ model, input: "Hello" })).input_tokens, 9);
  await client.responses.delete(id);
  await assert.rejects(client.responses.retrieve(id), OpenAI.NotFoundError);
  await assert.rejects(client.responses.retrieve("resp_invented"), OpenAI.NotFoundError);
  const running = await client.responses.create({ model, input: "Hello", background: true });
  assert.equal((await client.responses.cancel(running.id)).status, "cancelled");
});
