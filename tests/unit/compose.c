/* Goal: one variable of a Compose file changes, and not a byte beside it. */
#include "tap.h"

#include <stdlib.h>

#include "compose.h"
#include "err.h"

#define NEW "sk-tgp_NEW"
#define WEB "services:\n  web:\n    image: x # y\n"

static const struct row {
    const char *what, *before;
    const char *after; /* NULL: refused */
    unsigned line;
    const char *says;
} rows[] = {
    {"a map, plain",
     WEB "    environment:\n      A: 1 # a\n      KEY: old # k\n",
     WEB "    environment:\n      A: 1 # a\n      KEY: \"" NEW "\" # k\n", 0,
     NULL},
    {"a map, quoted", WEB "    environment:\n      KEY: 'old'\n      B: 2\n",
     WEB "    environment:\n      KEY: '" NEW "'\n      B: 2\n", 0, NULL},
    {"a map, from the shell", WEB "    environment:\n      KEY:\n      B: 2\n",
     WEB "    environment:\n      KEY: \"" NEW "\"\n      B: 2\n", 0, NULL},
    {"a map, missing",
     WEB "    environment:\n      A: 1 # a\n    ports: [80]\n",
     WEB "    environment:\n      A: 1 # a\n      KEY: \"" NEW
         "\"\n    ports: [80]\n",
     0, NULL},
    {"a map behind a merge",
     "x-e: &e\n  Z: 1\n" WEB "    environment:\n      <<: *e\n      A: \"b\"\n",
     "x-e: &e\n  Z: 1\n" WEB
     "    environment:\n      <<: *e\n      A: \"b\"\n      KEY: \"" NEW "\"\n",
     0, NULL},
    {"a map in braces", WEB "    environment: {A: 1, KEY: old}\n",
     WEB "    environment: {A: 1, KEY: \"" NEW "\"}\n", 0, NULL},
    {"a map in braces, missing", WEB "    environment: {A: 1}\n",
     WEB "    environment: {KEY: \"" NEW "\", A: 1}\n", 0, NULL},
    {"an empty map in braces", WEB "    environment: {}\n",
     WEB "    environment: {KEY: \"" NEW "\"}\n", 0, NULL},
    {"a list", WEB "    environment:\n      - A=1\n      - KEY=old # k\n",
     WEB "    environment:\n      - A=1\n      - KEY=" NEW " # k\n", 0, NULL},
    {"a list, quoted", WEB "    environment:\n      - \"KEY=old\"\n",
     WEB "    environment:\n      - \"KEY=" NEW "\"\n", 0, NULL},
    {"a list, from the shell", WEB "    environment:\n      - KEY\n",
     WEB "    environment:\n      - KEY=" NEW "\n", 0, NULL},
    {"a list, missing", WEB "    environment:\n      - A=1 # a\n    x: y\n",
     WEB "    environment:\n      - A=1 # a\n      - KEY=" NEW "\n    x: y\n",
     0, NULL},
    {"a list below its own name", WEB "    environment:\n    - A=1\n    - B=2",
     WEB "    environment:\n    - A=1\n    - B=2\n    - KEY=" NEW, 0, NULL},
    {"a list in brackets", WEB "    environment: [\"A=1\", KEY=old]\n",
     WEB "    environment: [\"A=1\", KEY=" NEW "]\n", 0, NULL},
    {"a list in brackets, missing", WEB "    environment: [A=1]\n",
     WEB "    environment: [KEY=" NEW ", A=1]\n", 0, NULL},
    {"none", WEB "  db:\n    image: z\n",
     WEB "    environment:\n      KEY: \"" NEW "\"\n  db:\n    image: z\n", 0,
     NULL},
    {"an empty one", WEB "    environment: # none yet\n    x: y\n",
     WEB "    environment: # none yet\n      KEY: \"" NEW "\"\n    x: y\n", 0,
     NULL},
    {"another service's stays",
     "services:\n  db:\n    environment:\n      KEY: db\n  web:\n    "
     "environment:\n      KEY: old\n",
     "services:\n  db:\n    environment:\n      KEY: db\n  web:\n    "
     "environment:\n      KEY: \"" NEW "\"\n",
     0, NULL},
    {"CR LF", "services:\r\n  web:\r\n    environment:\r\n      A: 1\r\n",
     "services:\r\n  web:\r\n    environment:\r\n      A: 1\r\n      KEY: "
     "\"" NEW "\"\r\n",
     0, NULL},
    {"characters of several bytes",
     "# äöü €\nservices:\n  web:\n    environment:\n      A: \"ß\"\n      KEY: "
     "o\n",
     "# äöü €\nservices:\n  web:\n    environment:\n      A: \"ß\"\n      KEY: "
     "\"" NEW "\"\n",
     0, NULL},
    {"a byte order mark",
     "\xef\xbb\xbfservices:\n  web:\n    environment:\n      KEY: o\n",
     "\xef\xbb\xbfservices:\n  web:\n    environment:\n      KEY: \"" NEW
     "\"\n",
     0, NULL},
    {"a document's marks", "---\n" WEB "    environment: {}\n...\n",
     "---\n" WEB "    environment: {KEY: \"" NEW "\"}\n...\n", 0, NULL},

    {"an alias", "x: &e {A: 1}\n" WEB "    environment: *e\n", NULL, 5,
     "is an alias of what others use"},
    {"a service that is an alias", "x: &s {image: y}\nservices:\n  web: *s\n",
     NULL, 3, "is an alias"},
    {"a value with an anchor", WEB "    environment:\n      KEY: &k old\n",
     NULL, 5, "not changed safely"},
    {"a block of lines", WEB "    environment:\n      KEY: |\n        old\n",
     NULL, 5, "not changed safely"},
    {"twice in a map", WEB "    environment:\n      KEY: a\n      KEY: b\n",
     NULL, 6, "stands twice"},
    {"twice in a list", WEB "    environment: [KEY=a, KEY]\n", NULL, 4,
     "stands twice"},
    {"no such service", "services:\n  db:\n    image: z\n", NULL, 2,
     "there is no \"web\""},
    {"no services", "version: 3\n", NULL, 1, "there is no \"services\""},
    {"no mapping", "- a\n", NULL, 1, "no Compose file"},
    {"two documents", WEB "---\n" WEB, NULL, 0, "more than one document"},
    {"no YAML", "services:\n  web: [\n", NULL, 3, "no YAML"},
    {"a tab", "services:\n\tweb: 1\n", NULL, 2, "no YAML"},
};

