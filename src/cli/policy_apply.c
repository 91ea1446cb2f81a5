#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "client.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "policy.h"
#include "policy_prices.h"
#include "say.h"
#include "secrets_file.h"

#define UNDONE_SHOWN 20
#define ANNOUNCED 100 /* keys at once */

static volatile sig_atomic_t is_stopped;

static void
on_signal(int signo)
{
    (void)signo;
    is_stopped = 1;
}

/* One step under way. */
struct doing {
    struct tg_policy *policy;
    struct tg_policy_step *step;
    json_t *want; /* NULL: it is deleted */
    struct tg_exchange exchange;
    char etag[64]; /* of the thing as the plan saw it; "" */
};

static const struct tg_policy_kind *
kind_of(const struct doing *doing)
{
    return &tg_policy_kinds[doing->step->kind];
}

/* Says what the API refused, at its place in the file. */
static void
say_refused(const struct doing *doing)
{
    const struct tg_wish *wish = doing->step->wish;
    const char *message = tg_noun_text(doing->exchange.error, "message");

    if (wish == NULL) {
        tg_say_failed("%s %s: %s", kind_of(doing)->word, doing->step->name,
                      message);
        return;
    }
    tg_policy_fault(
        wish->file,
        tg_policy_place(wish->node,
                        tg_noun_text(doing->exchange.error, "param")),
        "%s %s: %s", kind_of(doing)->word, doing->step->name, message);
}

static int
say_changed(const struct doing *doing)
{
    return tg_say_failed("%s %s was changed by somebody else since the plan "
                         "was made, and stays as that one left it: run it "
                         "again to see what there is to do",
                         kind_of(doing)->word, doing->step->name);
}

/*
 * One request on "/section[/id]" and tail; body is taken over.  The answer is
 * doing->exchange's until the next one.
 */
static int
ask(struct doing *doing, const char *method, const char *tail, json_t *body)
{
    struct tg_exchange *exchange = &doing->exchange;
    char *id = tg_client_escape(doing->step->id), *target = NULL;
    int rc;

    json_decref(exchange->answer);
    json_decref(exchange->error);
    if (asprintf(&target, "/%s%s%s%s", kind_of(doing)->section,
                 tail != NULL ? "/" : "", tail != NULL ? id : "",
                 tail != NULL ? tail : "") < 0)
        tg_own(NULL);
    *exchange = (struct tg_exchange){
        .method = method,
        .target = target,
        .body = body,
        .if_match = *doing->etag != '\0' ? doing->etag : NULL};
    rc = tg_client_exchange(doing->policy->cli, exchange);
    json_decref(body);
    free(id);
    free(target);
    exchange->body = NULL;
    exchange->if_match = exchange->target = NULL;
    if (rc == TG_EXIT_OK)
        snprintf(doing->etag, sizeof(doing->etag), "%s", exchange->etag);
    else if (exchange->error != NULL && exchange->status == 412)
        rc = say_changed(doing);
    else if (exchange->error != NULL)
        say_refused(doing);
    return rc;
}

/* Whether the thing still differs from the file as it did in the plan. */
static int
look_again(struct doing *doing)
{
    json_t *have, *changes;
    int rc = ask(doing, "GET", "", NULL);

    if (rc != TG_EXIT_OK || doing->want == NULL)
        return rc;
    have = tg_policy_have(doing->policy, doing->step->kind,
                          doing->exchange.answer);
    changes = tg_policy_diff(kind_of(doing), doing->want, have);
    if (!json_equal(changes, doing->step->changes))
        rc = say_changed(doing);
    json_decref(changes);
    json_decref(have);
    return rc;
}

/*
 * The members of a request that makes it, or changes what differs; apart: also
 * those that most requests do not take.
 */
static json_t *
body_of(const struct doing *doing, bool apart)
{
    unsigned but = TG_POLICY_NAMES | (apart ? 0 : TG_POLICY_APART);
    const struct tg_policy_member *member = kind_of(doing)->members;
    json_t *body = json_object(), *pair, *value;

    for (; member->name != NULL; member++) {
        pair = json_object_get(doing->step->changes, member->name);
        value = json_array_get(pair, 1);
        if (pair == NULL || (member->flags & but) != 0)
            continue;
        if (doing->step->verb == TG_POLICY_CREATE &&
            (member->flags & TG_POLICY_BIRTH) == 0 && json_is_null(value) &&
            doing->step->kind != TG_POLICY_KEY)
            continue;
        tg_policy_put(body, member->name, json_incref(value));
    }
    return body;
}

