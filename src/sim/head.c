#include "head.h"

enum { PAD_LINE = 1000 };

static const char deepseek[] =
    "Server: elb\r\n"
    "vary: origin, access-control-request-method, "
    "access-control-request-headers\r\n"
    "access-control-allow-credentials: true\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Strict-Transport-Security: max-age=31536000; includeSubDomains; "
    "preload\r\n"
    "x-ds-trace-id: ";

static void
put_dialect(const struct sim_head *head, struct sim_buf *out)
{
    switch (head->dialect) {
    case SIM_OPENAI:
        sim_buf_lit(out, "openai-version: 2020-10-01\r\n"
                         "openai-processing-ms: 7\r\nx-request-id: req_");
        break;
    case SIM_VLLM:
        sim_buf_lit(out, "server: uvicorn\r\n");
        return;
    case SIM_ANTHROPIC:
        sim_buf_lit(out, "request-id: req_");
        break;
    default:
        sim_buf_lit(out, deepseek);
        break;
    }
    sim_buf_add(out, head->trace, SIM_TRACE_BYTES - 1);
    sim_buf_lit(out, "\r\n");
}

static void
put_media(const struct sim_head *head, struct sim_buf *out)
{
    static const char *const types[SIM_MEDIA_COUNT] = {
        [SIM_MEDIA_JSON] = "application/json",
        [SIM_MEDIA_TEXT] = "text/plain; charset=utf-8",
        [SIM_MEDIA_EVENTS] = "text/event-stream; charset=utf-8",
        [SIM_MEDIA_MP3] = "audio/mpeg",
        [SIM_MEDIA_OPUS] = "audio/opus",
        [SIM_MEDIA_AAC] = "audio/aac",
        [SIM_MEDIA_FLAC] = "audio/flac",
        [SIM_MEDIA_WAV] = "audio/wav",
        [SIM_MEDIA_PCM] = "audio/pcm",
        [SIM_MEDIA_BYTES] = "application/octet-stream",
    };
    const char *type = types[head->media];

    sim_buf_lit(out, "Content-Type: ");
    sim_buf_add(out, type, strlen(type));
    if (head->media == SIM_MEDIA_EVENTS)
        sim_buf_lit(out, "\r\ncache-control: no-cache");
    sim_buf_lit(out, "\r\n");
}

static void
put_framing(const struct sim_head *head, struct sim_buf *out)
{
    if (head->framing == SIM_FRAMED_BY_CHUNKS) {
        sim_buf_lit(out, "Transfer-Encoding: chunked\r\n");
    } else if (head->framing == SIM_FRAMED_BY_LENGTH) {
        sim_buf_lit(out, "Content-Length: ");
        sim_buf_uint(out, head->length);
        sim_buf_lit(out, "\r\n");
    }
    if (head->closes)
        sim_buf_lit(out, "Connection: close\r\n");
    else
        sim_buf_lit(out, "Connection: keep-alive\r\n");
}

static void
put_padding(uint64_t bytes, struct sim_buf *out)
{
    for (unsigned line = 0; bytes > 0; line++) {
        size_t len = bytes < PAD_LINE ? (size_t)bytes : PAD_LINE;

        sim_buf_printf(out, "X-Padding-%u: ", line);
        sim_buf_fill(out, 'p', len);
        sim_buf_lit(out, "\r\n");
        bytes -= len;
    }
}

void
sim_head_put(const struct sim_head *head, struct sim_buf *out)
{
    if (head->status == 200)
        sim_buf_lit(out, "HTTP/1.1 200 OK\r\n");
    else
        sim_buf_printf(out, "HTTP/1.1 %d %s\r\n", head->status,
                       sim_error_reason(head->status));
    put_media(head, out);
    put_framing(head, out);
    put_dialect(head, out);
    if (head->status == 302)
        sim_buf_lit(out, "Location: http://127.0.0.2:9/elsewhere\r\n");
    put_padding(head->pad_bytes, out);
    sim_buf_lit(out, "\r\n");
}
