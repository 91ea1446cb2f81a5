#include "conf.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "key.h"
#include "money.h"

#define WRONG_KEYS_DEFAULT 300
#define WRONG_KEYS_MAX 1000000
#define KEEP_DAYS_DEFAULT 7
#define KEEP_MEGABYTES_DEFAULT 1024
#define DENIALS_DAYS_DEFAULT 30
#define CALLS_DAYS_DEFAULT 90
#define METRICS_ACCOUNTS_MAX 1000 /* each is a series */
#define ROLLUPS_DAYS_MIN 35       /* a new state file asks for 33 */
#define THROTTLE_PERCENT_DEFAULT 10
#define THROTTLE_MINUTES_DEFAULT 60
#define LEARNING_DAYS_DEFAULT 7
#define LEARNING_CALLS_DEFAULT 200
#define CHECK_SECONDS_DEFAULT 3600
#define PPM 1000000
#define PPM_MAX (1000 * PPM)

#define BAD (-1) /* what a reader of values says of one it does not allow */

static int64_t
read_bool(const char *value)
{
    return strcmp(value, "yes") == 0 ? 1 : strcmp(value, "no") == 0 ? 0 : BAD;
}

static int64_t
read_sync(const char *value)
{
    return strcmp(value, "strict") == 0  ? 1
           : strcmp(value, "batch") == 0 ? 0
                                         : BAD;
}

static int64_t
read_count(const char *value)
{
    size_t len = strlen(value);
    int64_t count = 0;

    if (len == 0 || len > 7 || strspn(value, "0123456789") != len)
        return BAD;
    for (; *value != '\0'; value++)
        count = count * 10 + (*value - '0');
    return count > WRONG_KEYS_MAX ? BAD : count;
}

static int64_t
read_accounts(const char *value)
{
    int64_t count = read_count(value);

    return count > METRICS_ACCOUNTS_MAX ? BAD : count;
}

static int64_t
read_rollups(const char *value)
{
    int64_t days = read_count(value);

    return days > 0 && days < ROLLUPS_DAYS_MIN ? BAD : days;
}

static int64_t
read_response(const char *value)
{
    return strcmp(value, "alert") == 0      ? 1
           : strcmp(value, "throttle") == 0 ? 2
           : strcmp(value, "pause") == 0    ? 3
                                            : BAD;
}

static int64_t
read_percent(const char *value)
{
    int64_t percent = read_count(value);

    return percent < 1 || percent > 100 ? BAD : percent;
}

static int64_t
read_minutes(const char *value)
{
    int64_t minutes = read_count(value);

    return minutes < 1 ? BAD : minutes;
}

/* A decimal number, as money is written; 0.000001 is 1. */
static int64_t
read_factor(const char *value)
{
    int64_t nanos, nanos_per_ppm = TG_NANOS_PER_UNIT / PPM;

    if (tg_money_parse((struct tg_str){value, strlen(value)}, &nanos) != 0 ||
        nanos <= 0 || nanos % nanos_per_ppm != 0 ||
        nanos / nanos_per_ppm > PPM_MAX)
        return BAD;
    return nanos / nanos_per_ppm;
}

#define COUNT_ALLOWED "a whole number from 0 to 1000000"
#define FACTOR_ALLOWED "a number from 0.000001 to 1000, at most six decimals"
#define MEMBER(member) offsetof(struct tg_conf, member)
#define SETTING(member) offsetof(struct tg_conf, settings.member)
#define FACTOR(kind) (SETTING(price_factor_ppm) + (kind) * sizeof(uint32_t))

#define WHY_SIZE 256

_Static_assert(TG_PROXIES_WHY_SIZE <= WHY_SIZE, "room for why");
_Static_assert(TG_EGRESS_WHY_SIZE <= WHY_SIZE, "room for why");
_Static_assert(TG_FOLDERS_WHY_SIZE <= WHY_SIZE, "room for why");

static int
take_proxies(struct tg_conf *conf, const char *value, char *why)
{
    return tg_proxies_add(&conf->proxies, value, why);
}

static int
take_allow(struct tg_conf *conf, const char *value, char *why)
{
    return tg_egress_rules_allow(&conf->egress, value, why);
}

static int
take_ports(struct tg_conf *conf, const char *value, char *why)
{
    return tg_egress_rules_ports(&conf->egress, value, why);
}

static int
take_proxy(struct tg_conf *conf, const char *value, char *why)
{
    return tg_egress_rules_proxy(&conf->egress, value, why);
}

