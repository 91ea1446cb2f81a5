/* What is said with a word: the model, and formats. */
#include "ask_part.h"

const char *
sim_ask_take_model(struct sim_asking *r, struct tg_str name)
{
    if (name.len >= SIM_MODEL_BYTES || memchr(name.data, 0, name.len))
        return "model name is too long";
    memcpy(r->ask->model, name.data, name.len);
    r->ask->model[name.len] = 0;
    return NULL;
}

#define IN_TRANSCRIPTS (SIM_IN(SIM_TRANSCRIPTIONS) | SIM_IN(SIM_TRANSLATIONS))

static const struct {
    const char *name;
    unsigned where;
} formats[SIM_FORMAT_COUNT] = {
    [SIM_FORMAT_USUAL] = {"float", SIM_IN(SIM_EMBEDDINGS)},
    [SIM_FORMAT_BASE64] = {"base64", SIM_IN(SIM_EMBEDDINGS)},
    [SIM_FORMAT_JSON] = {"json", IN_TRANSCRIPTS},
    [SIM_FORMAT_VERBOSE_JSON] = {"verbose_json", IN_TRANSCRIPTS},
    [SIM_FORMAT_TEXT] = {"text", IN_TRANSCRIPTS},
    [SIM_FORMAT_SRT] = {"srt", IN_TRANSCRIPTS},
    [SIM_FORMAT_VTT] = {"vtt", IN_TRANSCRIPTS},
    [SIM_FORMAT_MP3] = {"mp3", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_OPUS] = {"opus", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_AAC] = {"aac", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_FLAC] = {"flac", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_WAV] = {"wav", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_PCM] = {"pcm", SIM_IN(SIM_SPEECH)},
};

const char *
sim_ask_take_format(struct sim_asking *r, struct tg_str name)
{
    for (enum sim_format f = 0; f < SIM_FORMAT_COUNT; f++)
        if ((formats[f].where & SIM_IN(r->ask->endpoint)) &&
            tg_str_eq(name, (struct tg_str){formats[f].name,
                                            strlen(formats[f].name)})) {
            r->ask->format = f;
            return NULL;
        }
    return "unknown variant of the format";
}
