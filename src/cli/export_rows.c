#include "export_rows.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "client.h"
#include "glyph.h"
#include "new_file.h"
#include "own.h"
#include "request.h"
#include "say.h"

#define PATIENCE_MS 1000 /* until progress is worth a line */
#define AGAIN_MS 200
#define NUMBER_SIZE 32

const char *const tg_export_formats[] = {"csv", "jsonl", NULL};

struct export
{
    const struct tg_cli *cli;
    struct tg_stream stream;
    int fd;
    const char *name;
    bool has_head;       /* the first line is none of the rows */
    bool shows_progress; /* standard error is a terminal */
    bool is_shown;       /* a line of it stands there */
    bool has_left;       /* who read standard output has enough */
    int error;           /* errno of a write that failed */
    int64_t lines, bytes;
    int64_t begun_ms, shown_ms;
    char last; /* byte that came */
    char *line;
    size_t line_len; /* with a terminal: of a line that is not whole */
};

static volatile sig_atomic_t signal_seen;

static void
note_signal(int number)
{
    signal_seen = number;
}

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 1234567 as "1,234,567". */
static const char *
grouped(int64_t number, char out[NUMBER_SIZE])
{
    char *at = out + NUMBER_SIZE;
    int digits = 0;

    *--at = '\0';
    do {
        if (digits > 0 && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + number % 10);
        number /= 10;
        digits++;
    } while (number != 0);
    return at;
}

static int64_t
row_count(const struct export *export)
{
    return export->lines - (export->has_head && export->lines > 0);
}

static void
show_progress(struct export *export)
{
    char rows[NUMBER_SIZE], rate[NUMBER_SIZE], share[16] = "";
    int64_t now = now_ms(), took = now - export->begun_ms;
    int64_t count = row_count(export), all = export->stream.rows;

    if (!export->shows_progress || took < PATIENCE_MS ||
        now - export->shown_ms < AGAIN_MS)
        return;
    if (all > 0)
        snprintf(share, sizeof(share), ", %d %%",
                 (int)(count < all ? count * 100 / all : 100));
    fprintf(stderr, "\r%s rows, %s rows/s%s\033[K", grouped(count, rows),
            grouped(count * 1000 / took, rate), share);
    export->shown_ms = now;
    export->is_shown = true;
}

static void
hide_progress(struct export *export)
{
    if (export->is_shown)
        fputs("\r\033[K", stderr);
    export->is_shown = false;
}

