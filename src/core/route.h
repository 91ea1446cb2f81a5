/*
 * route.h: the only paths of the data plane, one row a route.
 *
 * A path is exactly one row or it does not exist; nothing else is forwarded.
 */
#ifndef TG_ROUTE_H
#define TG_ROUTE_H

#include <stdint.h>

#include "str.h"

enum tg_endpoint {
    TG_ENDPOINT_NONE = 0,
    TG_ENDPOINT_CHAT,
    TG_ENDPOINT_COMPLETIONS,
    TG_ENDPOINT_FIM,
    TG_ENDPOINT_EMBEDDINGS,
    TG_ENDPOINT_MODELS,
    TG_ENDPOINT_MODEL,
    TG_ENDPOINT_BALANCE,
    TG_ENDPOINT_KEY,
    TG_ENDPOINT_RESPONSES,
    TG_ENDPOINT_MESSAGES,
    TG_ENDPOINT_IMAGES,
    TG_ENDPOINT_IMAGE_EDITS,
    TG_ENDPOINT_IMAGE_VARIATIONS,
    TG_ENDPOINT_SPEECH,
    TG_ENDPOINT_TRANSCRIPTIONS,
    TG_ENDPOINT_TRANSLATIONS,
    TG_ENDPOINT_FILES,
    TG_ENDPOINT_FILE_LIST,
    TG_ENDPOINT_FILE,
    TG_ENDPOINT_FILE_DELETE,
    TG_ENDPOINT_FILE_CONTENT,
    TG_ENDPOINT_UPLOADS,
    TG_ENDPOINT_UPLOAD_PARTS,
    TG_ENDPOINT_UPLOAD_COMPLETE,
    TG_ENDPOINT_UPLOAD_CANCEL,
    TG_ENDPOINT_BATCHES,
    TG_ENDPOINT_BATCH_LIST,
    TG_ENDPOINT_BATCH,
    TG_ENDPOINT_BATCH_CANCEL,
    TG_ENDPOINT_JOBS, /* of fine-tuning */
    TG_ENDPOINT_JOB_LIST,
    TG_ENDPOINT_JOB,
    TG_ENDPOINT_JOB_CANCEL,
    TG_ENDPOINT_JOB_PAUSE,
    TG_ENDPOINT_JOB_RESUME,
    TG_ENDPOINT_JOB_EVENTS,
    TG_ENDPOINT_JOB_CHECKPOINTS,
};

enum tg_scope {
    TG_SCOPE_NONE = 0,
    TG_SCOPE_CHAT = 1 << 0,
    TG_SCOPE_CODE = 1 << 1,
    TG_SCOPE_IMAGE = 1 << 2,
    TG_SCOPE_AUDIO = 1 << 3,
    TG_SCOPE_EMBEDDINGS = 1 << 4,
    TG_SCOPE_FILES = 1 << 5,
    TG_SCOPE_FINE_TUNING = 1 << 6,
    TG_SCOPE_ALL = (1 << 7) - 1,
};

enum tg_method {
    TG_METHOD_OTHER = 0,
    TG_METHOD_GET,
    TG_METHOD_POST,
    TG_METHOD_DELETE,
};

/* Who answers: the safe value lets nothing out. */
enum tg_served {
    TG_SERVED_LOCALLY = 0,
    TG_SERVED_UPSTREAM,
};

/* Whose clients call: how errors, ids and limits are said to them. */
enum tg_manner {
    TG_MANNER_OPENAI = 0,
    TG_MANNER_ANTHROPIC,
};

/* What the body of a request is. */
enum tg_payload_kind {
    TG_PAYLOAD_JSON = 0,
    TG_PAYLOAD_FORM,  /* multipart/form-data */
    TG_PAYLOAD_MAYBE, /* JSON, or nothing */
    TG_PAYLOAD_NONE,  /* nothing */
};

/* What an answer that is none of an error is made of. */
enum tg_answer_kind {
    TG_ANSWER_JSON = 0, /* or an event stream */
    TG_ANSWER_ANY,      /* or bytes, as the Content-Type says */
    TG_ANSWER_FILE,     /* bytes, whatever it says */
};

/* What a call is about, and so what governs its body and how it is metered. */
enum tg_family {
    TG_FAMILY_TEXT = 0, /* tokens in and out */
    TG_FAMILY_VECTORS,  /* tokens in alone */
    TG_FAMILY_IMAGES,
    TG_FAMILY_SPEECH,    /* text to audio */
    TG_FAMILY_LISTENING, /* audio to text */
    TG_FAMILY_OBJECTS,   /* of the upstream: files and the like, by the call */
};

struct tg_route {
    enum tg_endpoint endpoint;
    enum tg_method method;
    struct tg_str path;  /* without /v1; "{id}" stands for a segment */
    uint8_t id_at;       /* where it does; 0: it does not */
    enum tg_scope scope; /* NONE: any key */
    enum tg_served served;
    enum tg_manner manner;
    enum tg_family family;
    enum tg_payload_kind payload;
    enum tg_answer_kind answer;
    bool is_flow; /* the answer comes as it is made, however long it is: who
                     leaves it ends it */
    bool takes_argument;   /* path ends in '/', the rest is a name, which may
                              have slashes of its own */
    struct tg_str service; /* the name that stands for a model in the price
                              book, when no body names one; else empty */
    const char *name;      /* as keys and call records name it */
};

#define TG_ROUTE_ID_MAX 128

/*
 * Finds the route of a method and an undecoded path (no query), with or
 * without "/v1" in front.  An id is 1 to TG_ROUTE_ID_MAX letters, digits, '_'
 * and '-'.  argument becomes it, or what follows the row's path where the
 * route takes one.  Returns NULL when there is none; *has_path then says
 * whether the path exists under another method.
 */
const struct tg_route *tg_route_find(enum tg_method method, struct tg_str path,
                                     struct tg_str *argument, bool *has_path);

/* "GET, POST": the methods that a path exists under; "" when it does not. */
const char *tg_route_allow(struct tg_str path);

/* The row of a name such as "GET /v1/models", also without /v1; or NULL. */
const struct tg_route *tg_route_named(struct tg_str name);

/* A path without the "/v1" in front. */
struct tg_str tg_route_path(struct tg_str path);

/* The method of a name, "GET" … */
enum tg_method tg_method_of(struct tg_str name);

/* The first row of an endpoint; NULL for TG_ENDPOINT_NONE. */
const struct tg_route *tg_route_of(enum tg_endpoint endpoint);

/* The rows one after the other; NULL behind the last one. */
const struct tg_route *tg_route_at(size_t i);

/*
 * Whose clients use an undecoded path (no query), whether there is such a
 * route or not.
 */
enum tg_manner tg_route_manner(struct tg_str path);

/* "chat", "code" … ; NULL when scope is not exactly one of them. */
const char *tg_scope_name(enum tg_scope scope);

/* The scope of a name; TG_SCOPE_NONE when there is none. */
enum tg_scope tg_scope_of(struct tg_str name);

#endif
