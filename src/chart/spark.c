#include "spark.h"

#include <string.h>

#define LEVELS 8

static const char *const blocks[LEVELS] = {"▁", "▂", "▃", "▄",
                                           "▅", "▆", "▇", "█"};
static const char *const signs[LEVELS] = {"_", ".", ":", "-",
                                          "=", "+", "*", "#"};
static const char *const ends[LEVELS] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

static char *
put(char *out, const char *text)
{
    size_t len = strlen(text);

    memcpy(out, text, len + 1);
    return out + len;
}

static int64_t
highest(const int64_t *values, size_t from, size_t end)
{
    int64_t most = values[from];

    for (size_t i = from + 1; i < end; i++) {
        if (values[i] > most)
            most = values[i];
    }
    return most;
}

/* 0 is the lowest; what is more than that is above it. */
static int
level_of(int64_t value, int64_t most)
{
    if (value == 0 || most <= 0)
        return 0;
    return (int)(((__int128)value * (LEVELS - 1) + most - 1) / most);
}

size_t
tg_spark(const int64_t *values, size_t count, size_t columns, bool is_ascii,
         char *out)
{
    const char *const *levels = is_ascii ? signs : blocks;
    size_t n = count < columns ? count : columns;
    int64_t most = count > 0 ? highest(values, 0, count) : 0;

    *out = '\0';
    for (size_t i = 0; i < n; i++) {
        int64_t value = highest(values, i * count / n, (i + 1) * count / n);

        out = put(out, value < 0 ? " " : levels[level_of(value, most)]);
    }
    return n;
}

size_t
tg_spark_bar(int64_t value, int64_t most, size_t columns, bool is_ascii,
             char *out)
{
    size_t eighths, n;

    *out = '\0';
    if (value <= 0 || most <= 0)
        return 0;
    eighths = (size_t)((__int128)value * (int64_t)columns * LEVELS / most);
    if (is_ascii)
        eighths = (eighths + LEVELS / 2) / LEVELS * LEVELS;
    if (eighths == 0)
        eighths = is_ascii ? LEVELS : 1;
    n = eighths / LEVELS;
    for (size_t i = 0; i < n; i++)
        out = put(out, is_ascii ? "#" : blocks[LEVELS - 1]);
    put(out, ends[eighths % LEVELS]);
    return n + (eighths % LEVELS != 0);
}
