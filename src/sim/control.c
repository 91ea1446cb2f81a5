#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "control.h"
#include "count.h"
#include "fault.h"
#include "record.h"

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

static int
show_count(const struct sim_request *request, struct sim_buf *body)
{
    (void)request;
    return put(sim_count_show(), body);
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
    return put(sim_count_show(), body);
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

static int
set_fault(const struct sim_request *request, struct sim_buf *body)
{
    json_error_t error;
    json_t *asked =
        json_loadb(request->body.data ? request->body.data : "",
                   request->body.len, JSON_REJECT_DUPLICATES, &error);
    int status;

    if (!asked)
        return refuse(body, 400, error.text);
    status = arm(asked, body);
    json_decref(asked);
    return status;
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
    };

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (tg_str_eq(request->method, routes[i].method) &&
            tg_str_eq(request->path, routes[i].path))
            return routes[i].answer(request, body);
    return refuse(body, 404,
                  "there are GET /sim/count, GET /sim/requests, POST "
                  "/sim/reset and POST /sim/fault");
}
