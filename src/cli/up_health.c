#include "up_health.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "private.h"

#define ANSWER_MAX 65536
#define WAIT_MS 5000L

struct answer {
    char data[ANSWER_MAX];
    size_t len;
};

static size_t
take(char *data, size_t size, size_t count, void *arg)
{
    struct answer *answer = arg;
    size_t len = size * count;

    if (len > sizeof(answer->data) - answer->len) {
        return 0;
    }
    memcpy(answer->data + answer->len, data, len);
    answer->len += len;
    return len;
}

static CURLcode
get(const struct tg_paths *paths, struct curl_slist *headers,
    struct answer *answer, long *status)
{
    CURL *curl = curl_easy_init();

    if (curl == NULL) {
        return CURLE_FAILED_INIT;
    }
    curl_easy_setopt(curl, CURLOPT_URL, "http://localhost/admin/v1/health");
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, paths->admin_socket);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WAIT_MS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    }
    curl_easy_cleanup(curl);
    return code;
}

static json_t *
ask(const struct tg_paths *paths, const char *token, char *cause,
    size_t cause_size)
{
    static struct answer answer;
    char header[TG_PRIVATE_MAX + 32];
    long status = 0;

    answer.len = 0;
    snprintf(header, sizeof(header), "Authorization: Bearer %s", token);
    struct curl_slist *headers = curl_slist_append(NULL, header);
    explicit_bzero(header, sizeof(header));
    CURLcode code = get(paths, headers, &answer, &status);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        snprintf(cause, cause_size, "it does not answer: %s",
                 curl_easy_strerror(code));
        return NULL;
    }
    if (status == 401) {
        snprintf(cause, cause_size,
                 "it does not know the token in %s any more: put an "
                 "operator's there",
                 paths->admin_token);
        return NULL;
    }
    if (status != 200) {
        snprintf(cause, cause_size, "it answers with status %ld", status);
        return NULL;
    }
    json_t *object = json_loadb(answer.data, answer.len, 0, NULL);
    if (!json_is_object(object)) {
        snprintf(cause, cause_size, "its answer is not a JSON object");
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *
tg_up_health(const struct tg_paths *paths, char *cause, size_t cause_size)
{
    char token[TG_PRIVATE_MAX];
    bool is_there;

    if (tg_private_read_line(paths->admin_token, true, token, sizeof(token),
                             &is_there) != 0 ||
        !is_there) {
        snprintf(cause, cause_size, "%s cannot be read", paths->admin_token);
        return NULL;
    }
    json_t *object = ask(paths, token, cause, cause_size);
    explicit_bzero(token, sizeof(token));
    return object;
}
