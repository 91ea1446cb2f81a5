/* Goal: what the doctor judges by looks alone, and what he makes of it. */
#include "tap.h"

#include <stdlib.h>

#include "doctor_file.h"
#include "doctor_gate.h"
#include "doctor_proxy.h"
#include "doctor_shape.h"

#define NONE tg_found_none
#define FOUND(id) tg_found_##id

static const char *
id_of(enum tg_doctor_finding finding)
{
    return finding == NONE ? "none" : tg_doctor_text(finding)->id;
}

static const struct {
    const char *text;
    enum tg_doctor_api api;
    enum tg_doctor_finding fault;
    const char *base; /* NULL: it cannot be asked */
} urls[] = {
    {"http://127.0.0.1:8080/v1", 0, NONE, "http://127.0.0.1:8080/v1"},
    {"http://127.0.0.1:8080", 0, NONE, "http://127.0.0.1:8080"},
    {"http://127.0.0.1:8080/", 0, NONE, "http://127.0.0.1:8080"},
    {"HTTP://LOCALHOST:8080/v1/", 0, NONE, "http://LOCALHOST:8080/v1"},
    {"https://gate.test:443/v1", 0, NONE, "https://gate.test/v1"},
    {"http://[::1]:8080/v1", 0, NONE, "http://[::1]:8080/v1"},
    {"http://ann:secret@h/v1", 0, NONE, "http://h/v1"},
    {"127.0.0.1:8080/v1", 0, FOUND(url_no_scheme), "http://127.0.0.1:8080/v1"},
    {"localhost/v1", 0, FOUND(url_no_scheme), "http://localhost/v1"},
    {"gate.test/v1", 0, FOUND(url_no_scheme), "https://gate.test/v1"},
    {"//gate.test/v1", 0, FOUND(url_malformed), NULL},
    {"http:/gate.test", 0, FOUND(url_malformed), NULL},
    {"https//gate.test", 0, FOUND(url_malformed), NULL},
    {"http://", 0, FOUND(url_malformed), NULL},
    {"http://h:port/v1", 0, FOUND(url_malformed), NULL},
    {"http://h:99999/v1", 0, FOUND(url_malformed), NULL},
    {"ftp://h/v1", 0, FOUND(url_scheme), NULL},
    {"'http://h/v1'", 0, FOUND(url_unclean), "http://h/v1"},
    {"http://h/v1\r", 0, FOUND(url_unclean), "http://h/v1"},
    {" http://h/v1", 0, FOUND(url_unclean), "http://h/v1"},
    {"http://h /v1", 0, FOUND(url_unclean), "http://h/v1"},
    {"http\xEF\xBC\x9A//h/v1", 0, FOUND(url_unclean), "http://h/v1"},
    {"\xEF\xBB\xBFhttp://h/v1", 0, FOUND(url_unclean), "http://h/v1"},
    {"http://h/v1/chat/completions", 0, FOUND(url_endpoint), "http://h/v1"},
    {"http://h/v1/chat/completions/", 0, FOUND(url_endpoint), "http://h/v1"},
    {"http://h/v1/messages", 1, FOUND(url_endpoint), "http://h"},
    {"http://h/v1/v1", 0, FOUND(url_v1_twice), "http://h/v1"},
    {"http://h/api/v1/v1/", 0, FOUND(url_v1_twice), "http://h/api/v1"},
    {"http://h/v1", 1, FOUND(url_v1_anthropic), "http://h"},
    {"http://h/anthropic", 1, NONE, "http://h/anthropic"},
    {"http://h//v1", 0, FOUND(url_slashes), "http://h/v1"},
    {"http://h/v1//", 0, FOUND(url_slashes), "http://h/v1"},
    {"http://h/admin/v1", 0, FOUND(url_admin), "http://h/v1"},
    {"http://h/admin/v1", 1, FOUND(url_admin), "http://h"},
    {"http://h/v1?x=1", 0, FOUND(url_query), "http://h/v1"},
    {"http://h/v1#x", 0, FOUND(url_query), "http://h/v1"},
    {"http://h/v1?api_key=abc", 0, FOUND(url_has_key), NULL},
    {"sk-tgp_abc", 0, FOUND(url_is_key), NULL},
    {"${BASE_URL}", 0, FOUND(url_placeholder), NULL},
    {"OPENAI_API_KEY", 0, FOUND(url_placeholder), NULL},
    {"https://your-gate/v1", 0, FOUND(url_placeholder), NULL},
    {"https://<host>/v1", 0, FOUND(url_placeholder), NULL},
    {"https://chatgpt.com/v1", 0, FOUND(url_wrong_host), NULL},
    {"https://api.openai.com", 0, FOUND(url_v1_missing),
     "https://api.openai.com/v1"},
    {"https://api.openai.com/v1", 0, NONE, "https://api.openai.com/v1"},
    {"https://api.deepseek.com", 0, NONE, "https://api.deepseek.com"},
    {"https://api.deepseek.com/v1", 0, NONE, "https://api.deepseek.com/v1"},
    {"https://api.deepseek.com/beta", 0, NONE, "https://api.deepseek.com/beta"},
    {"https://api.deepseek.com/anthropic", 0, FOUND(url_anthropic_extra),
     "https://api.deepseek.com"},
    {"https://api.deepseek.com/anthropic", 1, NONE,
     "https://api.deepseek.com/anthropic"},
    {"https://api.deepseek.com", 1, FOUND(url_anthropic_missing),
     "https://api.deepseek.com/anthropic"},
    {"https://api.anthropic.com", 1, NONE, "https://api.anthropic.com"},
};

