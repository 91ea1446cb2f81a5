/* Which Content-Type and Content-Encoding a JSON body may come with. */
#include "media.h"
#include "tap.h"

static const struct {
    const char *value;
    bool want;
} types[] = {
    {"", true},
    {"application/json", true},
    {"Application/JSON", true},
    {"application/json ", true},
    {"\tapplication/json", true},
    {"application/json;", true},
    {"application/json; charset=utf-8", true},
    {"application/json;charset=UTF-8", true},
    {"application/json ; Charset=\"Utf-8\"", true},
    {"application/json; charset=utf8", true},
    {"application/json; odata=verbose; charset=utf-8;q=1", true},
    {"application/json; x=\"a;b\"", true},
    {"application/json; charset=utf-16", false},
    {"application/json; charset=utf-16le", false},
    {"application/json; charset=iso-8859-1", false},
    {"application/json; charset=utf-7", false},
    {"application/json; charset=", false},
    {"application/json; charset", false},
    {"application/json; charset =utf-8", false},
    {"application/json; charset=\"utf-8", false},
    {"application/json; charset*=utf-8''utf-16", false},
    {"application/json; charset=utf-8; charset=utf-16", false},
    {"application/json; charset=utf-16; charset=utf-8", false},
    {"application/json; x=\"a; charset=utf-16\"", false},
    {"application/json charset=utf-16", false},
    {"application/json, text/plain", false},
    {"application/json-seq", false},
    {"application/jso", false},
    {"application/json+x", false},
    {"text/json", false},
    {"multipart/form-data; boundary=x", false},
    {"application/x-www-form-urlencoded", false},
    {";", false},
    {" ", false},
};

static const struct {
    const char *value;
    bool want;
} encodings[] = {
    {"", true},
    {"identity", true},
    {"Identity", true},
    {"gzip", false},
    {"identity, gzip", false},
    {"x-gzip", false},
    {"identities", false},
    {"br", false},
    {",", false},
};

static struct tg_str
text_of(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        ok(tg_media_is_json(text_of(types[i].value)) == types[i].want,
           "\"%s\" is%s JSON", types[i].value, types[i].want ? "" : " not");
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
        ok(tg_media_is_plain(text_of(encodings[i].value)) == encodings[i].want,
           "\"%s\" is%s plain", encodings[i].value,
           encodings[i].want ? "" : " not");
    return done();
}