/* What a status or a verification becomes; NULL where it stays. */
static const char *
becomes(const struct doing *doing, const char *member)
{
    return json_string_value(
        json_array_get(json_object_get(doing->step->changes, member), 1));
}

static void
put_becoming(const struct doing *doing, json_t *body, const char *member)
{
    const char *value = becomes(doing, member);

    if (value != NULL)
        json_object_set_new(body, member, json_string(value));
}

static int
set_status(struct doing *doing)
{
    static const struct {
        const char *value, *tail;
    } rows[] = {
        {"inactive", "/pause"},
        {"disabled", "/disable"},
    };
    const char *value = becomes(doing, "status");
    bool is_new = doing->step->verb == TG_POLICY_CREATE;

    for (size_t i = 0; value != NULL && i < sizeof(rows) / sizeof(rows[0]);
         i++) {
        if (strcmp(rows[i].value, value) == 0)
            return ask(doing, "POST", rows[i].tail, NULL);
    }
    if (value != NULL && strcmp(value, "active") == 0 && !is_new)
        return ask(doing, "POST", "/resume", NULL);
    return TG_EXIT_OK;
}

/* What was made has an id now. */
static void
take_id(struct doing *doing)
{
    snprintf(doing->step->id, sizeof(doing->step->id), "%s",
             tg_noun_text(doing->exchange.answer, "id"));
}

static int
put_upstream(struct doing *doing)
{
    bool is_new = doing->step->verb == TG_POLICY_CREATE;
    json_t *body;
    int rc = is_new ? TG_EXIT_OK : look_again(doing);

    if (rc != TG_EXIT_OK)
        return rc;
    body = body_of(doing, false);
    json_object_set_new(body, "name", json_string(doing->step->name));
    json_object_set(body, "base_url", json_object_get(doing->want, "base_url"));
    if (is_new)
        json_object_set_new(body, "models", json_array());
    else
        json_object_set_new(body, "replace", json_true());
    return ask(doing, "POST", NULL, body);
}

static int
put_credential(struct doing *doing)
{
    struct tg_asked secret;
    json_t *body;
    int rc;

    if (doing->step->verb == TG_POLICY_DELETE)
        return ask(doing, "POST", "/disable", NULL);
    if (doing->step->verb == TG_POLICY_CHANGE) {
        rc = look_again(doing);
        return rc == TG_EXIT_OK ? ask(doing, "PATCH", "", body_of(doing, false))
                                : rc;
    }
    rc = tg_wish_secret(doing->policy->cli, doing->step->wish, &secret);
    if (rc != TG_EXIT_OK)
        return rc;
    body = body_of(doing, false);
    json_object_set(body, "upstream", json_object_get(doing->want, "upstream"));
    json_object_set_new(body, "secret", json_string(secret.data));
    explicit_bzero(&secret, sizeof(secret));
    return ask(doing, "POST", NULL, body);
}

static int
put_model(struct doing *doing)
{
    bool is_new = doing->step->verb == TG_POLICY_CREATE;
    json_t *body;
    int rc = is_new ? TG_EXIT_OK : look_again(doing);

    if (rc != TG_EXIT_OK)
        return rc;
    body = body_of(doing, false);
    json_object_set_new(body, "id", json_string(doing->step->name));
    return ask(doing, "POST", NULL, body);
}

static int
put_account(struct doing *doing)
{
    json_t *body;
    int rc;

    if (doing->step->verb == TG_POLICY_CHANGE) {
        rc = look_again(doing);
        return rc == TG_EXIT_OK ? ask(doing, "PATCH", "", body_of(doing, true))
                                : rc;
    }
    body = body_of(doing, false);
    json_object_set_new(body, "name", json_string(doing->step->name));
    rc = ask(doing, "POST", NULL, body);
    if (rc != TG_EXIT_OK)
        return rc;
    take_id(doing);
    body = json_object();
    put_becoming(doing, body, "verification");
    put_becoming(doing, body, "status");
    if (json_object_size(body) > 0)
        return ask(doing, "PATCH", "", body);
    json_decref(body);
    return TG_EXIT_OK;
}

