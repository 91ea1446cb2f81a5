/*
 * Goal: nothing leaves for an address that is not public unless the
 * operator's file names its network, however it is written, and whatever a
 * name's other addresses are.
 */
#include "tap.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "egress.h"
#include "egress_plan.h"
#include "err.h"

/* What the resolver says of a name, instead of the real one. */
static const struct name {
    const char *name;
    const char *addresses[4];
} names[] = {
    {"public.test", {"192.0.1.7"}},
    {"public6.test", {"2001:4860::8888", "192.0.1.7"}},
    {"private.test", {"10.1.2.3"}},
    {"mixed.test", {"192.0.1.7", "2001:4860::8888", "192.168.0.9"}},
    {"own.test", {"127.0.0.1"}},
    {"own-and-public.test", {"127.0.0.1", "192.0.1.7"}},
    {"zero.test", {"0.0.0.0"}},
    {"none.test", {NULL}},
};

static int asked; /* how often the resolver was */

int __wrap_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list);
void __wrap_freeaddrinfo(struct addrinfo *list);
int __real_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list);
void __real_freeaddrinfo(struct addrinfo *list);

int
__wrap_getaddrinfo(const char *host, const char *service,
                   const struct addrinfo *hints, struct addrinfo **list)
{
    struct addrinfo numeric = *hints, **last = list;

    (void)service;
    asked++;
    *list = NULL;
    numeric.ai_flags = AI_NUMERICHOST;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].name, host) != 0)
            continue;
        for (size_t k = 0; k < 4 && names[i].addresses[k] != NULL; k++) {
            if (__real_getaddrinfo(names[i].addresses[k], NULL, &numeric,
                                   last) != 0)
                abort();
            last = &(*last)->ai_next;
        }
    }
    return *list == NULL ? EAI_NONAME : 0;
}

void
__wrap_freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;

        list->ai_next = NULL;
        __real_freeaddrinfo(list);
        list = next;
    }
}

