#include "leak_signature.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <string.h>

#include "err.h"

#define SIGNATURE_BYTES_MAX 80 /* of P-256 in DER: 72 */

static EVP_PKEY *
read_pem(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    char group[32];
    size_t len;

    BIO_free(bio);
    if (key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
        EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
        strcmp(group, "prime256v1") == 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static int
add_key(struct tg_leak_ring *ring, const json_t *object, struct tg_error *error)
{
    const char *name =
        json_string_value(json_object_get(object, "key_identifier"));
    const char *text = json_string_value(json_object_get(object, "key"));
    struct tg_leak_key *key = &ring->keys[ring->count];

    if (name == NULL || text == NULL || *name == '\0' ||
        strlen(name) >= sizeof(key->name))
        return tg_error_set(error, TG_ERR_FORMAT,
                            "a public key has \"key_identifier\" and \"key\"");
    key->key = read_pem(text);
    if (key->key == NULL)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "the public key %.32s is none of P-256 in PEM",
                            name);
    strcpy(key->name, name);
    ring->count++;
    return 0;
}

int
tg_leak_ring_read(struct tg_leak_ring *ring, struct tg_str text,
                  struct tg_error *error)
{
    json_t *root = json_loadb(text.data, text.len, 0, NULL);
    const json_t *list = json_object_get(root, "public_keys"), *object;
    int err = 0;
    size_t i;

    memset(ring, 0, sizeof(*ring));
    if (json_array_size(list) == 0 || json_array_size(list) > TG_LEAK_KEYS_MAX)
        err = tg_error_set(error, TG_ERR_FORMAT,
                           "it is not {\"public_keys\": […]} with 1 to %d keys",
                           TG_LEAK_KEYS_MAX);
    json_array_foreach((json_t *)list, i, object)
    {
        if (err == 0)
            err = add_key(ring, object, error);
    }
    json_decref(root);
    if (err != 0)
        tg_leak_ring_release(ring);
    return err;
}

void
tg_leak_ring_release(struct tg_leak_ring *ring)
{
    for (size_t i = 0; i < ring->count; i++)
        EVP_PKEY_free(ring->keys[i].key);
    memset(ring, 0, sizeof(*ring));
}

static bool
is_signed(EVP_PKEY *key, const unsigned char *signature, size_t len,
          struct tg_str body)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is =
        context != NULL &&
        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(context, signature, len,
                         (const unsigned char *)(body.len ? body.data : ""),
                         body.len) == 1;

    EVP_MD_CTX_free(context);
    return is;
}

int
tg_leak_ring_verify(const struct tg_leak_ring *ring, const char *name,
                    const char *signature, struct tg_str body)
{
    unsigned char bytes[SIGNATURE_BYTES_MAX];
    size_t len = 0, i = 0;

    while (i < ring->count && strcmp(ring->keys[i].name, name) != 0)
        i++;
    if (i == ring->count)
        return TG_ERR_NOT_FOUND;
    if (sodium_base642bin(bytes, sizeof(bytes), signature, strlen(signature),
                          NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        !is_signed(ring->keys[i].key, bytes, len, body))
        return TG_ERR_FORMAT;
    return 0;
}
