// The official client against a gate, as tests/gate/test_sdk.py runs it.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const url = process.env.GATE_URL;
const key = process.env.GATE_KEY;

function client(options = {}) {
  return new OpenAI({
    apiKey: key, baseURL: url + "/v1", maxRetries: 0, ...options,
  });
}

function ask(content) {
  return { model: "deepseek-flash", messages: [{ role: "user", content }] };
}

async function failure(promise, type, status, code) {
  let error;
  try {
    await promise;
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof type, `${type.name} expected, got ${error}`);
  assert.equal(error.status, status);
  assert.equal(error.code, code);
  assert.match(error.requestID, /^req_/);
  assert.ok(!error.message.includes(key));
  return error;
}

test("a chat call has an answer, usage and a request id", async () => {
  const answer = await client().chat.completions.create(ask("hello"));
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.equal(answer.usage.total_tokens,
    answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.match(answer._request_id, /^req_/);
});

test("the base URL works without /v1", async () => {
  const answer = await client({ baseURL: url })
    .chat.completions.create(ask("hello"));
  assert.ok(answer.choices[0].message.content.length > 0);
});

test("a stream has the text of the same call without", async () => {
  const whole = await client().chat.completions.create(ask("hello"));
  const stream = await client().chat.completions.create(
    { ...ask("hello"), stream: true });
  let text = "";
  let finish = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(finish, "stop");
});

test("a stream that asks for usage gets it", async () => {
  const stream = await client().chat.completions.create(
    { ...ask("hello"), stream: true,
      stream_options: { include_usage: true } });
  let usage = null;
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
  }
  assert.ok(usage.prompt_tokens > 0);
  assert.ok(usage.completion_tokens > 0);
});

test("a stream that breaks upstream raises", async () => {
  const stream = await client().chat.completions.create(
    { ...ask("sim:error-midstream"), stream: true });
  await assert.rejects(async () => {
    for await (const chunk of stream) {
      assert.ok(chunk.choices);
    }
  }, OpenAI.APIError);
});

test("a stream whose key runs out of money raises", async () => {
  const it = client({ apiKey: process.env.GATE_POOR_KEY });
  const stream = await it.chat.completions.create(
    { ...ask("sim:slow=3 sim:tokens=3000"), stream: true });
  let other;
  let error;
  try {
    for await (const chunk of stream) {
      assert.ok(chunk.choices);
      // It is not streamed, so it holds all that is left.
      other ??= it.chat.completions.create(ask("sim:slow=30 sim:tokens=70"));
    }
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof OpenAI.APIError, `raised ${error}`);
  assert.equal(error.code, "budget_exceeded");
  assert.match(error.message, /daily budget/);
  await other;
});

test("a client that leaves a stream can call again", async () => {
  const it = client();
  const stream = await it.chat.completions.create(
    { ...ask("sim:slow=20 sim:tokens=200"), stream: true });
  for await (const chunk of stream) {
    assert.ok(chunk.choices);
    break;
  }
  const answer = await it.chat.completions.create(ask("hello"));
  assert.ok(answer.choices[0].message.content.length > 0);
});

test("a response has text, usage and a request id", async () => {
  const response = await client().responses.create(
    { model: "deepseek-flash", input: "hello", max_output_tokens: 64 });
  assert.equal(response.status, "completed");
  assert.ok(response.output_text.length > 0);
  assert.equal(response.usage.total_tokens,
    response.usage.input_tokens + response.usage.output_tokens);
  assert.match(response._request_id, /^req_/);
});

test("a streamed response has the text of the same call", async () => {
  const whole = await client().responses.create(
    { model: "deepseek-flash", input: "hello" });
  const stream = await client().responses.create(
    { model: "deepseek-flash", input: "hello", stream: true });
  let text = "";
  let last;
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") {
      text += event.delta;
    }
    last = event;
  }
  assert.equal(text, whole.output_text);
  assert.equal(last.type, "response.completed");
  assert.deepEqual(last.response.usage, whole.usage);
});

test("a completion fills in the middle", async () => {
  const answer = await client().completions.create(
    { model: "deepseek-v4-pro", prompt: "def f(", suffix: "return 1",
      max_tokens: 8 });
  assert.ok(answer.choices[0].text.length > 0);
  assert.equal(answer.usage.completion_tokens, 8);
});

test("embeddings are vectors, one an input", async () => {
  const answer = await client().embeddings.create(
    { model: "sim-embed", input: ["one", "two"] });
  assert.equal(answer.data.length, 2);
  assert.ok(answer.data[0].embedding.length > 0);
  assert.equal(typeof answer.data[1].embedding[0], "number");
  assert.ok(answer.usage.prompt_tokens > 0);
});

test("models can be listed and one looked up", async () => {
  const names = [];
  for await (const model of client().models.list()) {
    names.push(model.id);
  }
  assert.ok(names.includes("deepseek-flash"));
  const one = await client().models.retrieve("deepseek-flash");
  assert.equal(one.id, "deepseek-flash");
});

test("no valid key raises AuthenticationError", async () => {
  await failure(client({ apiKey: "sk-nonsense" }).models.list(),
    OpenAI.AuthenticationError, 401, "malformed_api_key");
});

test("a disabled key raises AuthenticationError", async () => {
  await failure(
    client({ apiKey: process.env.GATE_DISABLED_KEY }).models.list(),
    OpenAI.AuthenticationError, 401, "key_disabled");
});

test("a missing scope raises PermissionDeniedError", async () => {
  const error = await failure(
    client({ apiKey: process.env.GATE_EMBEDDINGS_KEY })
      .chat.completions.create(ask("hello")),
    OpenAI.PermissionDeniedError, 403, "permission_denied");
  assert.match(error.message, /chat/);
});

test("an unknown model raises NotFoundError", async () => {
  await failure(
    client().chat.completions.create({ ...ask("hello"), model: "nothing" }),
    OpenAI.NotFoundError, 404, "model_not_found");
});

test("a member that stands twice raises BadRequestError", async () => {
  await failure(
    client().post("/chat/completions", {
      body: '{"model":"deepseek-flash","model":"deepseek-v4-pro"}',
      headers: { "content-type": "application/json" },
    }),
    OpenAI.BadRequestError, 400, "duplicate_field");
});

test("an upstream that fails raises InternalServerError", async () => {
  const error = await client()
    .chat.completions.create(ask("sim:status=503"))
    .then(() => null, (thrown) => thrown);
  assert.ok(error instanceof OpenAI.InternalServerError, String(error));
  assert.ok(error.status >= 500);
  assert.match(error.requestID, /^req_/);
});
