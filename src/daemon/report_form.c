#include <stdio.h>
#include <string.h>

#include "report_figures.h"
#include "report_show.h"

const char tg_report_forms[] = "json text markdown html png";

static const struct {
    const char *name, *type;
} forms[TG_REPORT_FORMS] = {
    [TG_REPORT_JSON] = {"json", "application/json"},
    [TG_REPORT_TEXT] = {"text", "text/plain; charset=utf-8"},
    [TG_REPORT_MARKDOWN] = {"markdown", "text/markdown; charset=utf-8"},
    [TG_REPORT_HTML] = {"html", "text/html; charset=utf-8"},
    [TG_REPORT_PNG] = {"png", "image/png"},
};

const char *
tg_report_form_name(enum tg_report_form form)
{
    return forms[form].name;
}

const char *
tg_report_form_type(enum tg_report_form form)
{
    return forms[form].type;
}

bool
tg_report_form_of(const char *name, enum tg_report_form *form)
{
    for (int i = 0; i < TG_REPORT_FORMS; i++) {
        if (strcmp(forms[i].name, name) == 0) {
            *form = (enum tg_report_form)i;
            return true;
        }
    }
    return false;
}
