// The AI SDK with its provider for OpenAI-compatible servers, pointed at Trunkline.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, Output, RetryError, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { MASTER_KEY, start } from "./programs.mjs";

const REPLY = "You said “Hello”. Voilà, 漢字 🙂.";
const weather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `3° in ${city}`,
});

let simulator, gateway, stop, provider, model;

before(async () => {
  ({ simulator, gateway, stop } = await start());
  provider = createOpenAICompatible({
    name: "trunkline",
    baseURL: gateway.v1,
    apiKey: MASTER_KEY,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
  model = provider("gpt-4o-gateway");
});
after(() => stop());
beforeEach(() => simulator.reset());

test("generateText", async () => {
  const reply = await generateText({ model, prompt: "Hello" });
  assert.equal(reply.text, REPLY);
  assert.equal(reply.finishReason, "stop");
  assert.deepEqual([reply.usage.inputTokens, reply.usage.outputTokens, reply.usage.totalTokens], [9, 11, 20]);
  assert.equal(reply.response.modelId, "gpt-4o-gateway");
  assert.equal(reply.response.headers["x-litellm-response-cost"], (await simulator.requests())[0].billed);
});

test("streamText", async () => {
  const reply = streamText({ model, prompt: "Hello" });
  let whole = "";
  for await (const piece of reply.textStream) whole += piece;
  assert.equal(whole, REPLY);
  assert.equal(await reply.finishReason, "stop");
  assert.equal((await reply.totalUsage).totalTokens, 20);
});

for (const how of ["generateText", "streamText"]) {
  test(`tools, two turns, with ${how}`, async () => {
    const options = { model, prompt: "Call weather for Oslo", tools: { weather }, stopWhen: stepCountIs(3) };
    const reply = how === "generateText" ? await generateText(options) : streamText(options);
    const steps = await reply.steps;
    assert.equal(steps.length, 2);
    assert.equal(steps[0].toolCalls[0].toolName, "weather");
    assert.deepEqual(steps[0].toolCalls[0].input, { city: "city é 漢字" });
    assert.equal(steps[0].toolResults[0].output, "3° in city é 漢字");
    assert.equal(await reply.text, "The tool said “3° in city é 漢字”. Voilà, 漢字 🙂.");
  });
}

test("structured output", async () => {
  const schema = z.object({ name: z.string(), age: z.number().int() });
  const { output } = await generateText({ model, prompt: "Hello", output: Output.object({ schema }) });
  assert.equal(typeof output.name, "string");
  assert.ok(Number.isInteger(output.age));
  assert.equal((await simulator.body()).response_format.type, "json_schema");
});

test("reasoning, whole and streamed", async () => {
  const thinking = provider("vercel_ai_gateway/deepseek/deepseek-v3.2");
  const thought = "Thinking about “Hello”: naïve, 考え中 🙂.";
  const options = { model: thinking, prompt: "Hello", providerOptions: { trunkline: { reasoningEffort: "low" } } };
  assert.equal((await generateText(options)).reasoningText, thought);
  assert.equal(await streamText(options).reasoningText, thought);
  assert.equal((await simulator.body()).reasoning_effort, "low");
});

test("embedMany", async () => {
  const embedding = provider.embeddingModel("small-embedding");
  const { embeddings, usage } = await embedMany({ model: embedding, values: ["Hello", "World"] });
  assert.deepEqual(embeddings.map((vector) => vector.length), [1536, 1536]);
  assert.equal(usage.tokens, 4);
});

test("an error is told with its status and its words", async () => {
  const unknown = generateText({ model: provider("no-such-group"), prompt: "Hello" });
  await assert.rejects(unknown, (error) => {
    assert.ok(APICallError.isInstance(error));
    assert.equal(error.statusCode, 400);
    assert.equal(error.isRetryable, false);
    assert.match(error.message, /Invalid model name passed in model=no-such-group/);
    return true;
  });
  const limited = provider("vercel_ai_gateway/sim/fault-rate-limited");
  await assert.rejects(generateText({ model: limited, prompt: "Hello", maxRetries: 0 }), (error) => {
    assert.deepEqual([error.statusCode, error.isRetryable], [429, true]);
    return APICallError.isInstance(error);
  });
});

test("the SDK tries again as often as it is told to", async () => {
  const down = provider("vercel_ai_gateway/sim/fault-unavailable");
  await assert.rejects(generateText({ model: down, prompt: "Hello", maxRetries: 1 }), (error) => RetryError.isInstance(error));
  assert.equal((await simulator.requests()).length, 2);
});

test("a cut in the middle of a stream is an error", async () => {
  await simulator.fault({ cut: { after_bytes: 700, how: "close" } });
  const failures = [];
  const reply = streamText({ model, prompt: "Hello", onError: ({ error }) => failures.push(error) });
  let whole = "";
  for await (const piece of reply.textStream) whole += piece;
  assert.ok(whole.length > 0 && REPLY.startsWith(whole) && whole !== REPLY);
  assert.equal(failures.length, 1);
  assert.match(JSON.stringify(failures[0]) + String(failures[0]), /broke the connection/);
});

test("leaving a stream cancels the upstream within 100 ms", async () => {
  await simulator.fault({ stall: { after_events: 3 } });
  const controller = new AbortController();
  const reply = streamText({ model, prompt: "Hello", abortSignal: controller.signal });
  let aborted;
  for await (const _ of reply.textStream) {
    aborted = Date.now();
    controller.abort();
    break;
  }
  const request = await simulator.ended();
  assert.equal(request.outcome, "caller_left");
  const waited = request.received_ms + request.ended_after_ms - aborted;
  assert.ok(waited <= 100, `the upstream was cancelled after ${waited} ms`);
});