/* Of a key that is to be made, "account/name": both, in one allocation. */
static char *
account_and_name(const struct tg_policy_step *step, const char **name)
{
    char *account = tg_own(strdup(step->name));
    json_t *want = tg_wish_read(step->wish);
    const char *tail = json_string_value(json_object_get(want, "name"));
    char *slash = account + strlen(account) - strlen(tail) - 1;

    json_decref(want);
    *slash = '\0';
    *name = slash + 1;
    return account;
}

/*
 * Says in the file for the secrets which keys are made next, many at once,
 * since each time waits for the disk.
 */
static int
announce(struct tg_policy *policy, const struct tg_policy_step *first)
{
    size_t i = (size_t)(first - policy->steps), n = 0;
    int rc = TG_EXIT_OK;

    for (; i < policy->step_count && n < ANNOUNCED && rc == TG_EXIT_OK; i++) {
        struct tg_policy_step *step = &policy->steps[i];
        const char *name;
        char *account;

        if (step->kind != TG_POLICY_KEY || step->verb != TG_POLICY_CREATE)
            continue;
        account = account_and_name(step, &name);
        rc = tg_secrets_add(policy->secrets, account, name, NULL, NULL);
        free(account);
        step->is_announced = rc == TG_EXIT_OK;
        n++;
    }
    return rc == TG_EXIT_OK ? tg_secrets_sync(policy->secrets) : rc;
}

/* What was announced and is not made.  What may be made stays announced. */
static int
take_back(struct tg_policy *policy)
{
    int rc = TG_EXIT_OK;

    for (size_t i = 0; i < policy->step_count && policy->secrets != NULL; i++) {
        struct tg_policy_step *step = &policy->steps[i];
        const char *name;
        char *account;

        if (!step->is_announced || step->is_done || *step->id != '\0')
            continue;
        account = account_and_name(step, &name);
        if (tg_secrets_forget(policy->secrets, account, name) != TG_EXIT_OK)
            rc = TG_EXIT_FAILED;
        free(account);
    }
    if (policy->secrets != NULL && tg_secrets_sync(policy->secrets) != 0)
        rc = TG_EXIT_FAILED;
    return rc;
}

static int
make_key(struct doing *doing)
{
    struct tg_policy *policy = doing->policy;
    const char *name;
    char *account;
    json_t *body;
    int rc = TG_EXIT_OK;

    if (!doing->step->is_announced)
        rc = announce(policy, doing->step);
    if (rc != TG_EXIT_OK)
        return rc;
    account = account_and_name(doing->step, &name);
    body = body_of(doing, false);
    json_object_set_new(body, "account", json_string(account));
    rc = ask(doing, "POST", NULL, body);
    /* Nobody knows what became of a request without an answer. */
    if (rc != TG_EXIT_OK && doing->exchange.error == NULL)
        doing->step->is_announced = false;
    if (rc == TG_EXIT_OK) {
        take_id(doing);
        rc = tg_secrets_add(policy->secrets, account, name, doing->step->id,
                            tg_noun_text(doing->exchange.answer, "key"));
        if (rc != TG_EXIT_OK)
            tg_say_failed("%s was made, but its secret is lost: tollgate keys "
                          "delete %s --yes, and apply again",
                          doing->step->id, doing->step->id);
    }
    free(account);
    return rc;
}

static int
put_key(struct doing *doing)
{
    json_t *body;
    int rc;

    if (doing->step->verb == TG_POLICY_CREATE) {
        rc = make_key(doing);
        return rc == TG_EXIT_OK ? set_status(doing) : rc;
    }
    rc = look_again(doing);
    if (rc != TG_EXIT_OK)
        return rc;
    if (doing->step->verb == TG_POLICY_DELETE)
        return ask(doing, "DELETE", "", NULL);
    body = body_of(doing, false);
    if (json_object_size(body) > 0)
        rc = ask(doing, "PATCH", "", body);
    else
        json_decref(body);
    return rc == TG_EXIT_OK ? set_status(doing) : rc;
}

