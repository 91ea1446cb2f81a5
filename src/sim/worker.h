/*
 * worker.h: a thread that serves connections from one epoll set.
 */
#ifndef SIM_WORKER_H
#define SIM_WORKER_H

#include <pthread.h>

#include "conn.h"

struct sim_worker {
    struct sim_env env;
    struct sim_timers timers;
    struct sim_conn *conns;
    int64_t now_ns; /* when epoll last returned; monotonic */
    int epoll_fd;
    int listen_fd; /* all workers' */
    int stop_fd;   /* an eventfd: readable when it is time to end */
    bool is_deaf;  /* out of descriptors: accepts when one is free again */
    pthread_t thread;
};

/* Starts the thread.  0, or -1 with errno set. */
int sim_worker_start(struct sim_worker *worker,
                     const struct sim_options *options, int listen_fd,
                     int stop_fd);

/* Waits for the end of a thread whose stop_fd has become readable. */
void sim_worker_join(struct sim_worker *worker);

/* For conn.c: a connection came to or left the worker. */
int sim_worker_watch(struct sim_worker *worker, struct sim_conn *conn);
void sim_worker_forget(struct sim_worker *worker, struct sim_conn *conn);

#endif
