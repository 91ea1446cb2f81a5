/*
 * doctor_provider.h: the hosts of well-known providers, and whose keys they
 * take.
 *
 * Source: their documents, 2026.
 */
#ifndef TG_DOCTOR_PROVIDER_H
#define TG_DOCTOR_PROVIDER_H

#include "diagnose.h"

struct tg_provider {
    const char *name;
    const char *host;
    const char *openai_base;    /* for clients of OpenAI's; NULL: none */
    const char *anthropic_base; /* for those of Anthropic's; NULL: none */
    enum tg_diagnosis shape;    /* of its keys */
};

/* The provider whose API has this host, or NULL. */
const struct tg_provider *tg_provider_of(const char *host);

/* The provider whose web site, not API, has this host, or NULL. */
const struct tg_provider *tg_provider_of_site(const char *host);

/* The host of an API whose name is nearly this one, or NULL. */
const char *tg_provider_near(const char *host);

/* Who makes keys of a shape: "OpenAI"; NULL when it is no service's own. */
const char *tg_provider_of_shape(enum tg_diagnosis shape);

#endif
