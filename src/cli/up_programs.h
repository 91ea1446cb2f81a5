/*
 * up_programs.h: the two programs `tollgate up` runs: where they are, whom
 * they run as, and what they are told.
 */
#ifndef TG_UP_PROGRAMS_H
#define TG_UP_PROGRAMS_H

#include "up_home.h"
#include "up_run.h"

#define TG_PROGRAM_ENV_MAX 16

struct tg_program {
    char *argv[12];
};

struct tg_up_programs {
    char daemon_path[TG_PATH_SIZE];
    char nginx_path[TG_PATH_SIZE];
    char module_path[TG_PATH_SIZE];
    char conf_path[TG_PATH_SIZE + 32];
    char nginx_log[TG_PATH_SIZE + 32];
    const char *user; /* of nginx's workers; NULL: ours */
    char *group;
    struct tg_program daemon;
    struct tg_program nginx;
    char *envp[TG_PROGRAM_ENV_MAX]; /* a list, so that no secret of the
                                       operator's shell goes along */
};

/*
 * Finds the programs (the daemon and the module beside our own executable,
 * else where a package puts them) and fills in their arguments.  What is
 * missing is said on standard error.  Returns 0 or 1; tg_up_programs_release
 * ends it either way.
 */
int tg_up_programs_find(struct tg_up_programs *programs,
                        const struct tg_up_home *home);

/*
 * Finds tollgated alone: path[TG_PATH_SIZE].  Returns 0, or 1 after it said
 * where it looked.
 */
int tg_up_programs_daemon(char *path);

void tg_up_programs_release(struct tg_up_programs *programs);

/* Writes nginx's configuration.  Returns 0, or 1 after it said why. */
int tg_up_programs_configure(const struct tg_up_programs *programs,
                             const struct tg_up_run *run);

#endif
