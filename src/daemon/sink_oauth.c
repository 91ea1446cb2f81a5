#include "sink_oauth.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "sink_http.h"

#define SIGNATURE_MAX 1024 /* RSA of 8192 bits */

int
tg_sink_oauth(struct tg_sink_work *work, const char *url, const char *form,
              char token[TG_SINK_TOKEN_SIZE])
{
    struct tg_sink_call call = {
        .method = "POST",
        .url = url,
        .type = "application/x-www-form-urlencoded",
        .text = form,
    };
    json_t *answer = NULL;
    const char *text;
    char host[128];
    long status;
    int err = tg_sink_ask(work, &call, &status, &answer);

    if (err != 0)
        return err;
    tg_sink_host(url, host);
    text = json_string_value(json_object_get(answer, "access_token"));
    /* 400 is what an OAuth server says of credentials that are wrong. */
    if (status == 400)
        status = 401;
    err = tg_sink_status(work, url, status, "an OAuth token endpoint there");
    if (err == 0 && (text == NULL || strlen(text) >= TG_SINK_TOKEN_SIZE))
        err =
            tg_sink_fail(work, TG_ERR_FORMAT, "%s gives no access token", host);
    if (err == 0)
        strcpy(token, text);
    json_decref(answer);
    return err;
}

char *
tg_sink_escape(const char *text)
{
    char *out = malloc(strlen(text) * 3 + 1), *to = out;

    for (; out != NULL && *text != '\0'; text++) {
        if (strchr(TG_SINK_LETTERS "-._~", *text) != NULL)
            *to++ = *text;
        else
            to += sprintf(to, "%%%02X", (unsigned char)*text);
    }
    if (out != NULL)
        *to = '\0';
    return out;
}

static char *
base64url(const void *bytes, size_t len)
{
    size_t size = sodium_base64_encoded_len(
        len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = malloc(size);

    if (text != NULL)
        sodium_bin2base64(text, size, bytes, len,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return text;
}

static char *
base64url_json(const json_t *object)
{
    char *plain = json_dumps(object, JSON_COMPACT);
    char *text = plain != NULL ? base64url(plain, strlen(plain)) : NULL;

    tg_sink_wipe(plain);
    return text;
}

static EVP_PKEY *
read_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    static char no_password[] = "";
    EVP_PKEY *key = NULL;

    /* An empty password: one that asks for another must not ask a terminal. */
    if (bio != NULL)
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password);
    BIO_free(bio);
    return key;
}

/* The signature of text; NULL when the key is none. */
static char *
sign(const char *text, const char *pem)
{
    unsigned char signature[SIGNATURE_MAX];
    size_t len = sizeof(signature);
    EVP_PKEY *key = read_key(pem);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    char *out = NULL;

    if (key != NULL && context != NULL &&
        EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(context, signature, &len, (const unsigned char *)text,
                       strlen(text)) == 1)
        out = base64url(signature, len);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return out;
}

int
tg_sink_jwt(const json_t *header, const json_t *claims, const char *pem,
            char **jwt)
{
    char *head = base64url_json(header), *body = base64url_json(claims);
    char *text = NULL, *signature = NULL, *all = NULL;

    if (head != NULL && body != NULL &&
        asprintf(&text, "%s.%s", head, body) >= 0)
        signature = sign(text, pem);
    if (signature != NULL && asprintf(&all, "%s.%s", text, signature) < 0)
        all = NULL;
    free(head);
    free(body);
    free(text);
    free(signature);
    if (all == NULL)
        return TG_ERR_CRYPTO;
    *jwt = all;
    return 0;
}
