#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "form.h"
#include "shown.h"

enum { VALUE_BYTES = 256 };

void
sim_shown_digest(const unsigned char digest[32], char out[SIM_SHOWN_HASH_BYTES])
{
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void
sim_shown_hash(struct tg_str data, char out[SIM_SHOWN_HASH_BYTES])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)data.data, data.len, digest);
    sim_shown_digest(digest, out);
}

json_t *
sim_shown_text(struct tg_str text)
{
    json_t *shown = json_stringn(text.data ? text.data : "", text.len);
    char *plain;

    if (shown)
        return shown;
    plain = malloc(text.len);
    if (!plain)
        return json_null();
    for (size_t i = 0; i < text.len; i++)
        plain[i] = (unsigned char)text.data[i] < 0x80 ? text.data[i] : '?';
    shown = json_stringn(plain, text.len);
    free(plain);
    return shown;
}

static bool
is_credential(struct tg_str name)
{
    return sim_request_same_name(name, "authorization") ||
           sim_request_same_name(name, "x-api-key") ||
           sim_request_same_name(name, "api-key") ||
           sim_request_same_name(name, "proxy-authorization");
}

/* `Bearer sha256:...`: the scheme stays, the credential is hashed. */
static json_t *
show_credential(struct tg_str value)
{
    static const char bearer[] = "Bearer ";
    char digest[SIM_SHOWN_HASH_BYTES];
    size_t scheme = sizeof(bearer) - 1;

    if (value.len < scheme || memcmp(value.data, bearer, scheme) != 0)
        scheme = 0;
    sim_shown_hash((struct tg_str){value.data + scheme, value.len - scheme},
                   digest);
    return json_sprintf("%ssha256:%s", scheme ? bearer : "", digest);
}

json_t *
sim_shown_headers(const struct sim_request *request)
{
    json_t *all = json_array();

    for (size_t i = 0; i < request->header_count; i++) {
        const struct sim_header *h = &request->headers[i];

        json_array_append_new(all, json_pack("[o,o]", sim_shown_text(h->name),
                                             is_credential(h->name)
                                                 ? show_credential(h->value)
                                                 : sim_shown_text(h->value)));
    }
    return all;
}

static void
set_text(json_t *to, const char *name, struct tg_str text)
{
    if (text.data)
        json_object_set_new(to, name, sim_shown_text(text));
}

static json_t *
show_part(const struct sim_form_part *part)
{
    json_t *shown = json_pack("{s:o,s:I}", "name", sim_shown_text(part->name),
                              "bytes", (json_int_t)part->data.len);
    struct tg_str value = part->data;

    set_text(shown, "filename", part->filename);
    set_text(shown, "media", part->media);
    if (part->filename.data)
        return shown;
    if (value.len > VALUE_BYTES)
        value.len = VALUE_BYTES;
    set_text(shown, "value", value);
    return shown;
}

json_t *
sim_shown_form(const struct sim_request *request)
{
    struct sim_form form;
    struct sim_form_part part;
    json_t *shown;

    if (!sim_form_is(request))
        return NULL;
    shown = json_array();
    if (!sim_form_init(&form, request))
        while (sim_form_next(&form, &part) > 0)
            json_array_append_new(shown, show_part(&part));
    if (form.fault)
        json_array_append_new(shown, json_pack("{s:s}", "fault", form.fault));
    return shown;
}
