/*
 * What is appended is read again, by our reader and by one that was written
 * from docs/journal.md alone; and nothing that is damaged is.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "err.h"
#include "journal.h"
#include "tap.h"

#define WRITER 0x00c0ffee12345679
#define AGENT "curl/8.0"
#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define MADE_AT 1790000000000
#define RECORD_BYTES (392 + sizeof(AGENT) - 1 + sizeof(TRACE) - 1)

static char dir[] = "/dev/shm/tollgate-test-XXXXXX";
static int dir_fd;

/* Every field has a value of its own. */
static struct tg_call
sample_call(uint64_t n)
{
    struct tg_call call = {
        .id = tg_call_id_make(WRITER, n),
        .at_ms = 0x1112131415161718,
        .key_id = "key_abcdefghijklmnopqrs",
        .account_id = "acct_bcdefghijklmnopqrst",
        .upstream_id = "up_1",
        .credential_id = "cred_1",
        .model = "deepseek-flash",
        .key_slot = 0x21222324,
        .account_slot = 0x31323334,
        .endpoint = 0x4142,
        .flags = 0x5152,
        .status = 0x6162,
        .code = 0x7172,
        .basis = 0x81,
        .unit = 0x82,
        .latency_ms = 0x11223344,
        .ttft_ms = 0x22334455,
        .prompt_tokens = 101,
        .cached_tokens = 102,
        .written_tokens = 103,
        .completion_tokens = 104,
        .reasoning_tokens = 105,
        .units = 106,
        .prompt_bound = 107,
        .completion_bound = 108,
        .unit_bound = 109,
        .counted = 110,
        .rates = {111, 112, 113, 114, 115},
        .held_nanos = -116,
        .cost_nanos = 117,
    };

    for (int i = 0; i < 16; i++)
        call.ip[i] = (uint8_t)(200 + i);
    return call;
}

static size_t
load(const char *name, uint8_t *buf, size_t cap)
{
    int fd = openat(dir_fd, name, O_RDONLY);
    ssize_t n = fd == -1 ? 0 : read(fd, buf, cap);

    if (fd != -1)
        close(fd);
    return n < 0 ? 0 : (size_t)n;
}

static bool
is_there(uint32_t segment)
{
    char name[TG_JOURNAL_NAME_SIZE];

    tg_journal_name(name, WRITER, segment);
    return faccessat(dir_fd, name, F_OK, 0) == 0;
}

/* The independent reader: integers by offset, and a CRC bit by bit. */

static uint64_t
le(const uint8_t *p, size_t at, int bytes)
{
    uint64_t value = 0;

    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | p[at + (size_t)i];
    return value;
}

