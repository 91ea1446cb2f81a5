// Anthropic's client against a gate, as tests/gate/test_sdk.py runs it.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";

const url = process.env.GATE_URL;

function client(options = {}) {
  return new Anthropic({
    apiKey: process.env.GATE_KEY, baseURL: url, maxRetries: 0, ...options,
  });
}

function ask(content, more = {}) {
  return {
    model: "deepseek-flash", max_tokens: 64,
    messages: [{ role: "user", content }], ...more,
  };
}

function text_of(message) {
  return message.content.filter((block) => block.type === "text")
    .map((block) => block.text).join("");
}

test("Anthropic: a message has text, usage and a request id", async () => {
  const message = await client().messages.create(ask("hello"));
  assert.equal(message.type, "message");
  assert.ok(text_of(message).length > 0);
  assert.ok(message.usage.input_tokens > 0);
  assert.ok(message.usage.output_tokens > 0);
  assert.match(message._request_id, /^req_/);
});

test("Anthropic: the base URL may name /anthropic", async () => {
  const message = await client({ baseURL: url + "/anthropic" })
    .messages.create(ask("hello"));
  assert.ok(text_of(message).length > 0);
});

test("Anthropic: a key may be sent as a bearer", async () => {
  const message = await client({
    apiKey: null, authToken: process.env.GATE_KEY,
  }).messages.create(ask("hello"));
  assert.ok(text_of(message).length > 0);
});

test("Anthropic: a stream has the text of the same call", async () => {
  const whole = await client().messages.create(ask("hello"));
  const stream = await client().messages.create(
    ask("hello", { stream: true }));
  let text = "";
  let usage = {};
  let last;
  for await (const event of stream) {
    if (event.type === "content_block_delta" &&
        event.delta.type === "text_delta") {
      text += event.delta.text;
    }
    usage = { ...usage, ...event.message?.usage, ...event.usage };
    last = event.type;
  }
  assert.equal(text, text_of(whole));
  assert.equal(last, "message_stop");
  assert.equal(usage.output_tokens, whole.usage.output_tokens);
  assert.equal(usage.input_tokens, whole.usage.input_tokens);
});

test("Anthropic: the stream helper collects a message", async () => {
  const message = await client().messages.stream(
    ask("hello", { thinking: { type: "enabled", budget_tokens: 1024 } }))
    .finalMessage();
  assert.deepEqual(message.content.map((block) => block.type),
    ["thinking", "text"]);
  assert.equal(message.stop_reason, "end_turn");
});

test("Anthropic: a client that leaves a stream can call again", async () => {
  const it = client();
  const stream = await it.messages.create(
    ask("sim:slow=20 sim:tokens=200", { stream: true }));
  for await (const event of stream) {
    assert.ok(event.type);
    break;
  }
  const message = await it.messages.create(ask("hello"));
  assert.ok(text_of(message).length > 0);
});

test("Anthropic: a stream whose key runs out of money raises", async () => {
  const it = client({ apiKey: process.env.GATE_POOR_KEY });
  const stream = await it.messages.create(ask("sim:slow=3 sim:tokens=3000",
    { stream: true, max_tokens: 100000 }));
  let other;
  let error;
  try {
    for await (const event of stream) {
      assert.ok(event.type);
      // It is not streamed, so it holds all that is left.
      other ??= it.messages.create(ask("sim:slow=30 sim:tokens=70",
        { max_tokens: 20000 }));
    }
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof Anthropic.APIError, `raised ${error}`);
  assert.equal(error.error.error.code, "budget_exceeded");
  assert.equal(error.error.error.type, "billing_error");
  await other;
});

test("Anthropic: models can be listed", async () => {
  const names = [];
  for await (const model of client().models.list()) {
    names.push(model.id);
  }
  assert.ok(names.includes("deepseek-flash"));
});
