#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

enum { EVENTS = 256, ACCEPTS = 64 };

static int64_t
clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int
watch(struct sim_worker *worker, int fd, uint32_t events, void *what)
{
    struct epoll_event event = {.events = events, .data.ptr = what};

    return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void
hear(struct sim_worker *worker)
{
    worker->is_deaf = watch(worker, worker->listen_fd, EPOLLIN | EPOLLEXCLUSIVE,
                            &worker->listen_fd) != 0;
}

int
sim_worker_watch(struct sim_worker *worker, struct sim_conn *conn)
{
    if (watch(worker, conn->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
              conn))
        return -1;
    conn->next = worker->conns;
    if (conn->next)
        conn->next->previous = conn;
    worker->conns = conn;
    return 0;
}

void
sim_worker_forget(struct sim_worker *worker, struct sim_conn *conn)
{
    if (conn->next)
        conn->next->previous = conn->previous;
    if (conn->previous)
        conn->previous->next = conn->next;
    else
        worker->conns = conn->next;
    if (worker->is_deaf)
        hear(worker);
}

/* Out of descriptors, the listener would be ready for ever: it is left out
 * until a connection closes. */
static void
go_deaf(struct sim_worker *worker)
{
    fputs("tollgate-sim: out of file descriptors; connections wait\n", stderr);
    epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, worker->listen_fd, NULL);
    worker->is_deaf = true;
}

static void
accept_some(struct sim_worker *worker)
{
    for (int i = 0; i < ACCEPTS; i++) {
        int one = 1, fd = accept4(worker->listen_fd, NULL, NULL,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                go_deaf(worker);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (!sim_conn_new(worker, fd))
            close(fd);
    }
}

static void
run_timers(struct sim_worker *worker)
{
    struct sim_timer *first;

    while ((first = sim_timers_first(&worker->timers)) &&
           first->due_ns <= worker->now_ns) {
        sim_timers_unset(&worker->timers, first);
        sim_conn_due((struct sim_conn *)first);
    }
}

/* Rounded up, so that a timer is never found not yet due. */
static int
timeout_ms(const struct sim_worker *worker)
{
    struct sim_timer *first = sim_timers_first(&worker->timers);
    int64_t left;

    if (!first)
        return -1;
    left = first->due_ns - clock_ns();
    return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

/* Returns false when it is time to end. */
static bool
handle(struct sim_worker *worker, const struct epoll_event *event)
{
    if (event->data.ptr == &worker->stop_fd)
        return false;
    if (event->data.ptr == &worker->listen_fd)
        accept_some(worker);
    else
        sim_conn_ready(event->data.ptr, event->events);
    return true;
}

static void *
run(void *arg)
{
    struct sim_worker *worker = arg;
    struct epoll_event events[EVENTS];
    bool goes_on = true;

    while (goes_on) {
        int n =
            epoll_wait(worker->epoll_fd, events, EVENTS, timeout_ms(worker));

        worker->now_ns = clock_ns();
        for (int i = 0; i < n && goes_on; i++)
            goes_on = handle(worker, &events[i]);
        run_timers(worker);
    }
    while (worker->conns)
        sim_conn_free(worker->conns);
    return NULL;
}

int
sim_worker_start(struct sim_worker *worker, const struct sim_options *options,
                 int listen_fd, int stop_fd)
{
    int failed;

    *worker = (struct sim_worker){
        .env.options = options, .listen_fd = listen_fd, .stop_fd = stop_fd};
    if (getrandom(&worker->env.random, sizeof(worker->env.random), 0) !=
        sizeof(worker->env.random))
        return -1;
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (worker->epoll_fd < 0 ||
        watch(worker, stop_fd, EPOLLIN, &worker->stop_fd))
        return -1;
    hear(worker);
    failed = pthread_create(&worker->thread, NULL, run, worker);
    if (failed) {
        errno = failed;
        return -1;
    }
    return 0;
}

void
sim_worker_join(struct sim_worker *worker)
{
    pthread_join(worker->thread, NULL);
    close(worker->epoll_fd);
    sim_timers_release(&worker->timers);
    sim_buf_release(&worker->env.scratch);
}
