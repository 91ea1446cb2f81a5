/*
 * health_nagios.h: a health report as monitors of Nagios's kind read it: one
 * line, figures behind '|', and what is not well in lines of its own.
 */
#ifndef TG_HEALTH_NAGIOS_H
#define TG_HEALTH_NAGIOS_H

#include <jansson.h>

/*
 * Prints it; worst is 0 healthy, 1 warning, 2 unhealthy.  Returns the exit
 * code of such a check: 0 OK, 1 WARNING, 2 CRITICAL.
 */
int tg_nagios_print(const json_t *report, int worst);

/* Nothing could be found out; why was said.  Returns 3, UNKNOWN. */
int tg_nagios_unknown(void);

#endif
