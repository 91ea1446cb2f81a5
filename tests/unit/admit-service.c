/*
 * Goal: files, batches and jobs go by the row of the key's account, and no
 * other account's; what a batch or a job may do is what its key may.
 */
#include "admit_judge.h"
#include "check.h"
#include "service.h"

#define E "\r\n"
#define FORM "multipart/form-data; boundary=b"
#define FIELD(name, value)                                                     \
    "--b" E "Content-Disposition: form-data; name=\"" name "\"" E E value E
#define A_FILE(name, value)                                                    \
    "--b" E "Content-Disposition: form-data; name=\"" name                     \
    "\"; filename=\"x\"" E E value E
#define END "--b--" E

#define THIRD_ACCOUNT 3 /* of test_accounts */
#define THIRD_ID "acct_0000000000000000004"

/* What a row leaves out: upstream 1, which is OpenAI's, at 0.001 a call. */
struct service_row {
    const char *name;
    uint16_t upstream;
    uint32_t scopes, unit;
    bool is_unpriced;
};

static const struct service_row all[] = {
    {"files", 1, TG_SCOPE_FILES, TG_UNIT_CALL},
    {"batches", 1, TG_SCOPE_FILES, TG_UNIT_CALL},
    {"fine_tuning", 1, TG_SCOPE_FINE_TUNING, TG_UNIT_CALL},
    {"files@" THIRD_ID, 0, TG_SCOPE_FILES, TG_UNIT_CALL},
};

static void
publish_services(const struct service_row *rows, size_t n)
{
    struct tg_catalog *catalog = test_catalog_new();

    for (size_t i = 0; i < n; i++) {
        struct tg_model *model = &catalog->models[catalog->model_count++];

        strcpy(model->name, rows[i].name);
        model->scopes = rows[i].scopes;
        model->upstreams[0] = rows[i].upstream;
        model->upstream_count = 1;
        model->price_count = !rows[i].is_unpriced;
        model->prices[0] = (struct tg_price){
            .effective_at_ms = instant("2026-01-01T00:00:00Z"),
            .unit = rows[i].unit,
            .off_peak.unit_picos = 1000000000,
        };
    }
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    free(catalog);
}

struct service_case {
    const char *what, *method, *path;
    const char *body; /* NULL: none, and no type */
    const char *want; /* a model, or a refusal */
    struct test_policy key;
    const char *query;
};

static struct tg_body_facts facts;

/* By the row's key from the head on. */
static void
judge(const struct service_case *row, struct tg_admission *a)
{
    static struct tg_payload payload;
    const char *body = row->body != NULL ? row->body : "";
    struct head_case head = {"",     row->method,         row->path,
                             BEARER, .query = row->query, .type = NULL};
    struct tg_credential credential;
    struct tg_head kept;
    bool is_sound;

    if (row->body != NULL)
        head.type = *body == '-' ? FORM : "application/json";
    publish_policy(&row->key);
    judge_head(&head, &credential, a);
    if (a->action != TG_ACTION_READ_BODY)
        return;
    kept = a->head;
    tg_payload_init(&payload, &kept);
    is_sound = tg_payload_feed(&payload, body, strlen(body)) == 0 &&
               tg_payload_finish(&payload, &facts) == 0;
    tg_admit_body(&state, &kept, is_sound ? &facts : NULL,
                  tg_payload_fault(&payload), instant(NOON), a);
}

#define BATCH                                                                  \
    "{\"input_file_id\":\"file-1\",\"endpoint\":\"/v1/chat/completions\","     \
    "\"completion_window\":\"24h\"}"
#define JOB(model) "{\"model\":\"" model "\",\"training_file\":\"file-1\"}"
#define OF_THIRD                                                               \
    {                                                                          \
        .account = THIRD_ACCOUNT                                               \
    }

