// Makes the calls of a table with the official clients, all at once, and
// prints what each of them came to, as tests/gate/test_sdk_errors.py reads it.
//
//     node table.mjs '[{"client": "chat", "key": …}, …]'
//
// A row: client (chat, responses or messages), key (null: none is sent), model,
// text, stream, members of the body; body (a string, or how many bytes) and
// headers instead of what the client would send; retries (2).
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const url = process.env.GATE_URL;

// Counts what goes out: a client that tries again fetches again.
function counting(count) {
  return async (...args) => {
    count.attempts++;
    return fetch(...args);
  };
}

function options(row, count) {
  const none = { authorization: null, "x-api-key": null };
  return {
    apiKey: row.key ?? "none",
    maxRetries: row.retries ?? 2,
    fetch: counting(count),
    defaultHeaders: { ...(row.key === null ? none : {}), ...row.headers },
  };
}

const clients = {
  chat: {
    make: (row, count) =>
      new OpenAI({ baseURL: url + "/v1", ...options(row, count) }),
    path: "/chat/completions",
    call: (client, row) => client.chat.completions.create({
      model: row.model, stream: row.stream, ...row.members,
      messages: [{ role: "user", content: row.text }],
    }),
  },
  responses: {
    make: (row, count) =>
      new OpenAI({ baseURL: url + "/v1", ...options(row, count) }),
    path: "/responses",
    call: (client, row) => client.responses.create({
      model: row.model, stream: row.stream, ...row.members, input: row.text,
    }),
  },
  messages: {
    make: (row, count) =>
      new Anthropic({ baseURL: url, ...options(row, count) }),
    path: "/v1/messages",
    call: (client, row) => client.messages.create({
      model: row.model, stream: row.stream, max_tokens: 12, ...row.members,
      messages: [{ role: "user", content: row.text }],
    }),
  },
};

async function make(row) {
  const count = { attempts: 0 };
  const kind = clients[row.client];
  const client = kind.make(row, count);
  try {
    const answer = row.body === undefined
      ? await kind.call(client, row)
      : await client.post(kind.path, {
        body: typeof row.body === "string"
          ? row.body : "x".repeat(row.body.repeat),
        headers: { "content-type": "application/json", ...row.headers },
      });
    let events = 0;
    if (row.stream) {
      for await (const event of answer) {
        events += event !== null;
      }
    }
    return { ...count, raised: null, events };
  } catch (error) {
    const body = error.error?.error ?? error.error;
    return {
      ...count,
      raised: error.constructor.name,
      is_connection: error instanceof OpenAI.APIConnectionError ||
        error instanceof Anthropic.APIConnectionError,
      is_server: error instanceof OpenAI.InternalServerError ||
        error instanceof Anthropic.InternalServerError,
      status: error.status ?? null,
      code: body?.code ?? null,
      type: body?.type ?? null,
      request_id: error.requestID ?? null,
      message: String(error.message),
    };
  }
}

const rows = JSON.parse(process.argv[2]);
console.log(JSON.stringify(await Promise.all(rows.map(make))));
