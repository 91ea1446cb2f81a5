#include "admin.h"
#include "change.h"
#include "ledger.h"
#include "members.h"

static void
answer(struct tg_request *request, struct tg_reply *reply, unsigned status)
{
    json_t *check = tg_ledger_describe(request->daemon->ledger);

    if (check == NULL)
        tg_reply_error(reply, 404, "not_found", NULL,
                       "the ledger was not verified since the daemon started; "
                       "POST begins to");
    else
        tg_reply_json(reply, status, check);
}

/* It changes nothing that anybody but who verifies sees. */
void
tg_admin_ledger_begin(struct tg_request *request, struct tg_reply *reply)
{
    if (!tg_members_only(reply, request->body, "", "") ||
        !tg_change_note(request, reply, ""))
        return;
    if (tg_ledger_begin(request->daemon->ledger) != 0)
        tg_reply_error(reply, 503, "internal_error", NULL,
                       "a thread to verify the ledger cannot be started");
    else
        answer(request, reply, 202);
}

void
tg_admin_ledger_show(struct tg_request *request, struct tg_reply *reply)
{
    answer(request, reply, 200);
}
