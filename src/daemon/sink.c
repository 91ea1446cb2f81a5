#include "sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

const char tg_sink_kinds[] = "kubernetes vault aws azure google dotenv compose";

static const struct tg_sink_kind *const kinds[] = {
    &tg_sink_kubernetes, &tg_sink_vault,  &tg_sink_aws,     &tg_sink_azure,
    &tg_sink_google,     &tg_sink_dotenv, &tg_sink_compose,
};

const struct tg_sink_kind *
tg_sink_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

const char *
tg_sink_config(const struct tg_sink_work *work, const char *name)
{
    return text_of(work->config, name);
}

const char *
tg_sink_credential(const struct tg_sink_work *work, const char *name)
{
    return text_of(work->credentials, name);
}

int
tg_sink_fail(struct tg_sink_work *work, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(work->error.text, sizeof(work->error.text), fmt, ap);
    va_end(ap);
    return err;
}

int
tg_sink_deliver(const struct tg_sink_kind *kind, struct tg_sink_work *work)
{
    struct tg_secret found = {0};
    int err = kind->write(work);

    if (err == 0)
        err = kind->read(work, &found);
    if (err == 0 && !tg_secret_is_equal(&found, work->secret))
        err = tg_sink_fail(work, TG_ERR_FORMAT,
                           "it was written, but another value is read back: "
                           "does somebody else write there?");
    tg_secret_wipe(&found);
    return err;
}
