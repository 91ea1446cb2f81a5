#include "up_ready.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "layout.h"

static bool
socket_accepts(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    bool accepts = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
    close(fd);
    return accepts;
}

bool
tg_daemon_has_state(const struct tg_paths *paths, int64_t since_ms,
                    uint8_t *uuid)
{
    struct tg_state_header header;
    int fd = open(paths->state, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    bool is_ready = pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
                    header.magic == TG_STATE_MAGIC &&
                    header.version == TG_STATE_VERSION && header.is_ready &&
                    header.daemon_seen_at_ms >= since_ms;
    close(fd);
    if (is_ready && uuid != NULL) {
        memcpy(uuid, header.uuid, sizeof(header.uuid));
    }
    return is_ready;
}

bool
tg_daemon_is_ready(const struct tg_paths *paths, int64_t since_ms)
{
    return tg_daemon_has_state(paths, since_ms, NULL) &&
           socket_accepts(paths->admin_socket);
}