/* want: the row of the price book. */
static const struct service_case served[] = {
    {"a file comes", "POST", "/v1/files",
     FIELD("purpose", "batch") A_FILE("file", "{}") END, "files"},
    {"files are listed", "GET", "/v1/files", NULL, "files"},
    {"a page of them", "GET", "/files", NULL, "files",
     .query = "after=file-1&limit=2&purpose=fine-tune,batch.x_y"},
    {"a file", "GET", "/v1/files/file-1", NULL, "files"},
    {"its content", "GET", "/v1/files/file-1/content", NULL, "files"},
    {"it goes", "DELETE", "/v1/files/file-1", NULL, "files"},
    {"an upload", "POST", "/v1/uploads", "{\"purpose\":\"batch\",\"bytes\":1}",
     "files"},
    {"a part", "POST", "/v1/uploads/u/parts", A_FILE("data", "{}") END,
     "files"},
    {"its end", "POST", "/v1/uploads/u/complete", "{\"part_ids\":[\"p\"]}",
     "files"},
    {"it is given up", "POST", "/v1/uploads/u/cancel", NULL, "files"},
    {"with an empty object", "POST", "/v1/uploads/u/cancel", "{}", "files"},
    {"a batch", "POST", "/v1/batches", BATCH, "batches"},
    {"batches are listed", "GET", "/v1/batches", NULL, "batches"},
    {"a batch is given up", "POST", "/v1/batches/b/cancel", NULL, "batches"},
    {"a job", "POST", "/v1/fine_tuning/jobs", JOB("gpt-4o"), "fine_tuning"},
    {"a job of a model nobody priced", "POST", "/v1/fine_tuning/jobs",
     JOB("ft:gpt:x"), "fine_tuning"},
    {"a job of a model in the list",
     "POST",
     "/v1/fine_tuning/jobs",
     JOB("gpt-4o"),
     "fine_tuning",
     {.models = "gpt-* "}},
    {"its events", "GET", "/v1/fine_tuning/jobs/j/events", NULL, "fine_tuning"},
    {"files with a list of models",
     "GET",
     "/v1/files",
     NULL,
     "files",
     {.models = "gpt-* "}},
    {"another account's file", "GET", "/v1/files/file-1", NULL,
     "files@" THIRD_ID, OF_THIRD},
    {"a batch by the endpoint it may call",
     "POST",
     "/v1/batches",
     BATCH,
     "batches",
     {.scopes = TG_SCOPE_FILES | TG_SCOPE_CHAT,
      .endpoints = (uint64_t)1 << TG_ENDPOINT_BATCHES |
                   (uint64_t)1 << TG_ENDPOINT_CHAT}},
};

static void
test_served(void)
{
    struct tg_admission a;

    publish_services(all, COUNT(all));
    for (size_t i = 0; i < COUNT(served); i++) {
        judge(&served[i], &a);
        if (!ok(a.action == TG_ACTION_PROXY, "admitted: %s", served[i].what)) {
            printf("# %s\n", refusal(&a, TG_STR("")));
            continue;
        }
        is_str(a.call.model, served[i].want, "by its row");
        is_int(a.call.unit, TG_UNIT_CALL, "by the call");
        is_int(a.call.held_nanos, 1000000, "at its price");
        ok(tg_str_eq(a.place.path, tg_route_path(text_of(served[i].path))),
           "at the path with its id");
        ok(tg_str_eq(a.head.query, text_of(served[i].query)),
           "with the query, if it has one");
    }
}

#define MISSING(endpoint, name)                                                \
    INVALID("null", "model_not_priced",                                        \
            endpoint " has no price here, so it is not served. Operator: "     \
                     "`tollgate models add " name " --upstream NAME --unit "   \
                     "call --unit-price 0`, or what a call shall cost.")
#define NOT_OWN(endpoint, name)                                                \
    INVALID("null", "model_not_priced",                                        \
            endpoint " is not offered to the account of this API key: an "     \
                     "upstream keeps such objects for one account alone. "     \
                     "Operator: `tollgate models add " name " --upstream "     \
                     "NAME --unit call --unit-price 0`, with an upstream "     \
                     "that no other account has for it.")
#define WRONG_UNIT(unit)                                                       \
    INVALID("null", "model_not_priced",                                        \
            "files is priced by the " unit " here, and must be by the call. "  \
            "Operator: `tollgate models add files --unit call --unit-price "   \
            "0`, or what a call shall cost.")
