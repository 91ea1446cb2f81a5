#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "own.h"
#include "private.h"
#include "profile.h"
#include "say.h"
#include "glyph.h"

#define DEFAULT_LISTEN "127.0.0.1:8080"

/* An option's value, else the environment's; empty counts as absent. */
static const char *
given(const struct tg_cli *cli, const char *option, const char *variable)
{
    const char *value = tg_args_value(cli, option);

    if (value == NULL)
        value = getenv(variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

static char *
join(const char *folder, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        tg_own(NULL);
    return path;
}

/* The first line of a file of the home; *line stays NULL without one. */
static int
read_home(const struct tg_server *server, const char *name, bool is_secret,
          char **line, char **from)
{
    char *path = join(server->home, name), text[TG_PRIVATE_MAX];
    bool is_there;
    int rc =
        tg_private_read_line(path, is_secret, text, sizeof(text), &is_there);

    if (rc == TG_EXIT_OK && is_there && *text != '\0') {
        *line = tg_own(strdup(text));
        if (from != NULL)
            *from = tg_own(strdup(path));
    }
    explicit_bzero(text, sizeof(text));
    free(path);
    return rc;
}

char *
tg_server_url_of_listen(const char *listen)
{
    const char *port = strrchr(listen, ':');
    size_t host_len = port != NULL ? (size_t)(port - listen) : 0;
    char *url = NULL;
    int rc;

    if (host_len == 0 || strncmp(listen, "0.0.0.0:", 8) == 0 ||
        strncmp(listen, "*:", 2) == 0)
        rc = asprintf(&url, "http://127.0.0.1:%s",
                      port != NULL ? port + 1 : listen);
    else if (strncmp(listen, "[::]:", 5) == 0)
        rc = asprintf(&url, "http://[::1]:%s", port + 1);
    else
        rc = asprintf(&url, "http://%s", listen);
    return rc < 0 ? tg_own(NULL) : url;
}

static int
find_token(struct tg_server *server, const struct tg_cli *cli,
           const struct tg_profile *profile, bool *is_profile)
{
    const char *value = given(cli, "token", "TOLLGATE_ADMIN_TOKEN");

    *is_profile = false;
    if (cli->is_of_profile)
        value = NULL;
    if (value != NULL) {
        server->token = tg_own(strdup(value));
        server->token_from = tg_own(strdup(
            tg_args_has(cli, "token") ? "--token" : "TOLLGATE_ADMIN_TOKEN"));
        return TG_EXIT_OK;
    }
    if (!cli->is_of_profile &&
        read_home(server, "admin.token", true, &server->token,
                  &server->token_from) != TG_EXIT_OK)
        return TG_EXIT_FAILED;
    if (server->token == NULL && profile->token != NULL) {
        server->token = tg_own(strdup(profile->token));
        server->token_from = tg_own(strdup(profile->path));
        *is_profile = true;
    }
    return TG_EXIT_OK;
}

static int
find_url(struct tg_server *server, const struct tg_cli *cli,
         const struct tg_profile *profile, bool is_profile)
{
    const char *value = given(cli, "admin-url", "TOLLGATE_ADMIN_URL");
    const char *listen = getenv("TOLLGATE_LISTEN");

    if (value == NULL && is_profile)
        value = profile->url;
    if (value == NULL && !is_profile &&
        read_home(server, "run/admin.url", false, &server->url, NULL) !=
            TG_EXIT_OK)
        return TG_EXIT_FAILED;
    /* A token of one's own and no gate here: the profile's address. */
    if (value == NULL && server->url == NULL && server->token != NULL &&
        given(cli, "token", "TOLLGATE_ADMIN_TOKEN") != NULL)
        value = profile->url;
    if (value != NULL)
        server->url = tg_own(strdup(value));
    if (server->url == NULL)
        server->url = tg_server_url_of_listen(
            listen != NULL && *listen != '\0' ? listen : DEFAULT_LISTEN);
    return TG_EXIT_OK;
}

static int
check_url(struct tg_server *server)
{
    size_t len;

    server->shown = tg_own(strdup(server->url));
    if (strncmp(server->url, "unix:/", 6) == 0) {
        server->socket = tg_own(strdup(server->url + 5));
        free(server->url);
        server->url = tg_own(strdup("http://localhost"));
        return TG_EXIT_OK;
    }
    if ((strncmp(server->url, "http://", 7) != 0 &&
         strncmp(server->url, "https://", 8) != 0) ||
        !tg_glyph_is_token(server->url) || strpbrk(server->url, "?#@") != NULL)
        return tg_say_failed("\"%s\" is not an address of a gate: it must "
                             "begin with http://, https:// or unix:/",
                             server->url);
    len = strlen(server->url);
    while (len > 8 && server->url[len - 1] == '/')
        server->url[--len] = '\0';
    return TG_EXIT_OK;
}

int
tg_server_find(struct tg_server *server, const struct tg_cli *cli)
{
    const char *home = given(cli, "home", "TOLLGATE_HOME");
    struct tg_profile profile;
    bool is_profile;
    int rc;

    *server = (struct tg_server){0};
    server->home = tg_own(strdup(home != NULL ? home : "./var"));
    rc = tg_profile_read(&profile);
    if (rc == TG_EXIT_OK)
        rc = find_token(server, cli, &profile, &is_profile);
    if (rc == TG_EXIT_OK)
        rc = find_url(server, cli, &profile, is_profile);
    if (rc == TG_EXIT_OK)
        rc = check_url(server);
    if (rc == TG_EXIT_OK && server->token != NULL &&
        !tg_glyph_is_token(server->token))
        rc = tg_say_failed("the token of %s is not one word of plain text",
                           server->token_from);
    tg_profile_release(&profile);
    return rc;
}

bool
tg_server_is_local(const struct tg_server *server)
{
    return server->socket != NULL ||
           strncmp(server->url, "http://127.", 11) == 0 ||
           strncmp(server->url, "http://localhost", 16) == 0 ||
           strncmp(server->url, "http://[::1]", 12) == 0;
}

void
tg_server_release(struct tg_server *server)
{
    if (server->token != NULL)
        explicit_bzero(server->token, strlen(server->token));
    free(server->token);
    free(server->token_from);
    free(server->url);
    free(server->socket);
    free(server->shown);
    free(server->home);
    *server = (struct tg_server){0};
}
