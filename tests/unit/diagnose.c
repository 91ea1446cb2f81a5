/* Goal: each malformed shape is told apart, and no sentence repeats a key. */
#include "tap.h"

#include <stdlib.h>

#include "diagnose.h"
#include "err.h"
#include "foreign.h"
#include "key.h"

#define BODY "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0vSWgT"
#define KEY "sk-tgp_" BODY

#define ROW(text, name)                                                        \
    {                                                                          \
        {(text), sizeof(text) - 1}, (name)                                     \
    }

static const struct {
    struct tg_str text;
    const char *name;
} rows[] = {
    ROW(KEY, "sound"),
    /* nothing */
    ROW("", "empty"),
    ROW("   ", "empty"),
    ROW("\"\"", "empty"),
    ROW("''\n", "empty"),
    ROW("Bearer", "empty"),
    /* blanks and line breaks */
    ROW(" " KEY, "space_around"),
    ROW(KEY " ", "space_around"),
    ROW("\t" KEY, "space_around"),
    ROW("\xC2\xA0" KEY, "space_around"),
    ROW("\xEF\xBB\xBF" KEY, "space_around"),
    ROW(KEY "\xE2\x80\x8B", "space_around"),
    ROW(KEY "\n", "newline"),
    ROW(KEY "\r\n", "newline"),
    ROW(KEY "\\n", "newline"),
    ROW("\n" KEY, "newline"),
    ROW("sk-tgp_zQWBuTSO\nRi4A9spHcVY5ncnsDkxkJ0vSWgT", "newline"),
    ROW("sk-tgp_zQWBuTSO oRi4A9spHcVY5ncnsDkxkJ0vSWgT", "space_inside"),
    ROW("sk-tgp_ " BODY, "space_inside"),
    ROW(KEY "\0", "control"),
    ROW("sk-tgp_\0zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0vSWgT", "control"),
    ROW("sk-tgp_\x1B[0mzQWBuTSO", "control"),
    ROW("sk-tgp_zQWBuTS\xD0\x9EoRi4A9spHcVY5ncnsDkxkJ0vSWgT", "not_ascii"),
    ROW("\xEF\xBD\x93k-tgp_" BODY, "not_ascii"),
    ROW("sk\xE2\x80\x93tgp_" BODY, "not_ascii"),
    /* quotes */
    ROW("\"" KEY "\"", "quotes"),
    ROW("'" KEY "'", "quotes"),
    ROW("`" KEY "`", "quotes"),
    ROW("\"" KEY, "quotes"),
    ROW(KEY "\"", "quotes"),
    ROW("\\\"" KEY "\\\"", "quotes"),
    ROW("\xE2\x80\x9C" KEY "\xE2\x80\x9D", "quotes"),
    ROW("\xE2\x80\x98" KEY "\xE2\x80\x99", "quotes"),
    ROW("\xE2\x80\x9E" KEY "\xE2\x80\x9C", "quotes"),
    ROW("\xC2\xAB" KEY "\xC2\xBB", "quotes"),
    ROW("\xE3\x80\x8C" KEY "\xE3\x80\x8D", "quotes"),
    ROW("<" KEY ">", "quotes"),
    ROW("\"sk-tgp_zQWBuTSO\"", "quotes"),
    /* words around it */
    ROW("Bearer " KEY, "bearer_twice"),
    ROW("bearer  " KEY, "bearer_twice"),
    ROW("BEARER: " KEY, "bearer_twice"),
    ROW("Bearer" KEY, "bearer_twice"),
    ROW("OPENAI_API_KEY=" KEY, "assignment"),
    ROW("export KEY='" KEY, "assignment"),
    ROW("Authorization: Bearer " KEY, "assignment"),
    ROW("{\"api_key\":\"" KEY "\"}", "assignment"),
    /* ours, damaged */
    ROW("sk-" KEY, "sk_twice"),
    ROW("sk-tgp_" KEY, "sk_twice"),
    ROW("tgp_" BODY, "sk_lost"),
    ROW("-tgd_" BODY, "sk_lost"),
    ROW("k-tgp_" BODY, "sk_lost"),
    ROW("sk_tgp_" BODY, "sk_lost"),
    ROW("sktgp_" BODY, "sk_lost"),
    ROW("tgr_cut", "sk_lost"),
    ROW(BODY, "sk_lost"),
    ROW("_" BODY, "sk_lost"),
    ROW("sk-tqp_" BODY, "sk_lost"),
    ROW("sk-gtp_" BODY, "sk_lost"),
    ROW("SK-TGP_" BODY, "letter_case"),
    ROW("Sk-tgp_" BODY, "letter_case"),
    ROW("sk-tgP_" BODY, "letter_case"),
    ROW("sk-tgx_" BODY, "kind"),
    ROW("sk-tg__" BODY, "kind"),
    ROW("sk-tg_" BODY, "kind"),
    ROW("sk-tg", "short"),
    ROW("sk-tgp_", "short"),
    ROW("sk-tgp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0vSWg", "short"),
    ROW("sk-tgp" BODY, "short"),
    ROW(KEY "x", "long"),
    ROW(KEY ",", "long"),
    ROW(KEY KEY, "long"),
    ROW("sk-tgp_zQWBuTSOoRi4A9spHcVY5ncnsDkxk-0vSWgT", "character"),
    ROW("sk-tgp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0vSWgU", "mistyped"),
    ROW("sk-tgd_" BODY, "mistyped"),
    ROW("sk-tgp_zqwbutsoori4a9sphcvy5ncnsdkxkj0vswgt", "mistyped"),
    ROW("sk-tgp_...SWgT", "masked"),
    ROW("sk-tgp_****SWgT", "masked"),
    ROW("sk-tgp_\xE2\x80\xA6SWgT", "masked"),
    ROW("****SWgT", "masked"),
    /* never a key */
    ROW("YOUR_API_KEY", "placeholder"),
    ROW("your-api-key-here", "placeholder"),
    ROW("your api key", "placeholder"),
    ROW("<YOUR_KEY>", "placeholder"),
    ROW("<sk-...>", "placeholder"),
    ROW("<sk-\xE2\x80\xA6>", "placeholder"),
    ROW("sk-xxxx", "placeholder"),
    ROW("sk-XXXXXXXXXXXXXXXXXXXXXXXX", "placeholder"),
    ROW("sk-tgp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "placeholder"),
    ROW("sk-...", "placeholder"),
    ROW("sk-your-key", "placeholder"),
    ROW("sk-1234567890", "placeholder"),
    ROW("sk-ant-xxxxxxxxxxxxxxxx", "placeholder"),
    ROW("null", "placeholder"),
    ROW("\"null\"", "placeholder"),
    ROW("Bearer null", "placeholder"),
    ROW("undefined", "placeholder"),
    ROW("None", "placeholder"),
    ROW("changeme", "placeholder"),
    ROW("CHANGE_ME", "placeholder"),
    ROW("[object Object]", "placeholder"),
    ROW("EMPTY", "placeholder"),
    ROW("test", "placeholder"),
    ROW("${TOLLGATE_KEY}", "variable"),
    ROW("'${TOLLGATE_KEY}'", "variable"),
    ROW("sk-${KEY}", "variable"),
    ROW("${YOUR_API_KEY}", "variable"),
    ROW("${ env.KEY }", "variable"),
    ROW("$OPENAI_API_KEY", "variable"),
    ROW("$env:OPENAI_API_KEY", "variable"),
    ROW("$(cat key)", "variable"),
    ROW("{{KEY}}", "variable"),
    ROW("{{ secrets.KEY }}", "variable"),
    ROW("{api_key}", "variable"),
    ROW("%OPENAI_API_KEY%", "variable"),
    ROW("process.env.OPENAI_API_KEY", "variable"),
    ROW("os.environ[\"OPENAI_API_KEY\"]", "variable"),
    ROW("DEEPSEEK_API_KEY", "variable"),
    ROW("https://127.0.0.1:8080/v1", "url"),
    ROW("http://user:" KEY "@host/", "url"),
    ROW("key_0123456789ABCDEFGHIJ", "key_id"),
    /* nothing that is known */
    ROW("hello", "unknown"),
    ROW("sk", "unknown"),
    ROW("sk-", "unknown"),
    ROW("-", "unknown"),
    ROW("9f86d081884c7d659a2feaa0c55ad015", "unknown"),
    ROW("eyJhbGciOi", "unknown"),
};

static void
test_rows(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_str(tg_diagnosis_name(tg_key_diagnose(rows[i].text)), rows[i].name,
               "row %zu is %s", i, rows[i].name);
    is_str(tg_diagnosis_name(tg_key_diagnose((struct tg_str){NULL, 0})),
           "empty", "neither text nor length");
}

/* Bodies are made up here, so that no scanner takes this file for a leak. */
static const struct {
    const char *name;
    const char *prefix;
    char fill;
    int count;
    const char *suffix;
} foreign[] = {
    {"anthropic", "sk-ant-api03-", 'a', 93, "AA"},
    {"anthropic", "sk-ant-admin01-", 'B', 93, "AA"},
    {"anthropic", "sk-ant-oat01-", 'b', 60, ""},
    {"openrouter", "sk-or-v1-", '0', 64, ""},
    {"openai", "sk-proj-", 'A', 74, "T3BlbkFJ_-Ab"},
    {"openai", "sk-svcacct-", 'A', 58, "T3BlbkFJ_-Ab"},
    {"openai", "sk-admin-", 'A', 58, "T3BlbkFJ_-Ab"},
    {"openai", "sk-", 'A', 20, "T3BlbkFJBBBBBBBBBBBBBBBBBBBB"},
    {"langfuse", "sk-lf-", '0', 28, "-0-0-0-0"},
    {"langsmith", "lsv2_pt_", 'a', 32, "_bbbbbbbbbb"},
    {"sk_32", "sk-", 'a', 31, "0"},
    {"sk_other", "sk-", 'a', 31, "Z"},
    {"sk_other", "sk-", 'a', 48, ""},
    {"sk_other", "sk-", 'A', 22, ""},
    {"sk_other", "sk-tgb", 'a', 45, ""},
    {"unknown", "sk-", 'b', 12, ""},
    {"google", "AIzaSy", 'A', 33, ""},
    {"google", "AQ.Ab", 'c', 40, ""},
    {"groq", "gsk_", 'A', 52, ""},
    {"unknown", "gsk_", 'A', 51, ""},
    {"xai", "xai-", 'A', 80, ""},
    {"perplexity", "pplx-", 'a', 48, ""},
    {"hugging_face", "hf_", 'a', 34, ""},
    {"nvidia", "nvapi-", 'a', 64, ""},
    {"replicate", "r8_", 'a', 37, ""},
    {"fireworks", "fw_", 'a', 24, ""},
    {"elevenlabs", "sk_", 'a', 48, ""},
    {"aws", "AKIA", 'A', 16, ""},
    {"aws", "ABSK", 'a', 130, "=="},
    {"alibaba", "LTAI", 'a', 20, ""},
    {"github", "ghp_", 'a', 36, ""},
    {"github", "github_pat_", 'a', 82, ""},
    {"github", "ghs_12345_eyJ", 'a', 250, ".eyJb.cc"},
    {"gitlab", "glpat-", 'a', 20, ""},
    {"stripe", "sk_live_", 'a', 24, ""},
    {"slack", "xoxb-", '1', 30, ""},
    {"jwt", "eyJ", 'a', 20, ".eyJbbbbbbbbbbbbbbbbbb.c-_c"},
    {"unknown", "", 'a', 40, ""}, /* Cohere's shape is not its own */
};

static void
test_foreign(void)
{
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        char text[512], quoted[516];
        int len = snprintf(text, sizeof(text), "%s", foreign[i].prefix);

        for (int n = 0; n < foreign[i].count; n++)
            text[len++] = (char)(foreign[i].fill + n % 2);
        strcpy(text + len, foreign[i].suffix);
        is_str(tg_diagnosis_name(
                   tg_key_diagnose((struct tg_str){text, strlen(text)})),
               foreign[i].name, "%s, shape %zu", foreign[i].name, i);
        snprintf(quoted, sizeof(quoted), "\"%s\"", text);
        if (strcmp(foreign[i].name, "unknown") != 0)
            is_str(tg_diagnosis_name(tg_key_diagnose(
                       (struct tg_str){quoted, strlen(quoted)})),
                   foreign[i].name, "the same between quotes");
    }
}

