/* Speech (wire-contract 2.6; OpenAI's client 7.5.0): sound from text.  A
 * character becomes a token of sound and a thousand bytes of noise. */
#include "noise.h"
#include "shape.h"

enum { CHARACTER_BYTES = 1000, CHARACTER_WORDS = 125 };

_Static_assert(CHARACTER_WORDS *SIM_NOISE_WORD == CHARACTER_BYTES,
               "a piece of sound starts where the one before it ended");

static enum sim_media
media(enum sim_format format)
{
    static const enum sim_media by_format[SIM_FORMAT_COUNT] = {
        [SIM_FORMAT_OPUS] = SIM_MEDIA_OPUS, [SIM_FORMAT_AAC] = SIM_MEDIA_AAC,
        [SIM_FORMAT_FLAC] = SIM_MEDIA_FLAC, [SIM_FORMAT_WAV] = SIM_MEDIA_WAV,
        [SIM_FORMAT_PCM] = SIM_MEDIA_PCM,
    };

    return by_format[format] ? by_format[format] : SIM_MEDIA_MP3;
}

/* Models that are not paid by the token have no events. */
static void
speech_plan(struct sim_answer *a)
{
    a->cached_tokens = 0;
    a->is_cut_by_limit = false;
    a->choice_tokens = a->ask.characters;
    a->media = media(a->ask.format);
    a->hides_length = true;
    if (!a->is_by_tokens)
        a->ask.is_stream = false;
}

static void
speech_whole(const struct sim_answer *a, struct sim_buf *out)
{
    if (sim_fault_is(&a->ask.faults, SIM_FAULT_HUGELINE))
        sim_buf_fill(out, 'x', (size_t)a->ask.faults.arg[SIM_FAULT_HUGELINE]);
    sim_noise_put(a->ask.seed, 0, a->choice_tokens * CHARACTER_BYTES, out);
}

static void
put_delta(const struct sim_answer *a, uint64_t token, struct sim_buf *out)
{
    struct sim_buf sound = {0};

    if (token == 0 && sim_fault_is(&a->ask.faults, SIM_FAULT_HUGELINE))
        sim_buf_fill(&sound, 'x',
                     (size_t)a->ask.faults.arg[SIM_FAULT_HUGELINE]);
    sim_noise_put(a->ask.seed, token * CHARACTER_WORDS, CHARACTER_BYTES,
                  &sound);
    sim_buf_lit(out, "{\"type\":\"speech.audio.delta\",\"audio\":\"");
    sim_buf_base64(out, sound.data, sound.len);
    sim_buf_lit(out, "\"}");
    sim_buf_release(&sound);
}

static void
put_done(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_lit(out, "{\"type\":\"speech.audio.done\"");
    if (!sim_fault_is(&a->ask.faults, SIM_FAULT_USAGE_MISSING)) {
        sim_buf_lit(out, ",\"usage\":{\"input_tokens\":");
        sim_answer_count(a, a->prompt_tokens, out);
        sim_buf_lit(out, ",\"output_tokens\":");
        sim_answer_count(a, a->choice_tokens, out);
        sim_buf_lit(out, ",\"total_tokens\":");
        sim_answer_count(a, a->prompt_tokens + a->choice_tokens, out);
        sim_buf_lit(out, "}");
    }
    sim_buf_lit(out, "}");
}

static void
speech_event(const struct sim_answer *a, uint64_t i, struct sim_buf *out)
{
    sim_shape_data(a, out);
    if (i < a->choice_tokens)
        put_delta(a, i, out);
    else
        put_done(a, out);
    sim_shape_close(a, out);
}

const struct sim_shape sim_shape_speech = {
    .plan = speech_plan,
    .whole = speech_whole,
    .event = speech_event,
    .end = sim_shape_done,
    .lead = sim_shape_none,
    .tail = sim_shape_one,
};
