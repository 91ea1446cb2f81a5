/*
 * complete.h: what may stand next on a command line, for the shells.
 */
#ifndef TG_COMPLETE_H
#define TG_COMPLETE_H

/*
 * `tollgate __complete WORD…`: the words behind "tollgate", the last one
 * being the one that is typed, perhaps empty.  Prints a line a candidate:
 * the word, a tab, what it is.  Prints ":files" when a path is wanted.
 * Returns 0.
 */
int tg_complete_run(int argc, char **argv);

#endif
