#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"

enum { USAGE = 2, MAX_MS = 3600 * 1000 };

static const char help[] =
    "usage: tollgate-sim [options]\n"
    "\n"
    "A simulated model upstream: answers as a provider does, counts exactly\n"
    "what it served (GET /sim/count), and fails on demand (docs/sim.md).\n"
    "\n"
    "  --listen ADDR:PORT  where to serve; port 0 is any (127.0.0.1:0)\n"
    "  --url-file FILE     write the base URL to FILE when ready\n"
    "  --dialect NAME      deepseek, openai, vllm or anthropic (deepseek)\n"
    "  --key FILE          accept only the key in FILE (any key)\n"
    "  --latency MS        wait before the first token (0)\n"
    "  --token-rate N      tokens a second; 0 is all at once (0)\n"
    "  --keepalive MS      send keep-alives while waiting (0: none)\n"
    "  --tokens N          length of an answer nobody limits (24)\n"
    "  --workers N         threads (1)\n"
    "  --log FILE          append one JSON line a request\n"
    "  --no-record         keep no requests for GET /sim/requests\n"
    "  --die-with-parent   end when the starting process ends\n"
    "  --version, --help\n";

static const char *const dialects[SIM_DIALECT_COUNT] = {
    [SIM_DEEPSEEK] = "deepseek",
    [SIM_OPENAI] = "openai",
    [SIM_VLLM] = "vllm",
    [SIM_ANTHROPIC] = "anthropic",
};

const char *
sim_dialect_name(enum sim_dialect dialect)
{
    return dialects[dialect];
}

__attribute__((format(printf, 1, 2), noreturn)) static void
refuse(const char *format, ...)
{
    va_list ap;

    fputs("tollgate-sim: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(USAGE);
}

static int64_t
number(const char *option, const char *text, int64_t least, int64_t most)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < least || value > most)
        refuse("--%s takes a number from %lld to %lld, not '%s'", option,
               (long long)least, (long long)most, text);
    return value;
}

static enum sim_dialect
dialect_by_name(const char *name)
{
    for (enum sim_dialect d = 0; d < SIM_DIALECT_COUNT; d++)
        if (strcmp(name, dialects[d]) == 0)
            return d;
    refuse("--dialect is deepseek, openai, vllm or anthropic, not '%s'", name);
}

static void
read_listen(struct sim_options *options, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;

    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (!colon || len == 0 || len >= sizeof(options->address))
        refuse("--listen takes ADDR:PORT such as 127.0.0.1:9000, not '%s'",
               text);
    memcpy(options->address, text, len);
    options->address[len] = 0;
    options->port = (uint16_t)number("listen", colon + 1, 0, 65535);
}

static void
read_key(struct sim_options *options, const char *path)
{
    FILE *file = fopen(path, "re");
    size_t len;

    if (!file)
        refuse("--key: cannot open '%s': %s", path, strerror(errno));
    len = fread(options->key, 1, sizeof(options->key), file);
    fclose(file);
    while (len > 0 && strchr("\r\n \t", options->key[len - 1]))
        len--;
    if (len == 0 || len == sizeof(options->key))
        refuse("--key: '%s' must hold one key of 1 to %zu bytes", path,
               sizeof(options->key) - 1);
    options->key_bytes = len;
}

static void
read_rate(struct sim_options *options, const char *text)
{
    int64_t rate = number("token-rate", text, 0, 1000000);

    options->token_ns = rate ? 1000000000 / rate : 0;
}

__attribute__((noreturn)) static void
show(const char *text)
{
    fputs(text, stdout);
    exit(0);
}

static int64_t
milliseconds(const char *option, const char *text)
{
    return number(option, text, 0, MAX_MS) * 1000000;
}

static void
take(struct sim_options *options, int option, const char *arg)
{
    switch (option) {
    case 'l':
        read_listen(options, arg);
        break;
    case 'u':
        options->url_file = arg;
        break;
    case 'd':
        options->dialect = dialect_by_name(arg);
        break;
    case 'k':
        read_key(options, arg);
        break;
    case 'L':
        options->latency_ns = milliseconds("latency", arg);
        break;
    case 'r':
        read_rate(options, arg);
        break;
    case 'K':
        options->keepalive_ns = milliseconds("keepalive", arg);
        break;
    case 't':
        options->tokens = number("tokens", arg, 1, 1000000);
        break;
    case 'w':
        options->workers = (int)number("workers", arg, 1, 64);
        break;
    case 'g':
        options->log_file = arg;
        break;
    case 'n':
        options->keeps_no_records = true;
        break;
    case 'p':
        options->dies_with_parent = true;
        break;
    case 'V':
        show("tollgate-sim " TG_SIM_VERSION "\n");
    case 'h':
        show(help);
    default:
        refuse(option == ':' ? "%s needs a value; see tollgate-sim --help"
                             : "%s is not an option; see tollgate-sim --help",
               arg);
    }
}

void
sim_options_read(struct sim_options *options, int argc, char **argv)
{
    static const struct option names[] = {
        {"listen", required_argument, NULL, 'l'},
        {"url-file", required_argument, NULL, 'u'},
        {"dialect", required_argument, NULL, 'd'},
        {"key", required_argument, NULL, 'k'},
        {"latency", required_argument, NULL, 'L'},
        {"token-rate", required_argument, NULL, 'r'},
        {"keepalive", required_argument, NULL, 'K'},
        {"tokens", required_argument, NULL, 't'},
        {"workers", required_argument, NULL, 'w'},
        {"log", required_argument, NULL, 'g'},
        {"no-record", no_argument, NULL, 'n'},
        {"die-with-parent", no_argument, NULL, 'p'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *options = (struct sim_options){
        .address = "127.0.0.1", .tokens = 24, .workers = 1};
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", names, NULL)) != -1)
        take(options, option, optarg ? optarg : argv[optind - 1]);
    if (optind < argc)
        refuse("'%s' is not an option; see tollgate-sim --help", argv[optind]);
}