static void
test_urls(void)
{
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct tg_doctor_url url;

        tg_doctor_url_judge(&url, urls[i].text, urls[i].api);
        is_str(id_of(url.fault), id_of(urls[i].fault), "%s", urls[i].text);
        ok(url.is_usable == (urls[i].base != NULL), "%s: %s", urls[i].text,
           urls[i].base != NULL ? "can be asked" : "cannot be asked");
        if (urls[i].base != NULL)
            is_str(url.base, urls[i].base, "%s: mended", urls[i].text);
        ok(strstr(url.given, "secret") == NULL &&
               strstr(url.given, "sk-tgp") == NULL &&
               strstr(url.given, "abc") == NULL,
           "%s: nothing of it that is secret is shown", urls[i].text);
    }
}

/* A small environment: pairs, NULL behind them. */
static const char *const *environment;

static const char *
value_of(const char *name)
{
    for (const char *const *pair = environment; *pair != NULL; pair += 2) {
        if (strcmp(pair[0], name) == 0)
            return pair[1];
    }
    return NULL;
}

static const struct {
    const char *url;
    const char *env[6];
    enum tg_doctor_finding finding;
    const char *variable;
} proxies[] = {
    {"http://h:8080", {NULL}, FOUND(proxy_none), NULL},
    {"http://h", {"HTTP_PROXY", "p:3128"}, FOUND(proxy_used), "HTTP_PROXY"},
    {"https://h", {"HTTP_PROXY", "p:3128"}, FOUND(proxy_none), NULL},
    {"https://h", {"ALL_PROXY", "socks5h://p"}, FOUND(proxy_used), "ALL_PROXY"},
    {"http://h",
     {"HTTP_PROXY", "a", "http_proxy", "b"},
     FOUND(proxy_used),
     "http_proxy"},
    {"http://h", {"HTTP_PROXY", ""}, FOUND(proxy_none), NULL},
    {"http://h", {"HTTP_PROXY", "http//p"}, FOUND(proxy_bad), "HTTP_PROXY"},
    {"http://h",
     {"HTTP_PROXY", "\"http://p\""},
     FOUND(proxy_bad),
     "HTTP_PROXY"},
    {"http://h", {"HTTP_PROXY", "http://p:x"}, FOUND(proxy_bad), "HTTP_PROXY"},
    {"http://h", {"HTTP_PROXY", "ftp://p"}, FOUND(proxy_bad), "HTTP_PROXY"},
    {"http://a.h",
     {"HTTP_PROXY", "p", "NO_PROXY", "x, .h"},
     FOUND(proxy_bypassed),
     "NO_PROXY"},
    {"http://a.h",
     {"HTTP_PROXY", "p", "NO_PROXY", "*.h"},
     FOUND(proxy_bypassed),
     "NO_PROXY"},
    {"http://ah",
     {"HTTP_PROXY", "p", "NO_PROXY", "h"},
     FOUND(proxy_used),
     "HTTP_PROXY"},
    {"http://h:81",
     {"HTTP_PROXY", "p", "NO_PROXY", "h:80"},
     FOUND(proxy_used),
     "HTTP_PROXY"},
    {"http://h:81",
     {"HTTP_PROXY", "p", "no_proxy", "h:81"},
     FOUND(proxy_bypassed),
     "no_proxy"},
    {"http://10.1.2.3",
     {"HTTP_PROXY", "p", "NO_PROXY", "10.0.0.0/8"},
     FOUND(proxy_bypassed),
     "NO_PROXY"},
    {"http://11.1.2.3",
     {"HTTP_PROXY", "p", "NO_PROXY", "10.0.0.0/8"},
     FOUND(proxy_used),
     "HTTP_PROXY"},
    {"http://h",
     {"HTTP_PROXY", "p", "NO_PROXY", "*"},
     FOUND(proxy_bypassed),
     "NO_PROXY"},
};