#define NO_BATCH                                                               \
    DENIED("The models of a batch stand in its file, where they are not seen " \
           "here. This API key may use certain models only, so it may not "    \
           "make batches. Ask your operator for a key without a list of "      \
           "models.")
#define NOT_ITS_CALL(endpoint)                                                 \
    ERROR("permission_error", "\"endpoint\"", "permission_denied",             \
          "This API key may not call " endpoint ", so a batch may not do it "  \
          "for it. Ask your operator to add the endpoint and its scope.")
#define BAD_QUERY                                                              \
    INVALID("null", "invalid_request",                                         \
            "The query may have letters, digits and _ . , = & - only, and no " \
            "more than 512 of them.")
#define X64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct service_case refused[] = {
    {"another account without a row", "GET", "/v1/batches", NULL,
     NOT_OWN("GET /v1/batches", "batches@" THIRD_ID), OF_THIRD},
    {"an upload is not shown", "GET", "/v1/uploads/u", NULL,
     INVALID("null", "not_found",
             "There is no such path here. Use /v1/chat/completions, "
             "/v1/responses, /v1/messages, /v1/completions, "
             "/v1/beta/completions, /v1/embeddings, those of /v1/images/, "
             "/v1/audio/, /v1/files, /v1/uploads, /v1/batches and "
             "/v1/fine_tuning/jobs, /v1/models, /v1/user/balance or "
             "/v1/key.")},
    {"a batch with a list of models",
     "POST",
     "/v1/batches",
     BATCH,
     NO_BATCH,
     {.models = "gpt-* "}},
    {"a batch of a development key",
     "POST",
     "/v1/batches",
     BATCH,
     NO_BATCH,
     {.kind = TG_KIND_DEVELOPMENT}},
    {"a batch without the scope",
     "POST",
     "/v1/batches",
     BATCH,
     NOT_ITS_CALL("POST /v1/chat/completions"),
     {.scopes = TG_SCOPE_FILES}},
    {"a batch without the endpoint",
     "POST",
     "/v1/batches",
     BATCH,
     NOT_ITS_CALL("POST /v1/chat/completions"),
     {.endpoints = (uint64_t)1 << TG_ENDPOINT_BATCHES}},
    {"a batch of files", "POST", "/v1/batches",
     "{\"endpoint\":\"/v1/batches\"}",
     INVALID("\"endpoint\"", "invalid_request",
             "`endpoint` is out of range (byte 12).")},
    {"a batch of nothing that is known", "POST", "/v1/batches",
     "{\"endpoint\":\"/v1/x\"}",
     INVALID("\"endpoint\"", "invalid_request",
             "`endpoint` is out of range (byte 12).")},
    {"a batch of what the gate answers", "POST", "/v1/batches",
     "{\"endpoint\":\"/v1/models\"}",
     INVALID("\"endpoint\"", "invalid_request",
             "`endpoint` is out of range (byte 12).")},
    {"a batch of two endpoints", "POST", "/v1/batches",
     "{\"endpoint\":\"/v1/embeddings\",\"endpoint\":\"/v1/chat/completions\"}",
     INVALID("\"endpoint\"", "duplicate_field",
             "`endpoint` stands twice; send it once (byte 29).")},
    {"a batch of none", "POST", "/v1/batches", "{\"input_file_id\":\"f\"}",
     INVALID("\"endpoint\"", "invalid_request",
             "`endpoint` is out of range (byte 0).")},
    {"a job without a model", "POST", "/v1/fine_tuning/jobs",
     "{\"training_file\":\"f\"}",
     INVALID("\"model\"", "invalid_request",
             "The request names no model: set `model` to one of "
             "GET /v1/models.")},
    {"a job of a model outside the list",
     "POST",
     "/v1/fine_tuning/jobs",
     JOB("gpt-4o"),
     INVALID(
         "\"model\"", "model_not_found",
         "This API key may not use the model `gpt-4o`. This API key may use "
         "`deepseek-*`."),
     {.models = "deepseek-* "}},
    {"a job of any model by a development key",
     "POST",
     "/v1/fine_tuning/jobs",
     JOB("ft:x"),
     INVALID("\"model\"", "model_not_found",
             "This API key may not use the model `ft:x`. GET /v1/models "
             "lists those that this API key may use."),
     {.kind = TG_KIND_DEVELOPMENT}},
    {"files without the scope",
     "GET",
     "/v1/files",
     NULL,
     DENIED(
         "This API key lacks the scope `files` that GET /v1/files needs. Ask "
         "your operator to add it, or use another key."),
     {.scopes = TG_SCOPE_FINE_TUNING}},
    {"an odd query", "GET", "/v1/files", NULL, BAD_QUERY, .query = "a=%2e"},
    {"a query with a blank", "GET", "/v1/files", NULL, BAD_QUERY,
     .query = "a=b+c"},
    {"a long query", "GET", "/v1/files", NULL, BAD_QUERY,
     .query = X64 X64 X64 X64 X64 X64 X64 X64 "x"},
    {"a body for what has none", "DELETE", "/v1/files/x", "{}",
     INVALID("null", "invalid_request",
             "The request has a body, and needs none.")},
    {"a form where JSON belongs", "POST", "/v1/batches",
     FIELD("endpoint", "/v1/chat/completions") END,
     INVALID("null", "unsupported_media_type",
             "The request must be uncompressed JSON in UTF-8: send "
             "Content-Type: application/json and no Content-Encoding.")},
    {"a purpose twice", "POST", "/v1/files",
     FIELD("purpose", "a") FIELD("purpose", "b") END,
     INVALID("\"purpose\"", "duplicate_field",
             "`purpose` stands twice; send it once (byte 63).")},
};

