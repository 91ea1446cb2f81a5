/*
 * foreign.h: keys of other services, told by their shape.
 *
 * Source: gitleaks config/gitleaks.toml (b58d3f1) and trufflehog
 * pkg/detectors (3ab759f), 2026.
 */
#ifndef TG_FOREIGN_H
#define TG_FOREIGN_H

#include "diagnose.h"

/*
 * Whose key this is: a service's own value when the shape is nobody else's,
 * SK_32 or SK_OTHER for the shapes that many share, else UNKNOWN.  O(len).
 */
enum tg_diagnosis tg_foreign_diagnose(struct tg_str text);

#endif
