/*
 * The journal's reader, over a segment of any bytes.  The first byte says
 * what is made sound before: 1 the header's checksum, 2 the records'.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "err.h"
#include "journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAME 24
#define CALL (FRAME + sizeof(struct tg_call))

static void
mend(uint8_t *crc, const uint8_t *from, size_t len)
{
    uint32_t value = tg_crc32c(0, from, len);

    memcpy(crc, &value, sizeof(value));
}

static void
check_header(const uint8_t *bytes, size_t len)
{
    struct tg_segment_header header;
    int err = tg_journal_read_header(bytes, len, &header);

    assert((err == TG_ERR_NOT_FOUND) == (len < TG_JOURNAL_HEADER_SIZE));
    if (err == 0)
        assert(memcmp(&header.writer_id, bytes + 16, 8) == 0);
}

/* Whether all rows are there, as they stand, and nothing behind them. */
static void
check_denials(const struct tg_record *record, const uint8_t *bytes, size_t size)
{
    struct tg_denial row;

    assert(record->type == TG_RECORD_DENIAL && record->denial_count > 0);
    assert(size == FRAME + record->denial_count * sizeof(row));
    for (size_t i = 0; i < record->denial_count; i++) {
        row = tg_record_denial(record, i);
        assert(memcmp(&row, bytes + FRAME + i * sizeof(row), sizeof(row)) == 0);
    }
}

/* Whether the texts stand behind the call, and nothing behind them. */
static void
check_call(const struct tg_record *record, const uint8_t *bytes, size_t size)
{
    const char *texts = (const char *)bytes + CALL;

    assert(record->denial_count == 0);
    assert(size == CALL + record->agent.len + record->trace_id.len);
    assert(record->agent.data == texts);
    assert(record->trace_id.data == texts + record->agent.len);
    assert(memcmp(&record->call, bytes + FRAME, sizeof(record->call)) == 0);
}

/* Walks the records as ingest does. */
static void
walk(uint8_t *bytes, size_t len, bool is_mended)
{
    struct tg_record record;
    uint32_t claimed;
    size_t size = 0, cut;
    int err = 0;

    for (; len >= FRAME && (err == 0 || err == TG_ERR_VERSION);
         bytes += size, len -= size) {
        memcpy(&claimed, bytes, sizeof(claimed));
        if (is_mended && claimed >= FRAME && claimed <= len)
            mend(bytes + 4, bytes + 8, claimed - 8);
        size = 0;
        err = tg_journal_read(bytes, len, &record, &size);
        assert((err == 0 || err == TG_ERR_VERSION) == (size > 0));
        if (size == 0)
            break;
        assert(size == claimed && size <= len);
        if (err == 0 && record.type == TG_RECORD_DENIAL)
            check_denials(&record, bytes, size);
        else if (err == 0)
            check_call(&record, bytes, size);
        assert(tg_journal_read(bytes, size - 1, &record, &cut) ==
               TG_ERR_NOT_FOUND);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;
    size_t len;

    if (size == 0)
        return 0;
    len = size - 1;
    bytes = malloc(len ? len : 1);
    memcpy(bytes, data + 1, len);
    if ((data[0] & 1) && len >= TG_JOURNAL_HEADER_SIZE)
        mend(bytes + 60, bytes, 60);
    check_header(bytes, len);
    if (len > TG_JOURNAL_HEADER_SIZE)
        walk(bytes + TG_JOURNAL_HEADER_SIZE, len - TG_JOURNAL_HEADER_SIZE,
             data[0] & 2);
    free(bytes);
    return 0;
}
