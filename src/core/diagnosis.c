#include "diagnose.h"

/* Behind the name of a service whose key it is. */
#define NOT_OURS                                                               \
    ", not a Tollgate key. Send the key that Tollgate issued; it begins "      \
    "with \"sk-tg\"."

static const struct {
    const char *name;
    const char *sentence;
} texts[TG_DIAGNOSIS_COUNT] = {
    [TG_DIAGNOSIS_UNKNOWN] =
        {"unknown",
         "This is not a Tollgate key: one is \"sk-tg\", a letter, \"_\" and 36 "
         "letters and digits. Copy the key again from where it was issued."},
    [TG_DIAGNOSIS_SOUND] = {"sound", "The key is well formed."},
    [TG_DIAGNOSIS_EMPTY] =
        {"empty", "The key is empty. Set the variable or setting that your "
                  "program reads its key from."},
    [TG_DIAGNOSIS_SPACE_AROUND] =
        {"space_around", "There are blanks or invisible characters around the "
                         "key. Remove them where the key is set."},
    [TG_DIAGNOSIS_SPACE_INSIDE] =
        {"space_inside", "There is a blank inside the key. Copy the key again "
                         "as one word, without a line break."},
    [TG_DIAGNOSIS_NEWLINE] =
        {"newline", "There is a line break in or after the key. Strip it where "
                    "the key is read, for example from a file."},
    [TG_DIAGNOSIS_CONTROL] =
        {"control", "There are control characters in the key. Copy the key "
                    "again as plain text."},
    [TG_DIAGNOSIS_NOT_ASCII] =
        {"not_ascii", "There are characters in the key that are no plain "
                      "letters or digits. Copy the key again as plain text; "
                      "do not retype it."},
    [TG_DIAGNOSIS_QUOTES] =
        {"quotes", "There are quotes or brackets around the key. Set the key "
                   "without them."},
    [TG_DIAGNOSIS_BEARER_TWICE] =
        {"bearer_twice",
         "The key itself begins with \"Bearer\". Set the key alone: your "
         "program puts \"Bearer\" before it."},
    [TG_DIAGNOSIS_ASSIGNMENT] =
        {"assignment", "There is a name before the key, as in NAME=key or a "
                       "whole header line. Set only the key, from \"sk-tg\" "
                       "on."},
    [TG_DIAGNOSIS_SK_TWICE] =
        {"sk_twice", "The key begins with \"sk-\" twice. Remove one: the key "
                     "is used as issued, with nothing put before it."},
    [TG_DIAGNOSIS_SK_LOST] =
        {"sk_lost", "The beginning of the key is lost or changed. Copy all of "
                    "it: it begins with \"sk-tg\"."},
    [TG_DIAGNOSIS_LETTER_CASE] =
        {"letter_case", "The beginning of the key is in capital letters. Copy "
                        "the key as it is: capitals and small letters "
                        "differ."},
    [TG_DIAGNOSIS_KIND] =
        {"kind", "The letter behind \"sk-tg\" is none of p, d and r, so the "
                 "key was mistyped. Copy it again."},
    [TG_DIAGNOSIS_SHORT] =
        {"short", "The key is cut short: it has fewer than 43 characters. "
                  "Copy all of it."},
    [TG_DIAGNOSIS_LONG] =
        {"long", "The key is too long: it has more than 43 characters. "
                 "Something stands behind it, or it was pasted twice."},
    [TG_DIAGNOSIS_CHARACTER] =
        {"character", "There is a character in the key that no key has: behind "
                      "the first \"_\" it is all letters and digits. Copy it "
                      "again."},
    [TG_DIAGNOSIS_MISTYPED] =
        {"mistyped", "The key's checksum is wrong, so at least one character "
                     "is. Copy the key again; do not retype it."},
    [TG_DIAGNOSIS_MASKED] =
        {"masked", "This is the shortened form in which lists show a key. The "
                   "whole key was shown once, when it was made; if it is lost, "
                   "rotate it."},
    [TG_DIAGNOSIS_PLACEHOLDER] =
        {"placeholder", "This is a placeholder, not a key. Put the key that "
                        "Tollgate issued in its place."},
    [TG_DIAGNOSIS_VARIABLE] =
        {"variable", "This is the name of a variable, not its value. See that "
                     "it is set, and expanded by whatever reads it."},
    [TG_DIAGNOSIS_URL] = {"url", "This is an address, not a key. Perhaps the "
                                 "base URL and the key were mixed up."},
    [TG_DIAGNOSIS_JWT] =
        {"jwt", "This is a JSON web token of a login, not a Tollgate key. Send "
                "the key; it begins with \"sk-tg\"."},
    [TG_DIAGNOSIS_KEY_ID] =
        {"key_id", "This is the key's identity, not its secret. Send the "
                   "secret that was shown once; it begins with \"sk-tg\"."},
    [TG_DIAGNOSIS_SK_32] = {"sk_32",
                            "This looks like a key of DeepSeek, DashScope or "
                            "similar" NOT_OURS},
    [TG_DIAGNOSIS_SK_OTHER] =
        {"sk_other", "This looks like a key of another service" NOT_OURS},
    [TG_DIAGNOSIS_ANTHROPIC] = {"anthropic",
                                "This is a key of Anthropic" NOT_OURS},
    [TG_DIAGNOSIS_OPENROUTER] = {"openrouter",
                                 "This is a key of OpenRouter" NOT_OURS},
    [TG_DIAGNOSIS_OPENAI] = {"openai", "This is a key of OpenAI" NOT_OURS},
    [TG_DIAGNOSIS_LANGFUSE] = {"langfuse",
                               "This is a key of Langfuse" NOT_OURS},
    [TG_DIAGNOSIS_LANGSMITH] = {"langsmith",
                                "This is a key of LangSmith" NOT_OURS},
    [TG_DIAGNOSIS_GOOGLE] = {"google", "This is a key of Google" NOT_OURS},
    [TG_DIAGNOSIS_GROQ] = {"groq", "This is a key of Groq" NOT_OURS},
    [TG_DIAGNOSIS_XAI] = {"xai", "This is a key of xAI" NOT_OURS},
    [TG_DIAGNOSIS_PERPLEXITY] = {"perplexity",
                                 "This is a key of Perplexity" NOT_OURS},
    [TG_DIAGNOSIS_HUGGING_FACE] = {"hugging_face",
                                   "This is a token of Hugging Face" NOT_OURS},
    [TG_DIAGNOSIS_NVIDIA] = {"nvidia", "This is a key of NVIDIA" NOT_OURS},
    [TG_DIAGNOSIS_REPLICATE] = {"replicate",
                                "This is a token of Replicate" NOT_OURS},
    [TG_DIAGNOSIS_FIREWORKS] = {"fireworks",
                                "This is a key of Fireworks" NOT_OURS},
    [TG_DIAGNOSIS_ELEVENLABS] = {"elevenlabs",
                                 "This is a key of ElevenLabs" NOT_OURS},
    [TG_DIAGNOSIS_AWS] = {"aws", "This is a key of Amazon Web "
                                 "Services" NOT_OURS},
    [TG_DIAGNOSIS_ALIBABA] = {"alibaba", "This is an access key of Alibaba "
                                         "Cloud" NOT_OURS},
    [TG_DIAGNOSIS_GITHUB] = {"github", "This is a token of GitHub" NOT_OURS},
    [TG_DIAGNOSIS_GITLAB] = {"gitlab", "This is a token of GitLab" NOT_OURS},
    [TG_DIAGNOSIS_STRIPE] = {"stripe", "This is a key of Stripe" NOT_OURS},
    [TG_DIAGNOSIS_SLACK] = {"slack", "This is a token of Slack" NOT_OURS},
};

static unsigned
row(enum tg_diagnosis diagnosis)
{
    unsigned value = diagnosis;

    return value < TG_DIAGNOSIS_COUNT ? value : TG_DIAGNOSIS_UNKNOWN;
}

const char *
tg_diagnosis_name(enum tg_diagnosis diagnosis)
{
    return texts[row(diagnosis)].name;
}

const char *
tg_diagnosis_sentence(enum tg_diagnosis diagnosis)
{
    return texts[row(diagnosis)].sentence;
}
