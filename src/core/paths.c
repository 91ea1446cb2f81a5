#include "paths.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "err.h"

int
tg_paths_init(struct tg_paths *paths, const char *home)
{
    struct tg_digest digest;
    size_t n = strlen(home);

    if (n >= sizeof(paths->home))
        return TG_ERR_RANGE;
    memcpy(paths->home, home, n + 1);
    tg_digest_of((struct tg_str){home, n}, &digest);

    snprintf(paths->run, sizeof(paths->run), "%s/run", home);
    snprintf(paths->journal, sizeof(paths->journal), "%s/journal", home);
    snprintf(paths->kept, sizeof(paths->kept), "%s/journal-kept", home);
    snprintf(paths->store, sizeof(paths->store), "%s/store.db", home);
    snprintf(paths->conf, sizeof(paths->conf), "%s/tollgate.conf", home);
    snprintf(paths->master_key, sizeof(paths->master_key), "%s/master.key",
             home);
    snprintf(paths->admin_token, sizeof(paths->admin_token), "%s/admin.token",
             home);
    snprintf(paths->shm, sizeof(paths->shm),
             "/dev/shm/tollgate-%02x%02x%02x%02x%02x%02x%02x%02x",
             digest.bytes[0], digest.bytes[1], digest.bytes[2], digest.bytes[3],
             digest.bytes[4], digest.bytes[5], digest.bytes[6],
             digest.bytes[7]);
    snprintf(paths->state, sizeof(paths->state), "%s/state", paths->shm);
    snprintf(paths->admin_socket, sizeof(paths->admin_socket), "%s/admin.sock",
             paths->shm);
    return 0;
}