/* Cut short or with one byte changed, a key is never sound. */
static void
test_cut_and_changed(void)
{
    char *text;
    int sound = 0, wrong = 0;

    for (size_t len = 0; len < TG_KEY_LEN; len++) {
        enum tg_diagnosis is;

        text = malloc(len > 0 ? len : 1);
        memcpy(text, KEY, len);
        is = tg_key_diagnose((struct tg_str){text, len});
        sound += is == TG_DIAGNOSIS_SOUND;
        wrong += len >= 5 && is != TG_DIAGNOSIS_SHORT;
        free(text);
    }
    is_int(sound, 0, "no beginning of a key is sound");
    is_int(wrong, 0, "from its fifth byte on it is named as cut short");
    text = malloc(TG_KEY_LEN);
    for (size_t at = 0; at < TG_KEY_LEN; at++) {
        for (int c = 0; c < 256; c++) {
            memcpy(text, KEY, TG_KEY_LEN);
            if (text[at] == (char)c)
                continue;
            text[at] = (char)c;
            sound += tg_key_diagnose((struct tg_str){text, TG_KEY_LEN}) ==
                     TG_DIAGNOSIS_SOUND;
        }
    }
    free(text);
    is_int(sound, 0, "no change of one byte is sound");
}

static void
test_hostile(void)
{
    static const char *const fills[] = {
        "\"",           " ",  "\n",  "sk-",   "Bearer ", "$",    "${", "<",
        "\xE2\x80\x9C", "\0", "ey.", "sk-tg", "sk-tgp_", "\xFF", ".",  "=:"};
    size_t size = 8192;
    char *text = malloc(size);
    int sound = 0;

    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
        size_t len = strlen(fills[i]) + (fills[i][0] == '\0');

        for (size_t at = 0; at < size; at++)
            text[at] = fills[i][at % len];
        sound +=
            tg_key_diagnose((struct tg_str){text, size}) == TG_DIAGNOSIS_SOUND;
    }
    free(text);
    is_int(sound, 0, "8 KiB of anything is not sound and not read beyond");
}

