/*
 * up.h: `tollgate up`, `down` and `status`, as rows of the command table.
 */
#ifndef TG_UP_H
#define TG_UP_H

/*
 * argv[0] is the verb.  Each returns the exit status: 0 done, 1 failed (for
 * status: it does not run), 2 wrong usage, 3 the daemon cannot be reached.
 */
int tg_cli_up(int argc, char **argv);
int tg_cli_down(int argc, char **argv);
int tg_cli_status(int argc, char **argv);

#endif