static int
take_ca_file(struct tg_conf *conf, const char *value, char *why)
{
    return tg_egress_rules_ca(&conf->egress, value, why);
}

static int
take_github_keys(struct tg_conf *conf, const char *value, char *why)
{
    size_t len = strlen(value);

    if (conf->github_keys[0] != '\0') {
        snprintf(why, WHY_SIZE, "github_keys stands twice");
        return TG_ERR_FORMAT;
    }
    if (len == 0 || len >= sizeof(conf->github_keys)) {
        snprintf(why, WHY_SIZE,
                 "github_keys is a file, as seen from the home, or a URL, "
                 "such as https://api.github.com/meta/public_keys/"
                 "secret_scanning");
        return TG_ERR_FORMAT;
    }
    memcpy(conf->github_keys, value, len + 1);
    return 0;
}

/* A text that stands once, is not empty, and fits. */
static int
take_text(char *field, size_t size, const char *name, const char *value,
          char *why)
{
    if (value[0] == '\0') {
        snprintf(why, WHY_SIZE, "%s is empty", name);
        return TG_ERR_FORMAT;
    }
    if (field[0] != '\0') {
        snprintf(why, WHY_SIZE, "%s stands twice", name);
        return TG_ERR_FORMAT;
    }
    if (strlen(value) >= size) {
        snprintf(why, WHY_SIZE, "%s is longer than %zu bytes", name, size - 1);
        return TG_ERR_FORMAT;
    }
    memcpy(field, value, strlen(value) + 1);
    return 0;
}

static int
take_webhook(struct tg_conf *conf, const char *value, char *why)
{
    return take_text(conf->alerts.webhook, sizeof(conf->alerts.webhook),
                     "webhook", value, why);
}

static int
take_secret_file(struct tg_conf *conf, const char *value, char *why)
{
    if (value[0] != '\0' && value[0] != '/') {
        snprintf(why, WHY_SIZE, "webhook_secret_file is an absolute name");
        return TG_ERR_FORMAT;
    }
    return take_text(conf->alerts.secret_file, sizeof(conf->alerts.secret_file),
                     "webhook_secret_file", value, why);
}

static int
take_sink_folders(struct tg_conf *conf, const char *value, char *why)
{
    return tg_folders_add(&conf->sink_folders, value, why);
}

#define VALUE(section, name, field, read, allowed)                             \
    {                                                                          \
        section, name, field, read, allowed, NULL                              \
    }
#define LINES(section, name, take)                                             \
    {                                                                          \
        section, name, 0, NULL, NULL, take                                     \
    }

/* In this order in tg_conf. */
enum {
    UNAUTHORIZED_ACCESS,
    RATE_LIMIT_EXCEEDED,
    SUSPICIOUS_PATTERN,
    EXPIRED_KEY_USED,
    IP_DENIED,
    BUDGET_EXHAUSTED,
    LEAK_REPORTED
};

const char *const tg_conf_response_types[TG_CONF_RESPONSE_TYPES + 1] = {
    [UNAUTHORIZED_ACCESS] = "unauthorized_access",
    [RATE_LIMIT_EXCEEDED] = "rate_limit_exceeded",
    [SUSPICIOUS_PATTERN] = "suspicious_pattern",
    [EXPIRED_KEY_USED] = "expired_key_used",
    [IP_DENIED] = "ip_denied",
    [BUDGET_EXHAUSTED] = "budget_exhausted",
    [LEAK_REPORTED] = "leak_reported",
};

#define RESPONSE(section, kind, name, type)                                    \
    {                                                                          \
        section, name, MEMBER(responses[kind][type]), read_response,           \
            "alert, throttle or pause", NULL                                   \
    }
#define RESPONSES(section, kind)                                               \
    RESPONSE(section, kind, "unauthorized_access", UNAUTHORIZED_ACCESS),       \
        RESPONSE(section, kind, "rate_limit_exceeded", RATE_LIMIT_EXCEEDED),   \
        RESPONSE(section, kind, "suspicious_pattern", SUSPICIOUS_PATTERN),     \
        RESPONSE(section, kind, "expired_key_used", EXPIRED_KEY_USED),         \
        RESPONSE(section, kind, "ip_denied", IP_DENIED),                       \
        RESPONSE(section, kind, "budget_exhausted", BUDGET_EXHAUSTED),         \
        RESPONSE(section, kind, "leak_reported", LEAK_REPORTED)

/*
 * All that may stand in the file.  Each ends up in a uint32_t of tg_conf and
 * stands once, but for those that have no reader: they take a line by
 * themselves, and lists may stand more than once.
 */
