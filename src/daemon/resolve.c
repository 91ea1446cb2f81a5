#include "resolve.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "egress_address.h"
#include "err.h"
#include "log.h"
#include "url.h"

/* What one pass knows of an upstream, so that it resolves without a lock. */
struct target {
    struct target *next;
    char id[TG_ID_TEXT_SIZE];
    char host[128];
    char *known;
};

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *
to_list(const struct addrinfo *found)
{
    char texts[TG_UPSTREAM_ADDRESSES][INET6_ADDRSTRLEN];
    char *sorted[TG_UPSTREAM_ADDRESSES], *text;
    json_t *list = json_array();
    size_t count = 0;

    for (; found != NULL && count < TG_UPSTREAM_ADDRESSES;
         found = found->ai_next) {
        const void *ip =
            found->ai_family == AF_INET
                ? (void *)&((struct sockaddr_in *)found->ai_addr)->sin_addr
                : (void *)&((struct sockaddr_in6 *)found->ai_addr)->sin6_addr;

        if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
            continue;
        inet_ntop(found->ai_family, ip, texts[count], INET6_ADDRSTRLEN);
        sorted[count] = texts[count];
        count++;
    }
    qsort(sorted, count, sizeof(sorted[0]), by_text);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(sorted[i]));
    text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

/* One address that no upstream has spoils the name. */
static int
check_all(const char *host, const struct addrinfo *found,
          struct tg_error *error)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const char *kind;
    uint8_t ip[16];

    for (; found != NULL; found = found->ai_next) {
        if (found->ai_family == AF_INET6) {
            memcpy(ip, &((struct sockaddr_in6 *)found->ai_addr)->sin6_addr, 16);
        } else if (found->ai_family == AF_INET) {
            memcpy(ip, mapped, sizeof(mapped));
            memcpy(ip + sizeof(mapped),
                   &((struct sockaddr_in *)found->ai_addr)->sin_addr, 4);
        } else {
            continue;
        }
        if (!tg_egress_is_upstream(ip, &kind))
            return tg_error_set(error, TG_ERR_RANGE,
                                "the host %s has an address that is %s: no "
                                "upstream is there",
                                host, kind);
    }
    return 0;
}

int
tg_resolve_host(const char *host, char **addresses, struct tg_error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int result = getaddrinfo(host, NULL, &hints, &found);
    char *text;

    if (result != 0)
        return tg_error_set(error, TG_ERR_NOT_FOUND,
                            "the host %s was not found: %s", host,
                            gai_strerror(result));
    result = check_all(host, found, error);
    text = result == 0 ? to_list(found) : NULL;
    freeaddrinfo(found);
    if (result != 0)
        return result;
    if (text == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    *addresses = text;
    return 0;
}

static int
add_target(void *arg, const struct tg_store_upstream *row)
{
    struct target **list = arg, *target = calloc(1, sizeof(*target));
    struct tg_error error;
    struct tg_url url;

    if (target == NULL || tg_url_parse(&url, row->base_url, &error) != 0) {
        free(target);
        return 0;
    }
    strncpy(target->id, row->id, sizeof(target->id) - 1);
    memcpy(target->host, url.host, sizeof(target->host));
    target->known = strdup(row->addresses);
    target->next = *list;
    *list = target;
    return 0;
}

static bool
is_address(const char *host)
{
    struct in6_addr ip;

    return inet_pton(AF_INET, host, &ip) == 1 ||
           inet_pton(AF_INET6, host, &ip) == 1;
}

static void
keep_addresses(struct tg_daemon *daemon, const char *id, const char *addresses)
{
    struct tg_store *store = daemon->admin;
    int err;

    pthread_mutex_lock(&daemon->admin_lock);
    err = tg_daemon_begin(daemon, store);
    if (err == 0)
        err =
            tg_daemon_end(daemon, store,
                          store->ops->upstream_addresses(store, id, addresses));
    if (err != 0 && err != TG_ERR_NOT_FOUND)
        tg_log(TG_LOG_ERROR, "%s", store->error.text);
    pthread_mutex_unlock(&daemon->admin_lock);
}

static void
resolve_target(struct tg_daemon *daemon, const struct target *target)
{
    struct tg_error error;
    char *addresses;

    if (is_address(target->host))
        return;
    if (tg_resolve_host(target->host, &addresses, &error) != 0) {
        tg_log(TG_LOG_WARNING, "%s; its last known addresses stay in use",
               error.text);
        return;
    }
    if (target->known == NULL || strcmp(addresses, target->known) != 0) {
        tg_log(TG_LOG_INFO, "%s is now at %s", target->host, addresses);
        keep_addresses(daemon, target->id, addresses);
    }
    free(addresses);
}

void
tg_resolve_pass(struct tg_daemon *daemon, struct tg_store *store,
                int64_t now_ms)
{
    struct target *list = NULL;

    (void)store;
    (void)now_ms;
    pthread_mutex_lock(&daemon->admin_lock);
    daemon->admin->ops->upstream_each(daemon->admin, add_target, &list);
    pthread_mutex_unlock(&daemon->admin_lock);
    while (list != NULL) {
        struct target *target = list;

        list = target->next;
        resolve_target(daemon, target);
        free(target->known);
        free(target);
    }
    pthread_mutex_lock(&daemon->admin_lock);
    if (tg_catalog_publish(daemon, daemon->admin) != 0)
        tg_log(TG_LOG_ERROR, "the catalog could not be published: %s",
               daemon->admin->error.text);
    pthread_mutex_unlock(&daemon->admin_lock);
}
