#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

const char tg_options_usage[] =
    "usage: tollgated --home DIR [--worker-user NAME | --shm-owner UID:GID]\n"
    "                 [--foreground] [--die-with-parent]\n"
    "       tollgated --home DIR --backup FILE [--replace]\n"
    "       tollgated --home DIR --restore FILE [--accept-gap]\n"
    "       tollgated --home DIR --verify\n"
    "       tollgated [--home DIR] --verify-audit [--audit-file FILE]\n"
    "                 [--audit-head DIGEST] [--audit-key KEY]\n"
    "       tollgated --help | --version\n"
    "\n"
    "Keeps Tollgate's policy and books: serves the admin API on a socket,\n"
    "publishes policy to nginx's workers, takes in their journal.  It runs in\n"
    "the foreground; `tollgate up` starts and watches it.\n"
    "\n"
    "  --home DIR          where everything is kept; made if it is missing\n"
    "  --worker-user NAME  the user nginx's workers run as (when root)\n"
    "  --shm-owner UID:GID the same, by number\n"
    "  --foreground        the only mode; accepted for unit files\n"
    "  --die-with-parent   end when the process that started it ends\n"
    "  --backup FILE       copy the store to FILE, and end; another tollgated\n"
    "                      may run meanwhile\n"
    "  --replace           also when there is such a file\n"
    "  --restore FILE      put a copy in the store's place, and end; nothing\n"
    "                      else may run\n"
    "  --accept-gap        also when calls behind it are kept nowhere\n"
    "  --verify            check store and journal against each other, and\n"
    "                      end; nothing else may run\n"
    "  --verify-audit      check the audit log, and end\n"
    "  --audit-file FILE   an exported one, not the home's\n"
    "  --audit-head DIGEST that an entry of it must have\n"
    "  --audit-key KEY     the public key it is signed with\n";

enum {
    OPT_HOME = 256,
    OPT_WORKER_USER,
    OPT_SHM_OWNER,
    OPT_FOREGROUND,
    OPT_DIE,
    OPT_BACKUP,
    OPT_REPLACE,
    OPT_RESTORE,
    OPT_ACCEPT_GAP,
    OPT_VERIFY,
    OPT_VERIFY_AUDIT,
    OPT_AUDIT_FILE,
    OPT_AUDIT_HEAD,
    OPT_AUDIT_KEY,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option table[] = {
    {"home", required_argument, NULL, OPT_HOME},
    {"worker-user", required_argument, NULL, OPT_WORKER_USER},
    {"shm-owner", required_argument, NULL, OPT_SHM_OWNER},
    {"foreground", no_argument, NULL, OPT_FOREGROUND},
    {"die-with-parent", no_argument, NULL, OPT_DIE},
    {"backup", required_argument, NULL, OPT_BACKUP},
    {"replace", no_argument, NULL, OPT_REPLACE},
    {"restore", required_argument, NULL, OPT_RESTORE},
    {"accept-gap", no_argument, NULL, OPT_ACCEPT_GAP},
    {"verify", no_argument, NULL, OPT_VERIFY},
    {"verify-audit", no_argument, NULL, OPT_VERIFY_AUDIT},
    {"audit-file", required_argument, NULL, OPT_AUDIT_FILE},
    {"audit-head", required_argument, NULL, OPT_AUDIT_HEAD},
    {"audit-key", required_argument, NULL, OPT_AUDIT_KEY},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int
read_user(struct tg_options *options, const char *name, struct tg_error *error)
{
    const struct passwd *user = getpwnam(name);

    if (user == NULL)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "--worker-user: there is no user '%s'", name);
    options->has_worker = true;
    options->worker_uid = user->pw_uid;
    options->worker_gid = user->pw_gid;
    return 0;
}

static int
read_owner(struct tg_options *options, const char *text, struct tg_error *error)
{
    char *end;
    unsigned long uid, gid;

    errno = 0;
    uid = strtoul(text, &end, 10);
    if (*end == ':' && end != text && end[1] != '\0') {
        gid = strtoul(end + 1, &end, 10);
        if (*end == '\0' && errno == 0 && uid < UINT32_MAX &&
            gid < UINT32_MAX && strspn(text, "0123456789:") == strlen(text)) {
            options->has_worker = true;
            options->worker_uid = (uid_t)uid;
            options->worker_gid = (gid_t)gid;
            return 0;
        }
    }
    return tg_error_set(error, TG_ERR_FORMAT,
                        "--shm-owner takes two numbers, UID:GID, not '%s'",
                        text);
}

static int
read_one(struct tg_options *options, int option, char **argv,
         struct tg_error *error)
{
    switch (option) {
    case OPT_HOME:
        options->home = optarg;
        return 0;
    case OPT_WORKER_USER:
        return read_user(options, optarg, error);
    case OPT_SHM_OWNER:
        return read_owner(options, optarg, error);
    case OPT_FOREGROUND:
        return 0;
    case OPT_DIE:
        options->dies_with_parent = true;
        return 0;
    case OPT_BACKUP:
        options->backup = optarg;
        return 0;
    case OPT_REPLACE:
        options->replaces = true;
        return 0;
    case OPT_RESTORE:
        options->restore = optarg;
        return 0;
    case OPT_ACCEPT_GAP:
        options->accepts_gap = true;
        return 0;
    case OPT_VERIFY:
        options->verifies = true;
        return 0;
    case OPT_VERIFY_AUDIT:
        options->verifies_audit = true;
        return 0;
    case OPT_AUDIT_FILE:
        options->audit_file = optarg;
        return 0;
    case OPT_AUDIT_HEAD:
        options->audit_head = optarg;
        return 0;
    case OPT_AUDIT_KEY:
        options->audit_key = optarg;
        return 0;
    case OPT_HELP:
        options->shows_help = true;
        return 0;
    case OPT_VERSION:
        options->shows_version = true;
        return 0;
    case ':':
        return tg_error_set(error, TG_ERR_FORMAT, "%s needs a value",
                            argv[optind - 1]);
    }
    return tg_error_set(error, TG_ERR_FORMAT,
                        "unknown option %s; see tollgated --help",
                        argv[optind - 1]);
}

int
tg_options_read(struct tg_options *options, int argc, char **argv,
                struct tg_error *error)
{
    int option, err;

    memset(options, 0, sizeof(*options));
    while ((option = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        err = read_one(options, option, argv, error);
        if (err != 0)
            return err;
    }
    if (options->shows_help || options->shows_version)
        return 0;
    if (optind < argc)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "'%s' is not an option; see tollgated --help",
                            argv[optind]);
    if ((options->backup != NULL) + (options->restore != NULL) +
            options->verifies + options->verifies_audit >
        1)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "--backup, --restore, --verify and --verify-audit "
                            "are four things");
    if (options->verifies_audit && options->audit_file != NULL)
        return 0;
    if (options->home == NULL || options->home[0] == '\0')
        return tg_error_set(error, TG_ERR_FORMAT,
                            "--home DIR is missing; see tollgated --help");
    return 0;
}
