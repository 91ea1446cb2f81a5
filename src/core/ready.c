#include "ready.h"

#include "pool.h"

/* As calls choose: neither taken out, nor asked to wait. */
static bool
is_open(const struct tg_state *state, const struct tg_catalog *catalog,
        uint16_t row, int64_t now_ms)
{
    struct tg_pool_view view;

    if (row >= TG_CATALOG_CREDENTIALS)
        return false;
    view =
        tg_pool_look(state, row, catalog->credentials[row].generation, now_ms);
    return view.turns % 2 == 0 && view.standing != TG_POOL_WAITING;
}

static void
look_at(const struct tg_state *state, const struct tg_catalog *catalog,
        const struct tg_upstream *upstream, int64_t now_ms,
        struct tg_ready *ready)
{
    uint32_t n = upstream->credential_count;

    if (upstream->id[0] == '\0')
        return;
    for (uint32_t i = 0; i < n && i < TG_UPSTREAM_CREDENTIALS; i++) {
        ready->has_upstream = true;
        ready->has_credential |=
            is_open(state, catalog, upstream->credentials[i], now_ms);
    }
}

static void
look_once(const struct tg_state *state, const struct tg_catalog *catalog,
          int64_t now_ms, struct tg_ready *ready)
{
    ready->has_upstream = ready->has_credential = false;
    for (uint32_t i = 0;
         catalog != NULL && i < TG_CATALOG_UPSTREAMS && !ready->has_credential;
         i++)
        look_at(state, catalog, &catalog->upstreams[i], now_ms, ready);
}

struct tg_ready
tg_ready_look(const struct tg_state *state, bool takes_records, int64_t now_ms)
{
    struct tg_ready ready = {.has_journal = takes_records};
    uint64_t seq;

    if (state == NULL || !atomic_load(&state->header->is_ready))
        return ready;
    ready.has_state = true;
    do {
        look_once(state, tg_state_catalog(state, &seq), now_ms, &ready);
    } while (!tg_state_catalog_is_current(state, seq));
    return ready;
}

bool
tg_ready_is_ready(const struct tg_ready *ready)
{
    return ready->has_state && ready->has_journal && ready->has_credential;
}

void
tg_ready_write(struct tg_text *out, const struct tg_ready *ready)
{
    const char *upstreams = !ready->has_state       ? "unknown"
                            : ready->has_credential ? "ok"
                            : ready->has_upstream   ? "refused"
                                                    : "none";

    tg_text_puts(out, "{\"status\":");
    tg_text_puts(out, tg_ready_is_ready(ready) ? "\"ready\"" : "\"not_ready\"");
    tg_text_puts(out, ",\"checks\":{\"state\":");
    tg_text_puts(out, ready->has_state ? "\"ok\"" : "\"not_published\"");
    tg_text_puts(out, ",\"journal\":");
    tg_text_puts(out, ready->has_journal ? "\"ok\"" : "\"shut\"");
    tg_text_puts(out, ",\"upstreams\":\"");
    tg_text_puts(out, upstreams);
    tg_text_puts(out, "\"}}\n");
}
