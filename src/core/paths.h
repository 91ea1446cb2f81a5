/*
 * paths.h: where things stand, all from TOLLGATE_HOME.
 *
 * What must be in memory, and sockets, whose paths must be short, stand in a
 * folder of /dev/shm that is named by a digest of the home's real path.
 */
#ifndef TG_PATHS_H
#define TG_PATHS_H

#define TG_PATH_SIZE 4096

struct tg_paths {
    char home[TG_PATH_SIZE - 64]; /* absolute */
    char run[TG_PATH_SIZE];       /* home/run */
    char journal[TG_PATH_SIZE];   /* home/journal */
    char kept[TG_PATH_SIZE];      /* home/journal-kept */
    char store[TG_PATH_SIZE];     /* home/store.db */
    char conf[TG_PATH_SIZE];      /* home/tollgate.conf */
    char master_key[TG_PATH_SIZE];
    char admin_token[TG_PATH_SIZE];
    char shm[64];          /* /dev/shm/tollgate-<16 hex digits> */
    char state[80];        /* shm/state */
    char admin_socket[80]; /* shm/admin.sock */
};

/*
 * Fills paths from a real, absolute home (realpath(3) of it).  Returns 0 or
 * TG_ERR_RANGE when the home is too long.
 */
int tg_paths_init(struct tg_paths *paths, const char *home);

#endif