static uint32_t
castagnoli(const uint8_t *p, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static bool
is_text(const uint8_t *p, size_t at, size_t size, const char *text)
{
    size_t n = strlen(text);

    if (n > size || memcmp(p + at, text, n) != 0)
        return false;
    for (; n < size; n++) {
        if (p[at + n] != 0)
            return false;
    }
    return true;
}

static void
check_header_by_document(const uint8_t *p)
{
    ok(memcmp(p, "\x54\x47\x4a\x52\x4e\x4c\x31\x0a", 8) == 0, "magic at 0");
    is_int(le(p, 8, 4), 2, "version at 8");
    is_int(le(p, 12, 4), 0, "number at 12");
    ok(le(p, 16, 8) == WRITER, "writer at 16");
    is_int(le(p, 24, 8), MADE_AT, "instant at 24");
    ok(is_text(p, 32, 28, ""), "28 reserved bytes at 32");
    is_int(le(p, 60, 4), castagnoli(p, 60), "CRC-32C at 60");
}

/* Offset, size and value of every number of the sample, as documented. */
static const struct {
    size_t at;
    int bytes;
    int64_t value;
} numbers[] = {
    {16, 8, 0x1112131415161718},
    {200, 4, 0x21222324},
    {204, 4, 0x31323334},
    {208, 2, 0x4142},
    {210, 2, 0x5152},
    {212, 2, 0x6162},
    {214, 2, 0x7172},
    {216, 1, 0x81},
    {217, 1, 0x82},
    {218, 2, 0},
    {220, 4, 0x11223344},
    {224, 4, 0x22334455},
    {228, 4, 0},
    {232, 8, 101},
    {240, 8, 102},
    {248, 8, 103},
    {256, 8, 104},
    {264, 8, 105},
    {272, 8, 106},
    {280, 8, 107},
    {288, 8, 108},
    {296, 8, 109},
    {304, 8, 110},
    {312, 8, 111},
    {320, 8, 112},
    {328, 8, 113},
    {336, 8, 114},
    {344, 8, 115},
    {352, 8, -116},
    {360, 8, 117},
};

static void
check_record_by_document(const uint8_t *p, uint64_t sequence)
{
    const uint8_t *call = p + 24;
    size_t len = le(p, 0, 4);

    is_int(len, RECORD_BYTES, "length at 0");
    is_int(le(p, 4, 4), castagnoli(p + 8, len - 8), "CRC-32C at 4");
    is_int(le(p, 8, 2), 1, "type at 8");
    is_int(le(p, 10, 2), sizeof(AGENT) - 1, "the agent's length at 10");
    is_int(le(p, 12, 2), sizeof(TRACE) - 1, "the trace id's at 12");
    is_int(le(p, 14, 2), 0, "reserved at 14");
    is_int(le(p, 16, 8), sequence, "sequence at 16");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        ok(le(call, numbers[i].at, numbers[i].bytes) ==
               ((uint64_t)numbers[i].value &
                UINT64_MAX >> (64 - 8 * numbers[i].bytes)),
           "the call's number at %zu", numbers[i].at);
    ok(memcmp(call, "\x00\xc0\xff\xee\x12\x34\x56\x79\0\0\0\0\0\0\0", 15) ==
               0 &&
           call[15] == sequence,
       "its id at 0 is big-endian");
    ok(is_text(call, 24, 24, "key_abcdefghijklmnopqrs"), "its key at 24");
    ok(is_text(call, 48, 24, "acct_bcdefghijklmnopqrst"),
       "its account at 48, without a terminator");
    ok(is_text(call, 72, 24, "up_1"), "its upstream at 72");
    ok(is_text(call, 96, 24, "cred_1"), "its credential at 96");
    ok(is_text(call, 120, 64, "deepseek-flash"), "its model at 120");
    ok(call[184] == 200 && call[199] == 215, "its address at 184");
    ok(memcmp(p + 392, AGENT TRACE, sizeof(AGENT TRACE) - 1) == 0,
       "agent and trace id at 392");
}

static void
append(struct tg_journal *journal, uint64_t n)
{
    struct tg_call call = sample_call(n);
    int err = tg_journal_append(journal, &call, TG_STR(AGENT), TG_STR(TRACE),
                                MADE_AT);

    if (err != 0)
        printf("# append: %d\n", err);
}

static void
remove_segments(void)
{
    char name[TG_JOURNAL_NAME_SIZE];

    for (uint32_t i = 0; i < 32; i++) {
        tg_journal_name(name, WRITER, i);
        (void)unlinkat(dir_fd, name, 0);
    }
}

static uint8_t file[8192];
static size_t file_len;

static void
test_by_document(void)
{
    struct tg_journal journal;
    struct stat st;

    tg_journal_init(&journal, dir_fd, WRITER);
    ok(!is_there(0), "no file before the first call");
    append(&journal, 0);
    append(&journal, 1);
    tg_journal_close(&journal);
    file_len = load("00c0ffee12345679.00000000.tgj", file, sizeof(file));
    is_int(file_len, 64 + 2 * RECORD_BYTES, "a header and two records");
    fstatat(dir_fd, "00c0ffee12345679.00000000.tgj", &st, 0);
    is_int(st.st_mode & 0777, 0600, "which only the owner reads");
    check_header_by_document(file);
    check_record_by_document(file + 64, 0);
    check_record_by_document(file + 64 + RECORD_BYTES, 1);
}

static void
test_reading(void)
{
    struct tg_segment_header header;
    struct tg_call call = sample_call(1);
    struct tg_record record;
    size_t size = 0;

    is_int(tg_journal_read_header(file, file_len, &header), 0, "our reader");
    ok(header.writer_id == WRITER && header.number == 0 &&
           header.created_at_ms == MADE_AT,
       "reads the header");
    is_int(
        tg_journal_read(file + 64 + RECORD_BYTES, RECORD_BYTES, &record, &size),
        0, "and a record");
    is_int(size, RECORD_BYTES, "of its length");
    ok(record.type == TG_RECORD_CALL && record.sequence == 1 &&
           memcmp(&record.call, &call, sizeof(call)) == 0,
       "with the whole call");
    ok(tg_str_eq(record.agent, TG_STR(AGENT)) &&
           tg_str_eq(record.trace_id, TG_STR(TRACE)),
       "and its texts");
}

/* A copy in a block of its own, so that a sanitizer sees what is beyond. */
static int
read_copy(const uint8_t *from, size_t len, struct tg_record *record,
          size_t *size)
{
    uint8_t *copy = malloc(len ? len : 1);
    int err;

    memcpy(copy, from, len);
    err = tg_journal_read(copy, len, record, size);
    free(copy);
    return err;
}

static void
test_torn_tail(void)
{
    struct tg_segment_header header;
    struct tg_record record;
    size_t size = 77, wrong = 0;

    for (size_t n = 0; n < 64; n++)
        wrong += tg_journal_read_header(file, n, &header) != TG_ERR_NOT_FOUND;
    is_int(wrong, 0, "a header cut at any byte is not there yet");
    for (size_t n = 0; n < RECORD_BYTES; n++)
        wrong += read_copy(file + 64, n, &record, &size) != TG_ERR_NOT_FOUND;
    is_int(wrong, 0, "a record cut at any byte is not there yet");
    is_int(size, 77, "and has no length");
    is_int(read_copy(file + 64, RECORD_BYTES, &record, &size), 0,
           "with its last byte it is");
}

/* Every bit of every byte, one after the other. */
static void
test_flipped_bits(void)
{
    struct tg_segment_header header;
    struct tg_record record;
    size_t size, believed = 0, misread = 0;
    int err;

    for (size_t bit = 0; bit < 64 * 8; bit++) {
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        err = tg_journal_read_header(file, 64, &header);
        believed += err == 0;
        misread += err != (bit < 64 ? TG_ERR_FORMAT : TG_ERR_CORRUPT);
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    is_int(believed, 0, "no header with a flipped bit is believed");
    is_int(misread, 0, "and is named for what it is");
    for (size_t bit = 0; bit < RECORD_BYTES * 8; bit++) {
        file[64 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        err = read_copy(file + 64, RECORD_BYTES, &record, &size);
        believed += err == 0 || err == TG_ERR_VERSION;
        /* A longer length, too, which is no tail: it is said twice. */
        misread += err != TG_ERR_CORRUPT;
        file[64 + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    is_int(believed, 0, "no record with a flipped bit is believed");
    is_int(misread, 0, "and is named for what it is");
}

static void
put_crc(uint8_t *record, size_t len)
{
    uint32_t crc = castagnoli(record + 8, len - 8);

    memcpy(record + 4, &crc, sizeof(crc));
}

static void
test_other_versions(void)
{
    struct tg_segment_header header;
    struct tg_record record;
    uint8_t bytes[1024], zeros[64] = {0};
    uint32_t crc;
    size_t size = 0;

    memcpy(bytes, file, 64);
    bytes[8] = 3;
    crc = castagnoli(bytes, 60);
    memcpy(bytes + 60, &crc, 4);
    is_int(tg_journal_read_header(bytes, 64, &header), TG_ERR_VERSION,
           "a segment of the next version");

    memcpy(bytes, file + 64, RECORD_BYTES);
    bytes[8] = 4;
    put_crc(bytes, RECORD_BYTES);
    is_int(read_copy(bytes, RECORD_BYTES, &record, &size), TG_ERR_VERSION,
           "a record of an unknown type");
    is_int(size, RECORD_BYTES, "says how long it is");

    memcpy(bytes, file + 64, RECORD_BYTES);
    size = 77;
    bytes[10]++;
    put_crc(bytes, RECORD_BYTES);
    is_int(read_copy(bytes, RECORD_BYTES, &record, &size), TG_ERR_CORRUPT,
           "texts that go beyond their record");
    is_int(size, 77, "and no length is believed");
    is_int(read_copy(zeros, sizeof(zeros), &record, &size), TG_ERR_CORRUPT,
           "zeros are damage, not a tail");
    memset(bytes, 0xff, sizeof(bytes));
    is_int(read_copy(bytes, sizeof(bytes), &record, &size), TG_ERR_CORRUPT,
           "and so is a length beyond reason");
}

static void
test_rotation(void)
{
    struct tg_journal journal;
    struct tg_segment_header header;
    struct tg_record record;
    uint64_t sequence = 0;
    size_t size;

    remove_segments();
    tg_journal_init(&journal, dir_fd, WRITER);
    journal.segment_limit = 64 + 2 * RECORD_BYTES;
    for (uint64_t n = 0; n < 5; n++)
        append(&journal, n);
    for (uint32_t number = 0; number < 3; number++) {
        char name[TG_JOURNAL_NAME_SIZE];

        tg_journal_name(name, WRITER, number);
        file_len = load(name, file, sizeof(file));
        is_int(file_len, 64 + (number < 2 ? 2 : 1) * RECORD_BYTES,
               "segment %u has what fits", number);
        is_int(tg_journal_read_header(file, file_len, &header), 0,
               "its header");
        is_int(header.number, number, "has its number");
        for (size_t at = 64; at < file_len; at += size) {
            if (tg_journal_read(file + at, file_len - at, &record, &size) != 0)
                break;
            is_int(record.sequence, sequence, "the sequence goes on");
            sequence++;
        }
    }
    ok(sequence == 5 && !is_there(3), "five records, three segments");

    journal.segment_limit = 10;
    append(&journal, 5);
    append(&journal, 6);
    ok(is_there(3) && is_there(4) && !is_there(5),
       "a limit below one record makes one a segment");
    tg_journal_close(&journal);
    tg_journal_close(&journal);
}

/* The disk is full in the middle of the second record. */
static void
test_failed_write(void)
{
    struct tg_call call = sample_call(1);
    struct rlimit before, limit;
    struct tg_journal journal;
    struct tg_record record;
    size_t size;

    remove_segments();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 64 + RECORD_BYTES + 100;
    tg_journal_init(&journal, dir_fd, WRITER);
    append(&journal, 0);
    setrlimit(RLIMIT_FSIZE, &limit);
    is_int(tg_journal_append(&journal, &call, TG_STR(AGENT), TG_STR(TRACE),
                             MADE_AT),
           TG_ERR_SYSTEM, "a record that is written in part has failed");
    is_int(journal.fd, -1, "and its segment is closed");
    setrlimit(RLIMIT_FSIZE, &before);
    is_int(tg_journal_append(&journal, &call, TG_STR(AGENT), TG_STR(TRACE),
                             MADE_AT),
           0, "the next try succeeds");
    tg_journal_close(&journal);

    file_len = load("00c0ffee12345679.00000000.tgj", file, sizeof(file));
    is_int(file_len, 64 + RECORD_BYTES + 100, "the torn one is the last");
    is_int(tg_journal_read(file + 64 + RECORD_BYTES, 100, &record, &size),
           TG_ERR_NOT_FOUND, "and reads as a tail");
    file_len = load("00c0ffee12345679.00000001.tgj", file, sizeof(file));
    is_int(tg_journal_read(file + 64, file_len - 64, &record, &size), 0,
           "it stands in the next segment");
    is_int(record.sequence, 1, "under the number it was to have");
}

static void
test_long_texts(void)
{
    struct tg_call call = sample_call(0);
    struct tg_journal journal;
    struct tg_record record;
    char text[1000];
    size_t size;

    remove_segments();
    memset(text, 'x', sizeof(text));
    tg_journal_init(&journal, dir_fd, WRITER);
    tg_journal_append(&journal, &call, (struct tg_str){text, sizeof(text)},
                      (struct tg_str){text, sizeof(text)}, MADE_AT);
    tg_journal_append(&journal, &call, (struct tg_str){NULL, 0},
                      (struct tg_str){NULL, 0}, MADE_AT);
    tg_journal_close(&journal);
    file_len = load("00c0ffee12345679.00000000.tgj", file, sizeof(file));
    is_int(tg_journal_read(file + 64, file_len - 64, &record, &size), 0,
           "long texts");
    is_int(record.agent.len, 256, "are cut at their limits");
    is_int(record.trace_id.len, 64, "both");
    is_int(
        tg_journal_read(file + 64 + size, file_len - 64 - size, &record, &size),
        0, "and a record without any");
    is_int(size, 392, "has 392 bytes");
}

/* Every field has a value of its own. */
static struct tg_denial
sample_denial(uint64_t n)
{
    struct tg_denial row = {
        .request_id = tg_call_id_make(WRITER, n),
        .at_ms = 0x1112131415161718,
        .last_ms = 0x2122232425262728,
        .count = 0x3132333435363738,
        .key_id = "key_abcdefghijklmnopqrs",
        .account_id = "acct_bcdefghijklmnopqrst",
        .code = 0x4142,
        .endpoint = 0x5152,
        .scope = 0x61,
        .model = "deepseek-flash",
        .agent = AGENT,
    };

    for (int i = 0; i < 16; i++)
        row.ip[i] = (uint8_t)(200 + i);
    return row;
}

#define DENIAL_BYTES 240

static void
check_denial_by_document(const uint8_t *row, uint64_t n)
{
    ok(memcmp(row, "\x00\xc0\xff\xee\x12\x34\x56\x79\0\0\0\0\0\0\0", 15) == 0 &&
           row[15] == n,
       "a denial's request id at 0 is big-endian");
    ok(le(row, 16, 8) == 0x1112131415161718, "its first instant at 16");
    ok(le(row, 24, 8) == 0x2122232425262728, "its last at 24");
    ok(le(row, 32, 8) == 0x3132333435363738, "its count at 32");
    ok(is_text(row, 40, 24, "key_abcdefghijklmnopqrs"), "its key at 40");
    ok(is_text(row, 64, 24, "acct_bcdefghijklmnopqrst"), "its account at 64");
    ok(row[88] == 200 && row[103] == 215, "its address at 88");
    is_int(le(row, 104, 2), 0x4142, "its code at 104");
    is_int(le(row, 106, 2), 0x5152, "its endpoint at 106");
    is_int(row[108], 0x61, "its scope at 108");
    ok(is_text(row, 109, 3, ""), "three reserved bytes at 109");
    ok(is_text(row, 112, 64, "deepseek-flash"), "its model at 112");
    ok(is_text(row, 176, 64, AGENT), "its agent at 176");
}

static void
append_denials(struct tg_journal *journal, size_t count)
{
    struct tg_denial rows[TG_DENIAL_ROWS];

    for (size_t i = 0; i < count; i++)
        rows[i] = sample_denial(i);
    is_int(tg_journal_append_denials(journal, rows, count, MADE_AT), 0,
           "%zu denials are appended", count);
}

static uint8_t denials[24 + TG_DENIAL_ROWS * DENIAL_BYTES];

static void
test_denials_by_document(void)
{
    struct tg_journal journal;
    const uint8_t *p = denials + 64;
    size_t len = 24 + 2 * DENIAL_BYTES;

    remove_segments();
    tg_journal_init(&journal, dir_fd, WRITER);
    append_denials(&journal, 2);
    append(&journal, 1);
    tg_journal_close(&journal);
    file_len = load("00c0ffee12345679.00000000.tgj", denials, sizeof(denials));
    is_int(file_len, 64 + len + RECORD_BYTES, "two denials, and a call");
    is_int(le(p, 0, 4), len, "length at 0");
    is_int(le(p, 4, 4), castagnoli(p + 8, len - 8), "CRC-32C at 4");
    is_int(le(p, 8, 2), 3, "type at 8");
    is_int(le(p, 10, 2), 2, "how many at 10");
    is_int(le(p, 12, 4), 0, "reserved at 12");
    is_int(le(p, 16, 8), 0, "sequence at 16");
    check_denial_by_document(p + 24, 0);
    check_denial_by_document(p + 24 + DENIAL_BYTES, 1);
    check_record_by_document(p + len, 1);
}

static void
test_reading_denials(void)
{
    struct tg_record record;
    struct tg_denial want = sample_denial(1), got;
    size_t size = 0, len = 24 + 2 * DENIAL_BYTES, wrong = 0;

    is_int(tg_journal_read(denials + 64, file_len - 64, &record, &size), 0,
           "our reader reads them");
    is_int(size, len, "and how long they are");
    ok(record.type == TG_RECORD_DENIAL && record.denial_count == 2 &&
           record.agent.len == 0,
       "and how many");
    got = tg_record_denial(&record, 1);
    ok(memcmp(&got, &want, sizeof(want)) == 0, "and each as it was");
    for (size_t n = 0; n < len; n++)
        wrong += read_copy(denials + 64, n, &record, &size) != TG_ERR_NOT_FOUND;
    is_int(wrong, 0, "cut at any byte they are not there yet");
    for (size_t bit = 0; bit < len * 8; bit++) {
        denials[64 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        wrong += read_copy(denials + 64, len, &record, &size) != TG_ERR_CORRUPT;
        denials[64 + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    is_int(wrong, 0, "with any bit flipped they are damage");
    denials[64 + 10] = 1;
    put_crc(denials + 64, len);
    is_int(read_copy(denials + 64, len, &record, &size), TG_ERR_CORRUPT,
           "and so when their number is another one than their length says");
}

static void
test_most_denials(void)
{
    struct tg_journal journal;
    struct tg_record record;
    struct tg_denial want = sample_denial(TG_DENIAL_ROWS - 1), got;
    uint8_t *bytes = malloc(1 << 17);
    size_t size = 0, len;

    remove_segments();
    tg_journal_init(&journal, dir_fd, WRITER);
    append_denials(&journal, TG_DENIAL_ROWS);
    tg_journal_close(&journal);
    len = load("00c0ffee12345679.00000000.tgj", bytes, 1 << 17);
    is_int(tg_journal_read(bytes + 64, len - 64, &record, &size), 0,
           "a full table is one record");
    is_int(record.denial_count, TG_DENIAL_ROWS, "of all its rows");
    got = tg_record_denial(&record, TG_DENIAL_ROWS - 1);
    ok(memcmp(&got, &want, sizeof(want)) == 0, "to the last");
    free(bytes);
}

static struct tg_denial_table table;

static void
note(int64_t now_ms)
{
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    struct tg_denial_cause cause = {NULL, ip, TG_CODE_INVALID_API_KEY};

    tg_denial_note(&table, &cause, now_ms);
}

static int
take(struct tg_journal *journal, int64_t now_ms)
{
    return tg_journal_take_denials(journal, &table, now_ms);
}

/* The disk takes none; when it does, all are there that were counted. */
static void
test_failed_denials(void)
{
    struct rlimit before, limit;
    struct tg_journal journal;
    struct tg_record record;
    size_t size;

    remove_segments();
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 100;
    tg_journal_init(&journal, dir_fd, WRITER);
    tg_denial_init(&table, 1);
    is_int(take(&journal, MADE_AT), 0, "no denials are no record");
    ok(!is_there(0), "and no segment");
    note(MADE_AT);
    setrlimit(RLIMIT_FSIZE, &limit);
    is_int(take(&journal, MADE_AT), TG_ERR_SYSTEM, "a disk that takes none");
    setrlimit(RLIMIT_FSIZE, &before);
    is_int(tg_denial_total(&table), 1, "they wait");
    note(MADE_AT + 1000);
    is_int(take(&journal, MADE_AT + 1000), TG_ERR_FULL, "it is not tried");
    ok(!is_there(1), "at once again");
    is_int(table.count, 1, "but added up");
    note(MADE_AT + 9999);
    is_int(take(&journal, MADE_AT + 10000), 0, "then it is");
    is_int(table.count, 0, "and they are taken");
    note(MADE_AT + 10001);
    is_int(take(&journal, MADE_AT + 10001), 0, "the next ones at once");
    tg_journal_close(&journal);
    file_len = load("00c0ffee12345679.00000001.tgj", file, sizeof(file));
    is_int(tg_journal_read(file + 64, file_len - 64, &record, &size), 0,
           "what was added up");
    is_int(tg_record_denial(&record, 0).count, 2, "is one row of two");
    is_int(tg_record_denial(&record, 0).scope, TG_DENIAL_REST, "of anybody");
    is_int(tg_record_denial(&record, 1).scope, TG_DENIAL_ADDRESS,
           "and the last one has its address");
}

/* A clock that was set back by an hour. */
static void
test_denials_and_clock(void)
{
    struct tg_journal journal;

    remove_segments();
    tg_journal_init(&journal, dir_fd, WRITER);
    tg_denial_init(&table, 1);
    table.retry_at_ms = MADE_AT + TG_JOURNAL_RETRY_MS;
    note(MADE_AT - 3600000);
    is_int(take(&journal, MADE_AT - 3600000), 0,
           "a clock that is set back does not keep denials waiting");
    tg_journal_close(&journal);
}

static void
test_no_second_writer(void)
{
    struct tg_call call = sample_call(0);
    struct tg_journal journal;

    tg_journal_init(&journal, dir_fd, WRITER);
    is_int(tg_journal_append(&journal, &call, TG_STR(""), TG_STR(""), 0),
           TG_ERR_SYSTEM, "a segment that is there is not written to");
}

/* The same bytes as a call's but for the type, and no trace id. */
static void
test_hold(void)
{
    struct tg_call call = sample_call(3);
    struct tg_journal journal;
    struct tg_record record;
    size_t size;

    remove_segments();
    tg_journal_init(&journal, dir_fd, WRITER);
    is_int(tg_journal_append_hold(&journal, &call, TG_STR(AGENT), MADE_AT), 0,
           "a hold is appended");
    tg_journal_close(&journal);
    file_len = load("00c0ffee12345679.00000000.tgj", file, sizeof(file));
    is_int(le(file + 64, 8, 2), 2, "its type is 2");
    is_int(file_len - 64, 392 + sizeof(AGENT) - 1, "it has no trace id");
    is_int(le(file + 64, 4, 4), castagnoli(file + 72, file_len - 72),
           "its CRC-32C at 4");
    is_int(tg_journal_read(file + 64, file_len - 64, &record, &size), 0,
           "our reader reads it");
    ok(record.type == TG_RECORD_HOLD &&
           memcmp(&record.call, &call, sizeof(call)) == 0 &&
           tg_str_eq(record.agent, TG_STR(AGENT)),
       "with call and agent");
    file[64]++;
    is_int(tg_journal_read(file + 64, file_len - 64, &record, &size),
           TG_ERR_CORRUPT, "a length that is longer is no tail");
}

static const struct {
    const char *name;
    int want;
    uint64_t writer;
    uint32_t number;
} names[] = {
    {"00c0ffee12345679.00000000.tgj", 0, WRITER, 0},
    {"ffffffffffffffff.ffffffff.tgj", 0, UINT64_MAX, UINT32_MAX},
    {"0000000000000001.0000001f.tgj", 0, 1, 31},
    {"", TG_ERR_FORMAT, 0, 0},
    {"..", TG_ERR_FORMAT, 0, 0},
    {"00C0FFEE12345679.00000000.tgj", TG_ERR_FORMAT, 0, 0},
    {"0xc0ffee12345679.00000000.tgj", TG_ERR_FORMAT, 0, 0},
    {"+0c0ffee12345679.00000000.tgj", TG_ERR_FORMAT, 0, 0},
    {" 0c0ffee12345679.00000000.tgj", TG_ERR_FORMAT, 0, 0},
    {"00c0ffee12345679.0000000g.tgj", TG_ERR_FORMAT, 0, 0},
    {"00c0ffee12345679.-0000001.tgj", TG_ERR_FORMAT, 0, 0},
    {"00c0ffee12345679-00000000.tgj", TG_ERR_FORMAT, 0, 0},
    {"00c0ffee12345679.00000000.tgk", TG_ERR_FORMAT, 0, 0},
    {"00c0ffee12345679.00000000.tg", TG_ERR_FORMAT, 0, 0},
    {"00c0ffee12345679.00000000.tgj~", TG_ERR_FORMAT, 0, 0},
    {"0c0ffee12345679.000000000.tgj", TG_ERR_FORMAT, 0, 0},
};

static void
test_names(void)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint64_t writer = 0;
        uint32_t number = 0;

        is_int(tg_journal_parse_name(names[i].name, &writer, &number),
               names[i].want, "name \"%s\"", names[i].name);
        ok(writer == names[i].writer && number == names[i].number,
           "and what it says");
    }
}

int
main(void)
{
    if (mkdtemp(dir) == NULL ||
        (dir_fd = open(dir, O_RDONLY | O_DIRECTORY)) == -1)
        return 1;
    test_by_document();
    test_reading();
    test_torn_tail();
    test_flipped_bits();
    test_other_versions();
    test_rotation();
    test_failed_write();
    test_long_texts();
    test_denials_by_document();
    test_reading_denials();
    test_most_denials();
    test_failed_denials();
    test_denials_and_clock();
    test_hold();
    test_no_second_writer();
    test_names();
    remove_segments();
    close(dir_fd);
    rmdir(dir);
    return done();
}