static const struct row {
    const char *url;
    int want;
    const char *says; /* a part of the sentence; NULL: any */
} rows[] = {
    {"https://192.0.1.7/", 0, NULL},
    {"https://[2001:4860::8888]/x?y=z", 0, NULL},
    {"https://public.test/hook", 0, NULL},
    {"HTTPS://public.test/hook", 0, NULL},
    {"http://public6.test:8080", 0, NULL},
    {"https://[64:ff9b::192.0.1.7]/", 0, NULL},

    {"http://127.0.0.1/", TG_ERR_RANGE,
     "127.0.0.1 is this machine itself; nothing is sent there unless "
     "tollgate.conf says so: [egress] allow = 127.0.0.1"},
    {"http://127.255.255.254/", TG_ERR_RANGE, NULL},
    {"http://10.0.0.1/", TG_ERR_RANGE, "in a private network"},
    {"http://172.16.0.1/", TG_ERR_RANGE, NULL},
    {"http://172.31.255.255/", TG_ERR_RANGE, NULL},
    {"http://172.32.0.1/", 0, NULL},
    {"http://192.168.1.1/", TG_ERR_RANGE, NULL},
    {"http://100.64.0.1/", TG_ERR_RANGE, "shared network"},
    {"http://100.128.0.1/", 0, NULL},
    {"http://169.254.169.254/latest/meta-data/", TG_ERR_RANGE,
     "link-local, where clouds tell machines their secrets"},
    {"http://198.18.0.1/", TG_ERR_RANGE, NULL},
    {"http://192.0.2.1/", TG_ERR_RANGE, NULL},
    {"http://0.0.0.0/", TG_ERR_RANGE, "nothing is ever sent there"},
    {"http://0.1.2.3/", TG_ERR_RANGE, "nothing is ever sent there"},
    {"http://224.0.0.1/", TG_ERR_RANGE, "a group of them"},
    {"http://255.255.255.255/", TG_ERR_RANGE, "nothing is ever sent there"},
    {"http://[::]/", TG_ERR_RANGE, "nothing is ever sent there"},
    {"http://[::1]/", TG_ERR_RANGE, "this machine itself"},
    {"http://[::ffff:127.0.0.1]/", TG_ERR_RANGE, "this machine itself"},
    {"http://[::ffff:7f00:1]/", TG_ERR_RANGE, "this machine itself"},
    {"http://[0:0:0:0:0:ffff:a9fe:a9fe]/", TG_ERR_RANGE, "link-local"},
    {"http://[::127.0.0.1]/", TG_ERR_RANGE, "no public address"},
    {"http://[64:ff9b::10.0.0.1]/", TG_ERR_RANGE, "in a private network"},
    {"http://[64:ff9b::7f00:1]/", TG_ERR_RANGE, "this machine itself"},
    {"http://[64:ff9b::a9fe:a9fe]/", TG_ERR_RANGE, "link-local"},
    {"http://[64:ff9b:1::7f00:1]/", TG_ERR_RANGE, "no public address"},
    {"http://[2002:7f00:1::]/", TG_ERR_RANGE, "6to4"},
    {"http://[2001::7f00:1]/", TG_ERR_RANGE, "Teredo"},
    {"http://[fe80::1]/", TG_ERR_RANGE, "link-local"},
    {"http://[fec0::1]/", TG_ERR_RANGE, NULL},
    {"http://[fd12::1]/", TG_ERR_RANGE, "in a private network"},
    {"http://[ff02::1]/", TG_ERR_RANGE, "a group of them"},
    {"http://[2001:db8::1]/", TG_ERR_RANGE, "documentation"},

    {"http://2130706433/", TG_ERR_FORMAT, "hides it"},
    {"http://0177.0.0.1/", TG_ERR_FORMAT, "hides it"},
    {"http://0x7f.0.0.1/", TG_ERR_FORMAT, "hides it"},
    {"http://0x7f000001/", TG_ERR_FORMAT, "hides it"},
    {"http://127.1/", TG_ERR_FORMAT, "hides it"},
    {"http://3221225735/", TG_ERR_FORMAT, "hides it"},
    {"http://[fe80::1%25eth0]/", TG_ERR_FORMAT, "hides it"},
    {"http://%31%32%37.0.0.1/", TG_ERR_FORMAT, NULL},
    {"http://127.0.0.1\xe3\x80\x82/", TG_ERR_FORMAT, NULL},

    {"http://private.test/", TG_ERR_RANGE,
     "private.test is at 10.1.2.3, which is in a private network"},
    {"http://mixed.test/", TG_ERR_RANGE, "mixed.test is at 192.168.0.9"},
    {"http://zero.test/", TG_ERR_RANGE, "nothing is ever sent there"},
    {"http://none.test/", TG_ERR_NOT_FOUND, "none.test was not found"},

    {"http://public.test:22/", TG_ERR_RANGE,
     "port 22 of public.test is none of those that are sent to; "
     "tollgate.conf can add it: [egress] ports = 22"},
    {"http://public.test:25/", TG_ERR_RANGE, "port 25"},
    {"http://public.test:0/", TG_ERR_RANGE, "port 0"},
    {"http://user@public.test/", TG_ERR_FORMAT, "no user or password"},
    {"http://user:pass@public.test/", TG_ERR_FORMAT, "no user or password"},
    {"http://public.test@127.0.0.1/", TG_ERR_FORMAT, "no user or password"},
    {"http://127.0.0.1\\@public.test/", TG_ERR_FORMAT, NULL},
    {"http://public.test#@127.0.0.1/", 0, NULL},
    {"ftp://public.test/", TG_ERR_FORMAT, "https:// or http://"},
    {"file:///etc/passwd", TG_ERR_FORMAT, NULL},
    {"gopher://public.test/", TG_ERR_FORMAT, NULL},
    {"smtp://public.test/", TG_ERR_FORMAT, NULL},
    {"public.test", TG_ERR_FORMAT, NULL},
    {"http:public.test", TG_ERR_FORMAT, NULL},
    {"//public.test", TG_ERR_FORMAT, NULL},
    {"http://", TG_ERR_FORMAT, NULL},
    {"", TG_ERR_FORMAT, NULL},
    {"http://public.test/a b", TG_ERR_FORMAT, NULL},
    {"http://public.test/\r\nx", TG_ERR_FORMAT, NULL},
};

static int
plan(const struct tg_egress_rules *rules, const char *url, bool is_mail,
     bool *is_direct, struct tg_error *error)
{
    struct tg_egress_plan plan;
    int err = tg_egress_plan(&plan, rules, url, is_mail, 5000, error);

    *is_direct = plan.is_direct;
    tg_egress_plan_release(&plan);
    return err;
}

static void
is_planned(const struct tg_egress_rules *rules, const char *url, int want,
           const char *says)
{
    struct tg_error error = {""};
    bool is_direct;

    is_int(plan(rules, url, false, &is_direct, &error), want, "%s", url);
    if (says != NULL && !ok(strstr(error.text, says) != NULL, "it says so"))
        printf("#  got: %s\n# want: %s\n", error.text, says);
}