static void
test_rows(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct tg_str text = {row->before, strlen(row->before)};
        struct tg_fault fault = {0, ""};
        struct tg_spot spot;
        int err = tg_compose_find(text, "web", "KEY", &spot, &fault);
        size_t len;
        char *after;

        ok((err == 0) == (row->after != NULL), "%s: %s", row->what, fault.text);
        if (err != 0) {
            is_int(fault.line, row->line, "the line");
            ok(row->says != NULL && strstr(fault.text, row->says) != NULL,
               "and why: %s", fault.text);
            continue;
        }
        after = tg_spot_fill(text, &spot, TG_STR(NEW), &len);
        is_str(after, row->after, "all else stays");
        ok(after != NULL &&
               tg_compose_find((struct tg_str){after, len}, "web", "KEY", &spot,
                               &fault) == 0 &&
               spot.is_there && spot.to - spot.from == strlen(NEW) &&
               memcmp(after + spot.from, NEW, strlen(NEW)) == 0,
           "and it is found again");
        free(after);
    }
}

/* Cut anywhere, and with each byte another one, the spot is inside. */
static void
test_cut(void)
{
    static const char text[] = "services:\n  web:\n    environment:\n      - "
                               "\"KEY=ä\" # k\n      - B\n"
                               "  db:\n    environment: {KEY: 'x', A: *z}\n";
    static const char others[] = "\0\n\t:-#\"'{[&*!|\x80\xff";
    struct tg_fault fault;
    struct tg_spot spot;
    bool is_fine = true;

    for (size_t i = 0; i < sizeof(text); i++) {
        for (size_t k = 0; k < sizeof(others); k++) {
            char copy[sizeof(text)];
            size_t len = k == sizeof(others) - 1 ? i : sizeof(text) - 1;

            memcpy(copy, text, sizeof(text));
            if (len != i && i < len)
                copy[i] = others[k];
            if (tg_compose_find((struct tg_str){copy, len}, "web", "KEY", &spot,
                                &fault) == 0)
                is_fine = is_fine && spot.from <= spot.to && spot.to <= len;
        }
    }
    ok(is_fine, "cut at every byte, and with each byte changed");
}

int
main(void)
{
    test_rows();
    test_cut();
    return done();
}
