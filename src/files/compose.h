/*
 * compose.h: a variable in a service's environment of a Compose file.
 *
 * YAML is read by libyaml; what is written is a few bytes in the text.  The
 * environment may be a map or a list, in blocks or in brackets.
 */
#ifndef TG_COMPOSE_H
#define TG_COMPOSE_H

#include "spot.h"

/*
 * Finds the variable, or the place for it.  Returns 0; TG_ERR_FORMAT when the
 * text is no such file, or is written in a way that a few bytes do not change
 * safely (an alias, a block of lines); TG_ERR_NOT_FOUND when there is no such
 * service; TG_ERR_DUPLICATE when the name stands twice.  *fault says where.
 */
int tg_compose_find(struct tg_str text, const char *service, const char *name,
                    struct tg_spot *spot, struct tg_fault *fault);

#endif
