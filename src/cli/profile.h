/*
 * profile.h: $XDG_CONFIG_HOME/tollgate/config, two lines for those who work
 * on another machine than the gate's:
 *
 *     url = https://gate.example.com
 *     token = tgo_…
 */
#ifndef TG_PROFILE_H
#define TG_PROFILE_H

/* All strings are the struct's; NULL: not given. */
struct tg_profile {
    char *path;
    char *url;
    char *token;
};

/*
 * Reads the user's profile; without one all but path stay NULL.  Returns
 * TG_EXIT_OK, or TG_EXIT_FAILED after saying why: unreadable, a name it does
 * not know, or a token in a file that others can read.
 */
int tg_profile_read(struct tg_profile *profile);

/*
 * Writes url and token (NULL: without that line) into the user's profile, in
 * one step and for nobody else to read.  Returns an exit code after saying
 * why not.
 */
int tg_profile_write(const char *url, const char *token);

/* Wipes the token and frees all. */
void tg_profile_release(struct tg_profile *profile);

#endif