static void
test_rows(void)
{
    static const struct tg_egress_rules none;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_planned(&none, rows[i].url, rows[i].want, rows[i].says);
}

static void
test_allowed(void)
{
    struct tg_egress_rules rules = {0};
    char why[TG_EGRESS_WHY_SIZE] = "";

    is_int(tg_egress_rules_allow(&rules, "10.1.0.0/16, fd00::/8", why), 0,
           "networks are allowed");
    is_int(tg_egress_rules_ports(&rules, "9000", why), 0, "and a port");
    is_planned(&rules, "http://private.test:31337/", 0, NULL);
    is_planned(&rules, "http://[fd12::1]:22/", 0, NULL);
    is_planned(&rules, "http://[64:ff9b::10.1.0.1]/", 0, NULL);
    is_planned(&rules, "http://10.2.0.1/", TG_ERR_RANGE, "10.2.0.1 is in a");
    is_planned(&rules, "http://mixed.test/", TG_ERR_RANGE, "192.168.0.9");
    is_planned(&rules, "http://public.test:9000/", 0, NULL);
    is_planned(&rules, "http://public.test:9001/", TG_ERR_RANGE, "port 9001");
    is_int(tg_egress_rules_allow(&rules, "0.0.0.0/1,128.0.0.0/1,::/1,8000::/1",
                                 why),
           0, "nearly all is allowed");
    is_planned(&rules, "http://0.0.0.0/", TG_ERR_RANGE, "nothing is ever");
    is_planned(&rules, "http://[ff02::1]/", TG_ERR_RANGE, "nothing is ever");
    is_planned(&rules, "http://127.0.0.1/", 0, NULL);
}

static const struct bad {
    const char *list, *why;
} bad[] = {
    {"", "\"\" is no network"},
    {"localhost", "\"localhost\" is no network"},
    {"10.0.0.1/8", "is 10.0.0.0/8 meant?"},
    {"10.0.0.0/8,", "\"\" is no network"},
    {"0.0.0.0/0", "is every address"},
    {"::/0", "is every address"},
    {"::ffff:0:0/96", "is every address"},
};

static void
test_bad_lists(void)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tg_egress_rules rules = {0};
        char why[TG_EGRESS_WHY_SIZE] = "";

        is_int(tg_egress_rules_allow(&rules, bad[i].list, why), TG_ERR_FORMAT,
               "allow = %s", bad[i].list);
        ok(strstr(why, bad[i].why) != NULL, "says: %s", why);
    }
}

static void
test_mail(void)
{
    static const struct tg_egress_rules none;
    struct tg_error error;
    bool is_direct;

    is_int(plan(&none, "smtp://public.test:587", true, &is_direct, &error), 0,
           "a mail server");
    is_int(plan(&none, "smtps://public.test", true, &is_direct, &error), 0,
           "and by TLS, on its own port");
    is_int(plan(&none, "smtp://public.test:443", true, &is_direct, &error),
           TG_ERR_RANGE, "not on a port of the web");
    is_int(plan(&none, "https://public.test", true, &is_direct, &error),
           TG_ERR_FORMAT, "nor by the web");
    is_int(plan(&none, "smtp://private.test", true, &is_direct, &error),
           TG_ERR_RANGE, "nor inside");
}

static void
test_proxy(void)
{
    struct tg_egress_rules rules = {.proxy = "http://proxy.test:3128"};
    char why[TG_EGRESS_WHY_SIZE];
    struct tg_error error;
    bool is_direct = true;

    is_int(plan(&rules, "https://none.test", false, &is_direct, &error), 0,
           "a proxy may know names that are not known here");
    ok(!is_direct, "and is asked");
    is_int(plan(&rules, "https://public.test", false, &is_direct, &error), 0,
           "as for those that are");
    ok(!is_direct, "it is asked, too");
    is_int(plan(&rules, "https://private.test", false, &is_direct, &error),
           TG_ERR_RANGE, "but not for what is private");
    is_int(plan(&rules, "http://[::1]", false, &is_direct, &error),
           TG_ERR_RANGE, "nor for this machine");
    tg_egress_rules_allow(&rules, "127.0.0.1", why);
    is_int(plan(&rules, "http://own.test", false, &is_direct, &error), 0,
           "what is allowed");
    ok(is_direct, "needs no proxy");
    is_int(
        plan(&rules, "http://own-and-public.test", false, &is_direct, &error),
        0, "what is so in part");
    ok(!is_direct, "does");
}

