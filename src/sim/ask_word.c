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

static const struct {
    const char *name;
    unsigned where;
} formats[SIM_FORMAT_COUNT] = {
    [SIM_FORMAT_USUAL] = {"float", SIM_IN(SIM_EMBEDDINGS)},
    [SIM_FORMAT_BASE64] = {"base64", SIM_IN(SIM_EMBEDDINGS)},
    [SIM_FORMAT_JSON] = {"json", SIM_IN_TRANSCRIPTS},
    [SIM_FORMAT_VERBOSE_JSON] = {"verbose_json", SIM_IN_TRANSCRIPTS},
    [SIM_FORMAT_TEXT] = {"text", SIM_IN_TRANSCRIPTS},
    [SIM_FORMAT_SRT] = {"srt", SIM_IN_TRANSCRIPTS},
    [SIM_FORMAT_VTT] = {"vtt", SIM_IN_TRANSCRIPTS},
    [SIM_FORMAT_MP3] = {"mp3", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_OPUS] = {"opus", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_AAC] = {"aac", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_FLAC] = {"flac", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_WAV] = {"wav", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_PCM] = {"pcm", SIM_IN(SIM_SPEECH)},
    [SIM_FORMAT_URL] = {"url", SIM_IN_IMAGES},
    [SIM_FORMAT_B64_JSON] = {"b64_json", SIM_IN_IMAGES},
};

static bool
is(struct tg_str name, const char *word)
{
    return tg_str_eq(name, (struct tg_str){word, strlen(word)});
}

const char *
sim_ask_take_format(struct sim_asking *r, struct tg_str name)
{
    for (enum sim_format f = 0; f < SIM_FORMAT_COUNT; f++)
        if ((formats[f].where & SIM_IN(r->ask->endpoint)) &&
            is(name, formats[f].name)) {
            r->ask->format = f;
            return NULL;
        }
    return "unknown variant of the format";
}

/* Cuts a number of one to four digits; 0 when there is none. */
static unsigned
cut_pixels(struct tg_str *text)
{
    unsigned pixels = 0;

    for (int i = 0;
         i < 4 && text->len > 0 && *text->data >= '0' && *text->data <= '9';
         i++) {
        pixels = pixels * 10 + (unsigned)(*text->data++ - '0');
        text->len--;
    }
    return pixels;
}

const char *
sim_ask_take_size(struct sim_asking *r, struct tg_str size)
{
    unsigned width, height;

    r->ask->width = r->ask->height = 0;
    if (is(size, "auto"))
        return NULL;
    width = cut_pixels(&size);
    if (width == 0 || size.len == 0 || *size.data != 'x')
        return "size must be auto or such as 1024x1024";
    size.data++;
    size.len--;
    height = cut_pixels(&size);
    if (height == 0 || size.len > 0)
        return "size must be auto or such as 1024x1024";
    r->ask->width = width;
    r->ask->height = height;
    return NULL;
}

const char *
sim_ask_take_quality(struct sim_asking *r, struct tg_str name)
{
    static const struct {
        const char *name;
        enum sim_quality quality;
    } all[] = {
        {"auto", SIM_QUALITY_AUTO},     {"low", SIM_QUALITY_LOW},
        {"medium", SIM_QUALITY_MEDIUM}, {"high", SIM_QUALITY_HIGH},
        {"standard", SIM_QUALITY_AUTO}, {"hd", SIM_QUALITY_HIGH},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (is(name, all[i].name)) {
            r->ask->quality = all[i].quality;
            return NULL;
        }
    return "unknown variant of the quality";
}
