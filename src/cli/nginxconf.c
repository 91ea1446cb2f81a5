#include "nginxconf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

#define UPSTREAM_COUNT 64 /* rows of tg_catalog.upstreams */
#define CONNECTIONS_MAX 16384
#define CA_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

static const char http_part[] = "    access_log off;\n"
                                "    server_tokens off;\n"
                                "    default_type application/json;\n"
                                "    tcp_nodelay on;\n"
                                "    reset_timedout_connection on;\n"
                                "    keepalive_timeout 75s;\n"
                                "    keepalive_requests 100000;\n"
                                "    client_header_timeout 10s;\n"
                                "    client_body_timeout 10s;\n"
                                "    client_max_body_size 32m;\n"
                                "    client_body_buffer_size 128k;\n"
                                "    client_body_in_file_only off;\n"
                                "    large_client_header_buffers 4 16k;\n"
                                "    request_pool_size 12800;\n"
                                "    merge_slashes off;\n"
                                "    underscores_in_headers on;\n"
                                "    ssl_session_tickets off;\n"
                                "\n";

/* The client's headers stay here: the module writes the head that goes on. */
static const char call_location[] =
    "tollgate_strict on;\n"
    "\n"
    "location = /healthz {\n"
    "    tollgate_check live;\n"
    "}\n"
    "location = /readyz {\n"
    "    tollgate_check ready;\n"
    "}\n"
    "\n"
    "location / {\n"
    "    tollgate on;\n"
    "    proxy_pass https://tg-0; # or another one, over TLS or not\n"
    "    proxy_http_version 1.1;\n"
    "    proxy_buffering off;\n"
    "    proxy_request_buffering on;\n"
    "    proxy_pass_request_headers off;\n"
    "    proxy_redirect off;\n"
    "    proxy_intercept_errors off;\n"
    "    proxy_ignore_headers X-Accel-Redirect X-Accel-Expires\n"
    "        X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;\n"
    "    proxy_hide_header Set-Cookie;\n"
    "    proxy_next_upstream error timeout;\n"
    "    proxy_next_upstream_tries 2;\n"
    "    proxy_connect_timeout 3s;\n"
    "    proxy_send_timeout 60s;\n"
    "    proxy_read_timeout 660s;\n"
    "    proxy_buffer_size 16k;\n"
    "    proxy_buffers 8 16k;\n"
    "    proxy_socket_keepalive on;\n"
    "    proxy_ssl_server_name on;\n"
    "    proxy_ssl_name $tollgate_ssl_name;\n"
    "    proxy_ssl_verify on;\n"
    "    proxy_ssl_verify_depth 4;\n"
    "    proxy_ssl_trusted_certificate " CA_BUNDLE ";\n"
    "    proxy_ssl_session_reuse off;\n"
    "}\n"
    "\n"
    "# What nginx refuses by itself; 494 is a header that is too large.\n"
    "error_page 400 404 405 411 413 414 415 500 501 502 503 504 505\n"
    "    /-tollgate/error;\n"
    "error_page 494 =413 /-tollgate/error;\n"
    "location = /-tollgate/error {\n"
    "    internal;\n"
    "    tollgate_error;\n"
    "}\n"
    "\n";

static const char admin_location[] =
    "    proxy_http_version 1.1;\n"
    "    proxy_pass_request_headers off;\n"
    "    proxy_set_header Host localhost;\n"
    "    proxy_set_header Connection \"\";\n"
    "    proxy_set_header Authorization $http_authorization;\n"
    "    proxy_set_header Content-Type $content_type;\n"
    "    proxy_set_header If-Match $http_if_match;\n"
    "    proxy_set_header Idempotency-Key $http_idempotency_key;\n"
    "    proxy_set_header User-Agent $http_user_agent;\n"
    "    proxy_set_header Github-Public-Key-Identifier "
    "$http_github_public_key_identifier;\n"
    "    proxy_set_header Github-Public-Key-Signature "
    "$http_github_public_key_signature;\n"
    "    proxy_set_header X-Forwarded-For $tollgate_address;\n"
    "    proxy_set_header X-Forwarded-Host $http_host;\n"
    "    proxy_set_header Cookie $http_cookie;\n"
    "    proxy_set_header Origin $http_origin;\n"
    "    proxy_set_header X-CSRF-Token $http_x_csrf_token;\n"
    "    error_page 400 411 413 500 501 503 /-tollgate/error;\n"
    "    error_page 502 504 = /-tollgate/admin-error;\n"
    "}\n";

static const char admin_errors[] =
    "\n"
    "location = /-tollgate/admin-error {\n"
    "    internal;\n"
    "    add_header x-request-id $request_id always;\n"
    "    return 503 '{\"error\":{\"message\":\"The control daemon does not "
    "answer. Calls with keys go on; see: tollgate status\","
    "\"type\":\"server_error\",\"param\":null,"
    "\"code\":\"daemon_unavailable\"}}\\n';\n"
    "}\n";

bool
tg_nginx_conf_is_safe(const char *path)
{
    for (const char *c = path; *c; c++) {
        if ((unsigned char)*c < ' ' || strchr("\"\\$*?[", *c)) {
            return false;
        }
    }
    return true;
}

/*
 * An export that finds nothing for long has nothing to say.  Not a pattern:
 * every call would be compared with it.  What such a location does not say it
 * has from the one around it.
 */
