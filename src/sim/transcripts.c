/* Transcriptions and translations (wire-contract 2.6; OpenAI's client 7.5.0):
 * text from sound. */
#include "shape.h"

enum { BYTES_PER_SECOND = 16000, TOKENS_PER_SECOND = 10 };

static uint64_t
seconds(const struct sim_ask *ask)
{
    if (sim_fault_is(&ask->faults, SIM_FAULT_DURATION))
        return (uint64_t)ask->faults.arg[SIM_FAULT_DURATION];
    return (ask->file_bytes + BYTES_PER_SECOND - 1) / BYTES_PER_SECOND;
}

/* Models that are not paid by the token have no events. */
static void
transcript_plan(struct sim_answer *a)
{
    a->audio_ms = seconds(&a->ask) * 1000;
    a->text_tokens = sim_answer_text_tokens(a->ask.content_bytes);
    a->prompt_tokens = a->text_tokens + seconds(&a->ask) * TOKENS_PER_SECOND;
    a->cached_tokens = 0;
    if (a->ask.format >= SIM_FORMAT_TEXT)
        a->media = SIM_MEDIA_TEXT;
    if (!a->is_by_tokens)
        a->ask.is_stream = false;
}

static void
put_words(const struct sim_answer *a, struct sim_buf *out)
{
    sim_answer_words(a, 0, a->choice_tokens, out);
}

static void
put_text(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_lit(out, "\"text\":\"");
    put_words(a, out);
    sim_buf_lit(out, "\"");
}

static void
put_tokens(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_lit(out, "\"type\":\"tokens\",\"total_tokens\":");
    sim_answer_count(a, a->prompt_tokens + a->choice_tokens, out);
    sim_buf_lit(out, ",\"input_tokens\":");
    sim_answer_count(a, a->prompt_tokens, out);
    sim_buf_lit(out, ",\"input_token_details\":{\"text_tokens\":");
    sim_answer_count(a, a->text_tokens, out);
    sim_buf_lit(out, ",\"audio_tokens\":");
    sim_answer_count(a, a->prompt_tokens - a->text_tokens, out);
    sim_buf_lit(out, "},\"output_tokens\":");
    sim_answer_count(a, a->choice_tokens, out);
}

/* Translations report none. */
static void
put_usage(const struct sim_answer *a, struct sim_buf *out)
{
    if (a->ask.endpoint == SIM_TRANSLATIONS ||
        sim_fault_is(&a->ask.faults, SIM_FAULT_USAGE_MISSING))
        return;
    sim_buf_lit(out, ",\"usage\":{");
    if (a->is_by_tokens) {
        put_tokens(a, out);
    } else {
        sim_buf_lit(out, "\"type\":\"duration\",\"seconds\":");
        sim_answer_count(a, a->audio_ms / 1000, out);
    }
    sim_buf_lit(out, "}");
}

static void
put_seconds(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_uint(out, a->audio_ms / 1000);
    sim_buf_lit(out, ".0");
}

/* What verbose_json says besides; the whole is one segment. */
static void
put_more(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_printf(
        out, "\"task\":\"%s\",\"language\":\"english\",\"duration\":",
        a->ask.endpoint == SIM_TRANSLATIONS ? "translate" : "transcribe");
    put_seconds(a, out);
    sim_buf_lit(out, ",\"segments\":[{\"id\":0,\"seek\":0,\"start\":0.0,"
                     "\"end\":");
    put_seconds(a, out);
    sim_buf_lit(out, ",\"tokens\":[],\"temperature\":0.0,\"avg_logprob\":-0.3,"
                     "\"compression_ratio\":1.0,\"no_speech_prob\":0.0,");
    put_text(a, out);
    sim_buf_lit(out, "}],");
}

/* The one line of subtitles: SubRip's, with a comma, or WebVTT's. */
static void
put_subtitle(const struct sim_answer *a, char point, struct sim_buf *out)
{
    uint64_t s = a->audio_ms / 1000;

    sim_buf_printf(out, "00:00:00%c000 --> %02u:%02u:%02u%c000\n", point,
                   (unsigned)(s / 3600), (unsigned)(s / 60 % 60),
                   (unsigned)(s % 60), point);
    put_words(a, out);
    sim_buf_lit(out, "\n\n");
}

static void
put_json(const struct sim_answer *a, bool is_verbose, struct sim_buf *out)
{
    sim_buf_lit(out, "{");
    if (is_verbose)
        put_more(a, out);
    put_text(a, out);
    put_usage(a, out);
    sim_buf_lit(out, "}");
}

static void
transcript_whole(const struct sim_answer *a, struct sim_buf *out)
{
    switch (a->ask.format) {
    case SIM_FORMAT_TEXT:
        put_words(a, out);
        sim_buf_lit(out, "\n");
        break;
    case SIM_FORMAT_SRT:
        sim_buf_lit(out, "1\n");
        put_subtitle(a, ',', out);
        break;
    case SIM_FORMAT_VTT:
        sim_buf_lit(out, "WEBVTT\n\n");
        put_subtitle(a, '.', out);
        break;
    default:
        put_json(a, a->ask.format == SIM_FORMAT_VERBOSE_JSON, out);
    }
}

static void
put_delta(const struct sim_answer *a, uint64_t token, struct sim_buf *out)
{
    struct tg_str word = sim_answer_word(a, token, 0);

    sim_buf_lit(out, "{\"type\":\"transcript.text.delta\",\"delta\":\"");
    if (token == 0 && sim_fault_is(&a->ask.faults, SIM_FAULT_HUGELINE))
        sim_buf_fill(out, 'x', (size_t)a->ask.faults.arg[SIM_FAULT_HUGELINE]);
    sim_buf_str(out, word);
    sim_buf_lit(out, "\"}");
}

static void
transcript_event(const struct sim_answer *a, uint64_t i, struct sim_buf *out)
{
    sim_shape_data(a, out);
    if (i < a->choice_tokens) {
        put_delta(a, i, out);
    } else {
        sim_buf_lit(out, "{\"type\":\"transcript.text.done\",");
        put_text(a, out);
        put_usage(a, out);
        sim_buf_lit(out, "}");
    }
    sim_shape_close(a, out);
}

const struct sim_shape sim_shape_transcripts = {
    .plan = transcript_plan,
    .whole = transcript_whole,
    .event = transcript_event,
    .end = sim_shape_done,
    .lead = sim_shape_none,
    .tail = sim_shape_one,
};
