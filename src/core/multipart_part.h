/*
 * multipart_part.h: what the two files of the multipart reader share.
 */
#ifndef TG_MULTIPART_PART_H
#define TG_MULTIPART_PART_H

#include "multipart.h"

/*
 * Takes the header in form->line, without its end.  Returns what is wrong
 * with it.
 */
enum tg_multipart_error tg_multipart_header(struct tg_multipart *form);

#endif
