/*
 * ingest_test.h: a daemon's ingest on a journal and a store of its own, in a
 * folder in memory.
 */
#ifndef INGEST_TEST_H
#define INGEST_TEST_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest.h"

#define WRITER 0x77
#define RECORD_BYTES 392
#define HEADER_BYTES 64

static char folder[64];
static struct tg_daemon tested;
static struct tg_ingest *ingest;
static int journal_fd;

__attribute__((unused)) static const struct tg_str none = {NULL, 0};

/* Begins a writer whose segments have room for so many records each. */
static void
begin_journal(struct tg_journal *journal, uint64_t records)
{
    snprintf(folder, sizeof(folder), "/dev/shm/tollgate-ingest-XXXXXX");
    memset(&tested, 0, sizeof(tested));
    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(tested.paths.journal, sizeof(tested.paths.journal), "%s/journal",
             folder);
    snprintf(tested.paths.store, sizeof(tested.paths.store), "%s/store.db",
             folder);
    pthread_mutex_init(&tested.write_lock, NULL);
    mkdir(tested.paths.journal, 0700);
    journal_fd = open(tested.paths.journal, O_RDONLY | O_DIRECTORY);
    tg_journal_init(journal, journal_fd, WRITER);
    journal->segment_limit = HEADER_BYTES + records * RECORD_BYTES;
}

static void
start_ingest(void)
{
    struct tg_error error;

    if (tg_ingest_open(&ingest, &tested, &error) != 0)
        abort();
}

/* Ends it, and removes all of it. */
static void
end_ingest(void)
{
    char command[128];

    tg_ingest_close(ingest);
    close(journal_fd);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
}

#endif
