/*
 * media.h: what a Content-Type says of a body that is read as JSON.
 */
#ifndef TG_MEDIA_H
#define TG_MEDIA_H

#include "str.h"

/*
 * Whether a Content-Type is application/json, or none was sent (empty).
 * Parameters do not count but charset, which JSON has none of (RFC 8259, 11):
 * it may say UTF-8.  A body that calls itself UTF-16 may be read in another
 * way than ours by whoever believes it.
 */
bool tg_media_is_json(struct tg_str content_type);

/* Whether a Content-Encoding encodes nothing: empty, or "identity". */
bool tg_media_is_plain(struct tg_str content_encoding);

#endif
