/*
 * leak_door.h: who reports leaks without being an operator.
 */
#ifndef TG_LEAK_DOOR_H
#define TG_LEAK_DOOR_H

#include "request.h"

/*
 * Lets GitHub in, which signs what it reports: request->operator becomes
 * "github", who may report leaks and nothing else.  Returns false with the
 * reply made: 404 while no public keys are configured, 401 for a signature that
 * is not GitHub's, 429 for an address that brought many of those.
 */
bool tg_leak_door(struct tg_request *request, struct tg_reply *reply);

#endif
