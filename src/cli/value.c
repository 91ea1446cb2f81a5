#include "value.h"

#include <stdio.h>
#include <string.h>

#include "say.h"
#include "utf8.h"
#include "when.h"

static bool
is_choice(const char *const *choices, const char *value)
{
    for (; *choices != NULL; choices++) {
        if (strcmp(*choices, value) == 0)
            return true;
    }
    return false;
}

/* Each word between commas. */
static bool
are_choices(const char *const *choices, const char *value)
{
    char word[32];
    size_t len;

    for (;; value += len + 1) {
        len = strcspn(value, ",");
        if (len >= sizeof(word))
            return false;
        memcpy(word, value, len);
        word[len] = '\0';
        if (!is_choice(choices, word))
            return false;
        if (value[len] == '\0')
            return true;
    }
}

static bool
is_good_choice(const struct tg_option *option, const char *value)
{
    if (option->choices == NULL)
        return true;
    return option->value == TG_VALUE_WORDS ? are_choices(option->choices, value)
                                           : is_choice(option->choices, value);
}

static int
refuse_choice(const struct tg_cli *cli, const struct tg_option *option,
              const char *value)
{
    char list[256] = "";
    size_t i, used = 0;

    for (i = 0; option->choices[i] != NULL && used < sizeof(list); i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
                                 i == 0 ? "" : ", ", option->choices[i]);
    }
    return tg_say_usage(cli, "--%s cannot be \"%s\"; it is one of: %s",
                        option->name, value, list);
}

static bool
is_count(const char *value)
{
    size_t len = strspn(value, "0123456789");

    return len > 0 && len <= 18 && value[len] == '\0';
}

bool
tg_value_is_days(const char *value)
{
    size_t len = strspn(value, "0123456789");

    return len > 0 && len <= 6 &&
           (value[len] == '\0' || strcmp(value + len, "d") == 0);
}

bool
tg_value_is_amount(const char *value)
{
    size_t whole = strspn(value, "0123456789"), fraction;

    if (whole == 0 || whole > 18)
        return false;
    if (value[whole] == '\0')
        return true;
    if (value[whole] != '.')
        return false;
    fraction = strspn(value + whole + 1, "0123456789");
    return fraction > 0 && value[whole + 1 + fraction] == '\0';
}

bool
tg_value_is_text(const char *value)
{
    struct tg_utf8 utf8 = {0};
    size_t len = strlen(value);

    return tg_utf8_check(&utf8, value, len) == len && utf8.need == 0;
}

/* Names of files are bytes, and stay on this machine. */
static bool
is_path(const struct tg_option *option)
{
    return strncmp(option->argument, "FILE", 4) == 0 ||
           strcmp(option->argument, "DIR") == 0;
}

int
tg_value_check(const struct tg_cli *cli, const struct tg_option *option,
               const char *value)
{
    const char *equals;
    int64_t ms;

    if (!is_path(option) && !tg_value_is_text(value))
        return tg_say_usage(cli, "--%s takes UTF-8, not \"%s\"", option->name,
                            value);
    if (!is_good_choice(option, value))
        return refuse_choice(cli, option, value);
    switch (option->value) {
    case TG_VALUE_COUNT:
        if (!is_count(value))
            return tg_say_usage(cli, "--%s takes a whole number, not \"%s\"",
                                option->name, value);
        break;
    case TG_VALUE_AMOUNT:
        if (!tg_value_is_amount(value))
            return tg_say_usage(
                cli, "--%s takes an amount such as 10 or 0.28, not \"%s\"",
                option->name, value);
        break;
    case TG_VALUE_MS:
        if (!is_count(value) && !tg_duration_parse(value, &ms))
            return tg_say_usage(
                cli, "--%s takes milliseconds, or 500ms or 2s, not \"%s\"",
                option->name, value);
        break;
    case TG_VALUE_DAYS:
        if (!tg_value_is_days(value))
            return tg_say_usage(cli, "--%s takes days, such as 30d, not \"%s\"",
                                option->name, value);
        break;
    case TG_VALUE_LABEL:
        equals = strchr(value, '=');
        if (equals == NULL || equals == value)
            return tg_say_usage(cli, "--%s takes NAME=VALUE, not \"%s\"",
                                option->name, value);
        break;
    default:
        break;
    }
    return TG_EXIT_OK;
}
