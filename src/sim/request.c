#include <strings.h>

#include "request.h"

bool
sim_request_same_name(struct tg_str name, const char *lower)
{
    return name.len == strlen(lower) &&
           strncasecmp(name.data, lower, name.len) == 0;
}

struct tg_str
sim_request_header(const struct sim_request *request, const char *lower)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (sim_request_same_name(request->headers[i].name, lower))
            return request->headers[i].value;
    return (struct tg_str){0};
}

bool
sim_request_credential(const struct sim_request *request,
                       struct tg_str *credential)
{
    static const struct tg_str bearer = {"Bearer ", 7};
    struct tg_str value = sim_request_header(request, "authorization");

    if (!value.data) {
        *credential = sim_request_header(request, "x-api-key");
        return credential->data != NULL;
    }
    *credential = (struct tg_str){value.data, 0};
    if (value.len > bearer.len &&
        strncasecmp(value.data, bearer.data, bearer.len) == 0)
        *credential =
            (struct tg_str){value.data + bearer.len, value.len - bearer.len};
    return true;
}