static void
test_proxies(void)
{
    for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
        struct tg_doctor_proxy proxy = {0};
        struct tg_doctor_url url;

        environment = proxies[i].env;
        tg_doctor_url_judge(&url, proxies[i].url, TG_API_OPENAI);
        tg_doctor_proxy_find(&proxy, &url, value_of);
        is_str(id_of(proxy.finding), id_of(proxies[i].finding),
               "proxy %zu: what is found", i);
        is_str(proxy.variable != NULL ? proxy.variable : "-",
               proxies[i].variable != NULL ? proxies[i].variable : "-",
               "proxy %zu: by which variable", i);
        ok((*proxy.url != '\0') == (proxy.finding == FOUND(proxy_used)),
           "proxy %zu: there is one only if it is used", i);
    }
}

/* All findings of a report, one after the other. */
static const char *
all_of(const struct tg_doctor_report *report, char out[256])
{
    size_t used = 0;

    *out = '\0';
    for (size_t i = 0; i < report->count && used < 256; i++)
        used +=
            (size_t)snprintf(out + used, 256 - used, "%s%s", i > 0 ? " " : "",
                             id_of(report->rows[i].finding));
    return out;
}

static const struct {
    const char *text, *environment, *found;
    unsigned line;
} files[] = {
    {"", NULL, "file_silent", 0},
    {"K=v\n", NULL, "file_used", 1},
    {"A=1\nK='v'", "v", "file_agrees", 2},
    {"K=v\n", "w", "file_differs", 1},
    {"K=v\n", "", "file_differs", 1},
    {"#K=v\n", NULL, "file_commented", 0},
    {"  # # export K = v\n", NULL, "file_commented", 0},
    {"#K=v\n", "v", "file_silent", 0},
    {"# K is not here\n", NULL, "file_silent", 0},
    {"KK=v\nXK=v\nK2=v\n", NULL, "file_silent", 0},
    {"set K=v\n", NULL, "file_syntax", 0},
    {"K: v\n", NULL, "file_syntax", 0},
    {"k=v\n", NULL, "file_case", 0},
    {"\xEF\xBB\xBFK=v\n", NULL, "file_bom", 1},
    {"\xEF\xBB\xBF# x\nK=v\n", NULL, "file_used", 2},
    {"K=\"v\nB=2\n", NULL, "file_quote_open", 1},
    {"K=\"v\" x\n", NULL, "file_quote_open", 1},
    {"K = v\n", NULL, "file_spaces", 1},
    {"K=v\r\n", NULL, "file_crlf", 1},
    {"export K=v\n", NULL, "file_export", 1},
    {"K=a\nK=v\n", "v", "file_agrees file_twice", 2},
    {"K=\"v\"\n", "\"v\"", "file_quotes_kept", 1},
    {"K='v'\r\n", "'v'", "file_quotes_kept", 1},
    {"K=v\r\n", "v\r", "file_crlf_kept", 1},
    {"K=v # c\n", "v # c", "file_comment_kept", 1},
    {"K=v\r", "v\r", "file_crlf_kept", 1},
    {"K", NULL, "file_silent", 0},
    {"K=", NULL, "file_used", 1},
};

