/* Goal: one value of a dotenv file changes, and not a byte beside it. */
#include "tap.h"

#include <stdlib.h>

#include "dotenv.h"
#include "err.h"

#define NEW "sk-tgp_NEW"

static const struct row {
    const char *what, *before;
    const char *after; /* NULL: refused */
    unsigned line;     /* of what is refused */
    const char *says;
} rows[] = {
    {"nothing", "", "KEY=" NEW "\n", 0, NULL},
    {"bare", "A=1\nKEY=old\nB=2\n", "A=1\nKEY=" NEW "\nB=2\n", 0, NULL},
    {"at the end, without a line's end", "KEY=old", "KEY=" NEW, 0, NULL},
    {"empty", "KEY=\nB=2\n", "KEY=" NEW "\nB=2\n", 0, NULL},
    {"empty, with a comment", "KEY= # mine\n", "KEY=" NEW " # mine\n", 0, NULL},
    {"a comment behind", "KEY=old # mine\n", "KEY=" NEW " # mine\n", 0, NULL},
    {"a sharp in it", "KEY=o#d\n", "KEY=" NEW "\n", 0, NULL},
    {"single quotes", "KEY='old'\n", "KEY='" NEW "'\n", 0, NULL},
    {"double quotes", "KEY=\"o\\\"d\" # c\n", "KEY=\"" NEW "\" # c\n", 0, NULL},
    {"backticks", "KEY=`old`\n", "KEY=`" NEW "`\n", 0, NULL},
    {"no quotes in quotes", "KEY=\"\"\n", "KEY=\"" NEW "\"\n", 0, NULL},
    {"export", "export KEY=old\n", "export KEY=" NEW "\n", 0, NULL},
    {"export is a name, too", "export=1\nKEY=o\n", "export=1\nKEY=" NEW "\n", 0,
     NULL},
    {"blanks", "  KEY = old  \n", "  KEY = " NEW "  \n", 0, NULL},
    {"a name alone", "KEY\nB=2\n", "KEY=" NEW "\nB=2\n", 0, NULL},
    {"CR LF", "A=1\r\nKEY=old\r\nB=2\r\n", "A=1\r\nKEY=" NEW "\r\nB=2\r\n", 0,
     NULL},
    {"CR LF, appended", "A=1\r\n", "A=1\r\nKEY=" NEW "\r\n", 0, NULL},
    {"CR LF, appended to half a line", "A=1\r\nB=2",
     "A=1\r\nB=2\r\nKEY=" NEW "\r\n", 0, NULL},
    {"appended", "# all\nA=1\n\n", "# all\nA=1\n\nKEY=" NEW "\n", 0, NULL},
    {"in a comment it is none", "# KEY=old\nA=1\n",
     "# KEY=old\nA=1\nKEY=" NEW "\n", 0, NULL},
    {"in a value of many lines it is none", "A=\"x\nKEY=old\ny\"\n",
     "A=\"x\nKEY=old\ny\"\nKEY=" NEW "\n", 0, NULL},
    {"a longer name is another", "KEY2=a\nMY_KEY=b\nKEY.x=c\n",
     "KEY2=a\nMY_KEY=b\nKEY.x=c\nKEY=" NEW "\n", 0, NULL},
    {"case counts", "key=a\n", "key=a\nKEY=" NEW "\n", 0, NULL},
    {"a byte order mark", "\xef\xbb\xbfKEY=a\n", "\xef\xbb\xbfKEY=" NEW "\n", 0,
     NULL},
    {"UTF-8", "Ä=1\n", NULL, 1, "neither NAME=value"},
    {"bytes of values are anybody's", "A=\xff\xfe\nKEY=a\n",
     "A=\xff\xfe\nKEY=" NEW "\n", 0, NULL},
    {"twice", "KEY=a\nB=1\nexport KEY=b\n", NULL, 3,
     "stands twice, here and in line 1"},
    {"a quote that is not closed", "A=1\nB='x\ny\n", NULL, 2, "never closed"},
    {"something behind a quote", "A='x' y\n", NULL, 1, "behind the closing"},
    {"no assignment", "A=1\nwhat is this\n", NULL, 2, "neither NAME=value"},
    {"YAML", "KEY: old\n", NULL, 1, "neither NAME=value"},
};

static void
test_rows(void)
{
    static const char *const none = "";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct tg_str text = {row->before, strlen(row->before)};
        struct tg_fault fault = {0, ""};
        struct tg_spot spot;
        int err = tg_dotenv_find(text, "KEY", &spot, &fault);
        size_t len;
        char *after;

        ok((err == 0) == (row->after != NULL), "%s: %s", row->what,
           err == 0 ? none : fault.text);
        if (err != 0) {
            is_int(fault.line, row->line, "the line");
            ok(row->says != NULL && strstr(fault.text, row->says) != NULL,
               "and why: %s", fault.text);
            continue;
        }
        after = tg_spot_fill(text, &spot, TG_STR(NEW), &len);
        is_str(after, row->after, "all else stays");
        ok(after != NULL &&
               tg_dotenv_find((struct tg_str){after, len}, "KEY", &spot,
                              &fault) == 0 &&
               spot.is_there && spot.to - spot.from == strlen(NEW) &&
               memcmp(after + spot.from, NEW, strlen(NEW)) == 0,
           "and it is found again");
        free(after);
    }
}

/* Cut anywhere it is read to its end, or refused. */
static void
test_cut(void)
{
    static const char text[] = "A=1\r\nexport KEY='x\\' # c\nB=\"y\nz\"\nC\n";
    struct tg_fault fault;
    struct tg_spot spot;
    bool is_fine = true;

    for (size_t len = 0; len < sizeof(text); len++) {
        char *copy = malloc(len > 0 ? len : 1);

        memcpy(copy, text, len);
        if (tg_dotenv_find((struct tg_str){copy, len}, "KEY", &spot, &fault) ==
            0)
            is_fine = is_fine && spot.from <= spot.to && spot.to <= len;
        free(copy);
    }
    ok(is_fine, "cut at every byte");
}

int
main(void)
{
    struct tg_fault fault;
    struct tg_spot spot;

    test_rows();
    test_cut();
    is_int(tg_dotenv_find(TG_STR("A=1\n"), "A B", &spot, &fault), TG_ERR_FORMAT,
           "a name has no blanks");
    is_int(tg_dotenv_find(TG_STR("A\0B"), "A", &spot, &fault), TG_ERR_FORMAT,
           "a zero byte is no text");
    ok(!tg_spot_is_value(TG_STR("a b")) && !tg_spot_is_value(TG_STR("a$b")) &&
           !tg_spot_is_value(TG_STR("a\nB=c")) && !tg_spot_is_value(TG_STR("")),
       "what needs quotes is no value");
    return done();
}
