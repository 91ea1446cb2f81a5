#include "value.h"

#include <stdio.h>
#include <string.h>

#include "args.h"
#include "say.h"
#include "utf8.h"
#include "when.h"

#define COUNT_DIGITS 18 /* of any number that an int64_t holds */

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
    if (option->value == TG_VALUE_LIST && strchr(value, ',') != NULL)
        return tg_say_usage(cli,
                            "--%s cannot be \"%s\"; it is one of: %s; repeat "
                            "it for more",
                            option->name, value, list);
    return tg_say_usage(cli, "--%s cannot be \"%s\"; it is one of: %s",
                        option->name, value, list);
}

bool
tg_value_means_none(const char *value)
{
    static const char *const words[] = {
        "none", "never",  "null", "nil",       "no",       "off", "any",
        "all",  "always", "-",    "unlimited", "infinite", NULL};

    for (const char *const *word = words; *word != NULL; word++) {
        if (strcasecmp(*word, value) == 0)
            return true;
    }
    return false;
}

/*
 * What no model, network or number is, and what would go through as a name:
 * "none", where another option takes away, and several with commas.
 */
static int
check_one(const struct tg_cli *cli, const struct tg_option *option,
          const char *value)
{
    bool is_text = option->value == TG_VALUE_TEXT;
    bool is_word = strcmp(option->argument, "MODEL") == 0 ||
                   strcmp(option->argument, "CIDR") == 0;

    if (!is_text && tg_value_means_none(value) &&
        tg_option_away(cli, option) != NULL)
        return tg_say_usage(cli, "--%s cannot be \"%s\"; --no-%s takes it away",
                            option->name, value, option->name);
    if (option->value == TG_VALUE_LIST && is_word && strchr(value, ','))
        return tg_say_usage(cli,
                            "--%s takes one, not \"%s\"; repeat it for more",
                            option->name, value);
    return TG_EXIT_OK;
}

static bool
is_count(const char *value)
{
    size_t len = strspn(value, "0123456789");

    return len > 0 && len <= COUNT_DIGITS && value[len] == '\0';
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
    int rc;

    if (!is_path(option) && !tg_value_is_text(value))
        return tg_say_usage(cli, "--%s takes UTF-8, not \"%s\"", option->name,
                            value);
    rc = check_one(cli, option, value);
    if (rc != TG_EXIT_OK)
        return rc;
    if (!is_good_choice(option, value))
        return refuse_choice(cli, option, value);
    switch (option->value) {
    case TG_VALUE_COUNT:
        if (strlen(value) > COUNT_DIGITS &&
            value[strspn(value, "0123456789")] == '\0')
            return tg_say_usage(
                cli, "--%s takes a whole number of up to %d digits, not \"%s\"",
                option->name, COUNT_DIGITS, value);
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
            return tg_say_usage(cli, "--%s takes %s, not \"%s\"", option->name,
                                option->argument, value);
        break;
    default:
        break;
    }
    return TG_EXIT_OK;
}
