#include "metrics.h"

#include <stdlib.h>
#include <string.h>

#define COUNTER TG_METRIC_COUNTER
#define GAUGE TG_METRIC_GAUGE
#define HISTOGRAM TG_METRIC_HISTOGRAM

const struct tg_metric_row tg_metric_rows[TG_METRIC_FAMILIES] = {
    [TG_FAMILY_REQUESTS] = {"tollgate_requests_total", COUNTER, "",
                            "Calls that were admitted and have ended."},
    [TG_FAMILY_TOKENS] = {"tollgate_tokens_total", COUNTER, "tokens",
                          "Tokens of calls, by kind; prompt has the cached "
                          "ones in it, completion the reasoning."},
    [TG_FAMILY_COST] = {"tollgate_cost_total", COUNTER, "",
                        "What calls cost, in the ledger currency."},
    [TG_FAMILY_UNITS] = {"tollgate_units_total", COUNTER, "",
                         "What calls are metered by beside tokens."},
    [TG_FAMILY_FAILED] = {"tollgate_failed_calls_total", COUNTER, "",
                          "Admitted calls that failed, by code."},
    [TG_FAMILY_DENIALS] = {"tollgate_denials_total", COUNTER, "",
                           "Requests that were refused, by code."},
    [TG_FAMILY_EVENTS] = {"tollgate_events_total", COUNTER, "",
                          "Events that were told, by type."},
    [TG_FAMILY_ALERTS_OPENED] = {"tollgate_alerts_opened_total", COUNTER, "",
                                 "Alerts that were opened."},
    [TG_FAMILY_TOKEN_USAGE] = {"gen_ai_client_token_usage", HISTOGRAM, "tokens",
                               "Tokens of a call."},
    [TG_FAMILY_DURATION] = {"gen_ai_server_request_duration_seconds", HISTOGRAM,
                            "seconds",
                            "How long a call took, with what it waited for "
                            "room."},
    [TG_FAMILY_FIRST_TOKEN] = {"gen_ai_server_time_to_first_token_seconds",
                               HISTOGRAM, "seconds",
                               "How long the first token took."},
    [TG_FAMILY_OUTPUT_TOKEN] = {"gen_ai_server_time_per_output_token_seconds",
                                HISTOGRAM, "seconds",
                                "From one token of a stream to the next one, "
                                "on the average of the stream."},
    [TG_FAMILY_ALERTS_OPEN] = {"tollgate_alerts_open", GAUGE, "",
                               "Alerts that are open."},
    [TG_FAMILY_IN_FLIGHT] = {"tollgate_calls_in_flight", GAUGE, "",
                             "Calls that an upstream works on."},
    [TG_FAMILY_CREDENTIALS] = {"tollgate_upstream_credentials", GAUGE, "",
                               "Credentials in use, by how they fare."},
    [TG_FAMILY_CHECK_SUCCESS] = {"tollgate_upstream_check_success", GAUGE, "",
                                 "Whether the upstream knew our credential "
                                 "when it was last asked."},
    [TG_FAMILY_CHECKED_AT] = {"tollgate_upstream_check_timestamp_seconds",
                              GAUGE, "seconds",
                              "When the upstream was last asked."},
    [TG_FAMILY_EXPIRES_AT] = {"tollgate_upstream_credential_expiry_timestamp_"
                              "seconds",
                              GAUGE, "seconds",
                              "When the first of its credentials expires."},
    [TG_FAMILY_BALANCE_LOW] = {"tollgate_upstream_balance_low", GAUGE, "",
                               "Whether the account of one of its credentials "
                               "has less money than it should."},
    [TG_FAMILY_KEYS] = {"tollgate_keys", GAUGE, "",
                        "Active keys by health, up to a minute ago."},
    [TG_FAMILY_ACCOUNT_BALANCE] = {"tollgate_account_balance", GAUGE, "",
                                   "Balances of prepaid accounts, in the "
                                   "ledger currency."},
    [TG_FAMILY_READY] = {"tollgate_ready", GAUGE, "",
                         "Whether a call would be taken, as /readyz says."},
    [TG_FAMILY_WORKERS] = {"tollgate_workers", GAUGE, "",
                           "Workers of nginx that have the state file."},
    [TG_FAMILY_WORKERS_SHUT] = {"tollgate_workers_shut", GAUGE, "",
                                "Workers that admit no call, as the disk "
                                "takes no records."},
    [TG_FAMILY_JOURNAL_FAILING] = {"tollgate_journal_failing", GAUGE, "",
                                   "Whether the journal's disk fails, or did "
                                   "a moment ago."},
    [TG_FAMILY_BAD_SEGMENTS] = {"tollgate_journal_bad_segments", GAUGE, "",
                                "Segments that cannot be read to the end."},
    [TG_FAMILY_LAG_BYTES] = {"tollgate_ingest_lag_bytes", GAUGE, "bytes",
                             "Bytes of the journal that are not in the store."},
    [TG_FAMILY_LAG_SECONDS] = {"tollgate_ingest_lag_seconds", GAUGE, "seconds",
                               "Since the journal was last read to its end."},
    [TG_FAMILY_STORE_BYTES] = {"tollgate_store_size_bytes", GAUGE, "bytes",
                               "The store's files."},
    [TG_FAMILY_DISK_FREE] = {"tollgate_disk_free_bytes", GAUGE, "bytes",
                             "Room that is left for the home, the journal and "
                             "the state file."},
    [TG_FAMILY_DISK_SIZE] = {"tollgate_disk_size_bytes", GAUGE, "bytes",
                             "Room that there is in all."},
    [TG_FAMILY_SERIES] = {"tollgate_metric_series", GAUGE, "",
                          "Series of calls that are kept, of 1000; beyond, "
                          "they are those of \"other\"."},
    [TG_FAMILY_BUILD] = {"tollgate_build_info", GAUGE, "",
                         "1, with the daemon's version."},
    [TG_FAMILY_CPU] = {"process_cpu_seconds_total", COUNTER, "seconds",
                       "The daemon's CPU time, since its start."},
    [TG_FAMILY_RESIDENT] = {"process_resident_memory_bytes", GAUGE, "bytes",
                            "The daemon's memory."},
    [TG_FAMILY_VIRTUAL] = {"process_virtual_memory_bytes", GAUGE, "bytes",
                           "The daemon's address space."},
    [TG_FAMILY_OPEN_FDS] = {"process_open_fds", GAUGE, "",
                            "Files that the daemon has open."},
    [TG_FAMILY_MAX_FDS] = {"process_max_fds", GAUGE, "",
                           "Files that it may have open."},
    [TG_FAMILY_STARTED_AT] = {"process_start_time_seconds", GAUGE, "seconds",
                              "When the daemon was started."},
};

