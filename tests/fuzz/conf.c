/*
 * The operator's file: whatever stands in it, it is read as allowed values or
 * refused with a sentence, and what was refused changed nothing.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"
#include "err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PPM_MAX 1000000000u

static void
check_settings(const struct tg_settings *settings)
{
    assert(settings->requires_verification <= 1);
    assert(settings->wrong_keys_per_minute <= 1000000);
    for (int kind = 0; kind < 4; kind++)
        assert(settings->price_factor_ppm[kind] > 0 &&
               settings->price_factor_ppm[kind] <= PPM_MAX);
}

/* Each is a network by itself, and no network of everybody. */
static void
check_proxies(const struct tg_proxies *proxies)
{
    char again[TG_NETWORK_TEXT_SIZE];

    assert(proxies->count <= TG_PROXIES_MAX);
    for (size_t i = 0; i < proxies->count; i++) {
        assert(tg_network_normalize(proxies->networks[i], again) == 0);
        assert(strcmp(again, proxies->networks[i]) == 0);
        assert(strcmp(strchr(again, '/'), "/0") != 0);
    }
}

static void
check_error(const struct tg_conf_error *error, const char *path)
{
    size_t len = strnlen(error->text, sizeof(error->text));

    assert(len > strlen(path) && len < sizeof(error->text));
    assert(strncmp(error->text, path, strlen(path)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_conf conf, before;
    struct tg_conf_error error = {""};
    char path[64];
    int fd = memfd_create("conf", MFD_CLOEXEC), err;

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    memset(&conf, 0x5a, sizeof(conf));
    before = conf;
    err = tg_conf_read(&conf, path, &error);
    close(fd);
    assert(err == 0 || err == TG_ERR_FORMAT);
    if (err != 0) {
        assert(memcmp(&conf, &before, sizeof(conf)) == 0);
        check_error(&error, path);
        return 0;
    }
    check_settings(&conf.settings);
    check_proxies(&conf.proxies);
    return 0;
}
