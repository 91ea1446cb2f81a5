#include "admin.h"
#include "openapi.h"

void
tg_admin_openapi(struct tg_request *request, struct tg_reply *reply)
{
    json_t *document = json_loads(tg_openapi_json, 0, NULL);

    (void)request;
    if (document == NULL)
        tg_reply_error(reply, 500, "internal_error", NULL, "out of memory");
    else
        tg_reply_json(reply, 200, document);
}
