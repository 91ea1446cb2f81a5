// The official client against a gate before OpenAI's dialect: images, audio,
// files, batches and jobs.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({
  apiKey: process.env.GATE_KEY, baseURL: process.env.GATE_URL + "/v1",
  maxRetries: 0,
});
const other = new OpenAI({
  apiKey: process.env.GATE_TENANT_KEY, baseURL: process.env.GATE_URL + "/v1",
  maxRetries: 0,
});
// Three seconds of what the simulator takes for sound.
const sound = Buffer.alloc(48000, "\r\n--");

test("images are made", async () => {
  const made = await client.images.generate(
    { model: "dall-e-3", prompt: "a toll gate", size: "1024x1792" });
  assert.equal(made.data.length, 1);
  assert.match(made.data[0].url, /^https?:/);
  assert.match(made._request_id, /^req_/);
});

test("an image is streamed", async () => {
  const stream = await client.images.generate(
    { model: "gpt-image-1", prompt: "a toll gate", stream: true,
      partial_images: 1 });
  let last;
  for await (const event of stream) {
    last = event;
  }
  assert.equal(last.type, "image_generation.completed");
  assert.ok(last.usage.output_tokens > 0);
});

test("an image is edited, from two", async () => {
  const image = [
    await toFile(Buffer.from("\x89PNG a"), "a.png", { type: "image/png" }),
    await toFile(Buffer.from("\x89PNG b"), "b \"é.png", { type: "image/png" }),
  ];
  const made = await client.images.edit(
    { model: "gpt-image-1", image, prompt: "put them together" });
  assert.ok(made.data[0].b64_json.length > 0);
});

test("an image has variations", async () => {
  const made = await client.images.createVariation({
    model: "dall-e-2", n: 2,
    image: await toFile(Buffer.from("\x89PNG"), "a.png"),
  });
  assert.equal(made.data.length, 2);
});

test("a size without a price is refused as a bad request", async () => {
  await assert.rejects(
    client.images.generate({ model: "dall-e-3", prompt: "a", size: "256x256" }),
    (error) => error instanceof OpenAI.BadRequestError
      && error.param === "size");
});

test("text is spoken", async () => {
  const answer = await client.audio.speech.create(
    { model: "tts-1", voice: "alloy", input: "Grüße, 世界" });
  assert.equal(answer.headers.get("content-type"), "audio/mpeg");
  assert.equal((await answer.arrayBuffer()).byteLength, 9000);
});

test("a recording is written down", async () => {
  const heard = await client.audio.transcriptions.create({
    model: "whisper-1", file: await toFile(sound, "a.mp3"),
    response_format: "verbose_json", timestamp_granularities: ["segment"],
  });
  assert.ok(heard.text.length > 0);
  assert.equal(Number(heard.duration), 3);
});

test("a transcription is streamed", async () => {
  const stream = await client.audio.transcriptions.create({
    model: "gpt-4o-transcribe", file: await toFile(sound, "a.mp3"),
    stream: true,
  });
  let text = "";
  let last;
  for await (const event of stream) {
    text += event.delta ?? "";
    last = event;
  }
  assert.equal(last.type, "transcript.text.done");
  assert.equal(text, last.text);
});

test("a recording is translated", async () => {
  const heard = await client.audio.translations.create(
    { model: "whisper-1", file: await toFile(sound, "a.mp3") });
  assert.ok(heard.text.length > 0);
});

test("a file is kept, listed, had again and deleted", async () => {
  const text = "{\"custom_id\":\"1\"}\n";
  const file = await client.files.create(
    { purpose: "batch", file: await toFile(Buffer.from(text), "a.jsonl") });
  assert.equal(file.bytes, text.length);
  const ids = [];
  for await (const one of await client.files.list({ limit: 10 })) {
    ids.push(one.id);
  }
  assert.ok(ids.includes(file.id));
  assert.deepEqual(await client.files.retrieve(file.id), file);
  assert.equal(await (await client.files.content(file.id)).text(), text);
  assert.ok((await client.files.delete(file.id)).deleted);
  await assert.rejects(client.files.retrieve(file.id), OpenAI.NotFoundError);
});

test("a file comes in parts", async () => {
  const upload = await client.uploads.create({
    purpose: "batch", filename: "a.jsonl", bytes: 6, mime_type: "text/plain" });
  const part_ids = [];
  for (const data of ["abc", "def"]) {
    const part = await client.uploads.parts.create(
      upload.id, { data: await toFile(Buffer.from(data), "part") });
    part_ids.push(part.id);
  }
  const done = await client.uploads.complete(upload.id, { part_ids });
  assert.equal(done.status, "completed");
  const content = await client.files.content(done.file.id);
  assert.equal(await content.text(), "abcdef");
});

test("a batch is made and cancelled", async () => {
  const batch = await client.batches.create({
    input_file_id: "file-1", endpoint: "/v1/chat/completions",
    completion_window: "24h" });
  assert.equal((await client.batches.retrieve(batch.id)).id, batch.id);
  assert.equal((await client.batches.cancel(batch.id)).status, "cancelling");
});

test("a job is made and cancelled", async () => {
  const jobs = client.fineTuning.jobs;
  const job = await jobs.create(
    { model: "gpt-4o-mini", training_file: "file-1" });
  const messages = [];
  for await (const event of await jobs.listEvents(job.id)) {
    messages.push(event.message);
  }
  assert.ok(messages.length > 0);
  assert.equal((await jobs.cancel(job.id)).status, "cancelled");
});

test("another account has no files", async () => {
  await assert.rejects(other.files.list(), (error) =>
    error instanceof OpenAI.BadRequestError
      && error.code === "model_not_priced");
});
