#include "doctor_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

/* A row without a text in either language, or without a cure, is a fault. */
#define FINDING(id, step, status, cause, cure, cause_zh, cure_zh)              \
    _Static_assert(sizeof(cause) > 1 && sizeof(cause_zh) > 1, #id);            \
    _Static_assert((sizeof(cure) > 1) == (sizeof(cure_zh) > 1), #id);          \
    _Static_assert(                                                            \
        (TG_STATUS_##status >= TG_STATUS_WARNING) == (sizeof(cure) > 1), #id);
#include "doctor_findings.inc"
#undef FINDING

static const struct tg_doctor_text texts[tg_found_count] = {
#define FINDING(id, step, status, cause, cure, cause_zh, cure_zh)              \
    [tg_found_##id] = {#id,                                                    \
                       TG_STEP_##step,                                         \
                       TG_STATUS_##status,                                     \
                       {cause, cause_zh},                                      \
                       {cure, cure_zh}},
#include "doctor_findings.inc"
#undef FINDING
};

static const struct {
    const char *name, *label[2];
} steps[TG_STEP_COUNT] = {
    [TG_STEP_ANY] = {"any", {"", ""}},
    [TG_STEP_VARIABLE] = {"variable", {"variable", "环境变量"}},
    [TG_STEP_FILE] = {"env_file", {".env", ".env"}},
    [TG_STEP_SHAPE] = {"shape", {"shape", "密钥格式"}},
    [TG_STEP_ADDRESS] = {"base_url", {"base URL", "base URL"}},
    [TG_STEP_PROXY] = {"proxy", {"proxy", "代理"}},
    [TG_STEP_DNS] = {"dns", {"DNS", "DNS"}},
    [TG_STEP_CONNECT] = {"connect", {"connection", "连接"}},
    [TG_STEP_TLS] = {"tls", {"TLS", "TLS"}},
    [TG_STEP_API] = {"api", {"API", "API"}},
    [TG_STEP_HEADER] = {"header", {"header", "请求头"}},
    [TG_STEP_KEY] = {"key", {"key", "密钥"}},
    [TG_STEP_SCOPE] = {"scope", {"scope", "权限"}},
    [TG_STEP_MODEL] = {"model", {"model", "模型"}},
    [TG_STEP_LIMITS] = {"limits", {"limits", "限额"}},
    [TG_STEP_MONEY] = {"money", {"money", "余额"}},
    [TG_STEP_CLOCK] = {"clock", {"clock", "时钟"}},
    [TG_STEP_CALL] = {"call", {"call", "调用"}},
};

const struct tg_doctor_text *
tg_doctor_text(enum tg_doctor_finding finding)
{
    return &texts[finding];
}

const char *
tg_doctor_step_name(enum tg_doctor_step step)
{
    return steps[step].name;
}

const char *
tg_doctor_step_label(enum tg_doctor_step step, enum tg_doctor_language language)
{
    return steps[step].label[language];
}

const char *
tg_doctor_status_name(enum tg_doctor_status status)
{
    static const char *const names[] = {
        [TG_STATUS_SKIPPED] = "skipped",
        [TG_STATUS_OK] = "ok",
        [TG_STATUS_WARNING] = "warning",
        [TG_STATUS_FAILED] = "failed",
    };

    return names[status];
}

/* "{2}" at text: 2; anything else: 0. */
static int
place_at(const char *text)
{
    bool is_place =
        text[0] == '{' && text[1] >= '1' && text[1] <= '3' && text[2] == '}';

    return is_place ? text[1] - '0' : 0;
}

char *
tg_doctor_fill(const char *text, char *const args[3])
{
    char *filled = NULL;
    size_t size;
    FILE *out = tg_own(open_memstream(&filled, &size));

    while (*text != '\0') {
        int place = place_at(text);

        if (place == 0)
            fputc(*text, out);
        else if (args[place - 1] != NULL)
            fputs(args[place - 1], out);
        text += place == 0 ? 1 : 3;
    }
    if (fclose(out) != 0)
        tg_own(NULL);
    return filled;
}

enum tg_doctor_language
tg_doctor_language(const char *chosen)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; chosen == NULL && i < 3; i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && *value != '\0')
            chosen = value;
    }
    return chosen != NULL && strncasecmp(chosen, "zh", 2) == 0 ? TG_LANGUAGE_ZH
                                                               : TG_LANGUAGE_EN;
}
