/*
 * multipart.h: multipart/form-data read as tokens, in chunks of any size
 * (RFC 2046, RFC 7578, strictly).
 *
 * No allocation, a state of fixed size; a file's bytes are skipped with
 * memmem.  What two readers could take for two things is refused: anything
 * before the first or behind the last boundary, a boundary anywhere but at a
 * line's start, lines that do not end in CR LF, folded headers, transfer
 * encodings, a name with escapes or twice, a file name that is only encoded.
 *
 *     if (tg_multipart_boundary(content_type, &boundary) != 0) refuse;
 *     tg_multipart_init(&form, boundary);
 *     for each chunk:
 *         tg_multipart_feed(&form, chunk, len);
 *         while ((token = tg_multipart_next(&form)) > TG_MULTIPART_MORE)
 *             ...
 *     tg_multipart_finish(&form);
 */
#ifndef TG_MULTIPART_H
#define TG_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

#define TG_MULTIPART_BOUNDARY_MAX 70
#define TG_MULTIPART_DELIMITER_MAX (4 + TG_MULTIPART_BOUNDARY_MAX)
#define TG_MULTIPART_PARTS_MAX 128
#define TG_MULTIPART_HEADERS_MAX 8 /* of a part */
#define TG_MULTIPART_LINE_MAX 1024 /* a header */
#define TG_MULTIPART_NAME_MAX 64

/*
 * The boundary that a Content-Type of multipart/form-data names: 1 to 70
 * characters of RFC 2046 without a blank, quoted or not, and no other
 * parameter beside it.  It lies in content_type.  Returns 0; TG_ERR_NOT_FOUND
 * when it is another type; TG_ERR_FORMAT when it is this one, but not so.
 */
int tg_multipart_boundary(struct tg_str content_type, struct tg_str *boundary);

#define TG_MULTIPART_TYPE_SIZE (32 + TG_MULTIPART_BOUNDARY_MAX)

/*
 * Writes the Content-Type that names a boundary, in quotes where it must be.
 * Returns its length; there is no terminator.
 */
size_t tg_multipart_type(struct tg_str boundary,
                         char out[TG_MULTIPART_TYPE_SIZE]);

enum tg_multipart_token {
    TG_MULTIPART_ERROR = -1, /* see error and error_at; stays so */
    TG_MULTIPART_MORE = 0,   /* the chunk is used up */
    TG_MULTIPART_PART,       /* a part's headers are whole: see part */
    TG_MULTIPART_DATA,       /* of the part, not empty: see data */
    TG_MULTIPART_PART_END,
};

enum tg_multipart_error {
    TG_MULTIPART_OK = 0,
    TG_MULTIPART_SYNTAX,    /* a byte that cannot stand there */
    TG_MULTIPART_HEADER,    /* a part's header that is not taken */
    TG_MULTIPART_NAME,      /* a part without a name in plain writing */
    TG_MULTIPART_LIMIT,     /* too many parts or headers, or too long a line */
    TG_MULTIPART_LENGTH,    /* a part is not as long as its header says */
    TG_MULTIPART_TRAILING,  /* something behind the last boundary */
    TG_MULTIPART_TRUNCATED, /* the last boundary did not come */
};

struct tg_multipart_part {
    char name[TG_MULTIPART_NAME_MAX]; /* printable ASCII */
    uint8_t name_len;
    bool is_file; /* it has a file name, or a media type of its own */
};

/* Offsets count bytes from the first one ever fed. */
struct tg_multipart {
    struct tg_multipart_part part;
    struct tg_str data; /* valid until the next call */
    uint64_t part_at;   /* offset of the part's first header */
    enum tg_multipart_error error;
    uint64_t error_at;

    /* Private. */
    const char *chunk, *cursor, *end;
    uint64_t chunk_at;
    uint8_t state;
    uint8_t delimiter_len;
    uint8_t held;   /* bytes of the delimiter at the end of what was read */
    uint8_t marked; /* bytes of dashes and boundary there: KMP's state */
    bool has_disposition, has_type, has_length;
    uint16_t parts, headers, line_len;
    uint64_t length, seen; /* of the part: as its header says, and so far */
    char delimiter[TG_MULTIPART_DELIMITER_MAX];   /* CR LF - - boundary */
    uint8_t fallback[TG_MULTIPART_DELIMITER_MAX]; /* KMP's table, from "--" */
    char line[TG_MULTIPART_LINE_MAX];
};

/* Begins a form; the boundary is copied. */
void tg_multipart_init(struct tg_multipart *form, struct tg_str boundary);

/*
 * Gives the next len bytes.  The chunk before must be used up; this one must
 * stay where it is until tg_multipart_next returns _MORE or _ERROR.
 */
void tg_multipart_feed(struct tg_multipart *form, const void *data, size_t len);

/* Reads on to the next token. */
enum tg_multipart_token tg_multipart_next(struct tg_multipart *form);

/*
 * Ends the form.  Returns 0 when it was whole and had a part, else
 * TG_ERR_FORMAT with error and error_at set.
 */
int tg_multipart_finish(struct tg_multipart *form);

#endif