static const struct row {
    const char *section, *name;
    size_t field;
    int64_t (*read)(const char *value);
    const char *allowed;
    int (*take)(struct tg_conf *conf, const char *value, char *why);
} rows[] = {
    VALUE("gate", "require_verification", SETTING(requires_verification),
          read_bool, "yes or no"),
    VALUE("gate", "wrong_keys_per_minute", SETTING(wrong_keys_per_minute),
          read_count, COUNT_ALLOWED),
    LINES("gate", "trusted_proxies", take_proxies),
    VALUE("gate", "sync", MEMBER(is_strict), read_sync, "batch or strict"),
    LINES("egress", "allow", take_allow),
    LINES("egress", "ports", take_ports),
    LINES("egress", "proxy", take_proxy),
    LINES("egress", "ca_file", take_ca_file),
    LINES("alerts", "webhook", take_webhook),
    LINES("alerts", "webhook_secret_file", take_secret_file),
    VALUE("journal", "keep_days", MEMBER(keep_days), read_count, COUNT_ALLOWED),
    VALUE("journal", "keep_megabytes", MEMBER(keep_megabytes), read_count,
          COUNT_ALLOWED),
    LINES("leaks", "github_keys", take_github_keys),
    VALUE("prices", "factor_production", FACTOR(TG_KIND_PRODUCTION),
          read_factor, FACTOR_ALLOWED),
    VALUE("prices", "factor_development", FACTOR(TG_KIND_DEVELOPMENT),
          read_factor, FACTOR_ALLOWED),
    VALUE("prices", "factor_restricted", FACTOR(TG_KIND_RESTRICTED),
          read_factor, FACTOR_ALLOWED),
    VALUE("retention", "calls_days", MEMBER(calls_days), read_count,
          COUNT_ALLOWED),
    VALUE("retention", "rollups_days", MEMBER(rollups_days), read_rollups,
          "0 or a whole number from 35 to 1000000"),
    VALUE("retention", "denials_days", MEMBER(denials_days), read_count,
          COUNT_ALLOWED),
    VALUE("events", "learning_days", MEMBER(learning_days), read_count,
          COUNT_ALLOWED),
    VALUE("events", "learning_calls", MEMBER(learning_calls), read_count,
          COUNT_ALLOWED),
    VALUE("events", "throttle_percent", MEMBER(throttle_percent), read_percent,
          "a whole number from 1 to 100"),
    VALUE("events", "throttle_minutes", MEMBER(throttle_minutes), read_minutes,
          "a whole number from 1 to 1000000"),
    VALUE("metrics", "accounts", MEMBER(metrics_accounts), read_accounts,
          "a whole number from 0 to 1000"),
    VALUE("upstreams", "check_seconds", MEMBER(check_seconds), read_count,
          COUNT_ALLOWED),
    RESPONSES("responses", TG_KIND_NONE),
    RESPONSES("responses production", TG_KIND_PRODUCTION),
    RESPONSES("responses development", TG_KIND_DEVELOPMENT),
    RESPONSES("responses restricted", TG_KIND_RESTRICTED),
    LINES("sinks", "folders", take_sink_folders),
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* A file being read. */
struct reading {
    FILE *file;
    const char *path;
    int line; /* of what was read last */
    struct tg_conf conf;
    bool is_set[ROW_COUNT];
    struct tg_conf_error *error;
    int failed_line; /* 0: none has */
};

/* Only the first fault counts: others may follow from it. */
__attribute__((format(printf, 2, 3))) static int
refuse(struct reading *reading, const char *fmt, ...)
{
    struct tg_conf_error *error = reading->error;
    va_list ap;
    size_t len;

    if (reading->failed_line != 0)
        return 0;
    reading->failed_line = reading->line;
    snprintf(error->text, sizeof(error->text),
             "%.256s, line %d: ", reading->path, reading->line);
    len = strlen(error->text);
    va_start(ap, fmt);
    vsnprintf(error->text + len, sizeof(error->text) - len, fmt, ap);
    va_end(ap);
    return 0;
}

static int
refuse_file(struct tg_conf_error *error, const char *path)
{
    snprintf(error->text, sizeof(error->text), "cannot read %.256s: %s", path,
             strerror(errno));
    return TG_ERR_SYSTEM;
}

/* What may stand in a section; "": which sections there are. */
static void
list_names(const char *section, char *list, size_t size)
{
    const char *last = "";

    list[0] = '\0';
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *name = *section == '\0' ? rows[i].section : rows[i].name;
        size_t len = strlen(list);

        if ((*section != '\0' && strcmp(rows[i].section, section) != 0) ||
            strcmp(name, last) == 0)
            continue;
        snprintf(list + len, size - len, "%s%s", len == 0 ? "" : ", ", name);
        last = name;
    }
}

