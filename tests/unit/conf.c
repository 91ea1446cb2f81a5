/* Goal: the operator's file says what it may, and what else is wrong in it. */
#include "tap.h"

/* What a row of a table leaves out is nothing. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "err.h"
#include "key.h"

/* 70 bytes; three are longer than a line may be. */
#define LONG                                                                   \
    "0123456789012345678901234567890123456789012345678901234567890123456789"

static const struct row {
    const char *what;
    const char *file;
    const char *error; /* behind the file's name; NULL: it is sound */
    uint32_t requires_verification, wrong_keys, production, development;
    const char *proxies; /* in a row, a blank behind each; NULL: none */
} rows[] = {
    {"nothing", "", NULL, 0, 300, 1000000, 1000000},
    {"comments", "# one\n; two\n\n[gate]\n", NULL, 0, 300, 1000000, 1000000},
    {"all of it",
     "[gate]\nrequire_verification = yes\nwrong_keys_per_minute = 10\n"
     "[prices]\nfactor_production = 1.25\nfactor_development=0.5\n"
     "factor_restricted = 2",
     NULL, 1, 10, 1250000, 500000},
    {"indented, CRLF, a comment behind a value",
     "[gate]\r\n  require_verification = no\r\n"
     "\twrong_keys_per_minute = 0 ; off\r\n",
     NULL, 0, 0, 1000000, 1000000},
    {"a section twice",
     "[gate]\nrequire_verification = yes\n[prices]\n[gate]\n"
     "wrong_keys_per_minute = 1000000\n",
     NULL, 1, 1000000, 1000000, 1000000},
    {"for ever, and long enough",
     "[retention]\ncalls_days = 0\nrollups_days = 35\ndenials_days = 0\n", NULL,
     0, 300, 1000000, 1000000},
    {"the least and the largest factor",
     "[prices]\nfactor_production = 0.000001\nfactor_development = 1000\n",
     NULL, 0, 300, 1, 1000000000},

    {"proxies, in one line and in several",
     "[gate]\ntrusted_proxies = 10.0.0.0/8, ::1\n"
     "trusted_proxies = ::ffff:192.0.2.0/120\n",
     NULL, 0, 300, 1000000, 1000000, "10.0.0.0/8 ::1/128 192.0.2.0/24 "},
    {"a proxy that is none", "[gate]\ntrusted_proxies = ::1, proxy\n",
     ", line 2: \"proxy\" is no network of proxies: write an address or CIDR, "
     "as in 10.0.0.0/8 or fd00::/8"},
    {"proxies that are everybody", "[gate]\ntrusted_proxies = 0.0.0.0/0\n",
     ", line 2: the proxies 0.0.0.0/0 are everybody: then anybody could name "
     "any address as his own"},
    {"no proxies", "[gate]\ntrusted_proxies =\n",
     ", line 2: \"\" is no network of proxies: write an address or CIDR, as in "
     "10.0.0.0/8 or fd00::/8"},

    {"where the daemon may send to",
     "[egress]\nallow = 10.0.0.0/8, ::1\nallow = fd00::/8\nports = 9000,9001\n"
     "proxy = http://proxy.example.com:3128\nca_file = /etc/our-ca.pem\n",
     NULL, 0, 300, 1000000, 1000000},
    {"public keys twice", "[leaks]\ngithub_keys = a\ngithub_keys = b\n",
     ", line 3: github_keys stands twice"},
    {"a network with bits behind its prefix", "[egress]\nallow = 10.1.0.0/8\n",
     ", line 2: the network \"10.1.0.0/8\" has bits behind its prefix: is "
     "10.0.0.0/8 meant?"},
    {"every address", "[egress]\nallow = ::/0\n",
     ", line 2: ::/0 is every address; name the networks that are meant"},
    {"too many accounts", "[metrics]\naccounts = 1001\n",
     ", line 2: accounts is a whole number from 0 to 1000, not \"1001\""},
    {"a port that is none", "[egress]\nports = 443, 65536\n",
     ", line 2: \"65536\" is no port: write a number from 1 to 65535"},
    {"two proxies", "[egress]\nproxy = http://a:1\nproxy = http://b:1\n",
     ", line 3: proxy stands twice"},
    {"a proxy with a user", "[egress]\nproxy = http://me:pw@a:1\n",
     ", line 2: proxy is like http://proxy.example.com:3128, without a user, "
     "not \"http://me:pw@a:1\""},
    {"a proxy without a port", "[egress]\nproxy = http://a\n",
     ", line 2: proxy is like http://proxy.example.com:3128, without a user, "
     "not \"http://a\""},
    {"a file that could be anywhere", "[egress]\nca_file = our-ca.pem\n",
     ", line 2: ca_file is a file's whole name, as in "
     "/etc/ssl/certs/our-ca.pem, not \"our-ca.pem\""},

    {"a response that there is not", "[responses]\nip_denied = kill\n",
     ", line 2: ip_denied is alert, throttle or pause, not \"kill\""},
    {"an event that there is not", "[responses development]\nx = alert\n",
     ", line 2: [responses development] has no \"x\"; it has: "
     "unauthorized_access, rate_limit_exceeded, suspicious_pattern, "
     "expired_key_used, ip_denied, budget_exhausted, leak_reported"},
    {"a throttle that throttles nothing", "[events]\nthrottle_percent = 101\n",
     ", line 2: throttle_percent is a whole number from 1 to 100, not "
     "\"101\""},
    {"a throttle of no time", "[events]\nthrottle_minutes = 0\n",
     ", line 2: throttle_minutes is a whole number from 1 to 1000000, not "
     "\"0\""},

    {"folders of sinks", "[sinks]\nfolders = /srv/app/, /etc/app\n", NULL, 0,
     300, 1000000, 1000000},
    {"the root", "[sinks]\nfolders = /\n",
     ", line 2: \"/\" is no folder's whole name, as in /srv/app; the root is "
     "none that is allowed"},
    {"a folder that could be anywhere", "[sinks]\nfolders = /srv/../etc\n",
     ", line 2: \"/srv/../etc\" is no folder's whole name, as in /srv/app; the "
     "root is none that is allowed"},

    {"a name that is not known", "[gate]\n\nverify = yes\n",
     ", line 3: [gate] has no \"verify\"; it has: require_verification, "
     "wrong_keys_per_minute, trusted_proxies, sync"},
    {"a name of another section", "[prices]\nwrong_keys_per_minute = 1\n",
     ", line 2: [prices] has no \"wrong_keys_per_minute\"; it has: "
     "factor_production, factor_development, factor_restricted"},
    {"a webhook that is empty", "[alerts]\nwebhook =\n",
     ", line 2: webhook is empty"},
    {"a webhook twice", "[alerts]\nwebhook = a\nwebhook = a\n",
     ", line 3: webhook stands twice"},
    {"a secret's file that is empty", "[alerts]\nwebhook_secret_file =\n",
     ", line 2: webhook_secret_file is empty"},
    {"a secret's file that is not absolute",
     "[alerts]\nwebhook_secret_file = x\n",
     ", line 2: webhook_secret_file is an absolute name"},
    {"a section that is not known", "[gates]\nx = 1\n",
     ", line 2: there is no section [gates]; there are: gate, egress, alerts, "
     "journal, "
     "leaks, prices, retention, events, metrics, upstreams, responses, "
     "responses "
     "production, "
     "responses development, responses restricted, sinks"},
    {"a name before any section", "require_verification = yes\n",
     ", line 1: \"require_verification\" stands before any section; there "
     "are: gate, egress, alerts, journal, leaks, prices, retention, events, "
     "metrics, "
     "upstreams, "
     "responses, "
     "responses production, "
     "responses development, responses restricted, sinks"},
    {"twice", "[gate]\nrequire_verification = yes\nrequire_verification = no\n",
     ", line 3: require_verification stands twice"},
    {"no line at all", "[gate]\nwhat is this\nverify = yes\n",
     ", line 2: it is neither a [section] nor a name = value"},
    {"a section that is not closed", "[gate\n",
     ", line 1: it is neither a [section] nor a name = value"},
    {"a fault before one that inih finds", "[gate]\nx = 1\nwhat\n",
     ", line 2: [gate] has no \"x\"; it has: require_verification, "
     "wrong_keys_per_minute, trusted_proxies, sync"},
    {"another word", "[gate]\nrequire_verification = Yes\n",
     ", line 2: require_verification is yes or no, not \"Yes\""},
    {"a sync that there is not", "[gate]\nsync = none\n",
     ", line 2: sync is batch or strict, not \"none\""},
    {"no value", "[gate]\nrequire_verification =\n",
     ", line 2: require_verification is yes or no, not \"\""},
    {"too many", "[gate]\nwrong_keys_per_minute = 1000001\n",
     ", line 2: wrong_keys_per_minute is a whole number from 0 to 1000000, "
     "not \"1000001\""},
    {"a sign", "[gate]\nwrong_keys_per_minute = -1\n",
     ", line 2: wrong_keys_per_minute is a whole number from 0 to 1000000, "
     "not \"-1\""},
    {"2^64 + 1", "[gate]\nwrong_keys_per_minute = 18446744073709551617\n",
     ", line 2: wrong_keys_per_minute is a whole number from 0 to 1000000, "
     "not \"18446744073709551617\""},
    {"a factor of nothing", "[prices]\nfactor_production = 0\n",
     ", line 2: factor_production is a number from 0.000001 to 1000, at most "
     "six decimals, not \"0\""},
    {"seven decimals", "[prices]\nfactor_production = 1.0000001\n",
     ", line 2: factor_production is a number from 0.000001 to 1000, at most "
     "six decimals, not \"1.0000001\""},
    {"a factor too large", "[prices]\nfactor_production = 1000.000001\n",
     ", line 2: factor_production is a number from 0.000001 to 1000, at most "
     "six decimals, not \"1000.000001\""},
    {"an exponent", "[prices]\nfactor_production = 1e3\n",
     ", line 2: factor_production is a number from 0.000001 to 1000, at most "
     "six decimals, not \"1e3\""},
    {"no fewer days than a new state file asks for",
     "[retention]\ncalls_days = 1\nrollups_days = 34\n",
     ", line 3: rollups_days is 0 or a whole number from 35 to 1000000, not "
     "\"34\""},
    {"a line that is too long", "[gate]\n# " LONG LONG LONG "\n",
     ", line 2: it is longer than 198 bytes"},
};