static int
put_alert(struct doing *doing)
{
    bool is_new = doing->step->verb == TG_POLICY_CREATE;
    json_t *body;
    int rc = is_new ? TG_EXIT_OK : look_again(doing);

    if (rc != TG_EXIT_OK)
        return rc;
    body = body_of(doing, false);
    if (is_new)
        json_object_set_new(body, "name", json_string(doing->step->name));
    return ask(doing, is_new ? "POST" : "PATCH", is_new ? NULL : "", body);
}

static int
do_step(struct tg_policy *policy, struct tg_policy_step *step)
{
    static int (*const puts[TG_POLICY_KINDS])(struct doing *) = {
        [TG_POLICY_UPSTREAM] = put_upstream,
        [TG_POLICY_CREDENTIAL] = put_credential,
        [TG_POLICY_MODEL] = put_model,
        [TG_POLICY_ACCOUNT] = put_account,
        [TG_POLICY_KEY] = put_key,
        [TG_POLICY_ALERT] = put_alert,
    };
    struct doing doing = {.policy = policy, .step = step};
    int rc;

    if (step->wish != NULL)
        doing.want = tg_wish_read(step->wish);
    rc = puts[step->kind](&doing);
    step->is_done = rc == TG_EXIT_OK;
    json_decref(doing.exchange.answer);
    json_decref(doing.exchange.error);
    json_decref(doing.want);
    return rc;
}

/* Prices from one step on, which stand together; *n is how many. */
static int
do_prices(struct tg_policy *policy, struct tg_policy_step *first, size_t *n)
{
    size_t most = policy->step_count - (size_t)(first - policy->steps), i;
    struct tg_wish **wishes = tg_own(calloc(most, sizeof(*wishes)));
    json_t *answer;
    int rc;

    for (*n = 0; *n < most && *n < 5000 && first[*n].kind == TG_POLICY_PRICE;
         ++*n)
        wishes[*n] = first[*n].wish;
    rc = tg_policy_send_prices(policy, wishes, *n, false, &answer);
    for (i = 0; i < *n; i++)
        first[i].is_done = rc == TG_EXIT_OK;
    json_decref(answer);
    free(wishes);
    return rc;
}

static void
say_undone(const struct tg_policy *policy, size_t done)
{
    size_t said = 0;

    tg_say_error("tollgate: %s; %zu of %zu step%s %s done. Running it again "
                 "goes on. Not done:",
                 is_stopped ? "stopped as you asked" : "stopped", done,
                 policy->step_count, tg_plural(policy->step_count),
                 tg_plural_are(policy->step_count));
    for (size_t i = 0; i < policy->step_count; i++) {
        const struct tg_policy_step *step = &policy->steps[i];

        if (step->is_done)
            continue;
        if (said++ == UNDONE_SHOWN) {
            tg_say_error("    … and %zu more",
                         policy->step_count - done - UNDONE_SHOWN);
            return;
        }
        tg_say_error("    %s %s", tg_policy_kinds[step->kind].word, step->name);
    }
}

int
tg_policy_carry_out(struct tg_policy *policy)
{
    struct sigaction stop = {.sa_handler = on_signal,
                             .sa_flags = SA_RESTART | SA_RESETHAND};
    int signals[] = {SIGINT, SIGTERM}, rc = TG_EXIT_OK;
    struct sigaction before[2];
    size_t i, n, done = 0;

    for (i = 0; i < 2; i++)
        sigaction(signals[i], &stop, &before[i]);
    for (i = 0; i < policy->step_count && rc == TG_EXIT_OK && !is_stopped;
         i += n) {
        struct tg_policy_step *step = &policy->steps[i];

        n = 1;
        rc = step->kind == TG_POLICY_PRICE ? do_prices(policy, step, &n)
                                           : do_step(policy, step);
        done += rc == TG_EXIT_OK ? n : 0;
        tg_policy_progress(policy, "done", done, policy->step_count);
    }
    tg_policy_progress_end(policy);
    if (take_back(policy) != TG_EXIT_OK && rc == TG_EXIT_OK)
        rc = TG_EXIT_FAILED;
    for (i = 0; i < 2; i++)
        sigaction(signals[i], &before[i], NULL);
    if (done == policy->step_count)
        return rc;
    say_undone(policy, done);
    return rc == TG_EXIT_OK ? TG_EXIT_FAILED : rc;
}
