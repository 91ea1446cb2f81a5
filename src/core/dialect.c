#include "dialect.h"

/* Ours, with the id that was sent in it. */
#define BY_ID "/"

/* Each dialect's path of an endpoint; NULL where it has no such thing. */
static const struct row {
    enum tg_endpoint endpoint;
    const char *deepseek, *openai, *vllm, *anthropic;
} rows[] = {
    {TG_ENDPOINT_CHAT, "/chat/completions", "/chat/completions",
     "/chat/completions", NULL},
    {TG_ENDPOINT_COMPLETIONS, "/beta/completions", "/completions",
     "/completions", NULL},
    {TG_ENDPOINT_FIM, "/beta/completions", "/completions", "/completions",
     NULL},
    {TG_ENDPOINT_EMBEDDINGS, "/embeddings", "/embeddings", "/embeddings", NULL},
    {TG_ENDPOINT_RESPONSES, "/responses", "/responses", "/responses", NULL},
    {TG_ENDPOINT_MESSAGES, "/anthropic/v1/messages", NULL, "/messages",
     "/v1/messages"},
    {TG_ENDPOINT_IMAGES, NULL, "/images/generations", "/images/generations",
     NULL},
    {TG_ENDPOINT_IMAGE_EDITS, NULL, "/images/edits", "/images/edits", NULL},
    {TG_ENDPOINT_IMAGE_VARIATIONS, NULL, "/images/variations", NULL, NULL},
    {TG_ENDPOINT_SPEECH, NULL, "/audio/speech", "/audio/speech", NULL},
    {TG_ENDPOINT_TRANSCRIPTIONS, NULL, "/audio/transcriptions",
     "/audio/transcriptions", NULL},
    {TG_ENDPOINT_TRANSLATIONS, NULL, "/audio/translations",
     "/audio/translations", NULL},
    {TG_ENDPOINT_FILES, "/files", "/files", NULL, NULL},
    {TG_ENDPOINT_FILE_LIST, "/files", "/files", NULL, NULL},
    {TG_ENDPOINT_FILE, BY_ID, BY_ID, NULL, NULL},
    {TG_ENDPOINT_FILE_DELETE, BY_ID, BY_ID, NULL, NULL},
    {TG_ENDPOINT_FILE_CONTENT, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_UPLOADS, NULL, "/uploads", NULL, NULL},
    {TG_ENDPOINT_UPLOAD_PARTS, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_UPLOAD_COMPLETE, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_UPLOAD_CANCEL, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_BATCHES, NULL, "/batches", NULL, NULL},
    {TG_ENDPOINT_BATCH_LIST, NULL, "/batches", NULL, NULL},
    {TG_ENDPOINT_BATCH, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_BATCH_CANCEL, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_JOBS, NULL, "/fine_tuning/jobs", NULL, NULL},
    {TG_ENDPOINT_JOB_LIST, NULL, "/fine_tuning/jobs", NULL, NULL},
    {TG_ENDPOINT_JOB, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_JOB_CANCEL, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_JOB_PAUSE, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_JOB_RESUME, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_JOB_EVENTS, NULL, BY_ID, NULL, NULL},
    {TG_ENDPOINT_JOB_CHECKPOINTS, NULL, BY_ID, NULL, NULL},
};

static const char *
path_in(const struct row *row, enum tg_dialect dialect)
{
    switch (dialect) {
    case TG_DIALECT_DEEPSEEK:
        return row->deepseek;
    case TG_DIALECT_VLLM:
        return row->vllm;
    case TG_DIALECT_ANTHROPIC:
        return row->anthropic;
    default:
        return row->openai;
    }
}

/* NULL where there is none. */
static const char *
path_of(enum tg_dialect dialect, enum tg_endpoint endpoint)
{
    const size_t count = sizeof(rows) / sizeof(rows[0]);
    size_t i = 0;

    while (i < count && rows[i].endpoint != endpoint)
        i++;
    return i < count ? path_in(&rows[i], dialect) : NULL;
}

bool
tg_dialect_serves(enum tg_dialect dialect, enum tg_endpoint endpoint)
{
    return path_of(dialect, endpoint) != NULL;
}

static bool
begins_with(struct tg_str s, struct tg_str prefix)
{
    return s.len >= prefix.len && memcmp(s.data, prefix.data, prefix.len) == 0;
}

/* Whether a path does not stand behind "/v1". */
static bool
is_apart(struct tg_str path)
{
    return begins_with(path, TG_STR("/v1/")) ||
           begins_with(path, TG_STR("/beta/")) ||
           begins_with(path, TG_STR("/anthropic/"));
}

struct tg_place
tg_dialect_place(enum tg_dialect dialect, enum tg_endpoint endpoint,
                 struct tg_str base)
{
    const char *own = path_of(dialect, endpoint);
    struct tg_str path = {own, own == NULL ? 0 : strlen(own)};

    if (is_apart(path) && base.len >= 3 &&
        memcmp(base.data + base.len - 3, "/v1", 3) == 0)
        base.len -= 3;
    return (struct tg_place){base, path};
}

enum tg_scheme
tg_dialect_scheme(enum tg_dialect dialect)
{
    return dialect == TG_DIALECT_ANTHROPIC ? TG_SCHEME_X_API_KEY
                                           : TG_SCHEME_BEARER;
}

struct tg_str
tg_dialect_version(struct tg_str sent)
{
    static const char shape[] = "dddd-dd-dd";
    bool is_date = sent.len == sizeof(shape) - 1;

    for (size_t i = 0; is_date && i < sent.len; i++)
        is_date = shape[i] == 'd' ? sent.data[i] >= '0' && sent.data[i] <= '9'
                                  : sent.data[i] == shape[i];
    return is_date ? sent : TG_STR("2023-06-01");
}

/* Letters, digits, and what stands between them in names of betas. */
static bool
is_plain(struct tg_str item)
{
    for (size_t i = 0; i < item.len; i++) {
        char c = item.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return item.len > 0;
}

/* Prompts above 200 000 tokens and fast answers cost a multiple. */
static bool
changes_prices(struct tg_str item)
{
    return begins_with(item, TG_STR("context-1m-")) ||
           begins_with(item, TG_STR("fast-mode-"));
}

static struct tg_str
trimmed(struct tg_str s)
{
    while (s.len > 0 && (*s.data == ' ' || *s.data == '\t')) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

size_t
tg_dialect_betas(struct tg_str sent, char *out)
{
    size_t len = 0;

    while (sent.len > 0) {
        const char *comma = memchr(sent.data, ',', sent.len);
        size_t n = comma == NULL ? sent.len : (size_t)(comma - sent.data);
        struct tg_str item = trimmed((struct tg_str){sent.data, n});

        if (is_plain(item) && !changes_prices(item)) {
            if (len > 0)
                out[len++] = ',';
            memcpy(out + len, item.data, item.len);
            len += item.len;
        }
        n += comma != NULL;
        sent = (struct tg_str){sent.data + n, sent.len - n};
    }
    return len;
}