static bool
write_all(struct export *export, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(export->fd, data, len);

        if (n < 0 && errno == EINTR && signal_seen == 0)
            continue;
        if (n < 0) {
            export->error = errno;
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* Line by line, as a terminal obeys what strangers have sent. */
static bool
write_safely(struct export *export, const char *data, size_t len)
{
    const char *end;
    bool is_fine = true;

    while (is_fine && len > 0) {
        size_t part;
        char *safe;

        end = memchr(data, '\n', len);
        part = end != NULL ? (size_t)(end - data) : len;
        export->line =
            tg_own(realloc(export->line, export->line_len + part + 1));
        memcpy(export->line + export->line_len, data, part);
        export->line_len += part;
        if (end == NULL)
            return true;
        export->line[export->line_len] = '\0';
        safe = tg_glyph_safe(export->line);
        is_fine =
            write_all(export, safe, strlen(safe)) && write_all(export, "\n", 1);
        free(safe);
        export->line_len = 0;
        data += part + 1;
        len -= part + 1;
    }
    return is_fine;
}

static bool
take(void *arg, const char *data, size_t len)
{
    struct export *export = arg;
    const char *at = data, *end = data + len;

    if (signal_seen != 0)
        return false;
    export->bytes += (int64_t)len;
    export->last = end[-1];
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        export->lines++;
        if (++at == end)
            break;
    }
    show_progress(export);
    return export->fd == STDOUT_FILENO && export->cli->is_terminal
               ? write_safely(export, data, len)
               : write_all(export, data, len);
}

static bool
goes_on(void *arg)
{
    show_progress(arg);
    return signal_seen == 0;
}

/* What can go wrong here, after the gate has sent all. */
static int
check_end(struct export *export)
{
    if (export->error == EPIPE && export->fd == STDOUT_FILENO) {
        export->has_left = true;
        return TG_EXIT_OK;
    }
    if (export->error != 0)
        return tg_say_failed("cannot write %s: %s", export->name,
                             strerror(export->error));
    if (signal_seen != 0)
        return TG_EXIT_FAILED;
    if (export->bytes > 0 && export->last != '\n')
        return tg_say_failed("the last row is cut: what came is not all of it");
    return TG_EXIT_OK;
}

static int
receive(struct tg_cli *cli, struct export *export)
{
    int rc;

    export->begun_ms = now_ms();
    rc = tg_client_stream(cli, &export->stream);
    hide_progress(export);
    free(export->line);
    return rc == TG_EXIT_OK ? check_end(export) : rc;
}

static void
say_done(const struct export *export, const char *what)
{
    char rows[NUMBER_SIZE];
    int64_t ms = now_ms() - export->begun_ms;

    tg_say_note(export->cli, "%s %s in %s (%.1f MB, %.1f s).",
                grouped(row_count(export), rows), what, export->name,
                (double)export->bytes / 1e6, (double)ms / 1000);
}

/* Ends as the signal would have ended it, once nothing is left behind. */
static void
obey_signal(void)
{
    int number = signal_seen;

    if (number == 0)
        return;
    signal(number, SIG_DFL);
    raise(number);
}

static int
export_file(struct tg_cli *cli, struct export *export, const char *what)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = note_signal};
    struct tg_new_file file;
    int rc;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        sigaction(ends[i], &action, NULL);
    rc = tg_new_file_open(&file, export->name);
    if (rc != TG_EXIT_OK)
        return rc;
    export->fd = file.fd;
    rc = receive(cli, export);
    rc = tg_new_file_close(&file, rc == TG_EXIT_OK) == TG_EXIT_OK
             ? rc
             : TG_EXIT_FAILED;
    obey_signal();
    if (rc == TG_EXIT_OK)
        say_done(export, what);
    return rc;
}

static bool
ends_with(const char *text, const char *ending)
{
    size_t len = strlen(text), end = strlen(ending);

    return len >= end && strcmp(text + len - end, ending) == 0;
}

/* As asked for, by --json, or as the file is called. */
static const char *
format_of(const struct tg_cli *cli, const char *name)
{
    const char *format = tg_args_value(cli, "format");

    if (format != NULL)
        return format;
    return cli->is_json || (name != NULL && ends_with(name, ".jsonl")) ? "jsonl"
                                                                       : "csv";
}

int
tg_export_rows(struct tg_cli *cli, const char *path, const char *what)
{
    const char *format = format_of(cli, cli->operand);
    bool is_stdout = cli->operand == NULL || strcmp(cli->operand, "-") == 0;
    struct export export = {
        .cli = cli,
        .fd = STDOUT_FILENO,
        .name = is_stdout ? "standard output" : cli->operand,
        .has_head = strcmp(format, "csv") == 0,
        .shows_progress = !cli->is_quiet && isatty(STDERR_FILENO) == 1 &&
                          !(is_stdout && cli->is_terminal),
        .stream = {.take = take, .goes_on = goes_on},
    };
    char *base = NULL, *target;
    int rc;

    if (asprintf(&base, "%s?format=%s", path, format) < 0)
        tg_own(NULL);
    rc = tg_request_target(cli, base, &target);
    free(base);
    if (rc != TG_EXIT_OK)
        return rc;
    export.stream.target = target;
    export.stream.arg = &export;
    rc = is_stdout ? receive(cli, &export) : export_file(cli, &export, what);
    free(target);
    return rc;
}