static void
test_refused(void)
{
    struct tg_admission a;

    publish_services(all, COUNT(all));
    for (size_t i = 0; i < COUNT(refused); i++) {
        judge(&refused[i], &a);
        is_str(refusal(&a, TG_STR("")), refused[i].want, "refused: %s",
               refused[i].what);
    }
}

/* What is in the price book, and what comes of it. */
static void
test_rows(void)
{
    static const struct service_case list = {"", "GET", "/v1/files", NULL, ""};
    static const struct service_case of_third = {"",   "GET", "/v1/files",
                                                 NULL, "",    OF_THIRD};
    static const struct {
        const char *what;
        struct service_row row;
        const char *want;
    } rows[] = {
        {"no price",
         {"files", 1, TG_SCOPE_FILES, TG_UNIT_CALL, true},
         MISSING("GET /v1/files", "files")},
        {"another scope",
         {"files", 1, TG_SCOPE_CHAT, TG_UNIT_CALL},
         MISSING("GET /v1/files", "files")},
        {"another name",
         {"batches", 1, TG_SCOPE_FILES, TG_UNIT_CALL},
         MISSING("GET /v1/files", "files")},
        {"another account's",
         {"files@" THIRD_ID, 1, TG_SCOPE_FILES, TG_UNIT_CALL},
         MISSING("GET /v1/files", "files")},
        {"another unit",
         {"files", 1, TG_SCOPE_FILES, TG_UNIT_IMAGE},
         WRONG_UNIT("image")},
        {"tokens",
         {"files", 1, TG_SCOPE_FILES, TG_UNIT_NONE},
         WRONG_UNIT("token")},
        {"an upstream without files",
         {"files", 2, TG_SCOPE_FILES, TG_UNIT_CALL},
         INVALID(
             "null", "invalid_request",
             "The upstream of files has no GET /v1/files. Operator: `tollgate "
             "models add files --upstream NAME`, with one that has.")},
        {"an upstream that is gone",
         {"files", 9, TG_SCOPE_FILES, TG_UNIT_CALL},
         ERROR("api_error", "null", "upstream_unavailable",
               "The model `files` has no upstream. Operator: `tollgate "
               "upstreams add`.")},
    };
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(rows); i++) {
        publish_services(&rows[i].row, 1);
        judge(&list, &a);
        is_str(refusal(&a, TG_STR("")), rows[i].want, "%s", rows[i].what);
    }
    publish_services(all, 1);
    judge(&of_third, &a);
    is_str(refusal(&a, TG_STR("")), NOT_OWN("GET /v1/files", "files@" THIRD_ID),
           "the first account's row is no other's");
}

