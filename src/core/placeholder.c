#include "placeholder.h"

#include <string.h>
#include <strings.h>

#include "base62.h"

#define LEN_MAX 80
#define WORD_MAX 9 /* of is_one_of */

static bool
has(struct tg_str text, const char *part)
{
    return text.len > 0 &&
           memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static bool
begins(struct tg_str text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

static bool
is_identifier(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (tg_base62_value((unsigned char)data[i]) < 0 && data[i] != '_')
            return false;
    }
    return len > 0;
}

static bool
is_wrapped(struct tg_str text, char left, char right)
{
    return text.len > 2 && text.data[0] == left &&
           text.data[text.len - 1] == right &&
           is_identifier(text.data + 1, text.len - 2);
}

bool
tg_placeholder_is_expression(struct tg_str text)
{
    static const char *const calls[] = {
        "process.env",   "import.meta.env", "os.environ", "os.getenv",
        "System.getenv", "getenv(",         "ENV[",       "env.",
        "secrets.",      "vars.",
    };

    if (has(text, "${") || has(text, "{{") || has(text, "$("))
        return true;
    if (text.len > 1 && text.data[0] == '$')
        return true;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (begins(text, calls[i]))
            return true;
    }
    return is_wrapped(text, '%', '%') || is_wrapped(text, '{', '}');
}

static bool
ends(struct tg_str text, const char *suffix)
{
    size_t len = strlen(suffix);

    return text.len >= len &&
           memcmp(text.data + text.len - len, suffix, len) == 0;
}

bool
tg_placeholder_is_name(struct tg_str text)
{
    if (text.len == 0 || text.len > LEN_MAX ||
        memchr(text.data, '_', text.len) == NULL)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_')
            return false;
    }
    return ends(text, "KEY") || ends(text, "TOKEN") || ends(text, "SECRET");
}

/* The letters and digits of text in lower case, at most LEN_MAX of them. */
static struct tg_str
plain(struct tg_str text, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len && n < LEN_MAX; i++) {
        char c = text.data[i];

        if (c >= 'A' && c <= 'Z')
            c += 'a' - 'A';
        if (tg_base62_value((unsigned char)c) >= 0)
            out[n++] = c;
    }
    return (struct tg_str){out, n};
}

static bool
is_one_of(struct tg_str word)
{
    static const char *const words[] = {
        "null",   "none",     "undefined", "nil",  "nan",    "false",
        "true",   "empty",    "test",      "key",  "apikey", "token",
        "secret", "string",   "password",  "todo", "tbd",    "foo",
        "bar",    "foobar",   "fake",      "na",   "local",  "ollama",
        "vllm",   "abc",      "123",       "1234", "12345",  "anything",
        "mykey",  "myapikey", "lmstudio",
    };

    if (word.len > WORD_MAX)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (word.len == strlen(words[i]) &&
            memcmp(word.data, words[i], word.len) == 0)
            return true;
    }
    return false;
}

#define PLACE(c) ((c)&31)
#define AT_A_PLACE 4

/* Words long enough not to stand in a random key by chance, by their first
   letter. */
static const char *const phrases[32][AT_A_PLACE] = {
    [PLACE('a')] = {"apikeyhere", "abcdefgh"},
    [PLACE('c')] = {"changeme"},
    [PLACE('d')] = {"dummykey"},
    [PLACE('e')] = {"enteryour", "examplekey", "exampleapikey"},
    [PLACE('i')] = {"inserthere", "insertyour"},
    [PLACE('k')] = {"keyhere", "keygoeshere"},
    [PLACE('n')] = {"notneeded", "notused", "notrequired"},
    [PLACE('o')] = {"objectobject"},
    [PLACE('p')] = {"placeholder"},
    [PLACE('r')] = {"replaceme", "replacewith", "redacted"},
    [PLACE('u')] = {"unused"},
    [PLACE('x')] = {"xxxxxx"},
    [PLACE('1')] = {"123456789"},
};

/* A key that is cut short comes here with all its letters, so that each is
   compared with what begins with it, and no more. */
static bool
begins_phrase(struct tg_str rest)
{
    const char *const *phrase = phrases[PLACE((unsigned char)rest.data[0])];

    for (size_t i = 0; i < AT_A_PLACE && phrase[i] != NULL; i++) {
        if (rest.data[1] == phrase[i][1] && begins(rest, phrase[i]))
            return true;
    }
    return false;
}

static bool
has_phrase(struct tg_str word)
{
    for (size_t i = 0; i + 1 < word.len; i++) {
        if (begins_phrase((struct tg_str){word.data + i, word.len - i}))
            return true;
    }
    return has(word, "your") && (has(word, "key") || has(word, "token") ||
                                 has(word, "secret") || has(word, "api"));
}

static bool
is_filler(char c)
{
    return c == 'x' || c == 'X' || c == '*' || c == '.' || c == '-' || c == '_';
}

/* Whether all of it is filling: one character over and over, dots, stars. */
static bool
is_filling(struct tg_str text)
{
    bool is_same = true, is_filled = true;

    for (size_t i = 0; i < text.len && (is_same || is_filled); i++) {
        is_same = is_same && text.data[i] == text.data[0];
        is_filled = is_filled && is_filler(text.data[i]);
    }
    return text.len >= 3 && (is_same || is_filled);
}

bool
tg_placeholder_is_word(struct tg_str text)
{
    char buffer[LEN_MAX];
    struct tg_str word;

    if (text.len > 2 && text.data[0] == '<' && text.data[text.len - 1] == '>')
        return true;
    if (text.len >= 7 && begins(text, "sk-tg") && text.data[6] == '_')
        text = (struct tg_str){text.data + 7, text.len - 7};
    else if (text.len >= 3 && strncasecmp(text.data, "sk-", 3) == 0)
        text = (struct tg_str){text.data + 3, text.len - 3};
    if (is_filling(text))
        return true;
    if (text.len > LEN_MAX)
        return false;
    word = plain(text, buffer);
    return is_one_of(word) || has_phrase(word);
}
