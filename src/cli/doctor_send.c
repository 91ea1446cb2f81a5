#include "doctor_send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

#define LINES 6 /* at most */

/* The headers that carry the key, as clients send them. */
struct lines {
    char *line[LINES];
    size_t count;
};

static void
add_line(struct lines *lines, const char *name, const char *value)
{
    if (asprintf(&lines->line[lines->count], "%s%s", name, value) < 0)
        tg_own(NULL);
    lines->count++;
}

bool
tg_doctor_is_x(const struct tg_doctor *doctor)
{
    return doctor->api == TG_API_ANTHROPIC &&
           (doctor->name == NULL ||
            strcmp(doctor->name, "ANTHROPIC_AUTH_TOKEN") != 0);
}

static struct lines
make_lines(const struct tg_doctor *doctor, const char *key, bool is_x)
{
    static const char *const more[][2] = {
        {"OPENAI_ORG_ID", "OpenAI-Organization: "},
        {"OPENAI_PROJECT_ID", "OpenAI-Project: "},
    };
    struct lines lines = {0};

    add_line(&lines, is_x ? "x-api-key: " : "Authorization: Bearer ", key);
    if (doctor->beside != NULL && is_x)
        add_line(&lines, "Authorization: Bearer ", doctor->beside);
    if (doctor->api == TG_API_ANTHROPIC || is_x)
        add_line(&lines, "anthropic-version: ", "2023-06-01");
    for (size_t i = 0; i < 2 && doctor->api == TG_API_OPENAI; i++) {
        const char *value = getenv(more[i][0]);

        if (value != NULL && *value != '\0' &&
            strcmp(doctor->name, "OPENAI_API_KEY") == 0)
            add_line(&lines, more[i][1], value);
    }
    return lines;
}

static void
release_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        explicit_bzero(lines->line[i], strlen(lines->line[i]));
        free(lines->line[i]);
    }
}

bool
tg_doctor_ask(const struct tg_doctor *doctor,
              const struct tg_question *question, struct tg_said *said)
{
    char url[TG_DOCTOR_URL_SIZE + 64];
    struct lines lines = make_lines(doctor, question->key, question->is_x);
    struct tg_fetch fetch;
    bool is_answered;

    snprintf(url, sizeof(url), "%s%s", question->base, question->path);
    fetch = tg_doctor_request(doctor, url);
    fetch.body = question->body;
    for (size_t i = 0; i < lines.count; i++)
        fetch.headers[i] = lines.line[i];
    tg_fetch(&fetch);
    is_answered = fetch.code == CURLE_OK;
    *said = (struct tg_said){0};
    if (is_answered)
        tg_said_read(said, &fetch);
    else
        snprintf(said->message, sizeof(said->message), "%s", fetch.error);
    tg_fetch_release(&fetch);
    release_lines(&lines);
    return is_answered;
}
