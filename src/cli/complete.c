#include "complete.h"

#include <stdio.h>
#include <string.h>

#include "args.h"

/* What the words before the last one say. */
struct place {
    const char *noun;
    const struct tg_command *command;
    const struct tg_option *pending; /* its value stands next */
    bool is_help;
};

static void
offer(const char *typed, const char *dashes, const char *word,
      const char *about)
{
    char whole[64];

    snprintf(whole, sizeof(whole), "%s%s", dashes, word);
    if (strncmp(whole, typed, strlen(typed)) == 0)
        printf("%s\t%s\n", whole, about != NULL ? about : "");
}

static const struct tg_option *
find_option(const struct place *place, const char *word)
{
    const struct tg_option *option = NULL;

    if (place->command != NULL)
        option =
            tg_option_find(place->command->options, word + 2, strlen(word + 2));
    if (option == NULL)
        option = tg_option_find(tg_global_options, word + 2, strlen(word + 2));
    return option;
}

static void
step(struct place *place, const char *word)
{
    const struct tg_option *option;

    if (place->pending != NULL) {
        place->pending = NULL;
    } else if (strncmp(word, "--", 2) == 0) {
        option = find_option(place, word);
        if (option != NULL && option->argument != NULL)
            place->pending = option;
    } else if (place->noun == NULL && strcmp(word, "help") == 0) {
        place->is_help = true;
    } else if (place->noun == NULL) {
        place->noun = word;
        place->command = tg_command_find(word, NULL);
    } else if (place->command == NULL || place->command->verb == NULL) {
        place->command = tg_command_find(place->noun, word);
    } else if (tg_command_below(place->command, word) != NULL) {
        place->command = tg_command_below(place->command, word);
    }
}

static void
offer_options(const char *typed, const struct tg_option *option)
{
    for (; option != NULL && option->name != NULL; option++)
        offer(typed, "--", option->name, option->help);
}

static void
offer_value(const char *typed, const struct tg_option *option)
{
    size_t i;

    for (i = 0; option->choices != NULL && option->choices[i] != NULL; i++)
        offer(typed, "", option->choices[i], NULL);
    if (strcmp(option->argument, "FILE") == 0 ||
        strcmp(option->argument, "DIR") == 0)
        puts(":files");
}

static void
offer_nouns(const char *typed)
{
    const struct tg_command *row, *before = NULL;

    for (row = tg_commands; row->noun != NULL; before = row++) {
        if (before == NULL || strcmp(before->noun, row->noun) != 0)
            offer(typed, "", row->noun, tg_noun_summary(row->noun));
    }
    offer(typed, "", "help", "say what a command does");
}

/* Verbs of a noun; or, behind the first word of some, their second ones. */
static void
offer_verbs(const char *typed, const char *noun, const char *first)
{
    size_t len = first != NULL ? strlen(first) : 0;
    const struct tg_command *row;

    for (row = tg_commands; row->noun != NULL; row++) {
        if (row->verb == NULL || strcmp(row->noun, noun) != 0)
            continue;
        if (first == NULL && strchr(row->verb, ' ') == NULL)
            offer(typed, "", row->verb, row->summary);
        if (first != NULL && strncmp(row->verb, first, len) == 0 &&
            row->verb[len] == ' ')
            offer(typed, "", row->verb + len + 1, row->summary);
    }
}

int
tg_complete_run(int argc, char **argv)
{
    struct place place = {0};
    const char *typed = argc > 0 ? argv[argc - 1] : "";
    int i;

    for (i = 0; i + 1 < argc; i++)
        step(&place, argv[i]);
    if (place.pending != NULL) {
        offer_value(typed, place.pending);
    } else if (*typed == '-') {
        offer_options(typed,
                      place.command != NULL ? place.command->options : NULL);
        offer_options(typed, tg_global_options);
    } else if (place.noun == NULL) {
        offer_nouns(typed);
    } else if (place.command == NULL || place.command->verb == NULL) {
        offer_verbs(typed, place.noun, NULL);
    } else {
        offer_verbs(typed, place.noun, place.command->verb);
    }
    return 0;
}