static bool
reserve(struct tg_exposition *out, size_t more)
{
    size_t cap = out->cap;
    char *data;

    if (out->len + more <= cap)
        return true;
    if (out->has_failed)
        return false;
    while (cap < out->len + more)
        cap = cap == 0 ? 1024 : cap * 2;
    data = realloc(out->data, cap);
    if (data == NULL) {
        out->has_failed = true;
        return false;
    }
    out->data = data;
    out->cap = cap;
    return true;
}

void
tg_exposition_text(struct tg_exposition *out, struct tg_str text)
{
    if (!reserve(out, text.len))
        return;
    memcpy(out->data + out->len, text.data, text.len);
    out->len += text.len;
}

static void
puts_in(struct tg_exposition *out, const char *text)
{
    tg_exposition_text(out, (struct tg_str){text, strlen(text)});
}

void
tg_exposition_family(struct tg_exposition *out, enum tg_metric_family family)
{
    static const char *const types[] = {
        [GAUGE] = "gauge", [COUNTER] = "counter", [HISTOGRAM] = "histogram"};
    const struct tg_metric_row *row = &tg_metric_rows[family];

    puts_in(out, "# HELP ");
    puts_in(out, row->name);
    puts_in(out, " ");
    puts_in(out, row->help);
    puts_in(out, "\n# TYPE ");
    puts_in(out, row->name);
    puts_in(out, " ");
    puts_in(out, types[row->type]);
    if (row->unit[0] != '\0') {
        puts_in(out, "\n# UNIT ");
        puts_in(out, row->name);
        puts_in(out, " ");
        puts_in(out, row->unit);
    }
    puts_in(out, "\n");
}

static void
put_value(struct tg_exposition *out, const char *value)
{
    for (size_t n; *value != '\0'; value += n) {
        n = strcspn(value, "\\\"\n");
        tg_exposition_text(out, (struct tg_str){value, n});
        if (value[n] == '\0')
            continue;
        puts_in(out, value[n] == '\\'  ? "\\\\"
                     : value[n] == '"' ? "\\\""
                                       : "\\n");
        n++;
    }
}

void
tg_exposition_sample(struct tg_exposition *out, enum tg_metric_family family,
                     const char *suffix, const char *const *labels)
{
    const char *before = "{";

    puts_in(out, tg_metric_rows[family].name);
    puts_in(out, suffix);
    for (; labels != NULL && *labels != NULL; labels += 2) {
        if (labels[1] == NULL)
            continue;
        puts_in(out, before);
        puts_in(out, labels[0]);
        puts_in(out, "=\"");
        put_value(out, labels[1]);
        puts_in(out, "\"");
        before = ",";
    }
    puts_in(out, *before == ',' ? "} " : " ");
}

/* Digits from the end on; a point where it belongs. */
static struct tg_str
decimal(char buffer[32], int64_t n, int digits)
{
    uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
    char *end = buffer + 32, *at = end;

    for (int i = 0; left > 0 || i <= digits; i++) {
        if (i == digits && digits > 0 && at != end)
            *--at = '.';
        /* Zeros at the end of a fraction are left out. */
        if (i < digits && left % 10 == 0 && at == end) {
            left /= 10;
            continue;
        }
        *--at = (char)('0' + left % 10);
        left /= 10;
    }
    if (n < 0)
        *--at = '-';
    return (struct tg_str){at, (size_t)(end - at)};
}

void
tg_exposition_number(struct tg_exposition *out, int64_t n, int digits)
{
    char buffer[32];

    tg_exposition_text(out, decimal(buffer, n, digits));
    puts_in(out, "\n");
}

void
tg_exposition_plain(struct tg_exposition *out, enum tg_metric_family family,
                    int64_t n, int digits)
{
    tg_exposition_family(out, family);
    tg_exposition_sample(out, family, "", NULL);
    tg_exposition_number(out, n, digits);
}
