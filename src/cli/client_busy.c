#include "client_busy.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

#define PATIENCE_S 120
#define PAUSE_MAX_S 30
#define STEPS 10 /* of a second, in which goes_on is asked */

static bool
says_so(CURL *curl, const char *body, size_t len)
{
    json_t *root;
    const char *code;
    long status = 0;
    bool is;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if ((status != 503 && status != 429) || body == NULL)
        return false;
    root = json_loadb(body, len, 0, NULL);
    code = json_string_value(
        json_object_get(json_object_get(root, "error"), "code"));
    is = code != NULL &&
         (strcmp(code, "busy") == 0 || strcmp(code, "too_many_exports") == 0);
    json_decref(root);
    return is;
}

static bool
wait_for(const struct tg_patience *patience, long seconds)
{
    static const struct timespec step = {.tv_nsec = 1000000000 / STEPS};

    for (long i = 0; i < seconds * STEPS; i++) {
        if (patience->goes_on != NULL && !patience->goes_on(patience->arg))
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

bool
tg_client_is_busy(struct tg_cli *cli, CURL *curl, const char *body, size_t len,
                  struct tg_patience *patience)
{
    curl_off_t seconds = 0;

    if (!says_so(curl, body, len))
        return false;
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds < 1 || seconds > PAUSE_MAX_S)
        seconds = 1;
    if ((patience->times + 1) * seconds > PATIENCE_S)
        return false;
    if (patience->times++ == 0 && isatty(STDERR_FILENO))
        tg_say_note(cli,
                    "The gate at %s has too many long requests under way; "
                    "asking again every %ld s …",
                    cli->client->server.shown, (long)seconds);
    return wait_for(patience, (long)seconds);
}
