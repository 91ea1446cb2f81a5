#include "suggest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 32

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits from a to b, a swap of neighbours being one; both are short. */
static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[WORD_MAX + 1][WORD_MAX + 1];
    size_t i, j, cost;

    for (i = 0; i <= a_len; i++)
        rows[i][0] = i;
    for (j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (i = 1; i <= a_len; i++) {
        for (j = 1; j <= b_len; j++) {
            cost = a[i - 1] == b[j - 1] ? 0 : 1;
            rows[i][j] = least(rows[i - 1][j - 1] + cost,
                               least(rows[i - 1][j], rows[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[a_len][b_len];
}

void
tg_suggest_init(struct tg_suggestion *near, const char *word)
{
    *near = (struct tg_suggestion){word, NULL, SIZE_MAX};
}

void
tg_suggest_try(struct tg_suggestion *near, const char *candidate)
{
    size_t word_len = strlen(near->word), len = strlen(candidate), edits;

    if (word_len > WORD_MAX || len > WORD_MAX)
        return;
    /* The beginning of a word means the word: "acc", "cred". */
    edits = word_len >= 2 && strncmp(near->word, candidate, word_len) == 0
                ? 1
                : distance(near->word, word_len, candidate, len);
    if (edits < near->distance) {
        near->distance = edits;
        near->best = candidate;
    }
}

const char *
tg_suggest_best(const struct tg_suggestion *near)
{
    size_t len = strlen(near->word);

    return near->best != NULL && near->distance <= (len < 4 ? 1 : len / 4 + 1)
               ? near->best
               : NULL;
}