/* A server for one request, which it keeps; it answers as it is told. */
struct server {
    int fd;
    uint16_t port;
    const char *answer;
    char got[4096];
    pthread_t thread;
};

static void *
serve(void *arg)
{
    struct server *server = arg;
    int fd = accept(server->fd, NULL, NULL);
    ssize_t n, all = 0;

    while ((n = read(fd, server->got + all,
                     sizeof(server->got) - 1 - (size_t)all)) > 0) {
        all += n;
        server->got[all] = '\0';
        if (strstr(server->got, "\r\n\r\n") != NULL)
            break;
    }
    if (write(fd, server->answer, strlen(server->answer)) < 0)
        abort();
    close(fd);
    return NULL;
}

static void
start(struct server *server, const char *answer)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    memset(server, 0, sizeof(*server));
    server->answer = answer;
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server->fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(server->fd, 4) != 0 ||
        getsockname(server->fd, (struct sockaddr *)&at, &len) != 0)
        abort();
    server->port = ntohs(at.sin_port);
    pthread_create(&server->thread, NULL, serve, server);
}

static void
end(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->fd);
}

static int
send_to(struct server *server, size_t max, struct tg_egress_answer *answer,
        struct tg_error *error)
{
    static const char *const headers[] = {"X-Test: yes", NULL};
    struct tg_egress_rules rules = {0};
    char why[TG_EGRESS_WHY_SIZE], url[64];
    struct tg_egress_request request = {.method = "PUT",
                                        .url = url,
                                        .headers = headers,
                                        .body = TG_STR("{}"),
                                        .answer_max = max};

    tg_egress_rules_allow(&rules, "127.0.0.1", why);
    snprintf(url, sizeof(url), "http://own.test:%u/a?b", server->port);
    return tg_egress_send_by(&rules, &request, answer, error);
}

static void
test_sent(void)
{
    struct tg_egress_answer answer;
    struct tg_error error;
    struct server server;

    start(&server, "HTTP/1.1 302 Found\r\nLocation: http://10.1.2.3/\r\n"
                   "Retry-After: 7\r\nContent-Length: 5\r\n\r\nthere");
    asked = 0;
    is_int(send_to(&server, 0, &answer, &error), 0, "an answer comes");
    end(&server);
    is_int(answer.status, 302, "a redirect is an answer, not followed");
    is_int(answer.retry_after_s, 7, "when to come again");
    is_str(answer.data, "there", "its body");
    is_int(asked, 1, "the resolver was asked once");
    ok(strncmp(server.got, "PUT /a?b HTTP/1.1\r\n", 19) == 0, "the method");
    ok(strstr(server.got, "\r\nX-Test: yes\r\n") != NULL, "its headers");
    ok(strstr(server.got, "Expect") == NULL, "no more than those");
    tg_egress_answer_release(&answer);

    start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere");
    is_int(send_to(&server, 4, &answer, &error), TG_ERR_LIMIT, "too large");
    end(&server);
    is_str(error.text, "the answer of own.test is larger than 4 bytes",
           "it says so");
    is_int(answer.status, 200, "its status is known");
    tg_egress_answer_release(&answer);

    start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nthere");
    is_int(send_to(&server, 0, &answer, &error), TG_ERR_BUSY, "cut short");
    end(&server);
    tg_egress_answer_release(&answer);
}

static void
test_environment(void)
{
    struct tg_egress_answer answer;
    struct tg_error error;
    struct server server;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    start(&server, "HTTP/1.1 204 No Content\r\n\r\n");
    is_int(send_to(&server, 0, &answer, &error), 0,
           "a proxy of the environment does not count");
    end(&server);
    is_int(answer.status, 204, "an answer without a body");
    ok(answer.data == NULL, "has none");
    tg_egress_answer_release(&answer);
}

static void
test_header_lines(void)
{
    static const char *const headers[] = {"X-Test: yes\r\nX-More: no", NULL};
    static const struct tg_egress_rules none;
    struct tg_egress_request request = {
        .method = "GET", .url = "http://public.test/", .headers = headers};
    struct tg_egress_answer answer;
    struct tg_error error;

    is_int(tg_egress_send_by(&none, &request, &answer, &error), TG_ERR_FORMAT,
           "a header is one line");
    tg_egress_answer_release(&answer);
}

int
main(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        abort();
    test_rows();
    test_allowed();
    test_bad_lists();
    test_mail();
    test_proxy();
    test_sent();
    test_environment();
    test_header_lines();
    curl_global_cleanup();
    return done();
}