static void
is_proxies(const struct tg_proxies *proxies, const char *want)
{
    char got[1024] = "";

    for (size_t i = 0; i < proxies->count; i++)
        strcat(strcat(got, proxies->networks[i]), " ");
    is_str(got, want, "proxies");
}

static void
test_rows(const char *path)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct tg_conf conf, before;
        struct tg_conf_error error = {""};
        FILE *file = fopen(path, "w");
        int err;

        if (file == NULL || fputs(row->file, file) < 0 || fclose(file) != 0)
            abort();
        memset(&conf, 0xa5, sizeof(conf));
        before = conf;
        err = tg_conf_read(&conf, path, &error);
        is_int(err, row->error == NULL ? 0 : TG_ERR_FORMAT, "%s", row->what);
        if (err != 0) {
            ok(strncmp(error.text, path, strlen(path)) == 0, "names the file");
            is_str(error.text + strlen(path), row->error, "and what is wrong");
            ok(memcmp(&conf, &before, sizeof(conf)) == 0, "and sets nothing");
            continue;
        }
        is_int(conf.settings.requires_verification, row->requires_verification,
               "verification");
        is_int(conf.settings.wrong_keys_per_minute, row->wrong_keys,
               "wrong keys");
        is_int(conf.settings.price_factor_ppm[TG_KIND_PRODUCTION],
               row->production, "factor of production keys");
        is_int(conf.settings.price_factor_ppm[TG_KIND_DEVELOPMENT],
               row->development, "factor of development keys");
        is_proxies(&conf.proxies, row->proxies == NULL ? "" : row->proxies);
    }
}