static void
test_names(void)
{
    static const struct {
        const char *name, *owner;
        uint32_t scopes;
    } names[] = {
        {"files", "", TG_SCOPE_FILES},
        {"batches", "", TG_SCOPE_FILES},
        {"fine_tuning", "", TG_SCOPE_FINE_TUNING},
        {"files@" THIRD_ID, THIRD_ID, TG_SCOPE_FILES},
        {"fine_tuning@x", "x", TG_SCOPE_FINE_TUNING},
        {"files@", "", TG_SCOPE_FILES},
        {"file", "", 0},
        {"filesx", "", 0},
        {"Files", "", 0},
        {"gpt@files", "files", 0},
        {"", "", 0},
    };
    struct tg_str owner;

    for (size_t i = 0; i < COUNT(names); i++) {
        struct tg_str name = text_of(names[i].name);

        is_int(tg_service_is(name, &owner), names[i].scopes != 0,
               "whether \"%s\" is a service", names[i].name);
        is_int(tg_service_scopes(name), names[i].scopes, "its scope");
        ok(tg_str_eq(owner, text_of(names[i].owner)), "and whose it is");
    }
}

#define NAMING(model)                                                          \
    "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":"   \
    "[{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}]}]}"
#define NOT_ITS_FILE                                                           \
    INVALID("null", "invalid_request",                                         \
            "A file that the prompt only names is kept by the provider, for "  \
            "one account of this gate: that of this API key has none where "   \
            "the model is served. Send what is in the file, or ask your "      \
            "operator for both from one upstream: `tollgate models add files " \
            "--upstream NAME`.")

/* A file in a prompt is asked for where the account's files are. */
static void
test_prompts(void)
{
    static const struct service_case prompts[] = {
        {"the first account's, where its files are", CHAT, NAMING("gpt-4o"),
         ""},
        {"and where they are not", CHAT, NAMING("org/qwen"), NOT_ITS_FILE},
        {"where another's are", CHAT, NAMING("deepseek-flash"), NOT_ITS_FILE},
        {"that one itself", CHAT, NAMING("deepseek-flash"), "", OF_THIRD},
        {"which is not let at the first one's", CHAT, NAMING("gpt-4o"),
         NOT_ITS_FILE, OF_THIRD},
    };
    struct tg_admission a;

    publish_services(all, COUNT(all));
    for (size_t i = 0; i < COUNT(prompts); i++) {
        judge(&prompts[i], &a);
        is_str(refusal(&a, TG_STR("")), prompts[i].want, "%s", prompts[i].what);
        ok(a.target.is_tied, "with one credential");
    }
    publish_services(NULL, 0);
    judge(&prompts[0], &a);
    is_str(refusal(&a, TG_STR("")), NOT_ITS_FILE, "who has none has none");
}

static void
hear(void *arg, enum tg_check_row row, enum tg_check_answer said,
     const struct tg_admission *a)
{
    (void)a;
    if (said == TG_CHECK_YES)
        *(unsigned *)arg |= 1u << row;
}

/* The scope alone says which row it is about. */
static void
test_check(void)
{
    static const struct test_policy key;
    const unsigned wanted =
        1u << TG_CHECK_MODEL | 1u << TG_CHECK_PRICE | 1u << TG_CHECK_UPSTREAM;
    struct tg_check_question question = {.key_slot = publish_policy(&key),
                                         .scope = TG_SCOPE_FINE_TUNING,
                                         .now_ms = instant(NOON)};
    unsigned yes = 0;

    publish_services(all, COUNT(all));
    ok(tg_check(&state, &question, hear, &yes), "jobs would pass");
    is_int(yes & wanted, wanted, "by the row of the price book");
    publish_services(all, 2);
    ok(!tg_check(&state, &question, hear, &yes), "and without it would not");
}

int
main(void)
{
    admit_test_begin();
    tg_publish_ready(publisher, 1);
    test_names();
    test_served();
    test_refused();
    test_rows();
    test_prompts();
    test_check();
    admit_test_end();
    return done();
}