static void
test_sentences(void)
{
    bool is_whole = true;

    for (int i = 0; i < TG_DIAGNOSIS_COUNT; i++) {
        const char *name = tg_diagnosis_name(i);
        const char *sentence = tg_diagnosis_sentence(i);

        is_whole &= name != NULL && *name != '\0' && sentence != NULL &&
                    strlen(sentence) > 20 &&
                    sentence[strlen(sentence) - 1] == '.' &&
                    strchr(sentence, '%') == NULL;
        for (int j = 0; j < i && is_whole; j++)
            is_whole &= strcmp(name, tg_diagnosis_name(j)) != 0;
    }
    ok(is_whole, "every diagnosis has a name of its own and a sentence");
    is_str(tg_diagnosis_name(TG_DIAGNOSIS_COUNT), "unknown", "out of range");
    is_str(tg_diagnosis_name(-1), "unknown", "below range");
}

/* Wherever it stands, and however it is written. */
static void
test_phrases(void)
{
    static const char *const phrases[] = {
        "change-me",       "replace_me",    "REPLACE_WITH", "placeholder",
        "insert_here",     "Insert your",   "enter-your",   "api_key_here",
        "key-here",        "keyGoesHere",   "objectObject", "redacted",
        "not-needed",      "notused",       "not_required", "unused",
        "dummy-key",       "123456789",     "abcdefgh",     "xxXXxx",
        "example_key",     "exampleApiKey", "yourKey",      "your_token",
        "your-own-secret", "api.of.your",
    };
    char text[64];
    int len;

    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        len = snprintf(text, sizeof(text), "sk-Rk7e%sqn", phrases[i]);
        is_str(tg_diagnosis_name(
                   tg_key_diagnose((struct tg_str){text, (size_t)len})),
               "placeholder", "%s is one", phrases[i]);
    }
}

int
main(void)
{
    test_rows();
    test_phrases();
    test_foreign();
    test_cut_and_changed();
    test_hostile();
    test_sentences();
    return done();
}
