#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "health.h"

#define WAIT_MS 2000L
#define URL_SIZE 300

/* What came back; an answer of the gate's is short. */
struct answer {
    char data[1024];
    size_t len;
};

static size_t
take(char *data, size_t size, size_t count, void *arg)
{
    struct answer *answer = arg;
    size_t len = size * count;

    if (len > sizeof(answer->data) - answer->len)
        return 0;
    memcpy(answer->data + answer->len, data, len);
    answer->len += len;
    return len;
}

/* `tollgate up` says where its nginx listens. */
static bool
read_url(const struct tg_daemon *daemon, char url[URL_SIZE])
{
    char path[TG_PATH_SIZE + 16];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "%s/admin.url", daemon->paths.run);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, url, URL_SIZE - 16);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    url[n] = '\0';
    url[strcspn(url, "\r\n")] = '\0';
    return strncmp(url, "http://", 7) == 0;
}

static CURLcode
ask(const char *url, struct answer *answer, long *status, curl_off_t *took_us)
{
    CURL *curl = curl_easy_init();
    CURLcode code;

    if (curl == NULL)
        return CURLE_FAILED_INIT;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tollgate");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WAIT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, took_us);
    curl_easy_cleanup(curl);
    return code;
}

/* The parts of /readyz that are not well, as words. */
static void
say_not_ready(struct tg_health *health, const char *url,
              const struct answer *answer)
{
    static const struct {
        const char *part, *value, *words, *cure;
    } rows[] = {
        {"state", "not_published", "the keys are not published yet",
         "wait for the daemon's start to end, or see its log"},
        {"journal", "shut", "the journal takes no records",
         "make room on the disk of the home's folder journal"},
        {"upstreams", "none", "no upstream has a credential",
         "tollgate credentials add --upstream NAME"},
        {"upstreams", "refused", "every credential is refused",
         "tollgate credentials list"},
    };
    json_t *object = json_loadb(answer->data, answer->len, 0, NULL);
    const json_t *checks = json_object_get(object, "checks");
    bool is_said = false;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *value =
            json_string_value(json_object_get(checks, rows[i].part));

        if (value == NULL || strcmp(value, rows[i].value) != 0)
            continue;
        is_said = true;
        tg_health_say(health, "gate", TG_UNHEALTHY, rows[i].cure,
                      "%s answers, and takes no calls: %s", url, rows[i].words);
    }
    if (!is_said)
        tg_health_say(health, "gate", TG_UNHEALTHY, "tollgate status",
                      "%s does not answer as a gate does", url);
    json_decref(object);
}

void
tg_health_gate(struct tg_health *health, const struct tg_daemon *daemon)
{
    char url[URL_SIZE], asked[URL_SIZE + 16];
    struct answer answer = {.len = 0};
    curl_off_t took_us = 0;
    long status = 0;
    CURLcode code;

    if (!read_url(daemon, url)) {
        tg_health_say(health, "gate", TG_WARNING, "tollgate up",
                      "nobody says where the gate listens: run/admin.url is "
                      "not there");
        return;
    }
    snprintf(asked, sizeof(asked), "%s/readyz", url);
    code = ask(asked, &answer, &status, &took_us);
    if (code != CURLE_OK)
        tg_health_say(health, "gate", TG_UNHEALTHY, "tollgate status",
                      "%s does not answer: %s", url, curl_easy_strerror(code));
    else if (status != 200)
        say_not_ready(health, url, &answer);
    else
        json_object_set_new(
            tg_health_say(health, "gate", TG_HEALTHY, NULL,
                          "%s answers and takes calls, after %lld.%lld ms", url,
                          (long long)(took_us / 1000),
                          (long long)(took_us / 100 % 10)),
            "latency_us", json_integer((json_int_t)took_us));
}
