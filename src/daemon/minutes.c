#include "minutes.h"

void
tg_minutes_end(struct tg_minutes *minutes)
{
    const struct tg_minute *now = &minutes->now;

    minutes->active += now->requests != 0;
    if (now->requests > minutes->requests.requests)
        minutes->requests = *now;
    if (now->tokens > minutes->tokens.tokens)
        minutes->tokens = *now;
    minutes->now = (struct tg_minute){0};
}

void
tg_minutes_add(struct tg_minutes *minutes, int64_t at, int64_t tokens)
{
    int64_t begun_at = at - at % TG_MINUTE_MS;

    if (minutes->now.requests != 0 && minutes->now.at != begun_at)
        tg_minutes_end(minutes);
    minutes->now.at = begun_at;
    minutes->now.requests++;
    minutes->now.tokens += tokens;
}
