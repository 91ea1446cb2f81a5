/*
 * data.h: the recorded bodies in tests/data, which TEST_DATA names.
 */
#ifndef DATA_H
#define DATA_H

#include <stdio.h>
#include <stdlib.h>

/* The file's bytes, zero-terminated, the caller's to free. */
__attribute__((unused)) static char *
data_load(const char *name, size_t *len)
{
    const char *folder = getenv("TEST_DATA");
    char path[512], *bytes = malloc(65536);
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder ? folder : "tests/data", name);
    file = fopen(path, "r");
    if (!file) {
        printf("Bail out! cannot open %s; does TEST_DATA name tests/data?\n",
               path);
        exit(1);
    }
    *len = fread(bytes, 1, 65535, file);
    bytes[*len] = '\0';
    fclose(file);
    return bytes;
}

#endif