static int
refuse_name(struct reading *reading, const char *section, const char *name)
{
    char list[256];

    list_names(section, list, sizeof(list));
    if (list[0] != '\0' && *section != '\0')
        return refuse(reading, "[%s] has no \"%.64s\"; it has: %s", section,
                      name, list);
    list_names("", list, sizeof(list));
    if (*section == '\0')
        return refuse(reading,
                      "\"%.64s\" stands before any section; there "
                      "are: %s",
                      name, list);
    return refuse(reading, "there is no section [%.64s]; there are: %s",
                  section, list);
}

/* inih's callback: 0 makes the line an error. */
static int
take(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *reading = arg;
    char why[WHY_SIZE];
    size_t i = 0;
    int64_t number;
    uint32_t field;

    while (i < ROW_COUNT && (strcmp(rows[i].section, section) != 0 ||
                             strcmp(rows[i].name, name) != 0))
        i++;
    if (i == ROW_COUNT)
        return refuse_name(reading, section, name);
    if (rows[i].read == NULL)
        return rows[i].take(&reading->conf, value, why) == 0
                   ? 1
                   : refuse(reading, "%s", why);
    if (reading->is_set[i])
        return refuse(reading, "%s stands twice", name);
    number = rows[i].read(value);
    if (number == BAD)
        return refuse(reading, "%s is %s, not \"%.64s\"", name, rows[i].allowed,
                      value);
    reading->is_set[i] = true;
    field = (uint32_t)number;
    memcpy((char *)&reading->conf + rows[i].field, &field, sizeof(field));
    return 1;
}

/*
 * inih's fgets.  To inih a line that begins with blanks goes on with the one
 * above; here an indented line is a line.
 */
static char *
read_line(char *line, int size, void *arg)
{
    struct reading *reading = arg;
    char *text = fgets(line, size, reading->file);
    size_t len;

    if (text == NULL)
        return NULL;
    reading->line++;
    len = strlen(text);
    if (len + 1 == (size_t)size && text[len - 1] != '\n')
        refuse(reading, "it is longer than %d bytes", size - 2);
    text += strspn(text, " \t");
    memmove(line, text, strlen(text) + 1);
    return line;
}

static int
parse(struct reading *reading)
{
    int line = ini_parse_stream(read_line, reading, take, reading);

    if (ferror(reading->file))
        return refuse_file(reading->error, reading->path);
    /* A line that take never saw is none that inih can read. */
    if (line != 0 &&
        (reading->failed_line == 0 || line < reading->failed_line)) {
        reading->failed_line = 0;
        reading->line = line;
        refuse(reading, "it is neither a [section] nor a name = value");
    }
    return reading->failed_line != 0 ? TG_ERR_FORMAT : 0;
}

void
tg_conf_init(struct tg_conf *conf)
{
    memset(conf, 0, sizeof(*conf));
    conf->settings.wrong_keys_per_minute = WRONG_KEYS_DEFAULT;
    conf->keep_days = KEEP_DAYS_DEFAULT;
    conf->keep_megabytes = KEEP_MEGABYTES_DEFAULT;
    conf->denials_days = DENIALS_DAYS_DEFAULT;
    conf->calls_days = CALLS_DAYS_DEFAULT;
    conf->throttle_percent = THROTTLE_PERCENT_DEFAULT;
    conf->throttle_minutes = THROTTLE_MINUTES_DEFAULT;
    conf->learning_days = LEARNING_DAYS_DEFAULT;
    conf->learning_calls = LEARNING_CALLS_DEFAULT;
    conf->check_seconds = CHECK_SECONDS_DEFAULT;
    for (int kind = 0; kind < 4; kind++)
        conf->settings.price_factor_ppm[kind] = PPM;
}

int
tg_conf_read(struct tg_conf *conf, const char *path,
             struct tg_conf_error *error)
{
    struct reading reading = {
        .file = fopen(path, "re"), .path = path, .error = error};
    int err;

    tg_conf_init(&reading.conf);
    if (reading.file == NULL && errno != ENOENT)
        return refuse_file(error, path);
    if (reading.file != NULL) {
        err = parse(&reading);
        fclose(reading.file);
        if (err != 0)
            return err;
    }
    *conf = reading.conf;
    return 0;
}
