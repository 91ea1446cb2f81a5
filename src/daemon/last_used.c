#include "last_used.h"

#include <arpa/inet.h>
#include <string.h>

/* Three quarters full, so that a free place is near. */
#define FULL (TG_LAST_USED_KEYS * 3 / 4)

static struct tg_last_use *
place_of(struct tg_last_used *used, const char *key_id)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < TG_ID_LEN; i++)
        hash = (hash ^ (uint8_t)key_id[i]) * 16777619u;
    for (;; hash++) {
        struct tg_last_use *use = &used->uses[hash % TG_LAST_USED_KEYS];

        if (use->key_id[0] == '\0' ||
            memcmp(use->key_id, key_id, TG_ID_LEN) == 0)
            return use;
    }
}

int
tg_last_used_note(struct tg_last_used *used, struct tg_store *store,
                  const struct tg_record *record)
{
    const struct tg_call *call = &record->call;
    struct tg_last_use *use;
    size_t len = record->agent.len;

    if (call->key_id[0] == '\0')
        return 0;
    if (used->count >= FULL) {
        int err = tg_last_used_flush(used, store);

        if (err != 0)
            return err;
    }
    use = place_of(used, call->key_id);
    if (use->key_id[0] == '\0') {
        memcpy(use->key_id, call->key_id, TG_ID_LEN);
        use->at_ms = INT64_MIN;
        used->count++;
    }
    if (call->at_ms < use->at_ms)
        return 0;
    use->at_ms = call->at_ms;
    memcpy(use->ip, call->ip, sizeof(use->ip));
    if (len > TG_JOURNAL_AGENT_MAX)
        len = TG_JOURNAL_AGENT_MAX;
    if (len > 0)
        memcpy(use->agent, record->agent.data, len);
    use->agent[len] = '\0';
    return 0;
}

static void
address_text(const uint8_t ip[16], char out[INET6_ADDRSTRLEN])
{
    struct in6_addr address;

    memcpy(&address, ip, sizeof(address));
    if (IN6_IS_ADDR_V4MAPPED(&address))
        inet_ntop(AF_INET, ip + 12, out, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, ip, out, INET6_ADDRSTRLEN);
}

int
tg_last_used_flush(struct tg_last_used *used, struct tg_store *store)
{
    char ip[INET6_ADDRSTRLEN];
    int err = 0;

    for (size_t i = 0; i < TG_LAST_USED_KEYS && err == 0; i++) {
        const struct tg_last_use *use = &used->uses[i];

        if (use->key_id[0] == '\0')
            continue;
        address_text(use->ip, ip);
        err = store->ops->secret_used(store, use->key_id, use->at_ms, ip,
                                      use->agent);
    }
    tg_last_used_forget(used);
    return err;
}

void
tg_last_used_forget(struct tg_last_used *used)
{
    if (used->count == 0)
        return;
    for (size_t i = 0; i < TG_LAST_USED_KEYS; i++)
        memset(used->uses[i].key_id, 0, sizeof(used->uses[i].key_id));
    used->count = 0;
}
