#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "metrics.h"

static int64_t
count_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t count = -3; /* this folder, and two names that are none */

    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void
write_memory(struct tg_exposition *out)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long long size = 0, resident = 0;
    int64_t page = sysconf(_SC_PAGESIZE);

    if (file != NULL && fscanf(file, "%lld %lld", &size, &resident) != 2)
        size = resident = 0;
    if (file != NULL)
        fclose(file);
    tg_exposition_plain(out, TG_FAMILY_RESIDENT, resident * page, 0);
    tg_exposition_plain(out, TG_FAMILY_VIRTUAL, size * page, 0);
}

void
tg_metrics_write_process(struct tg_exposition *out,
                         const struct tg_daemon *daemon)
{
    static const char *const version[] = {"version", TG_VERSION, NULL};
    struct rusage usage;
    struct rlimit limit = {0};

    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &limit);
    tg_exposition_family(out, TG_FAMILY_BUILD);
    tg_exposition_sample(out, TG_FAMILY_BUILD, "", version);
    tg_exposition_number(out, 1, 0);
    tg_exposition_plain(
        out, TG_FAMILY_CPU,
        ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
            usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
        6);
    write_memory(out);
    tg_exposition_plain(out, TG_FAMILY_OPEN_FDS, count_files(), 0);
    tg_exposition_plain(out, TG_FAMILY_MAX_FDS, (int64_t)limit.rlim_cur, 0);
    tg_exposition_plain(out, TG_FAMILY_STARTED_AT, daemon->started_at_ms, 3);
}
