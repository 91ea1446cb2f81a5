#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "caller.h"
#include "control.h"
#include "count.h"
#include "errors.h"
#include "fault.h"
#include "record.h"
#include "shelf.h"

enum { USUAL_LAST = 100 };

static int
put(json_t *shown, struct sim_buf *body)
{
    char *text = json_dumps(shown, JSON_COMPACT);

    if (text)
        sim_buf_add(body, text, strlen(text));
    sim_buf_lit(body, "\n");
    free(text);
    json_decref(shown);
    return 200;
}

static int
refuse(struct sim_buf *body, int status, const char *message)
{
    put(json_pack("{s:{s:s,s:s,s:n,s:n}}", "error", "message", message, "type",
                  "invalid_request_error", "param", "code"),
        body);
    return status;
}

static json_t *
all_counts(void)
{
    json_t *shown = sim_count_show();

    json_object_set_new(shown, "credentials", sim_caller_show());
    return shown;
}

static int
show_count(const struct sim_request *request, struct sim_buf *body)
{
    (void)request;
    return put(all_counts(), body);
}

static int
show_requests(const struct sim_request *request, struct sim_buf *body)
{
    char query[32];
    unsigned last = USUAL_LAST;

    snprintf(query, sizeof(query), "%.*s", (int)request->query.len,
             request->query.data ? request->query.data : "");
    if (query[0] && sscanf(query, "last=%u", &last) != 1)
        return refuse(body, 400, "give ?last=N");
    return put(sim_record_show(last), body);
}

static int
reset(const struct sim_request *request, struct sim_buf *body)
{
    struct sim_faults none = {0};

    (void)request;
    sim_fault_arm(&none, 0);
    sim_record_reset();
    sim_count_reset();
    sim_caller_reset();
    sim_shelf_reset();
    return put(all_counts(), body);
}

static struct tg_str
arg_text(const json_t *arg, char digits[32])
{
    if (json_is_string(arg))
        return (struct tg_str){json_string_value(arg), json_string_length(arg)};
    if (json_is_integer(arg))
        return (struct tg_str){
            digits, (size_t)snprintf(digits, 32, "%lld",
                                     (long long)json_integer_value(arg))};
    return (struct tg_str){0};
}

static int
arm(const json_t *asked, struct sim_buf *body)
{
    struct sim_faults faults = {0};
    char why[SIM_FAULT_SENTENCE_BYTES], digits[32];
    const char *name = NULL;
    json_t *arg = NULL, *count = NULL;
    json_error_t error;

    if (json_unpack_ex((json_t *)asked, &error, JSON_STRICT, "{s?s,s?o,s?o}",
                       "fault", &name, "arg", &arg, "count", &count))
        return refuse(body, 400, error.text);
    if (count && !json_is_integer(count))
        return refuse(body, 400, "count is a number of calls, or -1");
    if (count && json_integer_value(count) == 0) {
        sim_fault_arm(&faults, 0);
        return put(json_pack("{s:I}", "count", (json_int_t)0), body);
    }
    if (!name)
        return refuse(body, 400, "fault is missing; docs/sim.md lists them");
    if (sim_fault_add(&faults, (struct tg_str){name, strlen(name)},
                      arg_text(arg, digits), why))
        return refuse(body, 400, why);
    sim_fault_arm(&faults, count ? json_integer_value(count) : 1);
    return put(json_pack("{s:s,s:I}", "fault", name, "count",
                         count ? json_integer_value(count) : (json_int_t)1),
               body);
}

/* Reads the members of a rule that need a look; 0, or the refusal's sentence
 * in why. */
static int
read_rule(const json_t *status, json_int_t count, json_int_t most,
          struct sim_caller_rule *rule, const char **why)
{
    char digits[32];
    struct tg_str name = arg_text(status, digits);

    *why = "status is a name or number from docs/sim.md";
    if (status && !json_is_null(status) &&
        (name.len >= sizeof(rule->status) || !sim_error_is_known(name)))
        return -1;
    *why = "count is a number of calls, or -1; concurrency a number of them";
    if (count < -1 || most < 0)
        return -1;
    *rule =
        (struct sim_caller_rule){.status_count = count, .most_at_once = most};
    if (name.len > 0)
        memcpy(rule->status, name.data, name.len);
    return 0;
}

static int
rule(const json_t *asked, struct sim_buf *body)
{
    struct sim_caller_rule rule;
    const char *digest, *why;
    json_t *status = NULL;
    json_int_t count = -1, most = 0;
    json_error_t error;

    if (json_unpack_ex((json_t *)asked, &error, JSON_STRICT,
                       "{s:s,s?o,s?I,s?I}", "sha256", &digest, "status",
                       &status, "count", &count, "concurrency", &most))
        return refuse(body, 400, error.text);
    if (read_rule(status, count, most, &rule, &why))
        return refuse(body, 400, why);
    if (sim_caller_rule((struct tg_str){digest, strlen(digest)}, &rule))
        return refuse(body, 400, "sha256 is 64 hex digits");
    return put(json_pack("{s:s,s:s*,s:I,s:I}", "sha256", digest, "status",
                         rule.status[0] ? rule.status : NULL, "count", count,
                         "concurrency", most),
               body);
}

/* Gives the body, read as JSON, to order. */
static int
obey(const struct sim_request *request, struct sim_buf *body,
     int (*order)(const json_t *, struct sim_buf *))
{
    json_error_t error;
    json_t *asked =
        json_loadb(request->body.data ? request->body.data : "",
                   request->body.len, JSON_REJECT_DUPLICATES, &error);
    int status;

    if (!asked)
        return refuse(body, 400, error.text);
    status = order(asked, body);
    json_decref(asked);
    return status;
}

static int
set_fault(const struct sim_request *request, struct sim_buf *body)
{
    return obey(request, body, arm);
}

static int
set_rule(const struct sim_request *request, struct sim_buf *body)
{
    return obey(request, body, rule);
}

int
sim_control(const struct sim_request *request, struct sim_buf *body)
{
    static const struct {
        struct tg_str method, path;
        int (*answer)(const struct sim_request *, struct sim_buf *);
    } routes[] = {
        {{"GET", 3}, {"/sim/count", 10}, show_count},
        {{"GET", 3}, {"/sim/requests", 13}, show_requests},
        {{"POST", 4}, {"/sim/reset", 10}, reset},
        {{"POST", 4}, {"/sim/fault", 10}, set_fault},
        {{"POST", 4}, {"/sim/credential", 15}, set_rule},
    };

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (tg_str_eq(request->method, routes[i].method) &&
            tg_str_eq(request->path, routes[i].path))
            return routes[i].answer(request, body);
    return refuse(body, 404,
                  "there are GET /sim/count and /sim/requests, POST "
                  "/sim/reset, /sim/fault and /sim/credential");
}
