/*
 * client_busy.h: a gate that has too much to do is asked again.
 */
#ifndef TG_CLIENT_BUSY_H
#define TG_CLIENT_BUSY_H

#include "client_part.h"

/* How often it was asked.  Zeros to begin with. */
struct tg_patience {
    int times;
    bool (*goes_on)(void *arg); /* NULL: it does; asked while it waits */
    void *arg;
};

/*
 * Whether curl's last answer, of which body is what came, says that the
 * request was not begun as too many are under way.  Then waits as long as it
 * says, and tells people so.  Also false when that was for two minutes, or
 * goes_on is false: the answer is then the last one.
 */
bool tg_client_is_busy(struct tg_cli *cli, CURL *curl, const char *body,
                       size_t len, struct tg_patience *patience);

#endif
