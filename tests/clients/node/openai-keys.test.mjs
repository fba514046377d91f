// openai-node with virtual keys.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import OpenAI from "openai";
import { start } from "./programs.mjs";

const HELLO = [{ role: "user", content: "Hello" }];
const REPLY = "You said “Hello”. Voilà, 漢字 🙂.";
const MODEL = "gpt-4o-gateway";

let simulator, gateway, stop;

before(async () => {
  ({ simulator, gateway, stop } = await start());
});
after(() => stop());
beforeEach(() => simulator.reset());

const clientOf = (apiKey) => new OpenAI({ baseURL: gateway.v1, apiKey, maxRetries: 0 });
const ask = (client, options) => client.chat.completions.create({ model: MODEL, messages: HELLO, ...options });
// What came upstream, without questions for the models that there are.
const chats = async () => (await simulator.requests()).filter((request) => request.path.endsWith("/chat/completions"));

// Makes a call that must be refused, and gives the exception.
async function failure(client, exception, options) {
  let caught;
  await assert.rejects(ask(client, options), (error) => {
    caught = error;
    return error instanceof exception && error.code === String(error.status);
  });
  return caught;
}

test("a virtual key, from its making to its end", async () => {
  const key = await gateway.key({ models: [MODEL], max_budget: "0.0003" });
  const client = clientOf(key);

  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  assert.deepEqual(listed, [MODEL]);

  // What a call may cost must fit the budget, so the longest reply is said.
  const whole = await ask(client, { max_tokens: 11 });
  assert.equal(whole.choices[0].message.content, REPLY);
  let streamed = "";
  for await (const chunk of await ask(client, { max_tokens: 11, stream: true })) {
    streamed += chunk.choices[0]?.delta?.content ?? "";
  }
  assert.equal(streamed, REPLY);
  const requests = await chats();
  assert.equal(requests.length, 2);
  assert.ok(!JSON.stringify(requests).includes(key), "the key goes nowhere");

  const forbidden = await failure(client, OpenAI.PermissionDeniedError, { model: "claude-4-sonnet-gateway" });
  assert.equal(forbidden.type, "key_model_access_denied");

  for (const stream of [false, true]) {
    const spent = await failure(client, OpenAI.UnprocessableEntityError, { max_tokens: 11, stream });
    assert.equal(spent.type, "budget_exceeded");
    assert.match(spent.message, /Current cost: 0\.000265, Max budget: 0\.0003/);
  }

  await gateway.manage("/key/delete", { keys: [key] });
  const revoked = await failure(client, OpenAI.AuthenticationError);
  assert.equal(revoked.type, "token_not_found_in_db");
  assert.equal((await chats()).length, 2, "what is refused goes nowhere");
});

test("a limit of requests", async () => {
  const client = clientOf(await gateway.key({ rpm_limit: 1 }));
  await ask(client);
  const limited = await failure(client, OpenAI.RateLimitError);
  assert.equal(limited.type, "rate_limit_error");
  const seconds = Number(limited.headers.get("retry-after"));
  assert.ok(seconds > 0 && seconds <= 60, `retry-after is ${seconds}`);
});