static void
test_files(const char *path)
{
    struct tg_conf conf, usual;
    struct tg_conf_error error;

    tg_conf_init(&usual);
    unlink(path);
    memset(&conf, 0xa5, sizeof(conf));
    is_int(tg_conf_read(&conf, path, &error), 0, "no file is no fault");
    ok(memcmp(&conf, &usual, sizeof(conf)) == 0, "and the usual holds");
    is_int(tg_conf_read(&conf, "/proc/self", &error), TG_ERR_SYSTEM,
           "a folder cannot be read");
    is_str(error.text, "cannot read /proc/self: Is a directory", "it says so");
}

static void
test_sync(const char *path)
{
    static const char *const files[] = {"", "[gate]\nsync = batch\n",
                                        "[gate]\nsync = strict\n"};
    struct tg_conf_error error;
    struct tg_conf conf;

    for (uint32_t i = 0; i < 3; i++) {
        FILE *file = fopen(path, "w");

        if (file == NULL || fputs(files[i], file) < 0 || fclose(file) != 0)
            abort();
        is_int(tg_conf_read(&conf, path, &error), 0, "sync, file %u", i);
        is_int(conf.is_strict, i == 2, "is strict where it says so");
    }
}

int
main(void)
{
    char path[] = "/dev/shm/tollgate-conf-XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0)
        abort();
    close(fd);
    test_rows(path);
    test_sync(path);
    test_files(path);
    unlink(path);
    return done();
}
