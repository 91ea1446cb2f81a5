/*
 * log.h: one line an event, on standard error.
 */
#ifndef TG_LOG_H
#define TG_LOG_H

enum tg_log_level { TG_LOG_INFO, TG_LOG_WARNING, TG_LOG_ERROR };

/*
 * Writes "INSTANT tollgated LEVEL: TEXT" in one write(2); any thread.
 * Control characters in the text become '?'.  Never pass a secret.
 */
__attribute__((format(printf, 2, 3))) void tg_log(enum tg_log_level level,
                                                  const char *fmt, ...);

#endif
