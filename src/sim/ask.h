/*
 * ask.h: what a request body asks for.
 */
#ifndef SIM_ASK_H
#define SIM_ASK_H

#include "fault.h"
#include "request.h"
#include "sim_json.h"

enum { SIM_MODEL_BYTES = 128, SIM_ASK_SENTENCE_BYTES = 320 };

enum sim_endpoint {
    SIM_NOWHERE = 0,
    SIM_CHAT,
    SIM_COMPLETIONS,
    SIM_EMBEDDINGS,
    SIM_MESSAGES,
    SIM_RESPONSES,
    SIM_SPEECH,
    SIM_TRANSCRIPTIONS,
    SIM_TRANSLATIONS,
    SIM_IMAGES,
    SIM_IMAGE_EDITS,
    SIM_IMAGE_VARIATIONS,
    SIM_MODELS,
    SIM_BALANCE,
    SIM_OBJECTS,
    SIM_ENDPOINT_COUNT,
};

/* What response_format, or encoding_format, may name. */
enum sim_format {
    SIM_FORMAT_USUAL = 0,
    SIM_FORMAT_BASE64, /* of vectors */
    SIM_FORMAT_JSON,
    SIM_FORMAT_VERBOSE_JSON,
    SIM_FORMAT_TEXT,
    SIM_FORMAT_SRT,
    SIM_FORMAT_VTT,
    SIM_FORMAT_MP3,
    SIM_FORMAT_OPUS,
    SIM_FORMAT_AAC,
    SIM_FORMAT_FLAC,
    SIM_FORMAT_WAV,
    SIM_FORMAT_PCM,
    SIM_FORMAT_URL,
    SIM_FORMAT_B64_JSON,
    SIM_FORMAT_COUNT,
};

enum sim_quality {
    SIM_QUALITY_AUTO = 0,
    SIM_QUALITY_LOW,
    SIM_QUALITY_MEDIUM,
    SIM_QUALITY_HIGH,
    SIM_QUALITY_COUNT,
};

enum sim_switch { SIM_UNSET = 0, SIM_ON, SIM_OFF };

struct sim_ask {
    enum sim_endpoint endpoint;
    char model[SIM_MODEL_BYTES]; /* "" when the body names none */
    bool is_stream;
    bool has_stream_options;
    enum sim_switch include_usage;
    bool has_continuous_usage;
    bool has_no_obfuscation;
    enum sim_switch thinking;
    enum sim_format format;
    bool has_voice;
    unsigned width, height; /* of images, in pixels; 0 when nobody said */
    enum sim_quality quality;
    int64_t partials;   /* images shown before they are ready */
    int64_t max_tokens; /* -1 when nobody said; so the next two */
    int64_t n;
    int64_t dimensions;
    uint64_t content_bytes; /* UTF-8 bytes of all content strings */
    uint64_t marked_bytes;  /* of them, up to the last cache_control */
    bool is_marked_for_hour;
    uint64_t messages;
    uint64_t inputs;     /* 0: there is none; of embeddings: how many vectors */
    uint64_t characters; /* of speech, Unicode code points */
    uint64_t files;
    uint64_t file_bytes; /* of all of them */
    uint64_t seed;       /* a function of the content */
    struct sim_faults faults;
};

/* Reads the body of request, JSON or a form as the endpoint has it, into ask.
 * 0; or -1 with a sentence in why, in the words of DeepSeek's deserialiser.
 * Members that stand twice: the last one counts. */
int sim_ask_read(struct sim_ask *ask, enum sim_endpoint endpoint,
                 const struct sim_request *request,
                 char why[SIM_ASK_SENTENCE_BYTES]);

#endif