static void
write_exports(FILE *out, const struct tg_nginx_conf *conf)
{
    static const char *const exports[] = {"audit", "calls", "denials",
                                          "events"};

    for (size_t i = 0; i < sizeof(exports) / sizeof(exports[0]); i++) {
        fprintf(out,
                "    location = /admin/v1/%s/export {\n"
                "        proxy_pass \"http://unix:%s:\";\n"
                "        proxy_read_timeout 660s;\n"
                "    }\n",
                exports[i], conf->paths->admin_socket);
    }
}

static void
write_admin(FILE *out, const struct tg_nginx_conf *conf)
{
    fputs("location /admin/ {\n", out);
    write_exports(out, conf);
    fprintf(out, "    proxy_pass \"http://unix:%s:\";\n",
            conf->paths->admin_socket);
    fputs(admin_location, out);
    fputs(admin_errors, out);
}

static void
write_gate(FILE *out, const struct tg_nginx_conf *conf)
{
    fputs("# Written by `tollgate up`.  Include it in a server block of your "
          "own, in\n# nginx.d/, to serve the same gate there.\n\n",
          out);
    fputs(call_location, out);
    write_admin(out, conf);
    fprintf(out,
            "\n# Where Prometheus looks for it.\n"
            "location = /metrics {\n"
            "    proxy_pass \"http://unix:%s:/admin/v1/metrics\";\n",
            conf->paths->admin_socket);
    fputs(admin_location, out);
}

static void
write_top(FILE *out, const struct tg_nginx_conf *conf)
{
    unsigned long connections =
        conf->open_files < CONNECTIONS_MAX ? conf->open_files : CONNECTIONS_MAX;

    fputs("# Written by `tollgate up` at each start: your changes belong in "
          "nginx.d/.\n\n",
          out);
    fprintf(out, "load_module \"%s\";\n", conf->module);
    if (conf->user != NULL) {
        fprintf(out, "user %s %s;\n", conf->user, conf->group);
    }
    fprintf(out,
            "daemon off;\n"
            "pid \"%s/nginx.pid\";\n"
            "error_log \"%s/log/nginx.log\" warn;\n"
            "worker_processes auto;\n"
            "worker_rlimit_nofile %lu;\n"
            "# Waits for the disk, so that the workers need not.\n"
            "thread_pool tollgate threads=1 max_queue=16;\n"
            "events {\n"
            "    worker_connections %lu;\n"
            "}\n\n",
            conf->paths->run, conf->paths->home, conf->open_files, connections);
}

/* What is too large for a buffer goes to memory-backed files. */
static void
write_temp_paths(FILE *out, const struct tg_nginx_conf *conf)
{
    static const char *const kinds[] = {"client_body", "proxy", "fastcgi",
                                        "uwsgi", "scgi"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        fprintf(out, "    %s_temp_path \"%s/%s\";\n", kinds[i],
                conf->paths->shm, kinds[i]);
    }
    fputs("\n", out);
}

/* The address is then the last one in X-Forwarded-For that is no proxy's. */
static void
write_proxies(FILE *out, const struct tg_proxies *proxies)
{
    if (proxies->count == 0) {
        return;
    }
    for (size_t i = 0; i < proxies->count; i++) {
        fprintf(out, "    set_real_ip_from %s;\n", proxies->networks[i]);
    }
    fputs("    real_ip_header X-Forwarded-For;\n"
          "    real_ip_recursive on;\n\n",
          out);
}

static void
write_http(FILE *out, const struct tg_nginx_conf *conf)
{
    fputs("http {\n", out);
    fputs(http_part, out);
    write_temp_paths(out, conf);
    write_proxies(out, conf->proxies);
    fprintf(out,
            "    tollgate_state \"%s\";\n"
            "    tollgate_journal \"%s\";\n"
            "    tollgate_master_key \"%s\";\n"
            "    tollgate_sync %s;\n\n",
            conf->paths->state, conf->paths->journal, conf->paths->master_key,
            conf->is_strict ? "strict" : "batch");
    for (int i = 0; i < UPSTREAM_COUNT; i++) {
        fprintf(out,
                "    upstream tg-%d { server 127.0.0.1:1 down; "
                "tollgate_upstream %d;\n"
                "        keepalive 64; keepalive_timeout 50s; "
                "keepalive_requests 100000; }\n",
                i, i);
    }
    fprintf(out,
            "\n    server {\n"
            "        listen %s default_server backlog=4096;\n"
            "        include gate.conf;\n"
            "    }\n\n"
            "    include \"%s/nginx.d/*.conf\";\n"
            "}\n",
            conf->listen, conf->paths->home);
}

static void
write_nginx(FILE *out, const struct tg_nginx_conf *conf)
{
    write_top(out, conf);
    write_http(out, conf);
}

static int
write_file(const struct tg_nginx_conf *conf, const char *name,
           void (*write_it)(FILE *, const struct tg_nginx_conf *))
{
    char path[TG_PATH_SIZE + 32];
    char temp[TG_PATH_SIZE + 32];

    snprintf(path, sizeof(path), "%s/%s", conf->paths->run, name);
    snprintf(temp, sizeof(temp), "%s/%s.new", conf->paths->run, name);
    FILE *out = fopen(temp, "we");
    if (out == NULL) {
        return TG_ERR_SYSTEM;
    }
    write_it(out, conf);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        return TG_ERR_SYSTEM;
    }
    return rename(temp, path) == 0 ? 0 : TG_ERR_SYSTEM;
}

int
tg_nginx_conf_write(const struct tg_nginx_conf *conf)
{
    int rc = write_file(conf, "gate.conf", write_gate);
    return rc == 0 ? write_file(conf, "nginx.conf", write_nginx) : rc;
}