static void
test_files(void)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        size_t len = strlen(files[i].text);
        struct tg_doctor_report report = {0};
        struct tg_doctor_file file;
        char all[256], *exact = malloc(len + (len == 0));

        /* Not a byte behind it may be read. */
        memcpy(exact, files[i].text, len);
        tg_doctor_file_read((struct tg_str){exact, len}, "K", &file);
        tg_doctor_file_judge(&report, &file, "K", ".env", files[i].environment);
        is_str(all_of(&report, all), files[i].found, "file %zu", i);
        is_int(file.line, files[i].line, "file %zu: its line", i);
        tg_report_release(&report);
        for (size_t cut = 0; cut < len; cut++)
            tg_doctor_file_read((struct tg_str){exact + cut, len - cut}, "K",
                                &file);
        free(exact);
    }
}

#define OURS "sk-tgp_Zq8wE2rT6yU1iO5pA9sD3fG7hJ0kL"

static const struct {
    const char *key, *host, *found;
    bool is_fit;
} shapes[] = {
    {"", NULL, "variable_empty", false},
    {"\"\"", NULL, "variable_empty", false},
    {"your-api-key", NULL, "variable_placeholder", false},
    {"'<your key>'", NULL, "variable_placeholder", false},
    {"$KEY", NULL, "variable_unexpanded", false},
    {"sk-0f1e2d3c4b5a69780f1e2d3c4b5a6978", NULL, "key_of", true},
    {" sk-0f1e2d3c4b5a69780f1e2d3c4b5a6978", NULL, "key_space_around", false},
    {"\"Bearer sk-0f1e2d3c4b5a69780f1e2d3c4b5a6978\"", NULL, "key_quotes",
     false},
    {"Bearer sk-0f1e2d3c4b5a69780f1e2d3c4b5a6978", NULL, "key_bearer key_of",
     false},
    {"'" OURS "'", NULL, "key_quotes key_short", false},
    {OURS, NULL, "key_short", false},
    {"sk-0f1e2d3c4b5a69780f1e2d3c4b5a6978", "api.deepseek.com", "key_of", true},
    {"sk-0f1e2d3c4b5a69780f1e2d3c4b5a697", "api.deepseek.com", "key_odd", true},
    {"0f1e2d3c4b5a69780f1e2d3c4b5a6978", "api.deepseek.com", "key_sk_lost",
     false},
    {"sk-0f1e2d3c4b5a69780f1e2d3c4b5a6978", "api.openai.com", "key_foreign",
     false},
    {"token-abc123", NULL, "key_any", true},
    {"sk-Zq8\xE2\x80\x8B"
     "defghijklmnop",
     NULL, "key_not_ascii", false},
    {"http://127.0.0.1", NULL, "key_is_url", false},
};

static void
test_shapes(void)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct tg_doctor_report report = {0};
        struct tg_doctor_shape shape;
        char all[256];

        tg_doctor_shape_judge(
            &report, "K", (struct tg_str){shapes[i].key, strlen(shapes[i].key)},
            shapes[i].host != NULL ? tg_provider_of(shapes[i].host) : NULL,
            &shape);
        is_str(all_of(&report, all), shapes[i].found, "shape %zu", i);
        ok(shape.is_fit == shapes[i].is_fit, "shape %zu: may it be sent", i);
        tg_report_release(&report);
    }
}

