#include <stdio.h>

#include "ask_part.h"

/* Image endpoints need not be told a model. */
#define USUAL_IMAGE_MODEL "dall-e-2"

/* Says where the reader stopped, as serde does. */
static void
explain(const struct sim_json *json, char *why)
{
    int line = 1, column = 0;

    for (const char *at = json->start; at < json->at; at++) {
        column++;
        if (*at == '\n') {
            line++;
            column = 0;
        }
    }
    snprintf(why, SIM_ASK_SENTENCE_BYTES,
             "Failed to deserialize the JSON body into the target type: %s at "
             "line %d column %d",
             json->fault, line, column);
}

static const char *
missing(const struct sim_ask *ask)
{
    if (!ask->model[0])
        return "missing field `model`";
    switch (ask->endpoint) {
    case SIM_CHAT:
    case SIM_MESSAGES:
        return ask->messages ? NULL : "missing field `messages`";
    case SIM_COMPLETIONS:
    case SIM_IMAGES:
        return ask->inputs ? NULL : "missing field `prompt`";
    case SIM_EMBEDDINGS:
    case SIM_RESPONSES:
        return ask->inputs ? NULL : "missing field `input`";
    case SIM_SPEECH:
        return !ask->inputs      ? "missing field `input`"
               : !ask->has_voice ? "missing field `voice`"
                                 : NULL;
    case SIM_TRANSCRIPTIONS:
    case SIM_TRANSLATIONS:
        return !ask->files ? "missing field `file`"
               : ask->file_bytes == 0
                   ? "Audio file is too short. Minimum audio length is 0.1 "
                     "seconds."
                   : NULL;
    case SIM_IMAGE_EDITS:
        return !ask->files    ? "missing field `image`"
               : !ask->inputs ? "missing field `prompt`"
                              : NULL;
    case SIM_IMAGE_VARIATIONS:
        return ask->files ? NULL : "missing field `image`";
    default:
        return NULL;
    }
}

int
sim_ask_read(struct sim_ask *ask, enum sim_endpoint endpoint,
             const struct sim_request *request,
             char why[SIM_ASK_SENTENCE_BYTES])
{
    struct sim_asking r = {.ask = ask, .why = why};
    bool is_form = SIM_IN_FORMS & SIM_IN(endpoint);
    const char *lacks;

    *ask = (struct sim_ask){.endpoint = endpoint,
                            .max_tokens = -1,
                            .n = -1,
                            .dimensions = -1,
                            .seed = 0xcbf29ce484222325u};
    if (SIM_IN_IMAGES & SIM_IN(endpoint))
        strcpy(ask->model, USUAL_IMAGE_MODEL);
    why[0] = 0;
    if (!(is_form ? sim_ask_form : sim_ask_json)(&r, request)) {
        lacks = missing(ask);
        if (!lacks)
            return 0;
        sim_json_fail(&r.json, lacks);
    }
    if (why[0])
        return -1;
    if (is_form)
        snprintf(why, SIM_ASK_SENTENCE_BYTES, "%s", r.json.fault);
    else
        explain(&r.json, why);
    return -1;
}