/* Of GET /key, with what is left of it. */
static const struct {
    const char *left, *found;
} keys[] = {
    {"{}", "gate_active scope_has limits_none money_unlimited"},
    {"{\"requests_per_minute\":{\"left\":1,\"resets_at\":null}}",
     "gate_active scope_has limits_room money_unlimited"},
    {"{\"requests_per_day\":{\"left\":0,\"resets_at\":\"then\"}}",
     "gate_active scope_has limits_spent money_unlimited"},
    {"{\"requests_per_second\":{\"left\":0,\"resets_at\":\"then\"}}",
     "gate_active scope_has limits_room money_unlimited"},
    {"{\"concurrency\":{\"left\":0,\"resets_at\":null}}",
     "gate_active scope_has limits_busy money_unlimited"},
    {"{\"daily\":{\"left\":\"0.01\"},\"balance\":{\"left\":\"3.00\"}}",
     "gate_active scope_has limits_none money_left"},
    {"{\"daily\":{\"left\":\"0.00\",\"resets_at\":\"then\"}}",
     "gate_active scope_has limits_none budget_daily_spent"},
    {"{\"monthly\":{\"left\":\"-0.000001\",\"resets_at\":\"then\"}}",
     "gate_active scope_has limits_none budget_monthly_spent"},
    {"{\"balance\":{\"left\":\"0.00\"}}",
     "gate_active scope_has limits_none balance_spent"},
    {"[]", "gate_active scope_has limits_none money_unlimited"},
};

static void
test_keys(void)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct tg_doctor_report report = {0};
        json_t *key =
            json_pack("{s:s, s:[s], s:[], s:o}", "name", "x", "scopes", "chat",
                      "endpoints", "left", json_loads(keys[i].left, 0, NULL));
        char all[256];

        tg_doctor_gate_judge(&report, key, NULL, 0);
        is_str(all_of(&report, all), keys[i].found, "%s", keys[i].left);
        json_decref(key);
        tg_report_release(&report);
    }
}

static const struct {
    const char *host, *near;
} hosts[] = {
    {"api.deepseeek.com", "api.deepseek.com"},
    {"api.openia.com", "api.openai.com"},
    {"api.openai.com", NULL}, /* it is that one */
    {"gate.example.net", NULL},
    {"api", NULL}, /* a beginning of many */
    {"api.gate.invalid", NULL},
};

static void
test_near(void)
{
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        const char *near = tg_provider_near(hosts[i].host);

        is_str(near != NULL ? near : "-",
               hosts[i].near != NULL ? hosts[i].near : "-", "%s is near to",
               hosts[i].host);
    }
}

static void
test_secrets(void)
{
    struct tg_doctor_report report = {0};
    char secret[] = "sk-0f1e2d3c4b5a69780f1e2d3c4b5a6978";

    tg_report_hide(&report, (struct tg_str){secret, strlen(secret)});
    tg_report_add(&report, FOUND(key_of),
                  "a sk-0f1e2d3c4b5a69780f1e2d3c4b5a69"
                  "78 and sk-0f1e2d3c4b5a69780f1e2d3c4b5a6978",
                  NULL, NULL);
    tg_report_detail(&report, "Bearer sk-0f1e2d3c4b5a69780f1e2d3c4b5a6978.");
    is_str(report.rows[0].args[0], "a sk-...6978 and sk-...6978",
           "a secret is masked wherever it stands");
    is_str(report.rows[0].detail, "Bearer sk-...6978.", "and in what is said");
    tg_report_release(&report);
}

int
main(void)
{
    test_urls();
    test_proxies();
    test_files();
    test_shapes();
    test_keys();
    test_near();
    test_secrets();
    return done();
}
